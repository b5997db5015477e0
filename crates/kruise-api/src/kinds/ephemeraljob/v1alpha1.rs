//! Version v1alpha1, the only one: what the API server stores and controllers speak.

use crate::{
    custom_object::CustomObject, meta::LabelSelector, object::custom_resource,
    open_enum::open_enum, resource::Resource, spec_parts::JobCondition, wire::wire,
};

wire! {
    /// Which containers are added to which pods.
    pub struct EphemeralJobSpec {
        /// Pods of the same namespace that get the containers. An empty selector selects all.
        // Absent, which the schema does not allow, selects none (EJ-24).
        #[schemars(!default, !skip_serializing_if, required)]
        optional selector: LabelSelector,
        /// To how many of the selected pods the containers are added, oldest first. Unset: to all.
        optional replicas: i32,
        /// In how many pods the containers may run at a time. Defaults to 1.
        optional parallelism: i32,
        /// The containers.
        required template: EphemeralContainerTemplate,
        /// Whether no further containers are added for now. Those that run go on.
        omitempty paused: bool,
        /// Seconds after its start at which the job fails, if it has not ended. Containers that run go on.
        optional active_deadline_seconds: i64,
        /// Seconds after its end at which the job is deleted. Defaults to 1800. The containers stay in their pods.
        optional ttl_seconds_after_finished: i32,
    }

    /// What is added to each pod.
    pub struct EphemeralContainerTemplate {
        /// Ephemeral containers, all of which each pod gets, as in Kubernetes' pods. Each needs name, image,
        /// imagePullPolicy and terminationMessagePolicy. It may have command, args, workingDir, env, envFrom,
        /// volumeMounts without subPath, volumeDevices, securityContext, stdin, stdinOnce, tty,
        /// terminationMessagePath and targetContainerName, and nothing else.
        required_raw ephemeral_containers,
    }

    /// What the controller saw last.
    pub struct EphemeralJobStatus {
        /// What happened: `Initialized`, `MatchedEmpty`, `JobSucceeded`, `JobFailed` and `JobError`, always with
        /// status True.
        list conditions: JobCondition,
        /// When the job was first looked at.
        time start_time,
        /// When the job ended.
        time completion_time,
        /// `Waiting`, `Running`, `Succeeded`, `Failed`, `Paused`, `Error` or `Unknown`. It is empty at first.
        written phase: EphemeralJobPhase,
        /// Pods that are to get the containers, or have them.
        #[serde(rename = "match")]
        written matched: i32,
        /// Pods in which containers run.
        written running: i32,
        /// Pods in which all containers have ended well.
        written succeeded: i32,
        /// Pods whose containers wait to be started.
        written waiting: i32,
        /// Pods in which a container failed.
        written failed: i32,
    }
}

open_enum! {
    /// What becomes of an EphemeralJob at the moment.
    pub enum EphemeralJobPhase {
        /// No pod matches, or the containers of all wait to be started.
        Waiting = "Waiting",
        /// Containers run.
        Running = "Running",
        /// All containers have ended well.
        Succeeded = "Succeeded",
        /// All containers have ended, not all of them well, or the deadline has passed.
        Failed = "Failed",
        /// No containers are added.
        Paused = "Paused",
        /// There are no containers to add.
        Error = "Error",
        /// Nothing is known of the containers yet.
        Unknown = "Unknown",
    }
}

/// Names of version v1alpha1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1alpha1;

custom_resource!(
    V1alpha1,
    "apps.kruise.io",
    "v1alpha1",
    "EphemeralJob",
    "ephemeraljobs"
);

/// Ephemeral containers that are added to pods, a few pods at a time.
pub type EphemeralJob = CustomObject<V1alpha1, EphemeralJobSpec, EphemeralJobStatus>;

/// EphemeralJobs, as calls about them name them.
pub const EPHEMERALJOBS: Resource = Resource::in_namespaces::<V1alpha1>();
