//! What there is of pub-webhook in a cluster.

use super::{
    Condition, Deployable, NOT_ON_ITS_WAY_OUT, PodWebhook, Policy, Ports, Probes, Resources,
    Rights, SideEffects, USUAL_TIMEOUT_SECONDS, Unanswered, Unused, Webhook, Webhooks, rule,
    workload_finder,
};

pub(super) fn table() -> Deployable {
    Deployable {
        name: "pub-webhook",
        choice: "pub",
        about: "PodUnavailableBudgets: their CRD, the controller that computes them, and the webhooks that ask them before pods go.",
        kinds: "PodUnavailableBudgets",
        converts: true,
        reconciles: true,
        rivals: &[],
        args: &[],
        ports: Ports::USUAL,
        probes: Probes::USUAL,
        resources: Resources {
            why: "the pods of the cluster",
            cpu: "50m",
            memory: "32Mi",
            memory_limit: "512Mi",
        },
        rights: Rights {
            cluster: [
                rule(
                    "Read what to do.",
                    "policy.kruise.io",
                    ["podunavailablebudgets"],
                    ["get", "list", "watch"],
                ),
                rule(
                    "Report what is left of budgets, and take from it.",
                    "policy.kruise.io",
                    ["podunavailablebudgets/status"],
                    ["patch"],
                ),
                rule(
                    "Count pods, and link to their budget those that were there before it.",
                    "",
                    ["pods"],
                    ["get", "list", "watch", "patch"],
                ),
            ]
            .into_iter()
            .chain(workload_finder::cluster())
            .collect(),
            own_namespace: vec![workload_finder::own_namespace()],
            unused: UNUSED,
        },
        webhooks: Webhooks {
            why: "Pods that no budget protects are not asked about when they are deleted or changed: conditions leave them\n\
                  out, and pods that do not serve, whoever runs or doesn't. In namespaces without budgets nobody is asked\n\
                  at all: the leader names the others in the namespace selectors.",
            mutating: &[],
            validating: &[
                Webhook {
                    name: "vpodunavailablebudget.kb.io",
                    path: "/validate-policy-kruise-io-podunavailablebudget",
                    group: "policy.kruise.io",
                    versions: &["v1alpha1", "v1beta1"],
                    operations: &["CREATE", "UPDATE"],
                    resources: &["podunavailablebudgets"],
                    spares_system: false,
                    conditions: &[NOT_ON_ITS_WAY_OUT],
                    unanswered: Unanswered::Fail,
                    side_effects: SideEffects::None,
                    ..PODS
                },
                Webhook {
                    why: "A protected pod that serves goes, or changes, only as its budget allows. The old pod decides.\n\
                          Updates are asked about only where gate PodUnavailableBudgetUpdateGate is on.",
                    ..PODS
                },
                Webhook {
                    why: "The request does not show the pod.",
                    name: "vpodeviction.kb.io",
                    operations: &["CREATE"],
                    resources: &["pods/eviction"],
                    conditions: &[],
                    ..PODS
                },
            ],
            policy: Some(Policy {
                annotation: POLICY,
                unanswered: Unanswered::Fail,
            }),
            pods: Some(PodWebhook {
                why: "Links new pods to their budget. A pod that is made while nobody answers is linked later.",
                place: 40,
                name: "mpod.kb.io",
                path: "/mutate-pod",
                opt_out: None,
                policy: Policy {
                    annotation: POLICY,
                    unanswered: Unanswered::Ignore,
                },
            }),
        },
    }
}

const POLICY: &str = "pub.kruise.io/failure-policy";

/// Deletion and change of pods. Until a first replica answers nobody is held up; the leader sets the policy that the
/// annotation asks for.
const PODS: Webhook = Webhook {
    why: "",
    name: "vpod.kb.io",
    path: "/validate-pod",
    group: "",
    versions: &["v1"],
    operations: &["UPDATE", "DELETE"],
    resources: &["pods"],
    scope: "Namespaced",
    label: None,
    spares_system: true,
    conditions: &[IS_LINKED, MAY_BE_PROTECTED, SERVES, CHANGES_WHAT_COUNTS],
    unanswered: Unanswered::Ignore,
    // What is paid for is written into the budget's status.
    side_effects: SideEffects::NoneOnDryRun,
    timeout_seconds: USUAL_TIMEOUT_SECONDS,
};

/// PB-19, PB-33: of an update both the old and the new pod.
const IS_LINKED: Condition = Condition {
    name: "is-linked",
    expression: "has(oldObject.metadata.annotations) \
        && ('pub.kruise.io/related-pub' in oldObject.metadata.annotations \
        || 'kruise.io/related-pub' in oldObject.metadata.annotations) \
        && (request.operation == 'DELETE' || has(object.metadata.annotations) \
        && ('pub.kruise.io/related-pub' in object.metadata.annotations \
        || 'kruise.io/related-pub' in object.metadata.annotations))",
};

/// PB-38.1
const MAY_BE_PROTECTED: Condition = Condition {
    name: "may-be-protected",
    expression: "!(has(oldObject.metadata.annotations) \
        && 'pub.kruise.io/no-protect' in oldObject.metadata.annotations \
        && oldObject.metadata.annotations['pub.kruise.io/no-protect'] \
        in ['1', 't', 'T', 'true', 'TRUE', 'True'])",
};

/// PB-29, PB-38.2: a pod that is on its way out, does not run, or is not ready is free.
const SERVES: Condition = Condition {
    name: "serves",
    expression: "!has(oldObject.metadata.deletionTimestamp) \
        && has(oldObject.status) && has(oldObject.status.phase) && oldObject.status.phase == 'Running' \
        && has(oldObject.status.conditions) \
        && oldObject.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True') \
        && !(has(oldObject.metadata.labels) \
        && oldObject.metadata.labels.exists(k, k.startsWith('unavailable-pod.kruise.io/')))",
};

/// PB-33.2: labels, annotations, finalizers and owners alone are free, but a label that takes the pod out of service.
const CHANGES_WHAT_COUNTS: Condition = Condition {
    name: "changes-what-counts",
    expression: "request.operation == 'DELETE' || object.spec != oldObject.spec \
        || has(object.metadata.labels) \
        && object.metadata.labels.exists(k, k.startsWith('unavailable-pod.kruise.io/'))",
};

/// What no test in CI has need of.
const UNUSED: &[Unused] = &[
    read_live("pods"),
    read_live("podunavailablebudgets"),
    workload_finder::READ_SCALES,
    workload_finder::READ_DAEMON_SETS,
    workload_finder::READ_JOBS,
    workload_finder::READ_BROADCAST_JOBS,
    Unused {
        verb: "patch",
        resource: "events",
        why: "whether something is told again depends on what comes late",
    },
];

/// The right to read live what the watch doesn't show in time.
const fn read_live(resource: &'static str) -> Unused {
    Unused {
        verb: "get",
        resource,
        why: "what the watch doesn't show in time is read live, and it mostly does",
    }
}
