//! The CustomResourceDefinition. Its rules see to the resource alone: without a webhook nothing else would keep a
//! controller from creating objects of any kind. Rules about lists of namespaces would cost the API server too much,
//! since the lists have no limit.

use super::{texts, v1alpha1, v1beta1};
use crate::definition::{Column, ConversionStrategy, Definition, Scope, Version, rules::Rule};

const DESCRIPTION: &str =
    "ResourceDistribution keeps copies of one Secret or ConfigMap in many namespaces.";

const COLUMNS: [Column; 3] = [
    Column::new("TOTAL", "integer", ".status.desired"),
    Column::new("SUCCEED", "integer", ".status.succeeded"),
    Column::new("FAILED", "integer", ".status.failed"),
];

pub(super) fn definition() -> Definition {
    let v1alpha1 = Version::of::<
        v1alpha1::V1alpha1,
        v1alpha1::ResourceDistributionSpec,
        v1alpha1::ResourceDistributionStatus,
    >(DESCRIPTION);
    let v1beta1 = Version::of::<
        v1beta1::V1beta1,
        v1beta1::ResourceDistributionSpec,
        v1beta1::ResourceDistributionStatus,
    >(DESCRIPTION);
    Definition {
        short_names: &["distributor"],
        scope: Scope::Cluster,
        conversion: ConversionStrategy::Webhook {
            service: "kruise-resourcedistribution-controller-conversion-service",
        },
        versions: vec![common(v1alpha1), common(v1beta1.stored())],
    }
}

/// Adds what both versions have alike (RD-4 d, e).
fn common(version: Version) -> Version {
    let kinds = texts::KINDS.map(|kind| format!("'{kind}'")).join(", ");
    let name = |resource: &str| {
        format!(
            "(has({resource}.metadata) && has({resource}.metadata.name) ? {resource}.metadata.name : '')"
        )
    };
    version.columns(&COLUMNS).rules(
        "spec.resource",
        &[
            Rule::new(
                format!("self.kind in [{kinds}] && !self.apiVersion.contains('/')"),
                texts::KIND,
            ),
            Rule::new(
                format!(
                    "self.apiVersion == oldSelf.apiVersion && self.kind == oldSelf.kind && {} == {}",
                    name("self"),
                    name("oldSelf")
                ),
                texts::IMMUTABLE,
            ),
        ],
    )
}
