//! A schema of ours as paths with facts.

use serde_json::{Map, Value, json};

use super::compare::{Facts, OBJECT, Shape};

/// Keywords that are not facts of their own: what lies below a node, and text for people.
const NO_FACTS: [&str; 5] = [
    "properties",
    "items",
    "additionalProperties",
    "required",
    "description",
];

/// Every node of the schema. A keyword that this file doesn't know is a fact like any other, so that
/// nothing passes unseen.
pub(super) fn shape(schema: &Value) -> Shape {
    let mut shape = Shape::new();
    if let Value::Object(schema) = schema {
        walk("", schema, false, &mut shape);
    }
    shape
}

fn walk(path: &str, schema: &Map<String, Value>, required: bool, shape: &mut Shape) {
    let mut facts = facts(schema);
    if required {
        facts.insert("required".to_owned(), true.into());
    }
    let no_properties = Map::new();
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&no_properties);
    let mut needed: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, property) in properties {
        let is_required = needed.contains(&name.as_str());
        needed.retain(|needed| needed != name);
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        child(path, property, is_required, shape);
    }
    if !needed.is_empty() {
        facts.insert("requires".to_owned(), json!(needed));
    }
    if let Some(items) = schema.get("items") {
        child(format!("{path}[]"), items, false, shape);
    }
    match schema.get("additionalProperties") {
        None => {}
        Some(flag @ Value::Bool(_)) => {
            facts.insert("additionalProperties".to_owned(), flag.clone());
        }
        Some(values) => child(format!("{path}{{}}"), values, false, shape),
    }
    let path = if path.is_empty() { OBJECT } else { path };
    shape.insert(path.to_owned(), facts);
}

fn child(path: String, schema: &Value, required: bool, shape: &mut Shape) {
    match schema {
        Value::Object(schema) => walk(&path, schema, required, shape),
        // Nothing that the API server takes; the difference says what it is.
        other => {
            shape.insert(path, Facts::from([("schema".to_owned(), other.clone())]));
        }
    }
}

fn facts(schema: &Map<String, Value>) -> Facts {
    let mut facts: Facts = schema
        .iter()
        .filter(|(keyword, _)| !NO_FACTS.contains(&keyword.as_str()))
        .map(|(keyword, value)| (word(keyword).to_owned(), value.clone()))
        .collect();
    // The tables have this as a type; the schema says it in two keywords, and has no type.
    if facts.get("int-or-string") == Some(&Value::Bool(true)) && !facts.contains_key("type") {
        facts.remove("int-or-string");
        facts.insert("type".to_owned(), "int-or-string".into());
        if facts.get("anyOf") == Some(&json!([{ "type": "integer" }, { "type": "string" }])) {
            facts.remove("anyOf");
        }
    }
    if let Some(rules) = facts.get_mut("rules") {
        *rules = expressions(rules);
    }
    facts
}

/// The tables' word for a keyword.
fn word(keyword: &str) -> &str {
    match keyword.strip_prefix("x-kubernetes-") {
        Some("validations") => "rules",
        Some(word) => word,
        None => keyword,
    }
}

/// Rules without their messages, which are ours.
fn expressions(rules: &Value) -> Value {
    let rules = rules.as_array().into_iter().flatten();
    rules.map(|rule| rule["rule"].clone()).collect()
}
