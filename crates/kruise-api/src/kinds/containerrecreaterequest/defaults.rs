//! What admission fills in at creation, in both versions: what the user left open, and what the pod says. An update is
//! left as it is (CR-5).

use super::{
    pod::StoppablePod,
    spec::{
        ContainerRecreateRequestContainerContext, ContainerRecreateRequestFailurePolicyType,
        ContainerRecreateRequestSpec,
    },
};
use crate::{
    meta::{ObjectMeta, UnknownFields},
    read::Node,
    spec_parts::LifecycleHandler,
    well_known::{
        VIRTUAL_KUBELET,
        labels::{CRR_ACTIVE, CRR_NODE_NAME, CRR_POD_UID, NODE_TYPE},
    },
};

/// Fills in what a request of version v1beta1 leaves open (CR-6).
pub fn fill_v1beta1(metadata: &mut ObjectMeta, spec: &mut ContainerRecreateRequestSpec) {
    metadata.labels.insert(CRR_ACTIVE, "true");
    let strategy = spec.strategy.get_or_insert_default();
    if strategy.failure_policy.as_str().is_empty() {
        strategy.failure_policy = ContainerRecreateRequestFailurePolicyType::Fail;
    }
}

/// Fills in what a request of version v1alpha1 leaves open. Numbers that v1beta1 does not take become what they act as
/// (DV-CR1).
pub fn fill_v1alpha1(metadata: &mut ObjectMeta, spec: &mut ContainerRecreateRequestSpec) {
    fill_v1beta1(metadata, spec);
    spec.ttl_seconds_after_finished = spec
        .ttl_seconds_after_finished
        .map(|seconds| seconds.max(0));
    if let Some(strategy) = &mut spec.strategy {
        strategy.min_started_seconds = strategy.min_started_seconds.max(0);
    }
}

/// Fills in what the pod and its node say (CR-8 to CR-10). The request has been found right before.
pub fn fill_from_pod(
    metadata: &mut ObjectMeta,
    spec: &mut ContainerRecreateRequestSpec,
    pod: &StoppablePod,
    node: &Node,
) {
    let labels = &mut metadata.labels;
    labels.insert(CRR_NODE_NAME, pod.spec.node_name.clone());
    labels.insert(CRR_POD_UID, pod.metadata.uid.as_str());
    let type_ = node.metadata.labels.get(NODE_TYPE);
    if type_.is_some_and(|type_| type_.as_str() == VIRTUAL_KUBELET) {
        labels.insert(NODE_TYPE, VIRTUAL_KUBELET);
    }
    let strategy = spec.strategy.get_or_insert_default();
    strategy.termination_grace_period_seconds = strategy
        .termination_grace_period_seconds
        .or(pod.more.spec.termination_grace_period_seconds);
    for container in &mut spec.containers {
        let mut of_pod = pod.more.spec.containers.iter();
        if let Some(of_pod) = of_pod.find(|of_pod| of_pod.name == container.name) {
            let pre_stop = of_pod.lifecycle.pre_stop.as_ref();
            container.pre_stop = pre_stop.map(known_hook);
            if pre_stop.is_some_and(|hook| hook.http_get.is_some()) {
                container.ports.clone_from(&of_pod.ports);
            }
        }
        let status = pod.container_status(&container.name);
        container.status_context = status.map(|status| ContainerRecreateRequestContainerContext {
            container_id: status.container_id.to_string(),
            restart_count: status.restart_count,
            unknown: UnknownFields::new(),
        });
    }
}

/// A hook as a request has it. Of another kind of hook, such as `sleep`, nothing is left.
fn known_hook(hook: &LifecycleHandler) -> LifecycleHandler {
    let LifecycleHandler {
        exec,
        http_get,
        tcp_socket,
        unknown: _,
    } = hook.clone();
    LifecycleHandler {
        exec,
        http_get,
        tcp_socket,
        unknown: UnknownFields::new(),
    }
}
