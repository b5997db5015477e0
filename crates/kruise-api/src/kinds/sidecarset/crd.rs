//! The CustomResourceDefinition. Its rules see to selectors alone. What else admission refuses depends on other fields, on
//! other objects or on lists without a limit; and without a webhook no pod gets any container.

use super::{status::SidecarSetStatus, v1alpha1, v1beta1};
use crate::{
    definition::{
        Column, ConversionStrategy, Definition, Scope, Version,
        rules::{NOT_EMPTY_SELECTOR, Rule},
    },
    validation::EMPTY_SELECTOR,
};

const DESCRIPTION: &str = "SidecarSet puts containers into the pods of many applications, and keeps them up to date \
                           there.";

const COLUMNS: [Column; 4] = [
    Column::new("MATCHED", "integer", ".status.matchedPods"),
    Column::new("UPDATED", "integer", ".status.updatedPods"),
    Column::new("READY", "integer", ".status.readyPods"),
    Column::new("AGE", "date", ".metadata.creationTimestamp"),
];

pub(super) fn definition() -> Definition {
    let v1alpha1 =
        Version::of::<v1alpha1::V1alpha1, v1alpha1::SidecarSetSpec, SidecarSetStatus>(DESCRIPTION);
    let v1beta1 =
        Version::of::<v1beta1::V1beta1, v1beta1::SidecarSetSpec, SidecarSetStatus>(DESCRIPTION);
    // SS-42; in v1alpha1 the field may have no effect (SS-1).
    let v1beta1 = v1beta1
        .stored()
        .rules("spec.namespaceSelector", &[not_empty()]);
    Definition {
        short_names: &[],
        scope: Scope::Cluster,
        conversion: ConversionStrategy::Webhook {
            service: "kruise-sidecarset-controller-conversion-service",
        },
        versions: vec![common(v1alpha1), common(v1beta1)],
    }
}

/// Adds what both versions have alike (SS-41).
fn common(version: Version) -> Version {
    version
        .columns(&COLUMNS)
        .rules("spec.selector", &[not_empty()])
}

fn not_empty() -> Rule {
    Rule::new(NOT_EMPTY_SELECTOR, EMPTY_SELECTOR)
}
