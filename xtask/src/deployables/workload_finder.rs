//! What the workload finder (`crates/kruise-workload`) asks of the API server, for the tables of those who use it. Who has
//! it watch fewer kinds writes the first of these rules by hand.

use super::{Rule, Unused, rule};

/// In every namespace.
pub(super) fn cluster() -> Vec<Rule> {
    const FIND: &str = "Find the workloads of pods, and the pods of workloads (PB-21, PB-25).";
    const WATCH: [&str; 2] = ["list", "watch"];
    vec![
        rule(FIND, "", ["replicationcontrollers"], WATCH),
        rule(
            FIND,
            "apps",
            ["deployments", "replicasets", "statefulsets"],
            WATCH,
        ),
        rule(FIND, "apps.kruise.io", ["clonesets", "statefulsets"], WATCH),
        rule(
            "See how many pods a workload of any other kind wants (PB-25, step 8).",
            "*",
            ["*/scale"],
            ["get"],
        ),
        rule(
            "See whether workloads without scale exist (PB-25, step 9). Those of others, and the kinds in the white list, are\n\
             for administrators to add: reading everything would be reading every Secret.",
            "apps",
            ["daemonsets"],
            ["get"],
        ),
        rule("The same.", "batch", ["jobs"], ["get"]),
        rule(
            "The same.",
            "apps.kruise.io",
            ["broadcastjobs", "daemonsets"],
            ["get"],
        ),
    ]
}

/// In the namespace of the installation.
pub(super) fn own_namespace() -> Rule {
    let why = "See which kinds of others count as workloads (PB-25, step 7).";
    rule(why, "", ["configmaps"], ["list", "watch"]).named(["kruise-configuration"])
}

/// Of the scale subresources.
pub(super) const READ_SCALES: Unused = read("*/scale");
/// Of kinds without scale.
pub(super) const READ_DAEMON_SETS: Unused = read("daemonsets");
/// Of kinds without scale.
pub(super) const READ_JOBS: Unused = read("jobs");
/// Of kinds without scale.
pub(super) const READ_BROADCAST_JOBS: Unused = read("broadcastjobs");

const fn read(resource: &'static str) -> Unused {
    Unused {
        verb: "get",
        resource,
        why: "pods of such workloads are looked after in tests that run in process",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // PF-930, PF-611: no right to read Secrets comes with it.
    #[test]
    fn nothing_is_read_that_is_no_workload() {
        for Rule {
            group, resources, ..
        } in cluster()
        {
            let is_all = resources.contains(&"*");
            assert!(!is_all, "{group}: {resources:?}");
            assert!(group != "*" || resources == ["*/scale"]);
        }
        assert_eq!(own_namespace().names, ["kruise-configuration"]);
    }

    #[test]
    fn what_is_excused_is_granted() {
        for excused in [
            READ_SCALES,
            READ_DAEMON_SETS,
            READ_JOBS,
            READ_BROADCAST_JOBS,
        ] {
            let is_granted = cluster().iter().any(|rule| {
                rule.resources.contains(&excused.resource) && rule.verbs.contains(&excused.verb)
            });
            assert!(is_granted, "{} {}", excused.verb, excused.resource);
        }
    }
}
