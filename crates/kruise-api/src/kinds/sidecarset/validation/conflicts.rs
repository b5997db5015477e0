//! What two SidecarSets can't both put into the same pods (SS-56, SS-58, SS-59).

use serde_json::Value;

use super::{
    super::{
        canary,
        spec::{SidecarContainer, SidecarSetPatchPodMetadata, SidecarSetPatchPolicyType},
        v1beta1::{SidecarSet, SidecarSetSpec},
    },
    overlap::overlap,
};
use crate::{
    revision::whole_form,
    template::means_the_same,
    validation::{FieldError, FieldErrors, FieldPath},
};

/// What is in conflict with other SidecarSets.
pub(super) fn conflicts(set: &SidecarSet, is_update: bool, all: &[&SidecarSet]) -> FieldErrors {
    let name = set.metadata.name.as_str();
    let base = canary::base(&set.metadata);
    let mut errors = FieldErrors::new();
    for other in all {
        let other_name = other.metadata.name.as_str();
        let is_own_base = base == Some(other_name);
        // DV-SS2: it takes the place of this one, so no pod gets both.
        let is_own_canary = is_update && canary::base(&other.metadata) == Some(name);
        if other_name != name && !is_own_base && !is_own_canary && may_meet(&set.spec, &other.spec)
        {
            errors.extend(both_put(&set.spec, other_name, &other.spec));
        }
    }
    errors
}

/// SS-56: whether there may be a pod that both are for.
fn may_meet(a: &SidecarSetSpec, b: &SidecarSetSpec) -> bool {
    let namespaces = match (&a.namespace_selector, &b.namespace_selector) {
        (Some(a), Some(b)) => overlap(a, b),
        _ => true,
    };
    let pods = match (&a.selector, &b.selector) {
        (Some(a), Some(b)) => overlap(a, b),
        // Without a selector no pod is selected.
        _ => false,
    };
    namespaces && pods
}

fn both_put(spec: &SidecarSetSpec, other_name: &str, other: &SidecarSetSpec) -> FieldErrors {
    let mut errors = FieldErrors::new();
    for (field, ours, theirs) in [
        (
            "spec.initContainers",
            &spec.init_containers,
            &other.init_containers,
        ),
        ("spec.containers", &spec.containers, &other.containers),
    ] {
        let path = FieldPath::new(field);
        for (index, container) in ours.iter().enumerate() {
            let name = container.name();
            if theirs
                .iter()
                .map(SidecarContainer::name)
                .any(|it| it == name)
            {
                let why = format!("SidecarSet {other_name} has a container of this name");
                let path = path.index(index).child("name");
                errors.push(FieldError::invalid(&path, name, why));
            }
        }
    }
    errors.extend(volumes(&spec.volumes, other_name, &other.volumes));
    errors.extend(annotations(
        &spec.patch_pod_metadata,
        other_name,
        &other.patch_pod_metadata,
    ));
    errors
}

fn volumes(ours: &Value, other_name: &str, theirs: &Value) -> FieldErrors {
    let path = FieldPath::new("spec.volumes");
    let ours = ours.as_array().into_iter().flatten().enumerate();
    let in_conflict = ours.filter_map(|(index, volume)| {
        let name = name_of(volume)?;
        // Of several of one name the last counts.
        let mut theirs = theirs.as_array().into_iter().flatten().rev();
        let other = theirs.find(|other| name_of(other) == Some(name))?;
        if are_alike(volume, other) {
            return None;
        }
        let why = format!("SidecarSet {other_name} has another volume of this name");
        let path = path.index(index).child("name");
        Some(FieldError::invalid(&path, name, why))
    });
    in_conflict.collect()
}

fn name_of(volume: &Value) -> Option<&str> {
    volume.get("name").and_then(Value::as_str)
}

/// Compares as Go's types write them, since OpenKruise may have stored one of the two. Most are the same to the letter.
fn are_alike(volume: &Value, other: &Value) -> bool {
    let form = |volume: &Value| whole_form("Volume", volume);
    volume == other || means_the_same(&form(volume), &form(other))
}

/// SS-59
fn annotations(
    ours: &[SidecarSetPatchPodMetadata],
    other_name: &str,
    theirs: &[SidecarSetPatchPodMetadata],
) -> FieldErrors {
    let path = FieldPath::new("spec.patchPodMetadata");
    let mut errors = FieldErrors::new();
    for (index, our) in ours.iter().enumerate() {
        for their in theirs {
            let policies = [&our.patch_policy, &their.patch_policy];
            let has = |policy: SidecarSetPatchPolicyType| policies.contains(&&policy);
            if has(SidecarSetPatchPolicyType::Retain) || !has(SidecarSetPatchPolicyType::Overwrite)
            {
                continue;
            }
            let path = path.index(index).child("annotations");
            for key in our.annotations.keys() {
                if their.annotations.contains_key(key) {
                    let why = format!("SidecarSet {other_name} patches the annotation, too");
                    errors.push(FieldError::invalid(&path, key.as_str(), why));
                }
            }
        }
    }
    errors
}
