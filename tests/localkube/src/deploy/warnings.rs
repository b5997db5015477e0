//! Warnings that Kubernetes gave of what is waited for: volumes that can't be mounted, pods that can't be
//! made. Pure.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{items, text};

/// What a pod's own status, or its checks, tell better; and what holds no pod up.
const LEFT_OUT: [&str; 5] = [
    "BackOff",
    "FailedScheduling",
    "Unhealthy",
    "Failed",
    "MissingClusterDNS",
];

/// The newest warning of each reason about an object, a line each.
pub(super) fn about(events: &Value, is_it: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut newest: BTreeMap<(&str, &str), (&str, &str)> = BTreeMap::new();
    for event in items(events, "/items") {
        let (kind, name) = (
            text(event, "/involvedObject/kind"),
            text(event, "/involvedObject/name"),
        );
        let reason = text(event, "/reason");
        if text(event, "/type") != "Warning" || LEFT_OUT.contains(&reason) || !is_it(kind, name) {
            continue;
        }
        let at = match text(event, "/lastTimestamp") {
            "" => text(event, "/eventTime"),
            at => at,
        };
        let message = text(event, "/message");
        let entry = newest.entry((name, reason)).or_insert((at, message));
        // Times of one form are in the order of their text.
        if at >= entry.0 {
            *entry = (at, message);
        }
    }
    let lines = newest.into_iter().map(|((_, reason), (_, message))| {
        let first = message.lines().next().unwrap_or_default();
        format!("{reason}: {first}")
    });
    lines.collect()
}

/// Whether pods of a workload can fail to be made in the name of this object: its own, or that of a
/// Deployment's ReplicaSet.
pub(super) fn makes_pods_of(workload: &str, kind: &str, name: &str) -> bool {
    match kind {
        "ReplicaSet" => name
            .rsplit_once('-')
            .is_some_and(|(deployment, _)| deployment == workload),
        "Deployment" | "DaemonSet" | "StatefulSet" => name == workload,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, name: &str, reason: &str, at: &str, message: &str) -> Value {
        json!({
            "type": if reason == "Pulled" { "Normal" } else { "Warning" },
            "reason": reason, "message": message, "lastTimestamp": at,
            "involvedObject": { "kind": kind, "name": name },
        })
    }

    #[test]
    fn the_newest_warning_of_each_reason_is_told() {
        let events = json!({ "items": [
            event("Pod", "p", "FailedMount", "2026-01-01T00:00:09Z", "secret \"a\" not found\nmore"),
            event("Pod", "p", "FailedMount", "2026-01-01T00:00:05Z", "older"),
            event("Pod", "p", "FailedCreatePodSandBox", "2026-01-01T00:00:05Z", "no network"),
            event("Pod", "p", "Unhealthy", "2026-01-01T00:00:09Z", "statuscode: 503"),
            event("Pod", "p", "Pulled", "2026-01-01T00:00:09Z", "fine"),
            event("Pod", "other", "FailedMount", "2026-01-01T00:00:09Z", "not ours"),
        ] });
        assert_eq!(
            about(&events, |kind, name| (kind, name) == ("Pod", "p")),
            [
                "FailedCreatePodSandBox: no network",
                "FailedMount: secret \"a\" not found"
            ]
        );
    }

    #[test]
    fn pods_that_cannot_be_made_are_told_of_their_replica_set() {
        let events = json!({ "items": [
            event("ReplicaSet", "c-5d8f", "FailedCreate", "2026-01-01T00:00:09Z", "exceeded quota"),
            event("ReplicaSet", "c-d-5d8f", "FailedCreate", "2026-01-01T00:00:09Z", "another's"),
        ] });
        assert_eq!(
            about(&events, |kind, name| makes_pods_of("c", kind, name)),
            ["FailedCreate: exceeded quota"]
        );
        assert!(makes_pods_of("c", "DaemonSet", "c") && !makes_pods_of("c", "Pod", "c"));
    }
}
