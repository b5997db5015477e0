//! The CustomResourceDefinition, with the rules by which the API server judges CloneSets by itself.

use super::{texts, v1alpha1, v1beta1};
use crate::{
    definition::{
        Column, ConversionStrategy, Definition, Scale, Scope, Version,
        rules::{Rule, empty_or_one_of},
        workload,
    },
    validation::{numbers, update_order},
};

const DESCRIPTION: &str = "CloneSet manages a number of interchangeable pods made from one template, \
                           and updates them in place where possible.";

const COLUMNS: [Column; 10] = [
    Column::new("DESIRED", "integer", ".spec.replicas"),
    Column::new("UPDATED", "integer", ".status.updatedReplicas"),
    Column::new("UPDATED_READY", "integer", ".status.updatedReadyReplicas"),
    Column::new(
        "UPDATED_AVAILABLE",
        "integer",
        ".status.updatedAvailableReplicas",
    ),
    Column::new("READY", "integer", ".status.readyReplicas"),
    Column::new("TOTAL", "integer", ".status.replicas"),
    Column::new("AGE", "date", ".metadata.creationTimestamp"),
    Column::wide("CONTAINERS", ".spec.template.spec.containers[*].name"),
    Column::wide("IMAGES", ".spec.template.spec.containers[*].image"),
    Column::wide("SELECTOR", ".status.labelSelector"),
];

const SCALE: Scale = Scale {
    spec_replicas: ".spec.replicas",
    status_replicas: ".status.replicas",
    label_selector: ".status.labelSelector",
};

pub(super) fn definition() -> Definition {
    Definition {
        short_names: &["clone"],
        scope: Scope::Namespaced,
        conversion: ConversionStrategy::Webhook {
            service: "kruise-cloneset-controller-conversion-service",
        },
        versions: vec![v1alpha1(), v1beta1()],
    }
}

fn v1alpha1() -> Version {
    let version = Version::of::<v1alpha1::CloneSet, v1alpha1::CloneSetSpec, v1beta1::CloneSetStatus>(
        DESCRIPTION,
    );
    // CS-13, CS-15
    let version = version
        .rules(
            "spec.updateStrategy.type",
            &[empty_or_one_of(
                &texts::V1ALPHA1_TYPES,
                texts::V1ALPHA1_TYPE,
            )],
        )
        .rules(
            "spec",
            &[Rule::new(
                "!has(self.progressDeadlineSeconds) || self.progressDeadlineSeconds == 2147483647 \
                 || (self.progressDeadlineSeconds >= 0 && self.progressDeadlineSeconds > \
                 (has(self.minReadySeconds) ? self.minReadySeconds : 0)) \
                 || (oldSelf.hasValue() && has(oldSelf.value().progressDeadlineSeconds) \
                 && oldSelf.value().progressDeadlineSeconds == self.progressDeadlineSeconds)",
                texts::DEADLINE,
            )
            .at(".progressDeadlineSeconds")
            .with_optional_old()],
        );
    let terms = TermsInRules {
        path: "spec.updateStrategy",
        max_unavailable: ".updateStrategy.maxUnavailable",
        max_surge: ".updateStrategy.maxSurge",
        has: "has(self.updateStrategy)",
        object: "self.updateStrategy",
        policy: "self.updateStrategy.type",
        default_max_unavailable_is_none: "false",
    };
    terms.add_rules(common(version))
}

fn v1beta1() -> Version {
    let version = Version::of::<v1beta1::CloneSet, v1beta1::CloneSetSpec, v1beta1::CloneSetStatus>(
        DESCRIPTION,
    )
    .stored();
    // CS-17, CS-19
    let in_place = "spec.updateStrategy.rollingUpdate.inPlaceUpdateStrategy";
    let not_negative = || Rule::new("self >= 0", numbers::NOT_NEGATIVE);
    let version = version
        .rules(
            "spec.updateStrategy.type",
            &[empty_or_one_of(&texts::V1BETA1_TYPES, texts::V1BETA1_TYPE)],
        )
        .rules(
            "spec.updateStrategy.rollingUpdate.podUpdatePolicy",
            &[empty_or_one_of(&texts::POLICIES, texts::POLICY)],
        )
        .rules(
            "spec.updateStrategy",
            &[Rule::new(
                "!has(self.type) || self.type != 'OnDelete' || !has(self.rollingUpdate) \
                 || has(self.rollingUpdate.partition)",
                texts::PARTITION_ON_DELETE,
            )
            .at(".rollingUpdate.partition")],
        )
        .rules(
            &format!("{in_place}.imagePreDownloadParallelism"),
            &[Rule::new(
                "type(self) == int ? self >= 0 : self.matches('^([+]?[0-9]+|-0+)$')",
                texts::PARALLELISM,
            )],
        )
        .rules(
            &format!("{in_place}.imagePreDownloadTimeoutSeconds"),
            &[not_negative()],
        )
        .rules(
            &format!("{in_place}.imagePreDownloadMinUpdatedReadyPods"),
            &[not_negative()],
        );
    let terms = TermsInRules {
        path: "spec.updateStrategy.rollingUpdate",
        max_unavailable: ".updateStrategy.rollingUpdate.maxUnavailable",
        max_surge: ".updateStrategy.rollingUpdate.maxSurge",
        has: "has(self.updateStrategy) && has(self.updateStrategy.rollingUpdate)",
        object: "self.updateStrategy.rollingUpdate",
        policy: "self.updateStrategy.rollingUpdate.podUpdatePolicy",
        default_max_unavailable_is_none: "(has(self.updateStrategy.type) \
                                          && self.updateStrategy.type == 'OnDelete')",
    };
    terms.add_rules(common(version))
}

/// Adds what both versions have alike: everything outside of the update strategy (CS-11, CS-12).
fn common(version: Version) -> Version {
    let version = version.scale(SCALE).columns(&COLUMNS);
    workload::fixed_selector(workload::replicas(version))
}

/// Where a version has the terms of an update. Except for `path`, the words are those of rules at `spec`.
struct TermsInRules {
    /// Path of the terms in the schema.
    path: &'static str,
    /// Path of maxUnavailable, for errors.
    max_unavailable: &'static str,
    /// Path of maxSurge, for errors.
    max_surge: &'static str,
    /// Whether the object has terms.
    has: &'static str,
    /// The terms.
    object: &'static str,
    /// How a pod is moved to a new template.
    policy: &'static str,
    /// Whether admission leaves an absent maxUnavailable absent. It then counts as 0.
    default_max_unavailable_is_none: &'static str,
}

impl TermsInRules {
    /// Adds the rules about the terms (CS-11), and those about priority and scatter (inplace-update.md,
    /// section 4).
    fn add_rules(&self, version: Version) -> Version {
        let Self { path, .. } = self;
        let version = workload::priority_strategy(version, &format!("{path}.priorityStrategy"));
        let percentage = "type(self) == int || self.endsWith('%')";
        let message = texts::PERCENTAGE;
        version
            .rules(
                &format!("{path}.partition"),
                &[Rule::new(
                    "type(self) == int ? self >= 0 : self.endsWith('%')",
                    texts::PARTITION,
                )],
            )
            .rules(
                &format!("{path}.maxUnavailable"),
                &[Rule::new(percentage, message)],
            )
            .rules(
                &format!("{path}.maxSurge"),
                &[Rule::new(percentage, message)],
            )
            .rules("spec", &[self.not_both_zero(), self.no_surge_in_place()])
            .rules(
                &format!("{path}.scatterStrategy[].key"),
                &[Rule::new("self != ''", update_order::NOT_EMPTY)],
            )
    }

    /// The rule that maxUnavailable or maxSurge is at least 1. Of one replica or more, every percentage
    /// above 0 is at least 1, since it is rounded up. Percentages that are written in an unusual way pass
    /// here, and are left to admission.
    fn not_both_zero(&self) -> Rule {
        let Self {
            object,
            default_max_unavailable_is_none,
            ..
        } = self;
        let at_least_one = |field: &str, absent: &str| {
            format!(
                "(has({object}.{field}) ? (type({object}.{field}) == int ? {object}.{field} >= 1 \
                 : !{object}.{field}.matches('^(-.*|[0.]*)%$')) : {absent})"
            )
        };
        let max_unavailable = at_least_one(
            "maxUnavailable",
            &format!("!{default_max_unavailable_is_none}"),
        );
        let max_surge = at_least_one("maxSurge", "false");
        self.on_change(
            &format!(
                "(has(self.replicas) && self.replicas <= 0) || {max_unavailable} || {max_surge}"
            ),
            texts::BOTH_ZERO,
        )
        .at(self.max_unavailable)
    }

    /// The rule that InPlaceOnly, which makes no new pods, has no maxSurge.
    fn no_surge_in_place(&self) -> Rule {
        let Self { object, policy, .. } = self;
        let field = format!("{object}.maxSurge");
        let rule = format!(
            "!has({policy}) || {policy} != 'InPlaceOnly' || !has({field}) \
             || (type({field}) == int ? {field} <= 0 : \
             ((has(self.replicas) && self.replicas <= 0) || !{field}.matches('^[0-9.]*[1-9][0-9.]*%$')))"
        );
        self.on_change(&rule, texts::SURGE_IN_PLACE)
            .at(self.max_surge)
    }

    /// A rule that looks at `spec`, but only when the update strategy is new or changed: a write of the
    /// scale subresource must not fail for what it doesn't touch.
    fn on_change(&self, rule: &str, message: &'static str) -> Rule {
        let Self { has, .. } = self;
        Rule::new(
            format!(
                "!({has}) || (oldSelf.hasValue() && has(oldSelf.value().updateStrategy) \
                 && oldSelf.value().updateStrategy == self.updateStrategy) || {rule}"
            ),
            message,
        )
        .with_optional_old()
    }
}
