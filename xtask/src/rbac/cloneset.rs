//! What cloneset-controller may do.

use super::{Rights, Rule};

pub(super) const RIGHTS: Rights = Rights {
    name: "cloneset-controller",
    cluster: &[
        Rule {
            why: "Read what to do; take names off spec.scaleStrategy.podsToDelete once those pods are gone.",
            group: "apps.kruise.io",
            resources: &["clonesets"],
            verbs: &["get", "list", "watch", "patch", "update"],
            names: &[],
        },
        Rule {
            why: "Report progress.",
            group: "apps.kruise.io",
            resources: &["clonesets/status"],
            verbs: &["get", "patch"],
            names: &[],
        },
        Rule {
            why: "Own pods with blockOwnerDeletion where OwnerReferencesPermissionEnforcement is on.",
            group: "apps.kruise.io",
            resources: &["clonesets/finalizers"],
            verbs: &["update"],
            names: &[],
        },
        Rule {
            why: "Create, adopt, release, update in place and delete pods.",
            group: "",
            resources: &["pods"],
            verbs: &[
                "get", "list", "watch", "create", "patch", "update", "delete",
            ],
            names: &[],
        },
        Rule {
            why: "Set the readiness condition of in-place updates and lifecycle states.",
            group: "",
            resources: &["pods/status"],
            verbs: &["get", "patch"],
            names: &[],
        },
        Rule {
            why: "Change resources in place, with gate InPlaceWorkloadVerticalScaling.",
            group: "",
            resources: &["pods/resize"],
            verbs: &["patch"],
            names: &[],
        },
        Rule {
            why: "Keep the history of templates.",
            group: "apps",
            resources: &["controllerrevisions"],
            verbs: &[
                "get", "list", "watch", "create", "patch", "update", "delete",
            ],
            names: &[],
        },
        Rule {
            why: "See whether a pod may be updated, with gate PodUnavailableBudgetUpdateGate.",
            group: "policy.kruise.io",
            resources: &["podunavailablebudgets"],
            verbs: &["get", "list", "watch"],
            names: &[],
        },
        Rule {
            why: "Pay for that update.",
            group: "policy.kruise.io",
            resources: &["podunavailablebudgets/status"],
            verbs: &["patch"],
            names: &[],
        },
        Rule {
            why: "Have the API server judge pod templates, as a dry run (DV-CS10).",
            group: "",
            resources: &["podtemplates"],
            verbs: &["create"],
            names: &[],
        },
        Rule {
            why: "Tell people what happened, in the namespace of the object it happened to.",
            group: "",
            resources: &["events"],
            verbs: &["create", "patch"],
            names: &[],
        },
        Rule {
            why: "Tell the API server whom to trust when it has CloneSets converted.",
            group: "apiextensions.k8s.io",
            resources: &["customresourcedefinitions"],
            verbs: &["get", "patch"],
            names: &["clonesets.apps.kruise.io"],
        },
        Rule {
            why: "Tell the API server whom to trust when it asks about CloneSets.",
            group: "admissionregistration.k8s.io",
            resources: &["mutatingwebhookconfigurations"],
            verbs: &["get", "patch"],
            names: &["kruise-cloneset-controller-mutating-webhook-configuration"],
        },
        Rule {
            why: "The same for what it asks before it stores or deletes them.",
            group: "admissionregistration.k8s.io",
            resources: &["validatingwebhookconfigurations"],
            verbs: &["get", "patch"],
            names: &["kruise-cloneset-controller-validating-webhook-configuration"],
        },
    ],
    own_namespace: &[
        Rule {
            why: "Share the webhook server's certificates. Creation can't be restricted to a name.",
            group: "",
            resources: &["secrets"],
            verbs: &["create"],
            names: &[],
        },
        Rule {
            why: "Share the webhook server's certificates.",
            group: "",
            resources: &["secrets"],
            verbs: &["get", "patch"],
            names: &["kruise-cloneset-controller-webhook-certs"],
        },
        Rule {
            why: "Leader election. Creation can't be restricted to a name.",
            group: "coordination.k8s.io",
            resources: &["leases"],
            verbs: &["create"],
            names: &[],
        },
        Rule {
            why: "Leader election.",
            group: "coordination.k8s.io",
            resources: &["leases"],
            verbs: &["get", "update", "patch"],
            names: &["cloneset-controller"],
        },
        Rule {
            why: "See whether a controller that would do the same work is alive.",
            group: "coordination.k8s.io",
            resources: &["leases"],
            verbs: &["get"],
            names: &["kruise-manager", "podreadiness-controller"],
        },
    ],
};
