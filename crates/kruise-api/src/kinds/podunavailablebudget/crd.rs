//! The CustomResourceDefinition. Its rules are what admission refuses without looking at other objects, except for a
//! changed selector: an absent part of it and an empty one are the same to admission, and not to a rule.

use super::{spec::PodUnavailableBudgetStatus, texts, v1alpha1, v1beta1};
use crate::{
    definition::{
        Column, ConversionStrategy, Definition, Scope, Version,
        rules::{NOT_EMPTY_SELECTOR, Rule},
    },
    validation::EMPTY_SELECTOR,
};

const DESCRIPTION: &str = "PodUnavailableBudget limits how many pods of an application may be made unavailable at a \
                           time by deletion, eviction and update.";

const COLUMNS: [Column; 4] = [
    Column::new("Allowed", "integer", ".status.unavailableAllowed"),
    Column::new("Current", "integer", ".status.currentAvailable"),
    Column::new("Desired", "integer", ".status.desiredAvailable"),
    Column::new("Total", "integer", ".status.totalReplicas"),
];

pub(super) fn definition() -> Definition {
    let v1alpha1 = Version::of::<
        v1alpha1::V1alpha1,
        v1alpha1::PodUnavailableBudgetSpec,
        PodUnavailableBudgetStatus,
    >(DESCRIPTION);
    let v1beta1 = Version::of::<
        v1beta1::V1beta1,
        v1beta1::PodUnavailableBudgetSpec,
        PodUnavailableBudgetStatus,
    >(DESCRIPTION);
    let v1beta1 = v1beta1.stored().rules(
        "spec.ignoredPodSelector",
        &[Rule::new(NOT_EMPTY_SELECTOR, EMPTY_SELECTOR)],
    );
    Definition {
        short_names: &["pub"],
        scope: Scope::Namespaced,
        // DV-PB3
        conversion: ConversionStrategy::Webhook {
            service: "kruise-podunavailablebudget-controller-conversion-service",
        },
        versions: vec![common(v1alpha1), common(v1beta1)],
    }
}

/// Adds what both versions have alike (PB-7).
fn common(version: Version) -> Version {
    let limit = || {
        let percentage = "^(0*[0-9]{1,2}|0*100)%$";
        let rule = format!("type(self) == int ? self >= 0 : self.matches('{percentage}')");
        [Rule::new(rule, texts::LIMIT)]
    };
    version
        .columns(&COLUMNS)
        .rules(
            "spec",
            &[
                Rule::new("has(self.selector) != has(self.targetRef)", texts::ONE_SUBJECT),
                Rule::new(
                    "has(self.maxUnavailable) != has(self.minAvailable)",
                    texts::ONE_LIMIT,
                ),
                Rule::new(
                    "has(self.targetRef) == has(oldSelf.targetRef) && has(self.selector) == has(oldSelf.selector)",
                    texts::SUBJECT_CHANGED,
                ),
            ],
        )
        .rules(
            "spec.targetRef",
            &[
                Rule::new(
                    "has(self.apiVersion) && self.apiVersion != '' && has(self.kind) && self.kind != '' \
                     && has(self.name) && self.name != ''",
                    texts::TARGET,
                ),
                Rule::new(
                    "!has(self.apiVersion) || !self.apiVersion.matches('/.*/')",
                    texts::GROUP_VERSION,
                ),
                Rule::new("self == oldSelf", texts::SUBJECT_CHANGED),
            ],
        )
        .rules(
            "spec.selector",
            &[Rule::new(NOT_EMPTY_SELECTOR, EMPTY_SELECTOR)],
        )
        .rules("spec.maxUnavailable", &limit())
        .rules("spec.minAvailable", &limit())
}
