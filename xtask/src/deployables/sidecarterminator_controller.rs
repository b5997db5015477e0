//! What there is of sidecarterminator-controller in a cluster.

use super::{Deployable, Ports, Probes, Resources, Rights, Unused, Webhooks, rule};

pub(super) fn table() -> Deployable {
    Deployable {
        name: "sidecarterminator-controller",
        // It has no kind of its own. ContainerRecreateRequests, by which it works, come with the choice `crr`.
        choice: "sidecarterminator",
        about: "SidecarTerminator: the controller that ends the sidecars of jobs. It needs deploy/crds/crr and who runs these requests.",
        kinds: "pods",
        converts: false,
        reconciles: true,
        rivals: &[],
        // Off by default, as in OpenKruise; who installs it wants it.
        args: &["--feature-gates=SidecarTerminator=true"],
        ports: Ports::USUAL,
        probes: Probes::USUAL,
        resources: Resources {
            why: "pods that run to completion, and with nodes",
            cpu: "50m",
            memory: "32Mi",
            memory_limit: "512Mi",
        },
        rights: Rights {
            cluster: vec![
                rule(
                    "See which pods have sidecars to end; give these other images where no node daemon runs.",
                    "",
                    ["pods"],
                    ["get", "list", "watch", "patch"],
                ),
                rule(
                    "Mark pods as ended whose sidecars do not count.",
                    "",
                    ["pods/status"],
                    ["patch"],
                ),
                rule(
                    "Own requests with blockOwnerDeletion where OwnerReferencesPermissionEnforcement is on (DV-PF7).",
                    "",
                    ["pods/finalizers"],
                    ["update"],
                ),
                rule(
                    "See on which nodes no node daemon runs.",
                    "",
                    ["nodes"],
                    ["list", "watch"],
                ),
                rule(
                    "Have sidecars killed, and make a request anew that ended in vain (DV-ST1).",
                    "apps.kruise.io",
                    ["containerrecreaterequests"],
                    ["get", "list", "watch", "create", "delete"],
                ),
            ],
            own_namespace: Vec::new(),
            unused: &[
                Unused {
                    verb: "get",
                    resource: "pods",
                    why: "what the watch doesn't show in time, and a pod that is waited for, is read live",
                },
                Unused {
                    verb: "patch",
                    resource: "pods",
                    why: "no node of the tests is a virtual one, where images are switched",
                },
                Unused {
                    verb: "patch",
                    resource: "events",
                    why: "whether something is told again depends on what comes late",
                },
                Unused {
                    verb: "get",
                    resource: "containerrecreaterequests",
                    why: "what the watch doesn't show in time is read live, and it mostly does",
                },
            ],
        },
        webhooks: Webhooks {
            why: "",
            mutating: &[],
            validating: &[],
            policy: None,
            pods: None,
        },
    }
}
