//! What admission refuses in a ResourceDistribution (RD-3 to RD-7). v1alpha1 is judged in the form of v1beta1. That the
//! gate is off is for the deployable to answer (RD-2), and it tries the resource on the API server (RD-5): which one to
//! try, and what the server's answer means, is said here.
//!
//! No error shows the resource: it may be a Secret.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    spec::ResourceDistributionTargetNamespaces,
    texts,
    v1beta1::{ResourceDistribution, ResourceDistributionTargets},
};
use crate::validation::{FieldError, FieldErrors, FieldPath, dns_label_problems, label_selector};

/// Code of the answer to what is refused here (RD-4, PF-211).
pub const ANSWER_CODE: u16 = 422;

const EMPTY: &str = "empty resource is not allowed";
const NO_OBJECT: &str = "the resource is no object with a kind";
const NO_OLD_OBJECT: &str = "the resource that is stored is no object with a kind";

/// What is wrong with a distribution, and with the change that made it of `old`.
pub fn validate(
    distribution: &ResourceDistribution,
    old: Option<&ResourceDistribution>,
) -> FieldErrors {
    let (mut errors, is_readable) = resource(distribution, old);
    // RD-4 b, c: nothing more is said of a spec without a resource.
    if is_readable {
        errors.extend(targets(&distribution.spec.targets));
    }
    errors
}

/// The resource, if it has to be tried by a dry run of its creation (RD-5). What is wrong with the rest of the
/// distribution plays no role.
#[must_use]
pub fn to_be_tried<'a>(
    distribution: &'a ResourceDistribution,
    old: Option<&ResourceDistribution>,
) -> Option<&'a Value> {
    let resource = &distribution.spec.resource;
    let identity = Identity::of(resource)?;
    let old = old.and_then(|old| Identity::of(&old.spec.resource));
    let is_changed = old.is_some_and(|old| old != identity);
    (identity.can_be_distributed() && !is_changed).then_some(resource)
}

/// What an answer to the dry run means that is no success (RD-5). `reason` and `message` are those of the API server's
/// `Status`. None if the resource is right.
#[must_use]
pub fn answer_of_trial(reason: &str, message: &str) -> Option<FieldError> {
    let path = path();
    match reason {
        "AlreadyExists" => None,
        "Invalid" | "BadRequest" => Some(FieldError::invalid_unshown(
            &path,
            format!("spec.resource is invalid: {message}"),
        )),
        "Forbidden" => Some(FieldError::forbidden(
            &path,
            format!("spec.resource is forbidden: {message}"),
        )),
        _ => Some(FieldError::internal(
            &path,
            format!("failed to dry-run validate spec.resource: {message}"),
        )),
    }
}

/// What an object is, as far as it says so.
#[derive(PartialEq, Eq)]
struct Identity<'a> {
    api_version: &'a str,
    kind: &'a str,
    name: &'a str,
}

impl<'a> Identity<'a> {
    /// None if the value is no object with a kind.
    fn of(resource: &'a Value) -> Option<Self> {
        let members = resource.as_object()?;
        let text = |value: Option<&'a Value>| value.and_then(Value::as_str).unwrap_or_default();
        let metadata = members.get("metadata");
        let identity = Self {
            api_version: text(members.get("apiVersion")),
            kind: text(members.get("kind")),
            name: text(metadata.and_then(|metadata| metadata.get("name"))),
        };
        (!identity.kind.is_empty()).then_some(identity)
    }

    fn can_be_distributed(&self) -> bool {
        // Only the core group's versions have no slash.
        texts::KINDS.contains(&self.kind) && !self.api_version.contains('/')
    }
}

/// RD-4 b to e, and whether the resource can be read at all.
fn resource(
    distribution: &ResourceDistribution,
    old: Option<&ResourceDistribution>,
) -> (FieldErrors, bool) {
    let path = path();
    let resource = &distribution.spec.resource;
    let mut errors = FieldErrors::new();
    if resource.is_null() {
        errors.push(FieldError::invalid_unshown(&path, EMPTY));
        return (errors, false);
    }
    let Some(identity) = Identity::of(resource) else {
        errors.push(FieldError::internal(&path, NO_OBJECT));
        return (errors, false);
    };
    let old = old.map(|old| Identity::of(&old.spec.resource));
    if let Some(None) = old {
        errors.push(FieldError::internal(&path, NO_OLD_OBJECT));
    }
    if !identity.can_be_distributed() {
        errors.push(FieldError::invalid_unshown(&path, texts::KIND));
    } else if old.flatten().is_some_and(|old| old != identity) {
        errors.push(FieldError::invalid_unshown(&path, texts::IMMUTABLE));
    }
    (errors, true)
}

/// RD-4 g to j
fn targets(targets: &ResourceDistributionTargets) -> FieldErrors {
    let path = FieldPath::new("spec.targets");
    let mut errors = FieldErrors::new();
    let included = names(targets.included_namespaces.as_ref());
    let excluded = names(targets.excluded_namespaces.as_ref());
    for (field, names) in [
        ("includedNamespaces", &included),
        ("excludedNamespaces", &excluded),
    ] {
        let path = path.child(field);
        for name in names {
            let wrong = dns_label_problems(name);
            errors.extend(wrong.map(|why| FieldError::invalid(&path, *name, why)));
        }
    }
    errors.extend(ambiguous(&included, &excluded, &path));
    if let Some(selector) = &targets.namespace_selector {
        let path = path.child("namespaceSelector");
        let wrong = label_selector(selector, &path);
        if !wrong.is_empty() {
            errors.push(FieldError::invalid_unshown(&path, wrong.to_string()));
        }
    }
    errors
}

fn names(namespaces: Option<&ResourceDistributionTargetNamespaces>) -> Vec<&str> {
    let namespaces = namespaces.map(|namespaces| namespaces.list.as_slice());
    let namespaces = namespaces.unwrap_or_default().iter();
    namespaces
        .map(|namespace| namespace.name.as_str())
        .collect()
}

/// RD-4 i
fn ambiguous(included: &[&str], excluded: &[&str], path: &FieldPath) -> Option<FieldError> {
    let included: BTreeSet<&str> = included.iter().copied().collect();
    let both: Vec<&str> = excluded
        .iter()
        .copied()
        .filter(|name| included.contains(name))
        .collect();
    let detail = format!(
        "ambiguous targets because namespace [{}] is in both IncludedNamespaces.List and ExcludedNamespaces.List",
        both.join(", ")
    );
    (!both.is_empty()).then(|| FieldError::invalid_unshown(path, detail))
}

fn path() -> FieldPath {
    FieldPath::new("spec.resource")
}
