//! Which nodes a pod selects: its nodeSelector and its required node affinity (DS-31, BJ-42).

use kruise_api::{
    pod::{NODE_NAME_FIELD, NodeSelectorRequirement, NodeSelectorTerm, Placement},
    read::Node,
    text::Text,
    validation::{label_key, label_value},
};

/// Whether the node has the labels of the pod's nodeSelector, and matches one term of its required node affinity. A
/// term that is empty or makes no sense matches nothing; the others still count.
#[must_use]
pub fn selects(placement: &Placement, node: &Node) -> bool {
    let labels = &node.metadata.labels;
    let has_labels = placement
        .node_selector
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value));
    let terms = placement.required_terms.as_deref();
    has_labels && terms.is_none_or(|terms| terms.iter().any(|term| matches(term, node)))
}

fn matches(term: &NodeSelectorTerm, node: &Node) -> bool {
    let NodeSelectorTerm {
        match_expressions,
        match_fields,
    } = term;
    if match_expressions.is_empty() && match_fields.is_empty() {
        return false;
    }
    let labels = &node.metadata.labels;
    match_expressions.iter().all(|requirement| {
        let value = labels.get(&requirement.key).map(Text::as_str);
        expression(requirement, value) == Some(true)
    }) && match_fields
        .iter()
        .all(|requirement| field(requirement, &node.metadata.name) == Some(true))
}

/// Whether a label meets a requirement; `None` when the requirement makes no sense.
fn expression(requirement: &NodeSelectorRequirement, label: Option<&str>) -> Option<bool> {
    let NodeSelectorRequirement {
        key,
        operator,
        values,
    } = requirement;
    let is_right =
        label_key(key).is_none() && values.iter().all(|value| label_value(value).is_none());
    if !is_right {
        return None;
    }
    let is_listed = |label: &str| values.iter().any(|value| *value == label);
    match (operator.as_str(), values.as_slice()) {
        ("In", [_, ..]) => Some(label.is_some_and(is_listed)),
        ("NotIn", [_, ..]) => Some(!label.is_some_and(is_listed)),
        ("Exists", []) => Some(label.is_some()),
        ("DoesNotExist", []) => Some(label.is_none()),
        (comparison @ ("Gt" | "Lt"), [bound]) => {
            let bound: i64 = bound.as_str().parse().ok()?;
            let number = label.and_then(|label| label.parse::<i64>().ok());
            Some(number.is_some_and(|number| match comparison {
                "Gt" => number > bound,
                _ => number < bound,
            }))
        }
        _ => None,
    }
}

/// Whether the node's name meets a requirement on fields; `None` when the requirement makes no sense.
fn field(requirement: &NodeSelectorRequirement, name: &str) -> Option<bool> {
    let NodeSelectorRequirement {
        key,
        operator,
        values,
    } = requirement;
    let [value] = values.as_slice() else {
        return None;
    };
    match (key.as_str(), operator.as_str()) {
        (NODE_NAME_FIELD, "In") => Some(*value == name),
        (NODE_NAME_FIELD, "NotIn") => Some(*value != name),
        _ => None,
    }
}
