//! The CustomResourceDefinition. Its rules are what admission refuses without looking at other objects and without
//! comparing subsets: of how many there may be, the schema says nothing, and so the API server takes no rule that goes
//! through them again for each.

use super::{texts, v1alpha1, v1beta1};
use crate::{
    definition::{
        Column, ConversionStrategy, Definition, Scope, Version,
        rules::{COMPLETE_TARGET, Rule},
    },
    validation::{numbers::NOT_NEGATIVE, target_reference::INCOMPLETE},
};

const DESCRIPTION: &str = "WorkloadSpread spreads the pods of a workload over subsets of the nodes, in order, without a \
                           change of the workload.";

const COLUMNS: [Column; 4] = [
    Column::new("WorkloadName", "string", ".spec.targetRef.name"),
    Column::new("WorkloadKind", "string", ".spec.targetRef.kind"),
    Column::new(
        "Adaptive",
        "boolean",
        r#".spec.scheduleStrategy.type[?(@ == "Adaptive")]"#,
    ),
    Column::new("Age", "date", ".metadata.creationTimestamp"),
];

pub(super) fn definition() -> Definition {
    let v1alpha1 = Version::of::<
        v1alpha1::V1alpha1,
        v1alpha1::WorkloadSpreadSpec,
        v1alpha1::WorkloadSpreadStatus,
    >(DESCRIPTION);
    let v1beta1 = Version::of::<
        v1beta1::V1beta1,
        v1beta1::WorkloadSpreadSpec,
        v1beta1::WorkloadSpreadStatus,
    >(DESCRIPTION);
    Definition {
        short_names: &["ws"],
        scope: Scope::Namespaced,
        conversion: ConversionStrategy::Webhook {
            service: "kruise-workloadspread-controller-conversion-service",
        },
        versions: vec![common(v1alpha1), common(v1beta1.stored())],
    }
}

/// Adds what both versions have alike (WS-2).
fn common(version: Version) -> Version {
    let group = |target: &str| format!("{target}.apiVersion.find('^.*/')");
    let same_target = format!(
        "self.kind == oldSelf.kind && self.name == oldSelf.name && {} == {}",
        group("self"),
        group("oldSelf")
    );
    version
        .columns(&COLUMNS)
        .rules(
            "spec.targetRef",
            &[
                Rule::new(COMPLETE_TARGET, INCOMPLETE),
                Rule::new(same_target, texts::TARGET_CHANGED).forbidden(),
            ],
        )
        .rules(
            "spec.subsets",
            &[Rule::new("size(self) > 0", texts::NO_SUBSETS)],
        )
        .rules(
            "spec.subsets[].name",
            &[Rule::new("self != ''", texts::NO_NAME)],
        )
        .rules(
            "spec.scheduleStrategy",
            &[Rule::unless_broken_before(
                |strategy| {
                    format!(
                        "!has({strategy}.adaptive) || (has({strategy}.type) && {strategy}.type == 'Adaptive')"
                    )
                },
                texts::NOT_ADAPTIVE,
            )
            .at(".type")],
        )
        .rules(
            "spec.scheduleStrategy.adaptive.rescheduleCriticalSeconds",
            &[Rule::new("self >= 0", NOT_NEGATIVE)],
        )
}
