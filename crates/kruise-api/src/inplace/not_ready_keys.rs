//! Who holds a pod not ready: the list in the message of condition `KruisePodReady` (IP-74 to IP-76).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::conditions::{self, Wanted};
use crate::{json::go_json, meta::Time, pod::Pod, well_known::conditions::KRUISE_POD_READY};

/// One holder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Key {
    pub(super) user_agent: String,
    pub(super) key: String,
}

impl Key {
    /// Held by a workload while the pod waits to be updated in place.
    pub(super) fn pre_update_hook() -> Self {
        Self {
            user_agent: "Lifecycle".to_owned(),
            key: "preUpdateHook".to_owned(),
        }
    }
}

/// The condition without this holder, or nothing when the holder is not listed.
pub(super) fn without(pod: &Pod, key: &Key, now: Time) -> Option<Value> {
    if !pod.has_readiness_gate(KRUISE_POD_READY) {
        return None;
    }
    let condition = pod.condition(KRUISE_POD_READY)?;
    // A message that can't be read counts as an empty list.
    let mut keys: Vec<Key> = serde_json::from_str(&condition.message).unwrap_or_default();
    let before = keys.len();
    keys.retain(|listed| listed != key);
    if keys.len() == before {
        return None;
    }
    let status = if keys.is_empty() {
        "True"
    } else {
        condition.status.as_str()
    };
    let message = go_json(&keys);
    let wanted = Wanted {
        type_: KRUISE_POD_READY,
        status,
        reason: "",
        message: &message,
    };
    Some(conditions::replace(pod, wanted, now))
}
