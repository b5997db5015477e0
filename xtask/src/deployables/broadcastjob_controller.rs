//! What there is of broadcastjob-controller in a cluster.

use super::{
    Deployable, NOT_ON_ITS_WAY_OUT, Ports, Probes, Resources, Rights, SideEffects,
    USUAL_TIMEOUT_SECONDS, Unanswered, Unused, Webhook, Webhooks, rule,
};

pub(super) fn table() -> Deployable {
    Deployable {
        name: "broadcastjob-controller",
        choice: "broadcastjob",
        about: "BroadcastJobs: their CRD and the controller that runs them.",
        kinds: "BroadcastJobs",
        // Both versions have one schema, and the API server changes the name by itself (PF-402).
        converts: false,
        reconciles: true,
        rivals: &[],
        args: &[],
        ports: Ports::USUAL,
        probes: Probes::USUAL,
        resources: Resources {
            why: "the pods of BroadcastJobs, and with nodes",
            cpu: "50m",
            memory: "32Mi",
            memory_limit: "512Mi",
        },
        rights: Rights {
            cluster: vec![
                rule(
                    "Read what to do; delete jobs whose spec.completionPolicy.ttlSecondsAfterFinished is over.",
                    "apps.kruise.io",
                    ["broadcastjobs"],
                    ["get", "list", "watch", "delete"],
                ),
                rule(
                    "Report progress.",
                    "apps.kruise.io",
                    ["broadcastjobs/status"],
                    ["patch"],
                ),
                rule(
                    "Own pods with blockOwnerDeletion where OwnerReferencesPermissionEnforcement is on.",
                    "apps.kruise.io",
                    ["broadcastjobs/finalizers"],
                    ["update"],
                ),
                rule(
                    "Create pods, and delete those that are to be stopped.",
                    "",
                    ["pods"],
                    ["get", "list", "watch", "create", "delete"],
                ),
                rule(
                    "See which nodes there are, and which of them pods fit.",
                    "",
                    ["nodes"],
                    ["list", "watch"],
                ),
                rule(
                    "Have the API server judge pod templates, as a dry run (DV-CS10).",
                    "",
                    ["podtemplates"],
                    ["create"],
                ),
            ],
            own_namespace: Vec::new(),
            unused: &[Unused {
                verb: "get",
                resource: "broadcastjobs",
                why: "what the watch doesn't show in time is read live, and so is a job whose status met a conflict",
            }],
        },
        webhooks: Webhooks {
            why: "Nothing that ends is held up while no replica answers: not a BroadcastJob on its way out, whose finalizers\n\
                  garbage collection takes off.",
            mutating: &[Webhook {
                name: "mbroadcastjob.kb.io",
                path: "/mutate-apps-kruise-io-broadcastjob",
                ..WRITES
            }],
            validating: &[Webhook {
                name: "vbroadcastjob.kb.io",
                ..WRITES
            }],
            policy: None,
            pods: None,
        },
    }
}

const WRITES: Webhook = Webhook {
    why: "",
    name: "",
    path: "/validate-apps-kruise-io-broadcastjob",
    group: "apps.kruise.io",
    versions: &["v1alpha1", "v1beta1"],
    operations: &["CREATE", "UPDATE"],
    resources: &["broadcastjobs"],
    scope: "Namespaced",
    label: None,
    spares_system: false,
    conditions: &[NOT_ON_ITS_WAY_OUT],
    unanswered: Unanswered::Fail,
    side_effects: SideEffects::None,
    timeout_seconds: USUAL_TIMEOUT_SECONDS,
};
