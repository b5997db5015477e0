//! What admission refuses in a PersistentPodState (PS-6 to PS-11). v1alpha1 is judged in the form of v1beta1. Weights,
//! keys and the retention policy are left to the schema.

use super::{
    texts,
    v1beta1::{PersistentPodState, PersistentPodStateSpec},
};
use crate::{
    spec_parts::TargetReference,
    validation::{FieldError, FieldErrors, FieldPath, target_reference},
    white_list::WhiteList,
};

/// Code of the answer to what is refused here (PF-211).
pub const ANSWER_CODE: u16 = 400;

const UNSUPPORTED: &str =
    "must be a StatefulSet of apps or apps.kruise.io, or a kind of the white list";

/// What is wrong with a PersistentPodState, and with the change that made it of `old`. `others` are all of its
/// namespace; itself may be among them.
pub fn validate<'a>(
    state: &PersistentPodState,
    old: Option<&PersistentPodState>,
    white_list: &WhiteList,
    others: impl IntoIterator<Item = &'a PersistentPodState>,
) -> FieldErrors {
    let target = &state.spec.target_ref;
    let path = FieldPath::new("spec.targetRef");
    let mut errors = FieldErrors::new();
    errors.extend(target_reference::incomplete(target, &path));
    if !is_supported_workload(target.group(), &target.kind, white_list) {
        errors.push(target_reference::invalid(target, &path, UNSUPPORTED));
    }
    errors.extend(topology(&state.spec));
    // PS-9: to the letter.
    if old.is_some_and(|old| !is_same_text(target, &old.spec.target_ref)) {
        errors.push(FieldError::forbidden(&path, texts::TARGET_CHANGED));
    }
    errors.extend(taken(state, others));
    errors
}

/// Whether pods of this kind of workload can be remembered (PS-7).
#[must_use]
pub fn is_supported_workload(group: &str, kind: &str, white_list: &WhiteList) -> bool {
    (kind == "StatefulSet" && matches!(group, "apps" | "apps.kruise.io"))
        || white_list.workload(group, kind).is_some()
}

/// PS-8: lists of keys may be empty.
fn topology(spec: &PersistentPodStateSpec) -> Option<FieldError> {
    let is_there = spec.required_persistent_topology.is_some()
        || !spec.preferred_persistent_topology.is_empty();
    (!is_there).then(|| {
        // The whole spec as value would hide what is wrong.
        FieldError::invalid(&FieldPath::new("spec"), "", texts::NO_TOPOLOGY)
    })
}

fn is_same_text(a: &TargetReference, b: &TargetReference) -> bool {
    (&a.api_version, &a.kind, &a.name) == (&b.api_version, &b.kind, &b.name)
}

/// PS-10: a workload has one PersistentPodState.
fn taken<'a>(
    state: &PersistentPodState,
    others: impl IntoIterator<Item = &'a PersistentPodState>,
) -> Option<FieldError> {
    let target = &state.spec.target_ref;
    let other = others.into_iter().find(|other| {
        other.metadata.name != state.metadata.name && other.spec.target_ref.is_same_workload(target)
    })?;
    let why = format!(
        "PersistentPodState {} is about the same workload",
        other.metadata.name
    );
    Some(target_reference::invalid(
        target,
        &FieldPath::new("spec.targetRef"),
        why,
    ))
}
