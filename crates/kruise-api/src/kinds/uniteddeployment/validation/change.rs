//! What a change may not change (UD-13).

use serde_json::{Map, Value};

use super::super::spec::{
    AdvancedStatefulSetTemplateSpec, StatefulSetTemplateSpec, Subset, UnitedDeploymentSpec,
};
use crate::{
    defaults,
    kinds::statefulset::v1beta1::StatefulSetSpec,
    meta::LabelSelector,
    template::means_the_same,
    validation::{FieldError, FieldErrors, FieldPath, workload},
};

/// What is wrong with the change of a spec.
pub(super) fn errors(spec: &UnitedDeploymentSpec, old: &UnitedDeploymentSpec) -> FieldErrors {
    let mut errors = subsets(spec, old);
    let templates = (
        spec.template.clone().unwrap_or_default(),
        old.template.clone().unwrap_or_default(),
    );
    let path = FieldPath::new("spec.template");
    if let (Some(new), Some(old)) = (
        &templates.0.stateful_set_template,
        &templates.1.stateful_set_template,
    ) && !means_the_same(&fixed(new), &fixed(old))
    {
        let path = path.child("statefulSetTemplate").child("spec");
        let why = "nothing but template, updateStrategy, minReadySeconds, ordinals and \
                   persistentVolumeClaimRetentionPolicy can be changed";
        errors.push(FieldError::forbidden(&path, why));
    }
    if let (Some(new), Some(old)) = (
        &templates.0.advanced_stateful_set_template,
        &templates.1.advanced_stateful_set_template,
    ) && !(workload::same_selector(&new.spec.selector, &old.spec.selector)
        && means_the_same(&advanced_fixed(new), &advanced_fixed(old)))
    {
        let path = path.child("advancedStatefulSetTemplate").child("spec");
        let why = "nothing but replicas, template and updateStrategy can be changed";
        errors.push(FieldError::forbidden(&path, why));
    }
    errors
}

fn subsets(spec: &UnitedDeploymentSpec, old: &UnitedDeploymentSpec) -> FieldErrors {
    let path = FieldPath::new("spec.topology.subsets");
    let mut errors = FieldErrors::new();
    for (index, new) in spec.subsets().iter().enumerate() {
        let Some(old) = old.subsets().iter().find(|old| old.name == new.name) else {
            continue;
        };
        let path = path.index(index);
        // OpenKruise writes it empty where nothing was said.
        let term = |subset: &Subset| subset.node_selector_term.clone().unwrap_or_default();
        if term(new) != term(old) {
            let path = path.child("nodeSelectorTerm");
            errors.push(FieldError::forbidden(&path, "can't be changed"));
        }
        if new.tolerations != old.tolerations {
            let path = path.child("tolerations");
            errors.push(FieldError::forbidden(&path, "can't be changed"));
        }
    }
    errors
}

/// The parts of a StatefulSet of Kubernetes that can't be changed, as they are with their defaults: what is stored may be
/// from before admission filled these in.
fn fixed(template: &StatefulSetTemplateSpec) -> Value {
    let mut spec = without(
        &template.spec,
        &[
            "replicas",
            "selector",
            "template",
            "updateStrategy",
            "minReadySeconds",
            "ordinals",
            "persistentVolumeClaimRetentionPolicy",
        ],
    );
    // Of these, the empty word means the default, and absence means the empty word.
    for (field, default) in [("podManagementPolicy", "OrderedReady"), ("serviceName", "")] {
        let is_default = spec
            .get(field)
            .is_some_and(|word| word == "" || word == default);
        if is_default {
            spec.remove(field);
        }
    }
    let claims = "volumeClaimTemplates";
    match spec.get_mut(claims).and_then(Value::as_array_mut) {
        Some(claims) if !claims.is_empty() => {
            claims.iter_mut().for_each(defaults::volume_claim_template);
        }
        Some(_) => drop(spec.remove(claims)),
        None => {}
    }
    Value::Object(spec)
}

/// The parts of a StatefulSet of OpenKruise that can't be changed, apart from its selector.
fn advanced_fixed(template: &AdvancedStatefulSetTemplateSpec) -> Value {
    let spec = template.spec.clone();
    let spec = StatefulSetSpec {
        replicas: None,
        selector: LabelSelector::default(),
        template: Value::Null,
        update_strategy: None,
        volume_claim_templates: spec
            .volume_claim_templates
            .filter(|claims| !claims.is_empty()),
        // OpenKruise writes it empty where nothing was said.
        volume_claim_update_strategy: spec
            .volume_claim_update_strategy
            .filter(|strategy| !strategy.type_.as_str().is_empty()),
        ..spec
    };
    serde_json::to_value(spec).unwrap_or_default()
}

fn without(spec: &Value, fields: &[&str]) -> Map<String, Value> {
    let members = spec.as_object().into_iter().flatten();
    members
        .filter(|(name, _)| !fields.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
