//! Validation of the template (UD-11). A template for CloneSets is judged when CloneSets are made from it.

use serde_json::Value;

use super::{
    super::{
        kubernetes::{CoreDeploymentSpec, CoreRollingUpdateStatefulSet, CoreStatefulSetSpec},
        spec::{
            AdvancedStatefulSetTemplateSpec, DeploymentTemplateSpec, StatefulSetTemplateSpec,
            SubsetTemplate, UnitedDeploymentSpec,
        },
    },
    texts,
};
use crate::{
    kinds::statefulset::spec::StatefulSetUpdateStrategyType,
    meta::ObjectMeta,
    selector::Selector,
    template::PodTemplate,
    validation::{FieldError, FieldErrorKind, FieldErrors, FieldPath, numbers, workload},
};

/// What is wrong with the template. The selector is absent if it can't be read.
pub(super) fn errors(spec: &UnitedDeploymentSpec, selector: Option<&Selector>) -> FieldErrors {
    let path = FieldPath::new("spec.template");
    let SubsetTemplate {
        stateful_set_template: stateful,
        advanced_stateful_set_template: advanced,
        clone_set_template: clone_set,
        deployment_template: deployment,
        unknown: _,
    } = &spec.template.clone().unwrap_or_default();
    let given = [
        stateful.is_some(),
        advanced.is_some(),
        clone_set.is_some(),
        deployment.is_some(),
    ];
    let mut errors = FieldErrors::new();
    match given.into_iter().filter(|given| *given).count() {
        0 => errors.push(FieldError::required(&path, texts::ONE_TEMPLATE)),
        1 => {}
        _ => errors.push(FieldError::invalid_unshown(&path, texts::ONE_TEMPLATE)),
    }
    let at_stateful = path.child("statefulSetTemplate");
    if let Some(template) = stateful {
        errors.extend(stateful_set(template, &at_stateful, selector));
    }
    if let Some(template) = advanced {
        // Kept: labels that do not match are told at the other template.
        errors.extend(labels(&template.metadata, &at_stateful, selector));
        let path = path.child("advancedStatefulSetTemplate");
        errors.extend(advanced_stateful_set(template, &path, selector));
    }
    if let Some(template) = deployment {
        let path = path.child("deploymentTemplate");
        errors.extend(of_deployment(template, &path, selector));
    }
    if spec.reserves_pods() && (stateful.is_some() || advanced.is_some()) {
        let path = FieldPath::new("spec.topology.scheduleStrategy");
        let why = "reserveUnschedulablePods is not for StatefulSets";
        errors.push(FieldError::invalid_unshown(&path, why));
    }
    errors
}

fn unreadable(path: &FieldPath, error: &serde_json::Error) -> FieldError {
    FieldError {
        kind: FieldErrorKind::TypeInvalid,
        field: path.to_string(),
        value: None,
        detail: error.to_string(),
    }
}

/// The workload's own labels, in the metadata of a template.
fn labels(metadata: &Value, path: &FieldPath, selector: Option<&Selector>) -> Option<FieldError> {
    let path = path.child("metadata");
    match serde_json::from_value::<Option<ObjectMeta>>(metadata.clone()) {
        Ok(metadata) => {
            let labels = metadata.unwrap_or_default().labels;
            workload::labels_match_at(&path.child("labels"), selector?, &labels).err()
        }
        Err(error) => Some(unreadable(&path, &error)),
    }
}

/// Labels and annotations of the pods that a workload makes.
fn pod_metadata(pods: &Value, path: &FieldPath, selector: Option<&Selector>) -> FieldErrors {
    let view = match PodTemplate::view(pods) {
        Ok(view) => view,
        Err(error) => return FieldErrors::from_iter([unreadable(path, &error)]),
    };
    let mut errors = workload::template_metadata(&view.metadata, path);
    let path = path.child("metadata").child("labels");
    let unmatched = selector.and_then(|selector| {
        workload::labels_match_at(&path, selector, &view.metadata.labels).err()
    });
    errors.extend(unmatched);
    errors
}

fn filled_in(replicas: Option<i32>, path: &FieldPath) -> Option<FieldError> {
    replicas?;
    Some(FieldError::forbidden(
        &path.child("replicas"),
        texts::FILLED_IN,
    ))
}

fn partition_filled_in(path: &FieldPath) -> FieldError {
    let path = path.child("updateStrategy").child("rollingUpdate");
    FieldError::forbidden(&path.child("partition"), texts::PARTITION)
}

fn of_deployment(
    template: &DeploymentTemplateSpec,
    path: &FieldPath,
    selector: Option<&Selector>,
) -> FieldErrors {
    let mut errors = FieldErrors::from_iter(labels(&template.metadata, path, selector));
    let path = path.child("spec");
    let spec = match read::<CoreDeploymentSpec>(&template.spec, &path) {
        Ok(spec) => spec,
        Err(error) => {
            errors.push(error);
            return errors;
        }
    };
    errors.extend(filled_in(spec.replicas, &path));
    let path = path.child("template");
    errors.extend(pod_metadata(&spec.template, &path, selector));
    errors.extend(workload::endless_pods(&spec.template, &path.child("spec")));
    errors
}

fn advanced_stateful_set(
    template: &AdvancedStatefulSetTemplateSpec,
    path: &FieldPath,
    selector: Option<&Selector>,
) -> FieldErrors {
    let spec = &template.spec;
    let path = path.child("spec");
    let mut errors = FieldErrors::from_iter(filled_in(spec.replicas, &path));
    let strategy = spec.update_strategy.clone().unwrap_or_default();
    let terms = strategy.rolling_update.unwrap_or_default();
    if strategy.type_ == StatefulSetUpdateStrategyType::RollingUpdate && terms.partition.is_some() {
        errors.push(partition_filled_in(&path));
    }
    errors.extend(pod_metadata(
        &spec.template,
        &path.child("template"),
        selector,
    ));
    errors
}

fn stateful_set(
    template: &StatefulSetTemplateSpec,
    path: &FieldPath,
    selector: Option<&Selector>,
) -> FieldErrors {
    let mut errors = FieldErrors::from_iter(labels(&template.metadata, path, selector));
    let path = path.child("spec");
    match read::<CoreStatefulSetSpec>(&template.spec, &path) {
        Ok(spec) => errors.extend(core_rules(&spec, &path, selector)),
        Err(error) => errors.push(error),
    }
    errors
}

fn read<T: serde::de::DeserializeOwned + Default>(
    spec: &Value,
    path: &FieldPath,
) -> Result<T, FieldError> {
    let spec = serde_json::from_value::<Option<T>>(spec.clone());
    spec.map(Option::unwrap_or_default)
        .map_err(|error| unreadable(path, &error))
}

/// What Kubernetes itself refuses in a StatefulSet.
fn core_rules(
    spec: &CoreStatefulSetSpec,
    path: &FieldPath,
    selector: Option<&Selector>,
) -> FieldErrors {
    let mut errors = FieldErrors::from_iter(filled_in(spec.replicas, path));
    errors.extend(one_of(
        &path.child("podManagementPolicy"),
        &spec.pod_management_policy,
        &["OrderedReady", "Parallel"],
    ));
    let strategy = spec.update_strategy.clone().unwrap_or_default();
    let at = path.child("updateStrategy");
    errors.extend(one_of(
        &at.child("type"),
        &strategy.type_,
        &["RollingUpdate", "OnDelete"],
    ));
    if let Some(terms) = &strategy.rolling_update {
        let at = at.child("rollingUpdate");
        if strategy.type_ == "OnDelete" {
            let why = "must not be given when type is OnDelete";
            errors.push(FieldError::forbidden(&at, why));
        }
        if strategy.type_ == "RollingUpdate" && terms.partition.is_some() {
            errors.push(partition_filled_in(path));
        }
        errors.extend(max_unavailable(terms, &at));
    }
    if let Some(policy) = &spec.persistent_volume_claim_retention_policy {
        let at = path.child("persistentVolumeClaimRetentionPolicy");
        let words = [
            ("whenDeleted", &policy.when_deleted),
            ("whenScaled", &policy.when_scaled),
        ];
        let retentions = ["Retain", "Delete"];
        // Neither of the two has a default here.
        for (field, word) in words {
            if !retentions.contains(&word.as_str()) {
                errors.push(FieldError::not_supported(
                    &at.child(field),
                    word,
                    &retentions,
                ));
            }
        }
    }
    let at = path.child("minReadySeconds");
    errors.extend(numbers::not_negative(&at, Some(spec.min_ready_seconds)));
    let start = spec.ordinals.as_ref().map(|ordinals| ordinals.start);
    let at = path.child("ordinals").child("start");
    errors.extend(numbers::not_negative(&at, start));
    let path = path.child("template");
    errors.extend(pod_metadata(&spec.template, &path, selector));
    let path = path.child("spec");
    errors.extend(workload::endless_pods(&spec.template, &path));
    let policy = spec.template.pointer("/spec/restartPolicy");
    if policy.is_none_or(|policy| policy.is_null() || policy == "") {
        let path = path.child("restartPolicy");
        errors.push(FieldError::not_supported(&path, "", &["Always"]));
    }
    errors
}

/// An empty word has a default.
fn one_of(path: &FieldPath, word: &str, supported: &[&str]) -> Option<FieldError> {
    let is_wrong = !word.is_empty() && !supported.contains(&word);
    is_wrong.then(|| FieldError::not_supported(path, word, supported))
}

fn max_unavailable(terms: &CoreRollingUpdateStatefulSet, path: &FieldPath) -> Option<FieldError> {
    let value = terms.max_unavailable.as_ref()?;
    let path = path.child("maxUnavailable");
    numbers::count_or_share(&path, value).or_else(|| {
        let shown = Value::from(value);
        let is_zero = shown == 0
            || shown
                .as_str()
                .is_some_and(|text| numbers::percentage(text) == Some(0));
        is_zero.then(|| FieldError::invalid(&path, shown, "must not be 0"))
    })
}
