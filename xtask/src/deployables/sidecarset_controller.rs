//! What there is of sidecarset-controller in a cluster.

use super::{Deployable, Ports, Probes, Resources, Rights, Unused, Webhooks, rule};

pub(super) fn table() -> Deployable {
    Deployable {
        name: "sidecarset-controller",
        choice: "sidecarset",
        about: "SidecarSets: the controller that runs them.",
        kinds: "SidecarSets",
        converts: false,
        rivals: &[],
        args: &[],
        ports: Ports::USUAL,
        probes: Probes::USUAL,
        resources: Resources {
            why: "SidecarSets",
            cpu: "50m",
            memory: "32Mi",
            memory_limit: "512Mi",
        },
        rights: Rights {
            cluster: vec![
                rule(
                    "Read what to do.",
                    "apps.kruise.io",
                    ["sidecarsets"],
                    ["get", "list", "watch"],
                ),
                rule(
                    "Report what was seen.",
                    "apps.kruise.io",
                    ["sidecarsets/status"],
                    ["patch"],
                ),
            ],
            own_namespace: Vec::new(),
            unused: &[
                Unused {
                    verb: "get",
                    resource: "sidecarsets",
                    why: "what the watch doesn't show in time is read live, and it mostly does",
                },
                Unused {
                    verb: "create",
                    resource: "events",
                    why: "it tells nothing yet",
                },
                Unused {
                    verb: "patch",
                    resource: "events",
                    why: "it tells nothing yet",
                },
            ],
        },
        webhooks: Webhooks {
            why: "",
            mutating: &[],
            validating: &[],
        },
    }
}
