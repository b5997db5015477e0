//! A CRD manifest of ours as facts.

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::compare::{CRD, Crd, Facts, Shape, VERSION};
use super::schema;

pub(super) fn read(manifest: &Value) -> Result<Crd> {
    let spec = object(manifest.get("spec")).context("a CRD has no spec")?;
    let names = object(spec.get("names")).context("a CRD has no names")?;
    let kind = names
        .get("kind")
        .and_then(Value::as_str)
        .context("a CRD has no kind")?
        .to_owned();

    let mut facts = facts(spec, &["names", "versions", "conversion"]);
    facts.extend(self::facts(names, &[]));
    if let Some(name) = manifest.pointer("/metadata/name") {
        facts.insert("name".to_owned(), name.clone());
    }
    let conversion = conversion(spec.get("conversion").unwrap_or(&Value::Null));
    facts.insert("conversion".to_owned(), conversion);

    let mut crd = Crd {
        shape: Shape::from([(CRD.to_owned(), facts)]),
        kind,
        versions: Default::default(),
    };
    for version in spec
        .get("versions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let (name, shape) = version_of(version).with_context(|| format!("read {}", crd.kind))?;
        crd.versions.insert(name, shape);
    }
    Ok(crd)
}

fn version_of(version: &Value) -> Result<(String, Shape)> {
    let version = object(Some(version)).context("a version is no object")?;
    let name = version
        .get("name")
        .and_then(Value::as_str)
        .context("a version has no name")?;
    let schema = version
        .get("schema")
        .and_then(|schema| schema.get("openAPIV3Schema"))
        .with_context(|| format!("{name} has no schema"))?;
    let mut shape = schema::shape(schema);
    let mut facts = facts(version, &["name", "schema", "additionalPrinterColumns"]);
    if let Some(columns) = version.get("additionalPrinterColumns") {
        put(&mut facts, "printerColumns", columns);
    }
    shape.insert(VERSION.to_owned(), facts);
    Ok((name.to_owned(), shape))
}

/// Strategy, path and review versions. The rest is the installation's own, as the Service and its
/// certificate are.
fn conversion(conversion: &Value) -> Value {
    let strategy = conversion.get("strategy").and_then(Value::as_str);
    let mut facts = Facts::new();
    // Without a word about it, the API server takes None.
    facts.insert("strategy".to_owned(), strategy.unwrap_or("None").into());
    for (word, pointer) in [
        ("path", "/webhook/clientConfig/service/path"),
        ("reviewVersions", "/webhook/conversionReviewVersions"),
    ] {
        let value = conversion.pointer(pointer).unwrap_or(&Value::Null);
        put(&mut facts, word, value);
    }
    facts.into_iter().collect()
}

fn facts(object: &Map<String, Value>, except: &[&str]) -> Facts {
    let mut facts = Facts::new();
    for (key, value) in object {
        if !except.contains(&key.as_str()) {
            put(&mut facts, key, value);
        }
    }
    facts
}

/// Outside of schemas, empty and false are what the API server takes for what is absent.
pub(super) fn put(facts: &mut Facts, word: &str, value: &Value) {
    let is_default = match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    if !is_default {
        facts.insert(word.to_owned(), value.clone());
    }
}

fn object(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}
