//! How many writes the controller needed, counted from the API server's audit log.

use std::path::Path;

use anyhow::Result;
use jiff::Timestamp;

use crate::audit::{self, Entry};

/// The controller's account, as the API server names it.
const CONTROLLER: &str = "system:serviceaccount:kruise-system:cloneset-controller";
const CONFLICT: u16 = 409;

/// Writes of the controller to pods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PodWrites {
    /// Pods created.
    pub creates: u32,
    /// Patches of pods and their subresources.
    pub patches: u32,
    /// Deletions asked for.
    pub deletes: u32,
    /// Of the above, those answered 409.
    pub conflicts: u32,
    /// Of the above, those answered by another error.
    pub refused: u32,
}

impl PodWrites {
    /// All of them, refused or not.
    pub fn total(self) -> u32 {
        self.creates + self.patches + self.deletes
    }
}

/// From when to when, and where.
#[derive(Debug, Clone, Copy)]
pub struct Span<'a> {
    /// Of the pods.
    pub namespace: &'a str,
    /// The first moment.
    pub from: Timestamp,
    /// The last.
    pub to: Timestamp,
}

/// Reads the log and counts.
pub fn count_in(log: &Path, span: Span<'_>) -> Result<PodWrites> {
    let mut writes = PodWrites::default();
    for entry in audit::entries(log)? {
        count(&entry?, span, &mut writes);
    }
    Ok(writes)
}

fn count(entry: &Entry, span: Span<'_>, writes: &mut PodWrites) {
    let of_interest = entry.user.username == CONTROLLER
        && entry.is_complete()
        && !entry.is_dry_run()
        && entry.object_ref.resource == "pods"
        && entry.object_ref.namespace == span.namespace
        && (span.from..=span.to).contains(&entry.request_received_timestamp);
    if !of_interest {
        return;
    }
    match entry.verb.as_str() {
        "create" => writes.creates += 1,
        "patch" | "update" => writes.patches += 1,
        "delete" | "deletecollection" => writes.deletes += 1,
        _ => return,
    }
    match entry.response_status.code {
        CONFLICT => writes.conflicts += 1,
        400.. => writes.refused += 1,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(verb: &str, at: &str, code: u16) -> serde_json::Value {
        json!({
            "kind": "Event", "stage": "ResponseComplete", "verb": verb,
            "user": {"username": CONTROLLER},
            "requestURI": "/api/v1/namespaces/demo/pods/web-a",
            "objectRef": {"resource": "pods", "namespace": "demo", "name": "web-a", "subresource": "status"},
            "responseStatus": {"code": code},
            "requestReceivedTimestamp": at,
        })
    }

    fn counted(entries: &[serde_json::Value]) -> PodWrites {
        let span = Span {
            namespace: "demo",
            from: "2026-01-01T00:00:10Z".parse().unwrap(),
            to: "2026-01-01T00:00:20Z".parse().unwrap(),
        };
        let mut writes = PodWrites::default();
        for entry in entries {
            count(
                &Entry::parse(&entry.to_string()).unwrap(),
                span,
                &mut writes,
            );
        }
        writes
    }

    #[test]
    fn writes_are_counted_by_verb_and_refusals_are_named() {
        let at = "2026-01-01T00:00:15.123456Z";
        let writes = counted(&[
            entry("create", at, 201),
            entry("patch", at, 200),
            entry("patch", at, 409),
            entry("delete", at, 200),
            entry("patch", at, 422),
            entry("watch", at, 200),
            entry("get", at, 200),
        ]);
        let expected = PodWrites {
            creates: 1,
            patches: 3,
            deletes: 1,
            conflicts: 1,
            refused: 1,
        };
        assert_eq!(writes, expected);
        assert_eq!(writes.total(), 5);
    }

    #[test]
    fn other_times_users_places_and_kinds_are_left_out() {
        let at = "2026-01-01T00:00:15Z";
        let with = |pointer: &str, value: &str| {
            let mut entry = entry("patch", at, 200);
            *entry.pointer_mut(pointer).unwrap() = json!(value);
            entry
        };
        let writes = counted(&[
            entry("patch", "2026-01-01T00:00:09.999999Z", 200),
            entry("patch", "2026-01-01T00:00:20.000001Z", 200),
            with("/user/username", "system:node:node1"),
            with("/objectRef/namespace", "kruise-system"),
            with("/objectRef/resource", "events"),
            with("/stage", "ResponseStarted"),
            with(
                "/requestURI",
                "/api/v1/namespaces/demo/pods/web-a?dryRun=All",
            ),
        ]);
        assert_eq!(writes, PodWrites::default());
    }
}
