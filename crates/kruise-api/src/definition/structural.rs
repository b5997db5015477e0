//! Turns JSON Schema into the structural schema that the API server demands: no references, one type
//! a node, and nothing that only other tools read.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};

/// Structural schema of a type.
pub(super) fn schema_of<T: JsonSchema>() -> Value {
    let mut generator = SchemaSettings::openapi3()
        .with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
            settings.transforms.clear();
        })
        .into_generator();
    let schema = generator.root_schema_for::<T>();
    structural(schema.to_value())
}

/// Schema of a value that is not described. The API server keeps all its fields.
pub(crate) fn preserved(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

/// Schema of a whole object of any kind. The API server keeps all its fields.
pub(crate) fn embedded_object(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "x-kubernetes-embedded-resource": true,
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

/// Schema of times by name.
pub(crate) fn times(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "format": "date-time" },
    })
}

fn structural(schema: Value) -> Value {
    let Value::Object(mut schema) = schema else {
        return schema;
    };
    if let Some(inner) = without_null(&mut schema) {
        // Descriptions of the field win over those of its type.
        for (key, value) in inner {
            schema.entry(key).or_insert(value);
        }
    }
    schema.remove("$schema");
    schema.remove("title");
    schema.remove("nullable");
    if schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        for property in properties.values_mut() {
            *property = structural(property.take());
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(child) = schema.get_mut(key) {
            *child = structural(child.take());
        }
    }
    Value::Object(schema)
}

/// Takes the null out of "this or null", as JSON Schema writes an optional value. For the API server
/// absence needs no type. Returns the schema of "this" if it stood apart, in an `anyOf`.
fn without_null(schema: &mut Map<String, Value>) -> Option<Map<String, Value>> {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|type_| type_ != "null");
        if types.len() == 1 {
            let only = types.remove(0);
            schema.insert("type".to_owned(), only);
        }
    }
    let is_null = |choice: &Value| choice.get("type").is_some_and(|type_| type_ == "null");
    let choices = schema.get_mut("anyOf").and_then(Value::as_array_mut)?;
    if !choices.iter().any(is_null) {
        return None;
    }
    choices.retain(|choice| !is_null(choice));
    if choices.len() != 1 {
        return None;
    }
    let only = choices.pop();
    schema.remove("anyOf");
    match only {
        Some(Value::Object(only)) => Some(only),
        _ => None,
    }
}
