//! Validation of the groups of nodes, apart from their sizes (UD-11).

use std::collections::HashSet;

use super::super::spec::{Subset, UnitedDeploymentScheduleStrategyType, UnitedDeploymentSpec};
use crate::{
    spec_parts::{NodeSelectorRequirement, NodeSelectorTerm, Toleration},
    validation::{FieldError, FieldErrors, FieldPath, dns_label, label_key, label_value},
};

/// What is wrong with the groups of nodes.
pub(super) fn errors(spec: &UnitedDeploymentSpec) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let Some(topology) = &spec.topology else {
        return errors;
    };
    let path = FieldPath::new("spec.topology");
    let type_ = topology.schedule_strategy.as_ref().map(|it| &it.type_);
    if let Some(UnitedDeploymentScheduleStrategyType::Other(word)) = type_
        && !word.is_empty()
    {
        let path = path.child("scheduleStrategy").child("type");
        errors.push(FieldError::not_supported(
            &path,
            word,
            &["Adaptive", "Fixed"],
        ));
    }
    let path = path.child("subsets");
    let mut earlier = HashSet::new();
    for (index, subset) in topology.subsets.iter().enumerate() {
        let path = path.index(index);
        errors.extend(name(subset, &path.child("name"), &mut earlier));
        if let Some(term) = &subset.node_selector_term {
            errors.extend(node_selector_term(term, &path.child("nodeSelectorTerm")));
        }
        for (index, it) in subset.tolerations.iter().enumerate() {
            errors.extend(toleration(it, &path.child("tolerations").index(index)));
        }
        if subset.replicas.is_some() && spec.is_adaptive() {
            let path = path.child("replicas");
            let why = "can't be given when the type of scheduleStrategy is Adaptive";
            errors.push(FieldError::forbidden(&path, why));
        }
    }
    errors
}

fn name<'a>(
    subset: &'a Subset,
    path: &FieldPath,
    earlier: &mut HashSet<&'a str>,
) -> Option<FieldError> {
    let name = subset.name.as_str();
    if name.is_empty() {
        return Some(FieldError::required(path, "must not be empty"));
    }
    if !earlier.insert(name) {
        return Some(FieldError::duplicate(path, name));
    }
    dns_label(name).map(|why| FieldError::invalid(path, name, why))
}

fn node_selector_term(term: &NodeSelectorTerm, path: &FieldPath) -> FieldErrors {
    let NodeSelectorTerm {
        match_expressions,
        match_fields,
        unknown: _,
    } = term;
    let at = path.child("matchExpressions");
    let expressions = match_expressions.iter().enumerate();
    let mut errors: FieldErrors = expressions
        .flat_map(|(index, it)| expression(it, &at.index(index)))
        .collect();
    let at = path.child("matchFields");
    let fields = match_fields.iter().enumerate();
    errors.extend(fields.flat_map(|(index, it)| field(it, &at.index(index))));
    errors
}

fn expression(expression: &NodeSelectorRequirement, path: &FieldPath) -> FieldErrors {
    let NodeSelectorRequirement {
        key,
        operator,
        values,
        unknown: _,
    } = expression;
    let mut errors = FieldErrors::new();
    let at = path.child("values");
    match (operator.as_str(), values.len()) {
        ("In" | "NotIn", 0) => errors.push(FieldError::required(
            &at,
            "must be given when the operator is In or NotIn",
        )),
        ("Exists" | "DoesNotExist", 1..) => errors.push(FieldError::forbidden(
            &at,
            "may not be given when the operator is Exists or DoesNotExist",
        )),
        ("Gt" | "Lt", 0 | 2..) => errors.push(FieldError::required(
            &at,
            "must be a single one when the operator is Gt or Lt",
        )),
        ("In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt", _) => {}
        (unknown, _) => errors.push(FieldError::invalid(
            &path.child("operator"),
            unknown,
            "must be In, NotIn, Exists, DoesNotExist, Gt or Lt",
        )),
    }
    errors.extend(
        label_key(key).map(|why| FieldError::invalid(&path.child("key"), key.as_str(), why)),
    );
    errors
}

fn field(field: &NodeSelectorRequirement, path: &FieldPath) -> FieldErrors {
    let NodeSelectorRequirement {
        key,
        operator,
        values,
        unknown: _,
    } = field;
    let mut errors = FieldErrors::new();
    if !matches!(operator.as_str(), "In" | "NotIn") {
        let path = path.child("operator");
        let why = "must be In or NotIn";
        errors.push(FieldError::invalid(&path, operator.as_str(), why));
    } else if values.len() != 1 {
        let why = "must be a single one";
        errors.push(FieldError::required(&path.child("values"), why));
    }
    if key != "metadata.name" {
        let path = path.child("key");
        errors.push(FieldError::invalid(
            &path,
            key.as_str(),
            "must be metadata.name",
        ));
    }
    errors
}

fn toleration(toleration: &Toleration, path: &FieldPath) -> FieldErrors {
    let Toleration {
        key,
        operator,
        value,
        effect,
        toleration_seconds,
        unknown: _,
    } = toleration;
    let mut errors = FieldErrors::new();
    if !key.is_empty() {
        let why = label_key(key);
        errors.extend(why.map(|why| FieldError::invalid(&path.child("key"), key.as_str(), why)));
    } else if operator != "Exists" {
        let why = "must be Exists when key is empty, which means every taint";
        let path = path.child("operator");
        errors.push(FieldError::invalid(&path, operator.as_str(), why));
    }
    if toleration_seconds.is_some() && effect != "NoExecute" {
        let why = "must be NoExecute when tolerationSeconds is given";
        let path = path.child("effect");
        errors.push(FieldError::invalid(&path, effect.as_str(), why));
    }
    let at_value = path.child("value");
    match operator.as_str() {
        "" | "Equal" => errors.extend(
            label_value(value).map(|why| FieldError::invalid(&at_value, value.as_str(), why)),
        ),
        "Exists" if value.is_empty() => {}
        "Exists" => {
            let why = "must be empty when the operator is Exists";
            errors.push(FieldError::invalid(&at_value, value.as_str(), why));
        }
        unknown => {
            let path = path.child("operator");
            errors.push(FieldError::not_supported(
                &path,
                unknown,
                &["Equal", "Exists"],
            ));
        }
    }
    let effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    if !effect.is_empty() && !effects.contains(&effect.as_str()) {
        errors.push(FieldError::not_supported(
            &path.child("effect"),
            effect,
            &effects,
        ));
    }
    errors
}
