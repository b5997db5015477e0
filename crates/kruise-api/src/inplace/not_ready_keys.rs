//! Who holds a pod not ready: the list in the message of condition `KruisePodReady` (IP-74 to IP-76).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::conditions::{self, Wanted};
use crate::{
    json::go_json,
    meta::{Time, null_as_default},
    pod::Pod,
    well_known::conditions::KRUISE_POD_READY,
};

/// Somebody who holds a pod not ready.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Key {
    #[serde(deserialize_with = "null_as_default")]
    pub(super) user_agent: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) key: String,
}

impl Key {
    /// A workload, while the pod waits to be updated in place.
    pub(super) fn pre_update_hook() -> Self {
        Self::of_lifecycle("preUpdateHook")
    }

    /// A workload, while the pod waits to be deleted.
    pub(super) fn pre_delete_hook() -> Self {
        Self::of_lifecycle("preDeleteHook")
    }

    fn of_lifecycle(key: &str) -> Self {
        Self {
            user_agent: "Lifecycle".to_owned(),
            key: key.to_owned(),
        }
    }
}

/// A change of the list.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) add: Option<Key>,
    pub(super) remove: Vec<Key>,
}

/// The conditions that a change of the list changes, as patches. None when the list stays as it is, or when
/// the pod lacks the readiness gate. An added key makes the pod not Ready at once. When a key is taken
/// away, the kubelet decides about Ready (IP-75).
pub(super) fn changed(pod: &Pod, change: &Change, now: Time) -> Vec<Value> {
    if !pod.has_readiness_gate(KRUISE_POD_READY) {
        return Vec::new();
    }
    let present = pod.condition(KRUISE_POD_READY);
    // A message that can't be read counts as an empty list.
    let before: Vec<Key> = present
        .and_then(|condition| serde_json::from_str(&condition.message).ok())
        .unwrap_or_default();
    let mut keys = before.clone();
    keys.retain(|listed| !change.remove.contains(listed));
    let added = change.add.as_ref().filter(|key| !keys.contains(key));
    if let Some(key) = added {
        keys.push(key.clone());
        keys.sort();
    }
    if keys == before {
        return Vec::new();
    }
    let status = match present {
        _ if added.is_some() => "False",
        _ if keys.is_empty() => "True",
        Some(condition) => condition.status.as_str(),
        None => "False",
    };
    let message = go_json(&keys);
    let wanted = Wanted {
        type_: KRUISE_POD_READY,
        status,
        reason: "",
        message: &message,
    };
    let mut conditions = vec![conditions::replace(pod, wanted, now)];
    if added.is_some() {
        conditions.extend(conditions::ready_after(pod, KRUISE_POD_READY, now));
    }
    conditions
}
