//! Annotations that pods get, and which of them the cluster allows (SS-54, SS-60 to SS-63).

use std::collections::BTreeSet;

use serde::Deserialize;

use super::super::v1beta1::SidecarSetSpec;
use crate::{
    go_regex::GoRegex,
    meta::{LabelSelector, ObjectMeta, list},
    selector::Selector,
    validation::{FieldError, FieldErrors, FieldPath, annotations, label_selector},
};

const NO_ANNOTATION: &str = "no annotations defined";
const NO_POLICY: &str = "must not be empty";
const NOT_CONFIGURED: &str = "SidecarSet patchPodMetadata whitelist not found";
const NO_RULE: &str = "no rule of the whitelist is for this SidecarSet";

/// Which annotations pods may get, as the cluster's configuration says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationWhitelist<'a> {
    /// There is no configuration, or it says nothing of annotations.
    Absent,
    /// The configuration's JSON.
    Json(&'a str),
    /// The configuration could not be read, for this reason.
    Unreadable(&'a str),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whitelist {
    #[serde(default, deserialize_with = "list")]
    rules: Vec<Rule>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Rule {
    selector: Option<LabelSelector>,
    #[serde(deserialize_with = "list")]
    allowed_annotation_key_exprs: Vec<String>,
}

pub(super) fn errors(
    spec: &SidecarSetSpec,
    metadata: &ObjectMeta,
    whitelist: AnnotationWhitelist<'_>,
    allows_by_default: bool,
) -> FieldErrors {
    let mut errors = FieldErrors::new();
    // SS-60
    if spec.patch_pod_metadata.is_empty() {
        return errors;
    }
    let path = FieldPath::new("spec.patchPodMetadata");
    match allowed(whitelist, metadata) {
        Ok(Some(patterns)) => errors.extend(not_allowed(spec, &patterns, &path)),
        // SS-61, SS-62
        Ok(None) if allows_by_default => {}
        Ok(None) => {
            let why = match whitelist {
                AnnotationWhitelist::Absent => NOT_CONFIGURED,
                _ => NO_RULE,
            };
            errors.push(FieldError::forbidden(&path, why));
        }
        Err(why) => errors.push(FieldError::internal(&path, why)),
    }
    let mut seen = BTreeSet::new();
    for (index, patch) in spec.patch_pod_metadata.iter().enumerate() {
        let path = path.index(index);
        if patch.patch_policy.as_str().is_empty() {
            errors.push(FieldError::required(&path.child("patchPolicy"), NO_POLICY));
        }
        let path = path.child("annotations");
        if patch.annotations.is_empty() {
            errors.push(FieldError::required(&path, NO_ANNOTATION));
        }
        errors.extend(annotations(&patch.annotations, &path));
        let again = patch.annotations.keys().filter(|key| !seen.insert(*key));
        errors.extend(again.map(|key| FieldError::duplicate(&path, key.as_str())));
    }
    errors
}

/// The expressions that are for a SidecarSet with this metadata. None if there are none.
fn allowed(
    whitelist: AnnotationWhitelist<'_>,
    metadata: &ObjectMeta,
) -> Result<Option<Vec<GoRegex>>, String> {
    let json = match whitelist {
        AnnotationWhitelist::Absent => return Ok(None),
        AnnotationWhitelist::Unreadable(why) => return Err(why.to_owned()),
        AnnotationWhitelist::Json(json) => json,
    };
    let Whitelist { rules } = serde_json::from_str(json)
        .map_err(|error| format!("the whitelist can't be read: {error}"))?;
    let mut patterns = Vec::new();
    for rule in rules {
        if is_for(rule.selector.as_ref(), metadata)? {
            for pattern in rule.allowed_annotation_key_exprs {
                patterns.push(GoRegex::parse(&pattern).map_err(|error| error.to_string())?);
            }
        }
    }
    Ok((!patterns.is_empty()).then_some(patterns))
}

fn is_for(selector: Option<&LabelSelector>, metadata: &ObjectMeta) -> Result<bool, String> {
    let Some(selector) = selector else {
        return Ok(true);
    };
    let wrong = label_selector(selector, &FieldPath::new("selector"));
    if !wrong.is_empty() {
        return Err(format!("the whitelist can't be read: {wrong}"));
    }
    let selector = Selector::parse(selector).map_err(|error| error.to_string())?;
    Ok(selector.matches(&metadata.labels))
}

/// SS-63
fn not_allowed(spec: &SidecarSetSpec, patterns: &[GoRegex], path: &FieldPath) -> FieldErrors {
    let keys = spec
        .patch_pod_metadata
        .iter()
        .flat_map(|it| it.annotations.keys());
    let refused = keys.filter(|key| !patterns.iter().any(|pattern| pattern.matches(key)));
    refused
        .map(|key| {
            let why = format!("the whitelist does not allow annotation {key}");
            FieldError::forbidden(path, why)
        })
        .collect()
}
