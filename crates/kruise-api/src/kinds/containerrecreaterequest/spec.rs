//! A ContainerRecreateRequest's spec, and what else is the same in both versions.

use crate::{open_enum::open_enum, spec_parts::LifecycleHandler, wire::wire};

wire! {
    /// Which containers are started anew, and how. It can't be changed.
    pub struct ContainerRecreateRequestSpec {
        /// Name of a pod of the same namespace.
        required pod_name: String,
        /// Containers of the pod. At least one has to be given.
        required_list containers: ContainerRecreateRequestContainer,
        /// How the containers are started anew.
        optional strategy: ContainerRecreateRequestStrategy,
        /// Seconds after the creation of the request at which it ends, done or not. At least 3. Unset: there is no limit.
        optional active_deadline_seconds: i64,
        /// Seconds after its end at which the request is deleted. Unset: it is kept.
        optional ttl_seconds_after_finished: i32,
    }

    /// A container that is started anew.
    pub struct ContainerRecreateRequestContainer {
        /// Name of a container of the pod. Init containers can't be started anew.
        required name: String,
        /// What is done before the container is stopped, as the pod says. It is filled in, and can't be given.
        optional pre_stop: LifecycleHandler,
        /// The container's ports, as far as preStop needs them. They are filled in, and can't be given.
        list ports: ContainerPort,
        /// What ran when the request was made. It is filled in, and can't be given.
        optional status_context: ContainerRecreateRequestContainerContext,
    }

    /// A port of a container.
    pub struct ContainerPort {
        /// Name of the port.
        omitempty name: String,
        /// Port of the node that leads to it.
        omitempty host_port: i32,
        /// Number of the port.
        required container_port: i32,
        /// `TCP` (the default), `UDP` or `SCTP`.
        #[schemars(extend("default" = "TCP"))]
        omitempty protocol: String,
        /// Address of the node that leads to it.
        #[serde(rename = "hostIP")]
        omitempty host_ip: String,
    }

    /// A container at the time of the request.
    pub struct ContainerRecreateRequestContainerContext {
        /// Identity of the container.
        #[serde(rename = "containerID")]
        required container_id: String,
        /// How often the container had been started again.
        required restart_count: i32,
    }

    /// How containers are started anew.
    pub struct ContainerRecreateRequestStrategy {
        /// What follows when a container can't be stopped: `Fail` (the default) ends the request, `Ignore` goes on with
        /// the other containers.
        omitempty failure_policy: ContainerRecreateRequestFailurePolicyType,
        /// Whether a container is stopped only when the one before it in the list is ready again. Defaults to false.
        omitempty ordered_recreate: bool,
        /// Whether a container that was started again since the request was made is stopped too. Defaults to false.
        omitempty force_recreate: bool,
        /// Seconds that a container gets to end. Defaults to the pod's own.
        optional termination_grace_period_seconds: i64,
        /// Seconds for which the pod is not ready before its containers are stopped, so that traffic can drain. Unset:
        /// the pod stays ready until then.
        optional unready_grace_period_seconds: i64,
        /// Seconds that a container must have run and been ready to count as started anew. Defaults to 0.
        omitempty min_started_seconds: i32,
    }
}

open_enum! {
    /// What follows when a container can't be stopped.
    pub enum ContainerRecreateRequestFailurePolicyType {
        /// The request ends.
        Fail = "Fail",
        /// The other containers are still started anew.
        Ignore = "Ignore",
    }
}

open_enum! {
    /// How far a request, or one of its containers, has come.
    pub enum ContainerRecreateRequestPhase {
        /// It waits: a request for another one about the same pod, a container for its turn.
        Pending = "Pending",
        /// Containers are stopped, and started anew.
        Recreating = "Recreating",
        /// Of a container: it was started anew.
        Succeeded = "Succeeded",
        /// Of a container: it could not be stopped.
        Failed = "Failed",
        /// Of a request: it has ended, whatever became of the containers.
        Completed = "Completed",
    }
}

wire! {
    /// How far a container has come.
    pub struct ContainerRecreateRequestContainerRecreateState {
        /// Name of the container.
        required name: String,
        /// `Pending`, `Recreating`, `Succeeded` or `Failed`.
        required phase: ContainerRecreateRequestPhase,
        /// Why.
        omitempty message: String,
        /// Whether the container was stopped for this request.
        omitempty is_killed: bool,
    }
}
