//! An extent in CEL, as the API server evaluates it for each new pod. Equal extents have equal texts.
//!
//! Evaluation costs about one unit for each value; the API server allows 2,500,000 for the conditions of a webhook, so
//! that bounds on the text's length are bounds on the cost.

use std::{collections::BTreeMap, fmt::Write};

use super::{by_label::ByLabel, one_of::OneOf};

/// The expression of these regions.
pub(crate) fn render(regions: &BTreeMap<OneOf, ByLabel>) -> String {
    let regions: Vec<_> = regions
        .iter()
        .map(|(namespaces, pods)| region(namespaces, pods))
        .collect();
    match regions.as_slice() {
        [] => "false".to_owned(),
        regions => any(regions),
    }
}

/// The expression that holds for objects of this name alone.
pub(crate) fn is_named(name: &str) -> String {
    format!("object.metadata.name == {}", quoted(name))
}

/// The expression that holds where this one does not; without one: nowhere.
pub(crate) fn not(expression: Option<String>) -> String {
    match expression {
        None => "false".to_owned(),
        Some(expression) => format!("!({expression})"),
    }
}

fn region(namespaces: &OneOf, pods: &ByLabel) -> String {
    let mut parts = vec![];
    if let OneOf::These(_) = namespaces {
        parts.push(format!("request.namespace in {}", list(namespaces)));
    }
    if let ByLabel::With(keys) = pods {
        // Whoever has no labels lacks the member.
        parts.push("has(object.metadata.labels)".to_owned());
        let labels: Vec<_> = keys
            .iter()
            .map(|(key, values)| label(key, values))
            .collect();
        parts.push(any(&labels));
    }
    match parts.as_slice() {
        [] => "true".to_owned(),
        parts => parts.join(" && "),
    }
}

fn label(key: &str, values: &OneOf) -> String {
    let key = quoted(key);
    let mut text = format!("{key} in object.metadata.labels");
    if let OneOf::These(_) = values {
        text.push_str(" && object.metadata.labels[");
        text.push_str(&key);
        text.push_str("] in ");
        text.push_str(&list(values));
    }
    text
}

fn any(parts: &[String]) -> String {
    match parts {
        [] => "false".to_owned(),
        [part] => part.clone(),
        parts => {
            let parts: Vec<_> = parts.iter().map(|part| format!("({part})")).collect();
            format!("({})", parts.join(" || "))
        }
    }
}

fn list(texts: &OneOf) -> String {
    let texts = match texts {
        OneOf::Any => vec![],
        OneOf::These(texts) => texts.iter().map(|text| quoted(text)).collect(),
    };
    format!("[{}]", texts.join(", "))
}

/// A string literal. What is unusual in a label is written by its number, so that no text can end the literal.
fn quoted(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for character in text.chars() {
        match character {
            ' '..='~' if character != '\'' && character != '\\' => literal.push(character),
            _ => {
                // Writing to a String can't fail.
                let _ = write!(literal, "\\U{:08x}", u32::from(character));
            }
        }
    }
    literal.push('\'');
    literal
}
