//! What can't be changed (SS-55), and what a canary has to be (SS-64).

use std::collections::BTreeMap;

use super::super::{
    canary,
    spec::{SidecarContainer, SidecarSetUpdateStrategyType},
    v1beta1::{SidecarSet, SidecarSetSpec},
};
use crate::{
    validation::{FieldError, FieldErrors, FieldPath},
    well_known::annotations::SIDECARSET_BASE,
};

const ADDED: &str = "containers can be removed, but not added or renamed";
const UPGRADE_TYPE: &str = "can't be changed";
const OWN_BASE: &str = "a SidecarSet can't be its own base";
const OTHER_BASE: &str = "the base can't be changed";
const NO_BASE: &str = "no such SidecarSet";
const BASE_IS_CANARY: &str = "the base can't be a canary itself";
const CANARY_TYPE: &str = "a canary SidecarSet must have type NotUpdate";

/// SS-55. Init containers may change freely.
pub(super) fn containers(spec: &SidecarSetSpec, old: &SidecarSetSpec) -> FieldErrors {
    let of_name = |container| (SidecarContainer::name(container), container);
    let old: BTreeMap<&str, &SidecarContainer> = old.containers.iter().map(of_name).collect();
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec.containers");
    for (index, container) in spec.containers.iter().enumerate() {
        let path = path.index(index);
        let name = container.name();
        let Some(old) = old.get(name) else {
            errors.push(FieldError::invalid(&path.child("name"), name, ADDED));
            continue;
        };
        // What had no type may get one.
        let Some(old_type) = old.upgrade_type() else {
            continue;
        };
        if container.upgrade_type() != Some(old_type) {
            let path = path.child("upgradeStrategy.upgradeType");
            let type_ = container.upgrade_type();
            let type_ = type_.map(|type_| type_.as_str()).unwrap_or_default();
            errors.push(FieldError::invalid(&path, type_, UPGRADE_TYPE));
        }
    }
    errors
}

/// SS-64
pub(super) fn canary(
    set: &SidecarSet,
    old: Option<&SidecarSet>,
    all: &[&SidecarSet],
) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let Some(base) = canary::base(&set.metadata) else {
        return errors;
    };
    let path = FieldPath::new(&format!("metadata.annotations[{SIDECARSET_BASE}]"));
    if set.metadata.name == base {
        errors.push(FieldError::invalid(&path, base, OWN_BASE));
    }
    let is_other = |old: &SidecarSet| {
        let old = old.metadata.annotations.get(SIDECARSET_BASE);
        old.is_none_or(|old| *old != *base)
    };
    if old.is_some_and(is_other) {
        errors.push(FieldError::invalid(&path, base, OTHER_BASE));
    }
    match all.iter().find(|it| it.metadata.name == base) {
        None => errors.push(FieldError::invalid(&path, base, NO_BASE)),
        Some(it) if canary::base(&it.metadata).is_some() => {
            errors.push(FieldError::invalid(&path, base, BASE_IS_CANARY));
        }
        Some(_) => {}
    }
    let strategy = set.spec.update_strategy.as_ref();
    let type_ = strategy.map(|strategy| &strategy.type_);
    if type_ != Some(&SidecarSetUpdateStrategyType::NotUpdate) {
        let path = FieldPath::new("spec.updateStrategy.type");
        let type_ = type_.map(|type_| type_.as_str()).unwrap_or_default();
        errors.push(FieldError::invalid(&path, type_, CANARY_TYPE));
    }
    errors
}
