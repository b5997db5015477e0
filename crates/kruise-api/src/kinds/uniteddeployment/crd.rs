//! The CustomResourceDefinition. Its rules are what admission refuses in one field, and what decides which kind of
//! workload is meant. The sizes of groups are for admission alone: they are judged against spec.replicas, which a write of
//! the scale subresource may change (UD-13).

use schemars::JsonSchema;

use super::{spec::UnitedDeploymentSpec, v1alpha1, v1beta1, validation::texts};
use crate::{
    definition::{
        Column, ConversionStrategy, Definition, Scale, Scope, Version, rules::Rule, workload,
    },
    object::CustomResource,
};

const DESCRIPTION: &str = "UnitedDeployment runs one application as several workloads made from one template, one for \
                           each group of nodes.";

const COLUMNS: [Column; 5] = [
    Column::new("DESIRED", "integer", ".spec.replicas"),
    Column::new("CURRENT", "integer", ".status.replicas"),
    Column::new("UPDATED", "integer", ".status.updatedReplicas"),
    Column::new("READY", "integer", ".status.readyReplicas"),
    Column::new("AGE", "date", ".metadata.creationTimestamp"),
];

const SCALE: Scale = Scale {
    spec_replicas: ".spec.replicas",
    status_replicas: ".status.replicas",
    label_selector: ".status.labelSelector",
};

pub(super) fn definition() -> Definition {
    Definition {
        short_names: &["ud"],
        scope: Scope::Namespaced,
        conversion: ConversionStrategy::Webhook {
            service: "kruise-uniteddeployment-controller-conversion-service",
        },
        versions: vec![
            version::<v1alpha1::V1alpha1, v1alpha1::UnitedDeploymentStatus>(),
            version::<v1beta1::V1beta1, v1beta1::UnitedDeploymentStatus>().stored(),
        ],
    }
}

fn version<K: CustomResource, Status: JsonSchema>() -> Version {
    let version = Version::of::<K, UnitedDeploymentSpec, Status>(DESCRIPTION)
        .columns(&COLUMNS)
        .scale(SCALE);
    let advanced = "spec.template.advancedStatefulSetTemplate.spec";
    workload::selector(workload::replicas(version))
        .rules(
            "spec.template",
            &[Rule::unless_broken_before(one_template, texts::ONE_TEMPLATE)],
        )
        .rules(
            advanced,
            &[Rule::unless_broken_before(
                |it| format!("!has({it}.replicas)"),
                texts::FILLED_IN,
            )
                .at(".replicas")
                .forbidden()],
        )
        .rules(
            &format!("{advanced}.updateStrategy"),
            &[Rule::unless_broken_before(
                |it| {
                    format!(
                        "!has({it}.type) || {it}.type != 'RollingUpdate' || !has({it}.rollingUpdate) \
                         || !has({it}.rollingUpdate.partition)"
                    )
                },
                texts::PARTITION,
            )
            .at(".rollingUpdate.partition")
            .forbidden()],
        )
}

/// Holds where exactly one of the four templates is given.
fn one_template(template: &str) -> String {
    let given = [
        "statefulSetTemplate",
        "advancedStatefulSetTemplate",
        "cloneSetTemplate",
        "deploymentTemplate",
    ]
    .map(|name| format!("has({template}.{name})"));
    format!("[{}].exists_one(given, given)", given.join(", "))
}
