//! Pods that are to be deleted within their workload's limits, by label (IP-77).

use serde_json::{Value, json};

use crate::{pod::Pod, well_known::labels::SPECIFIED_DELETE};

/// Whether the pod is specified for deletion: the label is there, whatever its value.
#[must_use]
pub fn is_marked(pod: &Pod) -> bool {
    pod.metadata.labels.contains_key(SPECIFIED_DELETE)
}

/// Strategic merge patch that marks the pod with this value. None when the pod is marked already, whatever
/// the value.
#[must_use]
pub fn mark_patch(pod: &Pod, value: &str) -> Option<Value> {
    if is_marked(pod) {
        return None;
    }
    Some(json!({
        "metadata": { "uid": pod.metadata.uid, "labels": { SPECIFIED_DELETE: value } },
    }))
}
