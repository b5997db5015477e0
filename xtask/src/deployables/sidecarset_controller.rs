//! What there is of sidecarset-controller in a cluster.

use super::{
    Deployable, NOT_ON_ITS_WAY_OUT, PodWebhook, Policy, Ports, Probes, Resources, Rights,
    SideEffects, USUAL_TIMEOUT_SECONDS, Unanswered, Unused, Webhook, Webhooks, rule,
};

pub(super) fn table() -> Deployable {
    Deployable {
        name: "sidecarset-controller",
        choice: "sidecarset",
        about: "SidecarSets: their CRD, the controller that runs them, and the webhook that puts their containers into pods.",
        kinds: "SidecarSets",
        converts: true,
        reconciles: true,
        rivals: &[],
        args: &[],
        ports: Ports::USUAL,
        probes: Probes::USUAL,
        resources: Resources {
            why: "SidecarSets, and with the pods of the cluster",
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
                    "Report progress.",
                    "apps.kruise.io",
                    ["sidecarsets/status"],
                    ["patch"],
                ),
                rule(
                    "Own revisions with blockOwnerDeletion where OwnerReferencesPermissionEnforcement is on.",
                    "apps.kruise.io",
                    ["sidecarsets/finalizers"],
                    ["update"],
                ),
                rule(
                    "Find the pods that SidecarSets match, and update their containers in place.",
                    "",
                    ["pods"],
                    ["get", "list", "watch", "patch"],
                ),
                rule(
                    "Say whether a pod can be updated in place.",
                    "",
                    ["pods/status"],
                    ["patch"],
                ),
                rule(
                    "See which namespaces a SidecarSet selects.",
                    "",
                    ["namespaces"],
                    ["list", "watch"],
                ),
            ],
            own_namespace: vec![
                rule(
                    "Keep the history of SidecarSets, which are in no namespace themselves (SS-73).",
                    "apps",
                    ["controllerrevisions"],
                    ["get", "list", "watch", "create", "patch", "delete"],
                ),
                rule(
                    "See which annotations SidecarSets may put on pods (SS-60).",
                    "",
                    ["configmaps"],
                    ["list", "watch"],
                )
                .named(["kruise-configuration"]),
                rule(
                    "Have the API server judge containers and volumes, as a dry run (DV-CS10).",
                    "",
                    ["podtemplates"],
                    ["create"],
                ),
            ],
            unused: UNUSED,
        },
        webhooks: Webhooks {
            why: "Nothing that ends is held up while no replica answers: not a SidecarSet on its way out, whose finalizers\n\
                  garbage collection takes off.",
            mutating: &[Webhook {
                name: "msidecarset.kb.io",
                path: "/mutate-apps-kruise-io-sidecarset",
                ..WRITES
            }],
            validating: &[Webhook {
                why: "Before a SidecarSet is stored, the API server is told to ask about the pods that it selects; not in a\n\
                      dry run.",
                name: "vsidecarset.kb.io",
                side_effects: SideEffects::NoneOnDryRun,
                // The API server is given 4 s to put the wider configuration into use.
                timeout_seconds: 10,
                ..WRITES
            }],
            policy: None,
            pods: Some(PodWebhook {
                why: "Puts the containers of SidecarSets into new pods. Until a first replica answers, pods are made without\n\
                      them, or an installation would be an outage. From then on, while no replica answers, a pod that is\n\
                      asked about is not made: without its sidecars it might do harm. The process sets the failure\n\
                      policy that the annotation says. The component sidecarset-fail-open has such a pod made without\n\
                      its sidecars.",
                place: 20,
                name: "mpod.kb.io",
                path: "/mutate-pod",
                opt_out: Some("sidecarset.kruise.io/inject"),
                policy: Policy {
                    annotation: "sidecarset.kruise.io/failure-policy",
                    unanswered: Unanswered::Fail,
                },
            }),
        },
    }
}

const WRITES: Webhook = Webhook {
    why: "",
    name: "",
    path: "/validate-apps-kruise-io-sidecarset",
    group: "apps.kruise.io",
    versions: &["v1alpha1", "v1beta1"],
    operations: &["CREATE", "UPDATE"],
    resources: &["sidecarsets"],
    scope: "Cluster",
    label: None,
    spares_system: false,
    conditions: &[NOT_ON_ITS_WAY_OUT],
    unanswered: Unanswered::Fail,
    side_effects: SideEffects::None,
    timeout_seconds: USUAL_TIMEOUT_SECONDS,
};

/// What no test in CI has need of.
const UNUSED: &[Unused] = &[
    read_live("sidecarsets"),
    read_live("pods"),
    read_live("controllerrevisions"),
    Unused {
        verb: "delete",
        resource: "controllerrevisions",
        why: "history is trimmed in the tests that run in process",
    },
    Unused {
        verb: "patch",
        resource: "events",
        why: "nothing is told again within minutes",
    },
];

/// The right to read live what the watch doesn't show in time.
const fn read_live(resource: &'static str) -> Unused {
    Unused {
        verb: "get",
        resource,
        why: "what the watch doesn't show in time is read live",
    }
}
