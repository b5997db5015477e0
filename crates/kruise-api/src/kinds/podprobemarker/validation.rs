//! What admission refuses in a PodProbeMarker (PP-2 to PP-7). That the gates are off is for the deployable to answer
//! (PP-1).

mod handlers;

use std::collections::HashSet;

use super::{
    texts,
    v1alpha1::{PodContainerProbe, PodProbeMarkerSpec, ProbeMarkerPolicy},
};
use crate::validation::{
    FieldError, FieldErrors, FieldPath, annotations, label_key, labels, not_empty_selector,
};

/// Code of the answer to what is refused here (PP-2, PF-211).
pub const ANSWER_CODE: u16 = 400;

const HASH: &str = "must not contain '#', which parts it from the name of the PodProbeMarker";

/// What is wrong with a spec, and with the change that made it of `old`. Everything but the selector may change
/// (PP-7).
pub fn validate(spec: &PodProbeMarkerSpec, old: Option<&PodProbeMarkerSpec>) -> FieldErrors {
    let path = FieldPath::new("spec.selector");
    let mut errors = not_empty_selector(&spec.selector, &path);
    if let Err(last) = probes(&spec.probes, &mut errors) {
        errors.push(last);
    }
    // PP-3. The path is the reference's.
    if old.is_some_and(|old| old.selector != spec.selector) {
        let path = FieldPath::new("selector");
        errors.push(FieldError::forbidden(&path, texts::SELECTOR_CHANGED));
    }
    errors
}

/// What was met already, in the probes before.
#[derive(Default)]
struct Met<'a> {
    names: HashSet<&'a str>,
    condition_types: HashSet<&'a str>,
}

/// PP-4. Adds what is wrong with the probes.
///
/// # Errors
/// With the error that ends the check.
fn probes(probes: &[PodContainerProbe], errors: &mut FieldErrors) -> Result<(), FieldError> {
    let path = FieldPath::new("spec.probes");
    if probes.is_empty() {
        return Err(FieldError::required(&path, texts::NO_PROBES));
    }
    let mut met = Met::default();
    for (index, each) in probes.iter().enumerate() {
        probe(each, &path.index(index), &mut met, errors)?;
    }
    Ok(())
}

fn probe<'a>(
    probe: &'a PodContainerProbe,
    path: &FieldPath,
    met: &mut Met<'a>,
    errors: &mut FieldErrors,
) -> Result<(), FieldError> {
    let PodContainerProbe {
        name,
        container_name,
        probe,
        marker_policy,
        pod_condition_type,
        unknown: _,
    } = probe;
    let at = path.child("name");
    if name.contains('#') {
        return Err(FieldError::invalid(&at, name.as_str(), HASH));
    }
    if name.is_empty() {
        return Err(FieldError::required(&at, texts::NOT_EMPTY));
    }
    if container_name.is_empty() {
        let at = path.child("containerName");
        return Err(FieldError::required(&at, texts::NOT_EMPTY));
    }
    // A quirk that is kept: a condition with such a type is accepted.
    if texts::RESERVED_NAMES.contains(&name.as_str()) {
        return Err(FieldError::invalid(&at, name.as_str(), texts::RESERVED));
    }
    if !met.names.insert(name) {
        return Err(FieldError::duplicate(&at, name.as_str()));
    }
    errors.extend(handlers::probe(probe, &path.child("probe")));
    if pod_condition_type.is_empty() && marker_policy.is_empty() {
        return Err(FieldError::required(path, texts::NO_EFFECT));
    }
    if !pod_condition_type.is_empty() {
        let at = path.child("podConditionType");
        let type_ = pod_condition_type.as_str();
        if !met.condition_types.insert(type_) {
            return Err(FieldError::duplicate(&at, type_));
        }
        errors.extend(label_key(type_).map(|why| FieldError::invalid(&at, type_, why)));
    }
    policies(marker_policy, &path.child("markerPolicy"), errors)
}

/// PP-4, PP-6
fn policies(
    policies: &[ProbeMarkerPolicy],
    path: &FieldPath,
    errors: &mut FieldErrors,
) -> Result<(), FieldError> {
    let mut states = HashSet::new();
    for (index, policy) in policies.iter().enumerate() {
        let ProbeMarkerPolicy {
            state,
            labels: for_labels,
            annotations: for_annotations,
            unknown: _,
        } = policy;
        let path = path.index(index);
        let at = path.child("state");
        let state = state.as_str();
        if !states.insert(state) {
            return Err(FieldError::duplicate(&at, state));
        }
        if !texts::STATES.contains(&state) {
            errors.push(FieldError::not_supported(&at, state, &texts::STATES));
        }
        if for_labels.is_empty() && for_annotations.is_empty() {
            let why = "must have labels or annotations";
            errors.push(FieldError::required(&path, why));
        }
        errors.extend(labels(for_labels, &path.child("labels")));
        errors.extend(annotations(for_annotations, &path.child("annotations")));
    }
    Ok(())
}
