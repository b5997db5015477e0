//! Validation of changed claim templates, which the gate `StatefulSetAutoResizePVCGate` switches on (AS-25).

use serde_json::Value;

use super::super::{
    spec::VolumeClaimUpdateStrategyType,
    v1beta1::{StatefulSet, StatefulSetSpec},
};
use crate::{
    meta::Time,
    quantity,
    validation::{FieldError, FieldPath},
};

/// What is read of a StorageClass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StorageClass {
    /// Its name.
    pub name: String,
    /// Whether an annotation says that it is the one for claims that name none.
    pub is_default: bool,
    /// When it was made.
    pub creation_timestamp: Option<Time>,
    /// Whether its volumes can grow.
    pub allow_volume_expansion: Option<bool>,
}

/// The first thing that is wrong with the change of the claim templates. `classes` are all StorageClasses, or why they
/// are not known. Asked only where the gate is on.
///
/// # Errors
/// What is wrong.
pub fn validate_claims(
    set: &StatefulSet,
    old: &StatefulSet,
    classes: Result<&[StorageClass], &str>,
) -> Result<(), FieldError> {
    // The old type decides, so that the request that switches claims over is not checked, and the one that switches
    // them back is.
    let strategy = old.spec.volume_claim_update_strategy.as_ref();
    if strategy.is_none_or(|strategy| {
        strategy.type_ == VolumeClaimUpdateStrategyType::OnDelete
            || strategy.type_.as_str().is_empty()
    }) {
        return Ok(());
    }
    let path = FieldPath::new("spec.volumeClaimTemplates");
    let (claims, olds) = (claims(&set.spec), claims(&old.spec));
    if claims.len() != olds.len() {
        let why = "the number of claim templates can't be changed";
        return Err(FieldError::invalid(&path, claims.len(), why));
    }
    let mut pairs = Vec::new();
    for (index, claim) in claims.iter().enumerate() {
        let name = text(claim, "/metadata/name");
        let Some(old) = olds.iter().find(|old| text(old, "/metadata/name") == name) else {
            let why = format!("there was no claim template {name:?} before");
            return Err(FieldError::forbidden(&path.index(index), why));
        };
        pairs.push((path.index(index), claim, old));
    }
    pairs
        .into_iter()
        .try_for_each(|(path, claim, old)| one(&path, claim, old, classes))
}

fn claims(spec: &StatefulSetSpec) -> &[Value] {
    spec.volume_claim_templates.as_deref().unwrap_or_default()
}

fn text<'a>(claim: &'a Value, pointer: &str) -> &'a str {
    let value = claim.pointer(pointer);
    value.and_then(Value::as_str).unwrap_or_default()
}

fn one(
    path: &FieldPath,
    claim: &Value,
    old: &Value,
    classes: Result<&[StorageClass], &str>,
) -> Result<(), FieldError> {
    let class = text(claim, "/spec/storageClassName");
    let at_class = path.child("spec").child("storageClassName");
    let old_class = text(old, "/spec/storageClassName");
    if !class.is_empty() && !old_class.is_empty() && class != old_class {
        return Err(FieldError::invalid(&at_class, class, "can't be changed"));
    }
    if modes(claim) != modes(old) {
        let path = path.child("spec").child("accessModes");
        let value = Value::from(modes(claim));
        return Err(FieldError::invalid(&path, value, "can't be changed"));
    }
    let is_same_size = ["requests", "limits"].into_iter().all(|amount| {
        let pointer = format!("/spec/resources/{amount}/storage");
        same_amount(claim.pointer(&pointer), old.pointer(&pointer))
    });
    if is_same_size {
        return Ok(());
    }
    let classes = classes.map_err(|why| {
        let why = format!("the StorageClasses can't be listed: {why}");
        FieldError::invalid(&at_class, class, why)
    })?;
    let found = if class.is_empty() {
        let defaults = classes.iter().filter(|class| class.is_default);
        defaults.max_by_key(|class| class.creation_timestamp)
    } else {
        let found = classes.iter().find(|it| it.name == class);
        if found.is_none() {
            let why = "there is no such StorageClass";
            return Err(FieldError::invalid(&at_class, class, why));
        }
        found
    };
    match found {
        Some(class) if class.allow_volume_expansion == Some(false) => {
            let why = format!(
                "volumes of StorageClass {:?} can't change their size",
                class.name
            );
            Err(FieldError::forbidden(path, why))
        }
        _ => Ok(()),
    }
}

fn modes(claim: &Value) -> Vec<&str> {
    let modes = claim.pointer("/spec/accessModes").and_then(Value::as_array);
    let modes = modes.into_iter().flatten();
    modes
        .map(|mode| mode.as_str().unwrap_or_default())
        .collect()
}

fn same_amount(a: Option<&Value>, b: Option<&Value>) -> bool {
    let written = |amount: Option<&Value>| match amount {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let (a, b) = (written(a), written(b));
    a == b || quantity::same_amount(&a, &b)
}
