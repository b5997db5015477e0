//! What the audit log tells of the controller's requests: writes doubled, and how many a second. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use localkube::audit::Entry;

use super::bounds::{Bound, Violation};

/// The answer to a creation whose name exists already, and to a write that met a newer object.
const CONFLICT: u16 = 409;

/// Writes to pods of one namespace by one account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PodWrites {
    pub(super) creates: u64,
    pub(super) patches: u64,
    pub(super) deletes: u64,
    /// Of the above, those answered 409: the API server has stopped a second creation, or a write that
    /// went by something old.
    pub(super) conflicts: u64,
    /// Of the above, those answered by another error.
    pub(super) refused: u64,
}

impl PodWrites {
    /// Adds up.
    pub(super) fn add(&mut self, other: &Self) {
        let Self {
            creates,
            patches,
            deletes,
            conflicts,
            refused,
        } = other;
        self.creates += creates;
        self.patches += patches;
        self.deletes += deletes;
        self.conflicts += conflicts;
        self.refused += refused;
    }
}

/// Counts an account's writes to pods, and finds those that the API server took twice. Names of pods are
/// drawn anew for each, so that one name is one pod.
pub(super) fn pod_writes(
    entries: &[Entry],
    account: &str,
    namespace: &str,
) -> (PodWrites, Vec<Violation>) {
    let mut writes = PodWrites::default();
    let mut violations = Vec::new();
    let mut taken: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let of_interest = entries.iter().filter(|entry| {
        entry.is_complete()
            && entry.is_write()
            && entry.user.username == account
            && entry.object_ref.resource == "pods"
            && entry.object_ref.namespace == namespace
    });
    for entry in of_interest {
        let bound = match entry.verb.as_str() {
            "create" => {
                writes.creates += 1;
                Some(Bound::CreatedTwice)
            }
            "delete" => {
                writes.deletes += 1;
                Some(Bound::DeletedTwice)
            }
            _ => {
                writes.patches += 1;
                None
            }
        };
        match entry.response_status.code {
            CONFLICT => writes.conflicts += 1,
            400.. => writes.refused += 1,
            _ => {}
        }
        if let Some(bound) = bound.filter(|_| entry.succeeded()) {
            let name = entry.object_ref.name.as_str();
            let times = taken.entry((entry.verb.as_str(), name)).or_default();
            *times += 1;
            if *times > 1 {
                violations.push(Violation {
                    bound,
                    at: entry.request_received_timestamp,
                    what: format!("{name}, by {}", entry.pod()),
                });
            }
        }
    }
    (writes, violations)
}

/// Requests of one account: all, and the most in one second of the clock. A watch counts when it begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rate {
    pub(super) total: u64,
    pub(super) peak: u64,
}

/// Counts the requests that an account made from `from` on.
pub(super) fn rate(entries: &[Entry], account: &str, from: Timestamp) -> Rate {
    let mut seconds: BTreeMap<i64, u64> = BTreeMap::new();
    let of_interest = entries.iter().filter(|entry| {
        let begins = if entry.verb == "watch" {
            entry.stage == "ResponseStarted"
        } else {
            entry.is_complete()
        };
        begins && entry.user.username == account && entry.request_received_timestamp >= from
    });
    for entry in of_interest {
        *seconds
            .entry(entry.request_received_timestamp.as_second())
            .or_default() += 1;
    }
    Rate {
        total: seconds.values().sum(),
        peak: seconds.values().copied().max().unwrap_or(0),
    }
}

/// The first request of a pod that was answered, from `from` on.
pub(super) fn first_answered(
    entries: &[Entry],
    account: &str,
    pod: &str,
    from: Timestamp,
) -> Option<Timestamp> {
    entries
        .iter()
        .filter(|entry| {
            entry.user.username == account
                && entry.pod() == pod
                && entry.request_received_timestamp >= from
                && entry.response_status.code < 500
        })
        .map(|entry| entry.request_received_timestamp)
        .min()
}

/// The first write by which a pod goes on with the controller's work from `from` on: renewing a lease and
/// keeping certificates is none.
pub(super) fn first_work(
    entries: &[Entry],
    account: &str,
    pod: &str,
    from: Timestamp,
) -> Option<Timestamp> {
    entries
        .iter()
        .filter(|entry| {
            entry.is_complete()
                && entry.is_write()
                && entry.succeeded()
                && entry.user.username == account
                && entry.pod() == pod
                && entry.request_received_timestamp >= from
                && matches!(
                    entry.object_ref.resource.as_str(),
                    "pods" | "clonesets" | "controllerrevisions"
                )
        })
        .map(|entry| entry.request_received_timestamp)
        .min()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ACCOUNT: &str = "system:serviceaccount:kruise-system:cloneset-controller";

    fn entry(verb: &str, name: &str, at: &str, code: u16) -> Entry {
        with(verb, name, at, code, "pods", "ResponseComplete")
    }

    fn with(verb: &str, name: &str, at: &str, code: u16, resource: &str, stage: &str) -> Entry {
        let entry = json!({
            "stage": stage, "verb": verb,
            "user": {"username": ACCOUNT,
                     "extra": {"authentication.kubernetes.io/pod-name": ["c-1"]}},
            "objectRef": {"resource": resource, "namespace": "soak", "name": name},
            "responseStatus": {"code": code},
            "requestReceivedTimestamp": format!("2026-01-01T00:00:{at}Z"),
        });
        Entry::parse(&entry.to_string()).unwrap()
    }

    fn time(second: &str) -> Timestamp {
        format!("2026-01-01T00:00:{second}Z").parse().unwrap()
    }

    fn broken(entries: &[Entry]) -> Vec<Bound> {
        let (_, violations) = pod_writes(entries, ACCOUNT, "soak");
        violations.iter().map(|violation| violation.bound).collect()
    }

    #[test]
    fn writes_are_counted_with_their_refusals() {
        let (writes, violations) = pod_writes(
            &[
                entry("create", "a", "01", 201),
                entry("create", "a", "02", 409),
                entry("patch", "a", "03", 200),
                entry("patch", "a", "03", 200),
                entry("patch", "a", "03", 422),
                entry("delete", "a", "04", 200),
                entry("delete", "a", "05", 404),
                entry("get", "a", "05", 200),
            ],
            ACCOUNT,
            "soak",
        );
        let expected = PodWrites {
            creates: 2,
            patches: 3,
            deletes: 2,
            conflicts: 1,
            refused: 2,
        };
        assert_eq!((writes, violations), (expected, Vec::new()));
    }

    #[test]
    fn a_second_creation_that_was_taken_is_found() {
        let log = [
            entry("create", "a", "01", 201),
            entry("create", "b", "01", 201),
            entry("create", "a", "02", 201),
        ];
        assert_eq!(broken(&log), [Bound::CreatedTwice]);
    }

    #[test]
    fn a_second_deletion_that_was_taken_is_found() {
        let log = [
            entry("delete", "a", "01", 200),
            entry("delete", "b", "01", 200),
            entry("delete", "a", "02", 200),
        ];
        assert_eq!(broken(&log), [Bound::DeletedTwice]);
    }

    #[test]
    fn the_fullest_second_is_the_peak_and_a_watch_counts_once() {
        let watch = |stage| with("watch", "", "02.9", 200, "pods", stage);
        let log = [
            entry("get", "a", "00.5", 200),
            entry("get", "a", "01.5", 200),
            entry("get", "a", "02.1", 200),
            entry("list", "", "02.2", 500),
            watch("ResponseStarted"),
            watch("ResponseComplete"),
        ];
        assert_eq!(rate(&log, ACCOUNT, time("01")), Rate { total: 4, peak: 3 });
        assert_eq!(rate(&log, "another", time("01")), Rate::default());
    }

    #[test]
    fn the_first_answer_is_no_error_of_the_server() {
        let log = [
            entry("get", "a", "01", 200),
            entry("get", "a", "02", 503),
            entry("get", "a", "04", 404),
            entry("get", "a", "03", 404),
        ];
        let first = |pod| first_answered(&log, ACCOUNT, pod, time("02"));
        assert_eq!(first("c-1"), Some(time("03")));
        assert_eq!(first("c-2"), None);
    }

    #[test]
    fn work_is_neither_the_lease_nor_what_failed_nor_what_came_before() {
        let log = [
            entry("patch", "a", "01", 200),
            with("patch", "c", "03", 200, "leases", "ResponseComplete"),
            entry("patch", "a", "04", 409),
            entry("patch", "a", "05", 200),
            entry("patch", "a", "06", 200),
        ];
        assert_eq!(
            first_work(&log, ACCOUNT, "c-1", time("02")),
            Some(time("05"))
        );
        assert_eq!(first_work(&log, ACCOUNT, "c-2", time("02")), None);
    }
}
