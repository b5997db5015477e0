//! Why a pod is not available, in words for people.

use kruise_api::{
    inplace::{self, Completion, Options, lifecycle},
    pod::Pod,
    well_known::lifecycle_states,
};

/// What keeps a pod from running, in words that do not change by themselves; `None` if nothing does.
#[must_use]
pub fn why_not_running(pod: &Pod) -> Option<String> {
    if pod.spec.node_name.is_empty() {
        let why = pod
            .condition("PodScheduled")
            .map_or("", |condition| condition.reason.as_str());
        return Some(format!("not scheduled {why}").trim_end().to_owned());
    }
    if !pod.is_reported() {
        return Some(format!(
            "the kubelet of node {} has not reported on it",
            pod.spec.node_name
        ));
    }
    let mut containers = pod.status.container_statuses.iter();
    containers.find_map(|status| {
        let why = status.waiting_reason()?;
        Some(format!("container {}: {why}", status.name))
    })
}

/// What an unavailable pod waits for, in words that do not change by themselves.
#[must_use]
pub fn why_unavailable(pod: &Pod, options: &Options) -> String {
    if let Some(why) = why_not_running(pod) {
        return why;
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
