//! Why a pod is not available, in words for people.

use kruise_api::{
    inplace::{self, Completion, Options, lifecycle},
    pod::Pod,
    well_known::lifecycle_states,
};

/// What an unavailable pod waits for, in words that do not change by themselves.
#[must_use]
pub fn why_unavailable(pod: &Pod, options: &Options) -> String {
    if pod.spec.node_name.is_empty() {
        let why = pod
            .condition("PodScheduled")
            .map_or("", |condition| condition.reason.as_str());
        return format!("not scheduled {why}").trim_end().to_owned();
    }
    if !pod.is_reported() {
        return format!(
            "the kubelet of node {} has not reported on it",
            pod.spec.node_name
        );
    }
    if let Some(container) = pod
        .status
        .container_statuses
        .iter()
        .find(|status| status.waiting_reason().is_some())
    {
        return format!(
            "container {}: {}",
            container.name,
            container.waiting_reason().unwrap_or_default()
        );
    }
    if let Completion::Waiting { why } = inplace::completion(pod, options) {
        return why;
    }
    if let Some(container) = pod
        .status
        .container_statuses
        .iter()
        .find(|status| !status.ready)
    {
        return format!("container {} is not ready", container.name);
    }
    match lifecycle::state(pod) {
        "" | lifecycle_states::NORMAL if pod.is_ready() => {
            "not ready for minReadySeconds yet".to_owned()
        }
        "" | lifecycle_states::NORMAL => "not ready".to_owned(),
        state => format!("in lifecycle state {state}"),
    }
}
