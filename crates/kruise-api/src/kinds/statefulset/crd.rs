//! The CustomResourceDefinition. Its rules are what admission refuses in one field, and changes of fields that can't be
//! changed. What looks at podManagementPolicy or at the template as well is for admission alone; so is reserveOrdinals,
//! a list so long that a rule for each of its elements would be too expensive for the API server.

use schemars::JsonSchema;

use super::{status, texts, v1alpha1, v1beta1};
use crate::{
    definition::{
        Column, ConversionStrategy, Definition, Scale, Scope, Version,
        rules::{Rule, empty_or_one_of},
        workload,
    },
    object::CustomResource,
    validation::numbers,
};

const DESCRIPTION: &str = "StatefulSet runs pods with stable names and claims of their own, and updates them in place \
                           where possible.";

const COLUMNS: [Column; 7] = [
    Column::new("DESIRED", "integer", ".spec.replicas"),
    Column::new("CURRENT", "integer", ".status.replicas"),
    Column::new("UPDATED", "integer", ".status.updatedReplicas"),
    Column::new("READY", "integer", ".status.readyReplicas"),
    Column::new("AGE", "date", ".metadata.creationTimestamp"),
    Column::wide("CONTAINERS", ".spec.template.spec.containers[*].name"),
    Column::wide("IMAGES", ".spec.template.spec.containers[*].image"),
];

const SCALE: Scale = Scale {
    spec_replicas: ".spec.replicas",
    status_replicas: ".status.replicas",
    label_selector: ".status.labelSelector",
};

pub(super) fn definition() -> Definition {
    let v1alpha1 =
        version::<v1alpha1::V1alpha1, v1alpha1::StatefulSetSpec, v1alpha1::StatefulSetStatus>();
    let v1beta1 =
        version::<v1beta1::V1beta1, v1beta1::StatefulSetSpec, status::StatefulSetStatus>();
    let retention = "spec.persistentVolumeClaimRetentionPolicy";
    let one_of = || [empty_or_one_of(&texts::RETENTIONS, texts::RETENTION)];
    // AS-16, AS-21
    let v1beta1 = v1beta1
        .stored()
        .rules("spec.scaleStrategy.maxUnavailable", &[max_unavailable()])
        .rules(&format!("{retention}.whenDeleted"), &one_of())
        .rules(&format!("{retention}.whenScaled"), &one_of());
    Definition {
        short_names: &["sts", "asts"],
        scope: Scope::Namespaced,
        conversion: ConversionStrategy::Webhook {
            service: "kruise-statefulset-controller-conversion-service",
        },
        versions: vec![v1alpha1, v1beta1],
    }
}

/// A version with what both have alike.
fn version<K: CustomResource, Spec: JsonSchema, Status: JsonSchema>() -> Version {
    let version = Version::of::<K, Spec, Status>(DESCRIPTION)
        .columns(&COLUMNS)
        .scale(SCALE);
    let version = workload::fixed_selector(workload::replicas(version));
    terms(version)
        .rules("spec", &[fixed()])
        // AS-14
        .rules(
            "spec.podManagementPolicy",
            &[empty_or_one_of(
                &texts::MANAGEMENT_POLICIES,
                texts::MANAGEMENT_POLICY,
            )],
        )
        // AS-17
        .rules(
            "spec.updateStrategy.type",
            &[empty_or_one_of(&texts::TYPES, texts::TYPE)],
        )
        .rules(
            "spec.updateStrategy",
            &[Rule::unless_broken_before(
                |it| {
                    format!(
                        "!has({it}.type) || {it}.type != 'OnDelete' || !has({it}.rollingUpdate)"
                    )
                },
                texts::ON_DELETE,
            )
            .at(".rollingUpdate")],
        )
}

/// Adds the rules for the terms of a rolling update (AS-17 to AS-20).
fn terms(version: Version) -> Version {
    let path = "spec.updateStrategy.rollingUpdate";
    let version = version
        .rules(
            &format!("{path}.partition"),
            &[Rule::new("self >= 0", numbers::NOT_NEGATIVE)],
        )
        .rules(
            &format!("{path}.minReadySeconds"),
            &[Rule::new(
                format!("self >= 0 && self <= {}", texts::MAX_MIN_READY_SECONDS),
                texts::MIN_READY,
            )],
        )
        .rules(
            &format!("{path}.podUpdatePolicy"),
            &[empty_or_one_of(&texts::POLICIES, texts::POLICY)],
        )
        .rules(&format!("{path}.maxUnavailable"), &[max_unavailable()]);
    workload::priority_strategy(version, &format!("{path}.unorderedUpdate.priorityStrategy"))
}

fn max_unavailable() -> Rule {
    let percentage = "^0*[1-9][0-9]*%$";
    let rule = format!("type(self) == int ? self >= 1 : self.matches('{percentage}')");
    Rule::new(rule, texts::MAX_UNAVAILABLE)
}

/// The rule that serviceName and podManagementPolicy stay (AS-24). What is absent and what it then means count as equal.
fn fixed() -> Rule {
    let is_default = |of: &str, field: &str, words: &str| {
        format!("(!has({of}.{field}) || {of}.{field} in [{words}])")
    };
    let same = |field: &str, words: &str| {
        let is_default = |of: &str| is_default(of, field, words);
        format!(
            "({} ? {} : (has(oldSelf.{field}) && self.{field} == oldSelf.{field}))",
            is_default("self"),
            is_default("oldSelf"),
        )
    };
    let rule = format!(
        "{} && {}",
        same("serviceName", "''"),
        same("podManagementPolicy", "'', 'OrderedReady'")
    );
    Rule::new(rule, texts::FIXED).forbidden()
}
