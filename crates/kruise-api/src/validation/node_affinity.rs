//! Which nodes pods are bound to, as Kubernetes' own validation of pods takes it.

use super::{
    FieldError, FieldErrors, FieldPath,
    labels::{is_dns_subdomain, label_key, label_value},
};
use crate::{
    pod::NODE_NAME_FIELD,
    spec_parts::{NodeSelectorRequirement, NodeSelectorTerm, PreferredSchedulingTerm, Toleration},
};

const OPERATOR: &str = "must be In, NotIn, Exists, DoesNotExist, Gt or Lt";
const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

/// What is wrong with requirements that a node must meet.
pub(crate) fn required_term(term: &NodeSelectorTerm, path: &FieldPath) -> FieldErrors {
    let mut errors = self::term(term, path);
    let at = path.child("matchExpressions");
    for (index, expression) in term.match_expressions.iter().enumerate() {
        let at = at.index(index).child("values");
        for (index, value) in expression.values.iter().enumerate() {
            let why = label_value(value);
            errors
                .extend(why.map(|why| FieldError::invalid(&at.index(index), value.as_str(), why)));
        }
    }
    errors
}

/// What is wrong with wishes for nodes. Kubernetes lets values pass that no label can have.
pub(crate) fn preferred_terms(terms: &[PreferredSchedulingTerm], path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    for (index, term) in terms.iter().enumerate() {
        let path = path.index(index);
        if !(1..=100).contains(&term.weight) {
            let path = path.child("weight");
            errors.push(FieldError::invalid(
                &path,
                term.weight,
                "must be from 1 to 100",
            ));
        }
        errors.extend(self::term(&term.preference, &path.child("preference")));
    }
    errors
}

/// What is wrong with taints that pods accept.
pub(crate) fn tolerations(tolerations: &[Toleration], path: &FieldPath) -> FieldErrors {
    let tolerations = tolerations.iter().enumerate();
    tolerations
        .flat_map(|(index, it)| toleration(it, &path.index(index)))
        .collect()
}

/// What is wrong with requirements on a node. Values that no label can have are let pass.
pub(crate) fn term(term: &NodeSelectorTerm, path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let at = path.child("matchExpressions");
    for (index, expression) in term.match_expressions.iter().enumerate() {
        errors.extend(label_requirement(expression, &at.index(index)));
    }
    let at = path.child("matchFields");
    for (index, field) in term.match_fields.iter().enumerate() {
        errors.extend(field_requirement(field, &at.index(index)));
    }
    errors
}

fn label_requirement(requirement: &NodeSelectorRequirement, path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let values = &requirement.values;
    let at = path.child("values");
    match requirement.operator.as_str() {
        "In" | "NotIn" if values.is_empty() => errors.push(FieldError::required(
            &at,
            "must be given when the operator is In or NotIn",
        )),
        "Exists" | "DoesNotExist" if !values.is_empty() => errors.push(FieldError::forbidden(
            &at,
            "may not be given when the operator is Exists or DoesNotExist",
        )),
        "Gt" | "Lt" if values.len() != 1 => errors.push(FieldError::required(
            &at,
            "must be one value when the operator is Gt or Lt",
        )),
        "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt" => {}
        unknown => errors.push(FieldError::invalid(
            &path.child("operator"),
            unknown,
            OPERATOR,
        )),
    }
    let key = requirement.key.as_str();
    errors.extend(label_key(key).map(|why| FieldError::invalid(&path.child("key"), key, why)));
    errors
}

fn field_requirement(requirement: &NodeSelectorRequirement, path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let NodeSelectorRequirement {
        key,
        operator,
        values,
        unknown: _,
    } = requirement;
    let at = path.child("values");
    if !matches!(operator.as_str(), "In" | "NotIn") {
        let path = path.child("operator");
        errors.push(FieldError::invalid(
            &path,
            operator.as_str(),
            "must be In or NotIn",
        ));
    } else if values.len() != 1 {
        errors.push(FieldError::required(&at, "must be one value for a field"));
    }
    if key != NODE_NAME_FIELD {
        let why = format!("must be {NODE_NAME_FIELD}");
        errors.push(FieldError::invalid(&path.child("key"), key.as_str(), why));
        return errors;
    }
    for (index, name) in values.iter().enumerate() {
        if !is_dns_subdomain(name) {
            let why = "must be the name of a node: a DNS subdomain";
            errors.push(FieldError::invalid(&at.index(index), name.as_str(), why));
        }
    }
    errors
}

fn toleration(toleration: &Toleration, path: &FieldPath) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let Toleration {
        key,
        operator,
        value,
        effect,
        toleration_seconds,
        unknown: _,
    } = toleration;
    let at = |name: &str| path.child(name);
    if key.is_empty() {
        if operator != "Exists" {
            let why = "must be Exists when there is no key";
            errors.push(FieldError::invalid(&at("operator"), operator.as_str(), why));
        }
    } else if let Some(why) = label_key(key) {
        errors.push(FieldError::invalid(&at("key"), key.as_str(), why));
    }
    match operator.as_str() {
        "" | "Equal" => {
            let why = label_value(value);
            errors.extend(why.map(|why| FieldError::invalid(&at("value"), value.as_str(), why)));
        }
        "Exists" if !value.is_empty() => {
            let why = "must be empty when the operator is Exists";
            errors.push(FieldError::invalid(&at("value"), value.as_str(), why));
        }
        "Exists" => {}
        unknown => errors.push(FieldError::not_supported(
            &at("operator"),
            unknown,
            &["Equal", "Exists"],
        )),
    }
    if !effect.is_empty() && !EFFECTS.contains(&effect.as_str()) {
        errors.push(FieldError::not_supported(&at("effect"), effect, &EFFECTS));
    } else if toleration_seconds.is_some() && effect != "NoExecute" {
        let why = "must be NoExecute when tolerationSeconds is given";
        errors.push(FieldError::invalid(&at("effect"), effect.as_str(), why));
    }
    errors
}
