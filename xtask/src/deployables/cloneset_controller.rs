//! What there is of cloneset-controller in a cluster.

use super::{
    ASKED_BY_SOMEBODY, ASKED_BY_THE_NAMESPACE_CONTROLLER, Deployable, NOT_ON_ITS_WAY_OUT, Ports,
    Probes, Resources, Rights, SideEffects, USUAL_TIMEOUT_SECONDS, Unanswered, Unused, Webhook,
    Webhooks, rule,
};

pub(super) fn table() -> Deployable {
    Deployable {
        name: "cloneset-controller",
        choice: "cloneset",
        about: "CloneSets: their CRD and the controller that runs them.",
        kinds: "CloneSets",
        converts: true,
        reconciles: true,
        rivals: &["podreadiness-controller"],
        args: &[],
        ports: Ports::USUAL,
        probes: Probes::USUAL,
        resources: Resources {
            why: "the pods of CloneSets",
            cpu: "50m",
            memory: "32Mi",
            memory_limit: "512Mi",
        },
        rights: Rights {
            cluster: vec![
                rule(
                    "Read what to do; take names off spec.scaleStrategy.podsToDelete once those pods are gone.",
                    "apps.kruise.io",
                    ["clonesets"],
                    ["get", "list", "watch", "patch"],
                ),
                rule(
                    "Report progress.",
                    "apps.kruise.io",
                    ["clonesets/status"],
                    ["patch"],
                ),
                rule(
                    "Own pods with blockOwnerDeletion where OwnerReferencesPermissionEnforcement is on.",
                    "apps.kruise.io",
                    ["clonesets/finalizers"],
                    ["update"],
                ),
                rule(
                    "Create, adopt, release, update in place and delete pods.",
                    "",
                    ["pods"],
                    ["get", "list", "watch", "create", "patch", "delete"],
                ),
                rule(
                    "Set the readiness condition of in-place updates and lifecycle states.",
                    "",
                    ["pods/status"],
                    ["patch"],
                ),
                rule(
                    "Change resources in place, with gate InPlaceWorkloadVerticalScaling.",
                    "",
                    ["pods/resize"],
                    ["patch"],
                ),
                rule(
                    "Create the volume claims of pods, make a pod that goes their owner, delete them.",
                    "",
                    ["persistentvolumeclaims"],
                    ["get", "list", "watch", "create", "patch", "delete"],
                ),
                rule(
                    "Have pods own claims with blockOwnerDeletion where OwnerReferencesPermissionEnforcement is on.",
                    "",
                    ["pods/finalizers"],
                    ["update"],
                ),
                rule(
                    "Keep the history of templates.",
                    "apps",
                    ["controllerrevisions"],
                    ["get", "list", "watch", "create", "patch", "delete"],
                ),
                rule(
                    "See whether a pod may be updated, with gate PodUnavailableBudgetUpdateGate.",
                    "policy.kruise.io",
                    ["podunavailablebudgets"],
                    ["get", "list", "watch"],
                ),
                rule(
                    "Pay for that update.",
                    "policy.kruise.io",
                    ["podunavailablebudgets/status"],
                    ["patch"],
                ),
                rule(
                    "Keep pods spread over zones when some of them go: which node is in which.",
                    "",
                    ["nodes"],
                    ["get"],
                ),
                rule(
                    "Have images pulled ahead of updates in place, with gate PreDownloadImageForInPlaceUpdate.",
                    "apps.kruise.io",
                    ["imagepulljobs"],
                    ["get", "list", "watch", "create", "delete"],
                ),
                rule(
                    "Have the API server judge pod templates, as a dry run (DV-CS10).",
                    "",
                    ["podtemplates"],
                    ["create"],
                ),
            ],
            own_namespace: Vec::new(),
            unused: UNUSED,
        },
        webhooks: Webhooks {
            why: "Nothing that ends is held up while no replica answers: neither a CloneSet on its way out, whose finalizers\n\
                  garbage collection takes off, nor the deletion of one that has no protection label, nor that of a namespace\n\
                  with all in it.",
            mutating: &[Webhook {
                name: "mcloneset.kb.io",
                path: "/mutate-apps-kruise-io-cloneset",
                ..WRITES
            }],
            validating: &[
                Webhook {
                    name: "vcloneset.kb.io",
                    ..WRITES
                },
                Webhook {
                    why: "Deletion protection. An outage must not take it away, so it fails closed: for labelled CloneSets alone.",
                    name: "vclonesetdeletion.kb.io",
                    conditions: &[ASKED_BY_SOMEBODY],
                    ..DELETIONS
                },
                Webhook {
                    why: "The same for what goes with its namespace: protected while a replica answers, and else not in the way.",
                    name: "vclonesetnamespacedeletion.kb.io",
                    conditions: &[ASKED_BY_THE_NAMESPACE_CONTROLLER],
                    unanswered: Unanswered::Ignore,
                    ..DELETIONS
                },
            ],
            policy: None,
            pods: None,
        },
    }
}

const WRITES: Webhook = Webhook {
    why: "",
    name: "",
    path: "/validate-apps-kruise-io-cloneset",
    group: "apps.kruise.io",
    versions: &["v1alpha1", "v1beta1"],
    operations: &["CREATE", "UPDATE"],
    resources: &["clonesets"],
    scope: "Namespaced",
    label: None,
    spares_system: false,
    conditions: &[NOT_ON_ITS_WAY_OUT],
    unanswered: Unanswered::Fail,
    side_effects: SideEffects::None,
    timeout_seconds: USUAL_TIMEOUT_SECONDS,
};

const DELETIONS: Webhook = Webhook {
    operations: &["DELETE"],
    label: Some("policy.kruise.io/delete-protection"),
    ..WRITES
};

/// What no test in CI has need of.
const UNUSED: &[Unused] = &[
    read_live("clonesets"),
    read_live("controllerrevisions"),
    read_live("imagepulljobs"),
    read_live("persistentvolumeclaims"),
    read_live("podunavailablebudgets"),
    Unused {
        verb: "delete",
        resource: "controllerrevisions",
        why: "history is trimmed in the tests that run in process",
    },
    Unused {
        verb: "patch",
        resource: "persistentvolumeclaims",
        why: "a pod that others delete takes its claims along if a pass sees it go; in process it always does",
    },
    Unused {
        verb: "get",
        resource: "nodes",
        why: "who spreads pods has nodes read, in the full tier",
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
