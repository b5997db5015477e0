//! A small kind in both forms: as the reference has it, and as a manifest that conforms.

use serde_json::{Value, json};

use super::super::reference::Sources;

pub(super) const TABLE: &str = r#"path	type	required	constraints
spec	object	required	
spec.size	integer		minimum=1 format="int32"
spec.share	int-or-string		
spec.mode	string		enum=["A", "B"] default="A"
spec.tags	array		list-type="map" list-map-keys=["name"]
spec.tags[]	object		
spec.tags[].name	string	required	maxLength=10 pattern="^a+$"
spec.labels	object		map-type="atomic"
spec.labels{}	string		
spec.template			preserve-unknown-fields=true
"#;

const PLATFORM: &str = "PF-402. Matrix.\n\
    | Kind | Served | Storage | Strategy |\n\
    |---|---|---|---|\n\
    | Thing | both | v1beta1 | Webhook |\n\
    | Other | v1alpha1 | v1alpha1 | None |\n";

fn entry(kind: &str, version: &str, storage: bool) -> Value {
    json!({
        "group": "example.com",
        "kind": kind,
        "plural": format!("{}s", kind.to_lowercase()),
        "singular": kind.to_lowercase(),
        "shortNames": ["x"],
        "scope": "Namespaced",
        "version": version,
        "served": true,
        "storage": storage,
        "deprecated": false,
        "subresources": { "status": {} },
        "printerColumns": [{ "name": "SIZE", "type": "integer", "jsonPath": ".spec.size" }],
        "selectableFields": [],
    })
}

pub(super) fn sources() -> Sources {
    let index = json!([
        entry("Thing", "v1alpha1", false),
        entry("Thing", "v1beta1", true),
        entry("Other", "v1alpha1", true),
    ]);
    let names = ["things.v1alpha1", "things.v1beta1", "others.v1alpha1"];
    Sources {
        index: index.to_string(),
        tables: names
            .map(|name| (format!("{name}.tsv"), TABLE.to_owned()))
            .into(),
        platform: PLATFORM.to_owned(),
    }
}

pub(super) fn version(name: &str, storage: bool) -> Value {
    json!({
        "name": name,
        "served": true,
        "storage": storage,
        "subresources": { "status": {} },
        "additionalPrinterColumns": [
            { "name": "SIZE", "type": "integer", "jsonPath": ".spec.size" },
        ],
        "schema": { "openAPIV3Schema": {
            "type": "object",
            "required": ["spec"],
            "properties": {
                "apiVersion": { "type": "string" },
                "kind": { "type": "string" },
                "metadata": { "type": "object" },
                "spec": {
                    "type": "object",
                    "description": "What is wanted.",
                    "properties": {
                        "size": { "type": "integer", "format": "int32", "minimum": 1.0 },
                        "share": {
                            "x-kubernetes-int-or-string": true,
                            "anyOf": [{ "type": "integer" }, { "type": "string" }],
                        },
                        "mode": { "type": "string", "enum": ["B", "A"], "default": "A" },
                        "tags": {
                            "type": "array",
                            "x-kubernetes-list-type": "map",
                            "x-kubernetes-list-map-keys": ["name"],
                            "items": {
                                "type": "object",
                                "required": ["name"],
                                "properties": { "name": {
                                    "type": "string", "maxLength": 10, "pattern": "^a+$",
                                } },
                            },
                        },
                        "labels": {
                            "type": "object",
                            "x-kubernetes-map-type": "atomic",
                            "additionalProperties": { "type": "string" },
                        },
                        "template": { "x-kubernetes-preserve-unknown-fields": true },
                    },
                },
            },
        } },
    })
}

/// A manifest that conforms, both versions of it.
pub(super) fn thing() -> Value {
    json!({
        "metadata": { "name": "things.example.com" },
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {
                "kind": "Thing",
                "listKind": "ThingList",
                "plural": "things",
                "singular": "thing",
                "shortNames": ["x"],
            },
            "conversion": {
                "strategy": "Webhook",
                "webhook": {
                    "conversionReviewVersions": ["v1", "v1beta1"],
                    "clientConfig": { "service": { "name": "any", "path": "/convert" } },
                },
            },
            "versions": [version("v1alpha1", false), version("v1beta1", true)],
        },
    })
}

/// Sets what a JSON pointer leads to; null takes it away.
pub(super) fn set(manifest: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match manifest.pointer_mut(parent).unwrap() {
        Value::Object(map) if value.is_null() => {
            map.remove(key).unwrap();
        }
        parent => parent[key] = value,
    }
}
