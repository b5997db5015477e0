//! Condition `SidecarSetUpgradable` of pods: for each SidecarSet, whether it can update the pod in place (SS-247).

use std::collections::BTreeMap;

use kruise_api::{
    meta::{Time, timestamp},
    pod::PodCondition,
    well_known::conditions::{
        ALL_SIDECARSET_UPGRADABLE, SIDECARSET_UPGRADABLE, UPDATE_IMMUTABLE_FIELD,
    },
};
use serde_json::{Value, json};

use crate::sidecar_pod::SidecarPod;

/// Why the condition can't be changed: its message is not what a SidecarSet wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnreadableMessage;

impl UnreadableMessage {
    /// In words.
    pub(crate) const WORDS: &str = "the message of condition SidecarSetUpgradable can't be read";
}

/// What the condition says of this SidecarSet, if anything.
pub(crate) fn said(pod: &SidecarPod, sidecar_set: &str) -> Option<bool> {
    let message = message(pod.condition(SIDECARSET_UPGRADABLE)).ok()?;
    message.get(sidecar_set).copied()
}

/// A strategic merge patch of the pod's status that says it of this SidecarSet. None if it is said already.
///
/// # Errors
/// When the message can't be read.
pub(crate) fn patch(
    pod: &SidecarPod,
    sidecar_set: &str,
    is_upgradable: bool,
    now: Time,
) -> Result<Option<Value>, UnreadableMessage> {
    let before = pod.condition(SIDECARSET_UPGRADABLE);
    let mut message = message(before)?;
    message.insert(sidecar_set.to_owned(), is_upgradable);
    let (status, reason) = if message.values().all(|is_upgradable| *is_upgradable) {
        ("True", ALL_SIDECARSET_UPGRADABLE)
    } else {
        ("False", UPDATE_IMMUTABLE_FIELD)
    };
    let message = json!(message).to_string();
    let is_said = |before: &PodCondition| {
        before.status == status && before.reason == reason && before.message == message
    };
    if before.is_some_and(is_said) {
        return Ok(None);
    }
    let same_status = before.filter(|before| before.status == status);
    let since = same_status.and_then(|before| before.last_transition_time);
    Ok(Some(json!({
        "metadata": {
            "uid": pod.metadata.uid,
            "resourceVersion": pod.metadata.resource_version,
        },
        "status": { "conditions": [{
            "type": SIDECARSET_UPGRADABLE,
            "status": status,
            "reason": reason,
            "message": message,
            "lastTransitionTime": timestamp(since.unwrap_or(now)),
        }] },
    })))
}

fn message(condition: Option<&PodCondition>) -> Result<BTreeMap<String, bool>, UnreadableMessage> {
    let message = condition.map_or("", |condition| condition.message.as_str());
    if message.is_empty() {
        return Ok(BTreeMap::new());
    }
    serde_json::from_str(message).map_err(|_| UnreadableMessage)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const NOW: &str = "2026-01-10T09:00:00Z";
    const BEFORE: &str = "2026-01-10T08:00:00Z";

    fn pod(condition: Option<[&str; 3]>) -> SidecarPod {
        let conditions: Vec<Value> = condition
            .into_iter()
            .map(|[status, reason, message]| {
                json!({
                    "type": "SidecarSetUpgradable", "status": status, "reason": reason,
                    "message": message, "lastTransitionTime": BEFORE,
                })
            })
            .collect();
        let pod = json!({
            "metadata": {
                "name": "a", "uid": "u", "resourceVersion": "7",
                "annotations": { "kruise.io/sidecarset-injected-list": "log" },
            },
            "status": { "conditions": conditions },
        });
        serde_json::from_str(&pod.to_string()).unwrap()
    }

    const YES: &str = "AllSidecarsetUpgradable";
    const NO: &str = "UpdateImmutableField";

    // SS-247
    #[rstest]
    #[case::first_no(None, false, Some(["False", NO, r#"{"log":false}"#, NOW]))]
    #[case::first_yes(None, true, Some(["True", YES, r#"{"log":true}"#, NOW]))]
    #[case::said(Some(["False", NO, r#"{"log":false}"#]), false, None)]
    #[case::over(Some(["False", NO, r#"{"log":false}"#]), true, Some(["True", YES, r#"{"log":true}"#, NOW]))]
    #[case::another_holds(
        Some(["False", NO, r#"{"mesh":false}"#]), true,
        Some(["False", NO, r#"{"log":true,"mesh":false}"#, BEFORE]))]
    #[case::second_no(
        Some(["False", NO, r#"{"mesh":false}"#]), false,
        Some(["False", NO, r#"{"log":false,"mesh":false}"#, BEFORE]))]
    #[case::no_after_yes(
        Some(["True", YES, r#"{"mesh":true}"#]), false,
        Some(["False", NO, r#"{"log":false,"mesh":true}"#, NOW]))]
    fn the_condition_says_it_of_each_set(
        #[case] before: Option<[&str; 3]>,
        #[case] is_upgradable: bool,
        #[case] expected: Option<[&str; 4]>,
    ) {
        let pod = pod(before);
        let patch = patch(&pod, "log", is_upgradable, NOW.parse().unwrap()).unwrap();
        let expected = expected.map(|[status, reason, message, since]| {
            json!({
                "metadata": { "uid": "u", "resourceVersion": "7" },
                "status": { "conditions": [{
                    "type": "SidecarSetUpgradable", "status": status, "reason": reason,
                    "message": message, "lastTransitionTime": since,
                }] },
            })
        });
        assert_eq!(patch, expected);
    }

    // SS-247
    #[test]
    fn a_message_of_somebody_else_is_left_alone() {
        let pod = pod(Some(["False", NO, "not ours"]));
        assert_eq!(
            patch(&pod, "log", true, Time::UNIX_EPOCH),
            Err(UnreadableMessage)
        );
        assert_eq!(said(&pod, "log"), None);
    }
}
