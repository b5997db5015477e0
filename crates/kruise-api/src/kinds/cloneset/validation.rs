//! What admission refuses in a CloneSet (CS-11 to CS-20). An update is judged as a whole. The rules in the
//! CRD, in contrast, leave alone what isn't changed.

mod terms;

use std::{collections::HashSet, sync::Arc};

use serde_json::Value;

use self::terms::Terms;
use super::{spec::CloneSetSpec, texts, v1alpha1, v1beta1};
use crate::{
    defaults, inplace,
    meta::ObjectMeta,
    pod::Pod,
    validation::{FieldError, FieldErrors, FieldPath, MAX_TOLD, workload},
};

pub use crate::validation::workload::{labels_match, replicas, selector, template};

/// A progress deadline of this many seconds means that there is none.
pub const NO_PROGRESS_DEADLINE: i32 = i32::MAX;

/// Finds a pod of the CloneSet's namespace by its name.
pub type FindPod<'a> = &'a dyn Fn(&str) -> Option<Arc<Pod>>;

/// What is wrong with a v1beta1 CloneSet, and with the change that made it of `old`.
pub fn validate_v1beta1(set: &v1beta1::CloneSet, old: Option<&v1beta1::CloneSet>) -> FieldErrors {
    let mut errors = common(&set.spec, old.map(|old| &old.spec));
    let pods_to_delete = set.spec.scale_strategy.as_ref();
    let pods_to_delete = pods_to_delete.and_then(|scale| scale.pods_to_delete.as_deref());
    errors.extend(duplicates(pods_to_delete.unwrap_or_default()));

    let Some(strategy) = &set.spec.update_strategy else {
        return errors;
    };
    let path = FieldPath::new("spec.updateStrategy");
    let word = strategy.type_.as_ref().map(|type_| type_.as_str());
    errors.extend(one_of(&path.child("type"), word, &texts::V1BETA1_TYPES));
    // CS-17: terms that are there are judged, whatever the type.
    if let Some(rolling_update) = &strategy.rolling_update {
        let path = path.child("rollingUpdate");
        let policy = rolling_update.pod_update_policy.as_ref();
        let word = policy.map(|policy| policy.as_str());
        errors.extend(one_of(
            &path.child("podUpdatePolicy"),
            word,
            &texts::POLICIES,
        ));
        let terms = Terms {
            path,
            terms: &rolling_update.terms,
            replicas: set.spec.replicas.unwrap_or(1),
            in_place_only: policy == Some(&v1beta1::PodUpdatePolicy::InPlaceOnly),
        };
        errors.extend(terms.errors());
        errors.extend(terms.pre_download_errors());
    }
    errors
}

/// What is wrong with a v1alpha1 CloneSet, and with the change that made it of `old`.
pub fn validate_v1alpha1(
    set: &v1alpha1::CloneSet,
    old: Option<&v1alpha1::CloneSet>,
    find_pod: FindPod<'_>,
) -> FieldErrors {
    let spec = &set.spec;
    let old_spec = old.map(|old| &old.spec);
    let mut errors = common(spec, old_spec);
    let twice = duplicates(pods_to_delete(spec));
    if twice.is_empty() {
        let known = old_spec.map(pods_to_delete).unwrap_or_default();
        errors.extend(foreign_pods(
            &set.metadata,
            pods_to_delete(spec),
            known,
            find_pod,
        ));
    }
    errors.extend(twice);
    errors.extend(deadline(spec));

    let strategy = spec.update_strategy.clone().unwrap_or_default();
    let path = FieldPath::new("spec.updateStrategy");
    let in_place_only = strategy.type_ == Some(v1alpha1::CloneSetUpdateStrategyType::InPlaceOnly);
    let word = strategy.type_.as_ref().map(|type_| type_.as_str());
    errors.extend(one_of(&path.child("type"), word, &texts::V1ALPHA1_TYPES));
    let terms = Terms {
        path,
        terms: &strategy.terms,
        replicas: spec.replicas.unwrap_or(1),
        in_place_only,
    };
    errors.extend(terms.errors());
    // CS-16
    if let Some(old) = old_spec.filter(|_| in_place_only)
        && !only_images_differ(&old.template, &spec.template)
    {
        let path = FieldPath::new("spec");
        errors.push(FieldError::forbidden(&path, workload::ONLY_IMAGES));
    }
    errors
}

/// What is wrong with what both versions have alike (CS-11, CS-12).
fn common<Scale, Update>(
    spec: &CloneSetSpec<Scale, Update>,
    old: Option<&CloneSetSpec<Scale, Update>>,
) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if let Some(old) = old
        && !workload::same_selector(&spec.selector, &old.selector)
    {
        errors.push(workload::selector_changed());
    }
    errors.take(replicas(spec.replicas));
    let parsed = workload::checked_selector(&spec.selector, &mut errors);
    if let Some(view) = errors.take(template(&spec.template)) {
        let path = FieldPath::new("spec.template.spec");
        errors.extend(workload::endless_pods(&spec.template, &path));
        if let Some(selector) = parsed {
            errors.take(labels_match(&selector, &view.metadata.labels));
        }
    }
    errors
}

/// The error about a word that is none of those supported. An empty word counts as absent.
fn one_of(path: &FieldPath, word: Option<&str>, supported: &[&str]) -> Option<FieldError> {
    let word = word.filter(|word| !word.is_empty() && !supported.contains(word))?;
    Some(FieldError::not_supported(path, word, supported))
}

fn pods_to_delete(spec: &v1alpha1::CloneSetSpec) -> &[String] {
    let scale = spec.scale_strategy.as_ref();
    let names = scale.and_then(|scale| scale.pods_to_delete.as_deref());
    names.unwrap_or_default()
}

fn duplicates(names: &[String]) -> FieldErrors {
    let path = FieldPath::new("spec.scaleStrategy.podsToDelete");
    let mut earlier = HashSet::with_capacity(names.len());
    names
        .iter()
        .enumerate()
        .filter(|(_, name)| !earlier.insert(name.as_str()))
        .take(MAX_TOLD)
        .map(|(index, name)| FieldError::duplicate(&path.index(index), name.as_str()))
        .collect()
}

/// What is wrong with names that are added to `podsToDelete` (CS-14): each must name a pod of this CloneSet
/// that is not being deleted already.
///
/// Look-ups are bounded. No name is in the list twice, so no more pods are found than there are; and the
/// search ends when [`MAX_TOLD`] names are wrong.
fn foreign_pods(
    set: &ObjectMeta,
    names: &[String],
    known: &[String],
    find_pod: FindPod<'_>,
) -> FieldErrors {
    let path = FieldPath::new("spec.scaleStrategy.podsToDelete");
    let known: HashSet<&str> = known.iter().map(String::as_str).collect();
    let why = |name: &str| match find_pod(name) {
        None => Some("there is no such pod"),
        Some(pod) if pod.metadata.is_terminating() => Some("the pod is being deleted already"),
        Some(pod) => {
            let is_ours = pod
                .metadata
                .controller()
                .is_some_and(|owner| owner.uid == set.uid);
            (!is_ours).then_some("the pod does not belong to this CloneSet")
        }
    };
    names
        .iter()
        .enumerate()
        .filter(|(_, name)| !known.contains(name.as_str()))
        .filter_map(|(index, name)| {
            Some(FieldError::invalid(
                &path.index(index),
                name.as_str(),
                why(name)?,
            ))
        })
        .take(MAX_TOLD)
        .collect()
}

/// What is wrong with the progress deadline (CS-15).
fn deadline(spec: &v1alpha1::CloneSetSpec) -> Option<FieldError> {
    let seconds = spec
        .progress_deadline_seconds
        .filter(|seconds| *seconds != NO_PROGRESS_DEADLINE)?;
    let is_right = seconds >= 0 && seconds > spec.min_ready_seconds.unwrap_or(0);
    let path = FieldPath::new("spec.progressDeadlineSeconds");
    (!is_right).then(|| FieldError::invalid(&path, Value::from(seconds), texts::DEADLINE))
}

/// Whether the pods of two templates differ in nothing but images of ordinary containers (CS-16). Both templates
/// are compared with their defaults, since the old one may have been stored while no webhook was installed.
fn only_images_differ(old: &Value, new: &Value) -> bool {
    let defaulted = |template: &Value| {
        let mut template = template.clone();
        defaults::pod_template(&mut template);
        template
    };
    inplace::only_images_differ(&defaulted(old), &defaulted(new))
}
