//! What a roll-out kept and what it cost: pure comparisons of the pods before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use localkube::pod_writes::PodWrites;

use crate::pods::PodView;
use crate::table;

/// Pods by name.
pub(crate) type Pods = BTreeMap<String, PodView>;

/// One roll-out, measured.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) took: Duration,
    pub(crate) before: Pods,
    pub(crate) after: Pods,
    /// Absent where there is no audit log to read.
    pub(crate) writes: Option<PodWrites>,
}

impl Outcome {
    fn n_kept(&self, of: impl Fn(&PodView) -> &str) -> String {
        let before: BTreeSet<&str> = self.before.values().map(&of).collect();
        let n_kept = self
            .after
            .values()
            .filter(|pod| before.contains(of(pod)))
            .count();
        format!("{n_kept} of {}", self.before.len())
    }

    fn n_rescheduled(&self) -> String {
        let before: BTreeSet<&str> = self.before.values().map(|pod| pod.uid.as_str()).collect();
        let n_new = self
            .after
            .values()
            .filter(|pod| !before.contains(pod.uid.as_str()))
            .count();
        format!("{n_new} of {}", self.before.len())
    }

    /// Starts of containers between before and after.
    fn n_container_starts(&self) -> u32 {
        let before: BTreeMap<&str, &PodView> = self
            .before
            .values()
            .map(|pod| (pod.uid.as_str(), pod))
            .collect();
        let starts = |pod: &PodView| pod.app.restarts + pod.sidecar.restarts;
        self.after
            .values()
            .map(|pod| match before.get(pod.uid.as_str()) {
                Some(old) => starts(pod).saturating_sub(starts(old)),
                // Both containers once, and again as often as they restarted.
                None => starts(pod) + 2,
            })
            .sum()
    }
}

/// Everything that an update in place must keep and did not; empty if all is well.
pub(crate) fn in_place_violations(before: &Pods, after: &Pods) -> Vec<String> {
    let mut violations = Vec::new();
    for (name, new) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        violations.push(format!("pod {name} is new, with UID {}", new.uid));
    }
    for (name, old) in before {
        let Some(new) = after.get(name) else {
            violations.push(format!("pod {name} is gone"));
            continue;
        };
        for (what, old, new) in [
            ("UID", &old.uid, &new.uid),
            ("IP", &old.ip, &new.ip),
            ("node", &old.node, &new.node),
        ] {
            if old != new {
                violations.push(format!(
                    "pod {name}: its {what} changed from {old} to {new}"
                ));
            }
        }
        for (container, restarts, expected) in [
            ("app", new.app.restarts, old.app.restarts + 1),
            ("sidecar", new.sidecar.restarts, old.sidecar.restarts),
        ] {
            if restarts != expected {
                violations.push(format!(
                    "pod {name}: restartCount of {container} is {restarts}, not {expected}"
                ));
            }
        }
        if new.sidecar.running != old.sidecar.running {
            violations.push(format!(
                "pod {name}: its sidecar runs {}",
                new.sidecar.running
            ));
        }
    }
    violations
}

/// The closing table.
pub(crate) fn comparison(in_place: &Outcome, recreate: &Outcome) -> Vec<String> {
    let both = |of: &dyn Fn(&Outcome) -> String| [of(in_place), of(recreate)];
    let mut rows = vec![
        (
            "seconds".to_owned(),
            both(&|outcome| format!("{:.1}", outcome.took.as_secs_f64())),
        ),
        ("pods rescheduled".to_owned(), both(&Outcome::n_rescheduled)),
        (
            "UIDs kept".to_owned(),
            both(&|outcome| outcome.n_kept(|pod| &pod.uid)),
        ),
        (
            "IPs kept".to_owned(),
            both(&|outcome| outcome.n_kept(|pod| &pod.ip)),
        ),
    ];
    rows.push((
        "containers started".to_owned(),
        both(&|outcome| outcome.n_container_starts().to_string()),
    ));
    if let (Some(in_place), Some(recreate)) = (in_place.writes, recreate.writes) {
        let both =
            |of: &dyn Fn(PodWrites) -> u32| [of(in_place), of(recreate)].map(|n| n.to_string());
        rows.extend([
            (
                "writes to pods by the controller".to_owned(),
                both(&PodWrites::total),
            ),
            ("  create".to_owned(), both(&|writes| writes.creates)),
            ("  patch".to_owned(), both(&|writes| writes.patches)),
            ("  delete".to_owned(), both(&|writes| writes.deletes)),
            (
                "  of these refused as conflicts (409)".to_owned(),
                both(&|writes| writes.conflicts),
            ),
        ]);
        if in_place.refused + recreate.refused > 0 {
            rows.push((
                "  of these refused otherwise".to_owned(),
                both(&|writes| writes.refused),
            ));
        }
    }
    table::comparison(["in place", "ReCreate"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pods::tests::pod;

    fn pods(pods: impl IntoIterator<Item = PodView>) -> Pods {
        pods.into_iter()
            .map(|pod| (pod.name.clone(), pod))
            .collect()
    }

    fn updated(name: &str) -> PodView {
        let mut pod = pod(name, "2");
        pod.app.restarts = 1;
        pod
    }

    #[test]
    fn nothing_is_wrong_when_only_the_image_changed() {
        let before = pods([pod("a", "1"), pod("b", "1")]);
        let after = pods([updated("a"), updated("b")]);
        assert_eq!(in_place_violations(&before, &after), Vec::<String>::new());
    }

    #[test]
    fn everything_that_must_be_kept_is_looked_at() {
        let mut moved = updated("a");
        moved.uid = "another".to_owned();
        moved.ip = "another".to_owned();
        moved.node = "node2".to_owned();
        moved.sidecar.restarts = 1;
        moved.app.restarts = 0;
        let violations = in_place_violations(
            &pods([pod("a", "1"), pod("b", "1")]),
            &pods([moved, updated("c")]),
        );
        assert_eq!(
            violations,
            [
                "pod c is new, with UID uid-of-c",
                "pod a: its UID changed from uid-of-a to another",
                "pod a: its IP changed from ip-of-a to another",
                "pod a: its node changed from node1 to node2",
                "pod a: restartCount of app is 0, not 1",
                "pod a: restartCount of sidecar is 1, not 0",
                "pod b is gone",
            ]
        );
    }

    #[test]
    fn the_comparison_counts_what_was_kept() {
        let writes = |creates, patches, deletes| {
            Some(PodWrites {
                creates,
                patches,
                deletes,
                conflicts: 0,
                refused: 0,
            })
        };
        let in_place = Outcome {
            took: Duration::from_millis(9_840),
            before: pods([pod("a", "1")]),
            after: pods([updated("a")]),
            writes: writes(0, 3, 0),
        };
        let recreate = Outcome {
            took: Duration::from_secs(21),
            before: pods([updated("a")]),
            after: pods([pod("b", "3")]),
            writes: writes(1, 2, 1),
        };
        assert_eq!(
            comparison(&in_place, &recreate),
            [
                "                                       in place  ReCreate",
                "seconds                                     9.8      21.0",
                "pods rescheduled                         0 of 1    1 of 1",
                "UIDs kept                                1 of 1    0 of 1",
                "IPs kept                                 1 of 1    0 of 1",
                "containers started                            1         2",
                "writes to pods by the controller              3         4",
                "  create                                      0         1",
                "  patch                                       3         2",
                "  delete                                      0         1",
                "  of these refused as conflicts (409)         0         0",
            ]
        );
    }

    #[test]
    fn without_an_audit_log_writes_are_left_out() {
        let outcome = Outcome {
            took: Duration::ZERO,
            before: Pods::new(),
            after: Pods::new(),
            writes: None,
        };
        let lines = comparison(&outcome, &outcome);
        assert!(
            !lines.iter().any(|line| line.contains("writes")),
            "{lines:?}"
        );
    }
}
