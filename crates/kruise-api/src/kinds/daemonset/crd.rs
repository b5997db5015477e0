//! The CustomResourceDefinition. Its rules are what admission refuses in one field. There are none for the terms of a
//! rolling update: admission does not look at them when the type is OnDelete (DS-16).

use schemars::JsonSchema;

use super::{texts, v1alpha1, v1beta1};
use crate::{
    definition::{
        Column, ConversionStrategy, Definition, Scope, Version,
        rules::{Rule, empty_or_one_of},
        workload,
    },
    object::CustomResource,
    validation::numbers,
};

const DESCRIPTION: &str = "DaemonSet runs one pod of a template on every node that fits, and updates the pods in place \
                           where possible.";

const COLUMNS: [Column; 8] = [
    Column::new("DESIRED", "integer", ".status.desiredNumberScheduled"),
    Column::new("CURRENT", "integer", ".status.currentNumberScheduled"),
    Column::new("READY", "integer", ".status.numberReady"),
    Column::new("UP-TO-DATE", "integer", ".status.updatedNumberScheduled"),
    Column::new("AVAILABLE", "integer", ".status.numberAvailable"),
    Column::new("AGE", "date", ".metadata.creationTimestamp"),
    Column::wide("CONTAINERS", ".spec.template.spec.containers[*].name"),
    Column::wide("IMAGES", ".spec.template.spec.containers[*].image"),
];

pub(super) fn definition() -> Definition {
    Definition {
        short_names: &["daemon", "ads"],
        scope: Scope::Namespaced,
        conversion: ConversionStrategy::Webhook {
            service: "kruise-daemonset-controller-conversion-service",
        },
        versions: vec![
            version::<v1alpha1::V1alpha1, v1alpha1::DaemonSetSpec, v1alpha1::DaemonSetStatus>(),
            version::<v1beta1::V1beta1, v1beta1::DaemonSetSpec, v1beta1::DaemonSetStatus>()
                .stored(),
        ],
    }
}

fn version<K: CustomResource, Spec: JsonSchema, Status: JsonSchema>() -> Version {
    let not_negative = || [Rule::new("self >= 0", numbers::NOT_NEGATIVE)];
    let version = Version::of::<K, Spec, Status>(DESCRIPTION).columns(&COLUMNS);
    workload::fixed_selector(version)
        .rules("spec.minReadySeconds", &not_negative())
        .rules("spec.revisionHistoryLimit", &not_negative())
        .rules(
            "spec.updateStrategy.type",
            &[empty_or_one_of(&texts::TYPES, texts::TYPE)],
        )
        .rules(
            "spec.lifecycle",
            &[Rule::unless_broken_before(
                |it| format!("!has({it}.inPlaceUpdate)"),
                texts::IN_PLACE_HOOK,
            )
            .at(".inPlaceUpdate")
            .forbidden()],
        )
}
