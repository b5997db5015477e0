//! What there is of deletion-protection-webhook in a cluster.

use super::{
    ASKED_BY_SOMEBODY, ASKED_BY_THE_NAMESPACE_CONTROLLER, Deployable, Ports, Probe, Probes,
    Resources, Rights, SideEffects, USUAL_TIMEOUT_SECONDS, Unanswered, Webhook, Webhooks, rule,
};

pub(super) fn table() -> Deployable {
    Deployable {
        name: "deletion-protection-webhook",
        // It has no kind of its own.
        choice: "deletion-protection",
        about: "Deletion protection: the webhook that keeps labelled Namespaces, CRDs, workloads, Services and Ingresses.",
        kinds: "objects labelled for protection",
        converts: false,
        reconciles: false,
        rivals: &[],
        // Off by default, as in OpenKruise; who installs it wants it.
        args: &["--feature-gates=ResourcesDeletionProtection=true"],
        ports: Ports::USUAL,
        probes: Probes {
            ready: Probe {
                why: "One that is only slow for some seconds stays ready: a slow answer is better than none. One that\n\
                      ends is left alone at once, whatever its probes say.",
                ..Probes::USUAL.ready
            },
            ..Probes::USUAL
        },
        resources: Resources {
            why: "the objects that are asked about at the same time, and with nothing else",
            cpu: "10m",
            memory: "32Mi",
            memory_limit: "256Mi",
        },
        rights: Rights {
            cluster: vec![rule(
                "Count what is active in a Namespace labelled Cascading. To count the custom resources of a CRD takes more\n\
                 rights: deploy/components/deletion-protection-crds.",
                "",
                ["pods", "persistentvolumeclaims"],
                ["list"],
            )],
            own_namespace: Vec::new(),
            unused: &[],
        },
        webhooks: Webhooks {
            why: "Only about objects with the protection label, so that an outage holds up the deletion of no others. It fails\n\
                  closed: an outage must not take the protection away. The way out is the one that there always is, to take\n\
                  the label off.",
            mutating: &[],
            validating: VALIDATING,
            policy: None,
            pods: None,
        },
    }
}

const VALIDATING: &[Webhook] = &[
    Webhook {
        name: "vnamespace.kb.io",
        path: "/validate-namespace",
        resources: &["namespaces"],
        scope: "Cluster",
        conditions: &[],
        timeout_seconds: COUNTING_TIMEOUT_SECONDS,
        ..BY_SOMEBODY
    },
    Webhook {
        name: "vcustomresourcedefinition.kb.io",
        path: "/validate-customresourcedefinition",
        group: "apiextensions.k8s.io",
        versions: &["v1", "v1beta1"],
        resources: &["customresourcedefinitions"],
        scope: "Cluster",
        conditions: &[],
        timeout_seconds: COUNTING_TIMEOUT_SECONDS,
        ..BY_SOMEBODY
    },
    Webhook {
        name: "vbuiltindeployment.kb.io",
        ..DEPLOYMENTS
    },
    Webhook {
        name: "vbuiltinreplicaset.kb.io",
        ..REPLICA_SETS
    },
    Webhook {
        name: "vbuiltinstatefulset.kb.io",
        ..STATEFUL_SETS
    },
    Webhook {
        name: "vservice.kb.io",
        ..SERVICES
    },
    Webhook {
        name: "vingress.kb.io",
        ..INGRESSES
    },
    Webhook {
        why: "The same for what goes with its namespace: protected while a replica answers, and else not in the way.",
        ..with_its_namespace("vbuiltindeploymentnamespacedeletion.kb.io", DEPLOYMENTS)
    },
    with_its_namespace("vbuiltinreplicasetnamespacedeletion.kb.io", REPLICA_SETS),
    with_its_namespace("vbuiltinstatefulsetnamespacedeletion.kb.io", STATEFUL_SETS),
    with_its_namespace("vservicenamespacedeletion.kb.io", SERVICES),
    with_its_namespace("vingressnamespacedeletion.kb.io", INGRESSES),
];

/// Where the answer takes lists, as long as the API server waits by itself. The process gives up 2 s before.
const COUNTING_TIMEOUT_SECONDS: u32 = 10;

const BY_SOMEBODY: Webhook = Webhook {
    why: "",
    name: "",
    path: "",
    group: "",
    versions: &["v1"],
    operations: &["DELETE"],
    resources: &[],
    scope: "Namespaced",
    label: Some("policy.kruise.io/delete-protection"),
    spares_system: false,
    conditions: &[ASKED_BY_SOMEBODY],
    unanswered: Unanswered::Fail,
    side_effects: SideEffects::None,
    timeout_seconds: USUAL_TIMEOUT_SECONDS,
};

const DEPLOYMENTS: Webhook = Webhook {
    path: "/validate-apps-deployment",
    group: "apps",
    resources: &["deployments"],
    ..BY_SOMEBODY
};

const REPLICA_SETS: Webhook = Webhook {
    path: "/validate-apps-replicaset",
    group: "apps",
    resources: &["replicasets"],
    ..BY_SOMEBODY
};

const STATEFUL_SETS: Webhook = Webhook {
    path: "/validate-apps-statefulset",
    group: "apps",
    resources: &["statefulsets"],
    ..BY_SOMEBODY
};

const SERVICES: Webhook = Webhook {
    path: "/validate-service",
    resources: &["services"],
    ..BY_SOMEBODY
};

const INGRESSES: Webhook = Webhook {
    path: "/validate-ingress",
    group: "networking.k8s.io",
    versions: &["v1", "v1beta1"],
    resources: &["ingresses"],
    ..BY_SOMEBODY
};

/// The same question, when the namespace controller asks (DV-DP4).
const fn with_its_namespace(name: &'static str, by_somebody: Webhook) -> Webhook {
    Webhook {
        name,
        conditions: &[ASKED_BY_THE_NAMESPACE_CONTROLLER],
        unanswered: Unanswered::Ignore,
        ..by_somebody
    }
}
