//! From a CustomResourceDefinition to the kind that it describes, and back.

use kruise_api::resource::Resource;
use serde_json::{Value, json};

use super::{
    custom::Custom,
    intern::intern,
    kinds::{CUSTOM, Kind},
};

/// The kind that a definition describes; `None` when it isn't whole.
pub(crate) fn kind_of(definition: &Value) -> Option<Kind> {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let stored = spec["versions"]
        .as_array()?
        .iter()
        .find(|version| version["storage"] == true)?;
    let kind = names["kind"].as_str()?;
    Some(Kind {
        resource: Resource {
            group: intern(spec["group"].as_str()?),
            version: intern(stored["name"].as_str()?),
            plural: intern(names["plural"].as_str()?),
            kind: intern(kind),
            namespaced: spec["scope"] == "Namespaced",
        },
        list_kind: names["listKind"]
            .as_str()
            .map_or_else(|| format!("{kind}List"), str::to_owned),
        rules: CUSTOM,
        custom: Some(Custom::of(definition)?),
    })
}

/// A definition of this kind that lets its objects hold anything.
pub(crate) fn open(resource: Resource) -> Value {
    let schema = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let version = json!({
        "name": resource.version, "served": true, "storage": true,
        "subresources": { "status": {} }, "schema": { "openAPIV3Schema": schema },
    });
    json!({
        "metadata": { "name": format!("{}.{}", resource.plural, resource.group) },
        "spec": {
            "group": resource.group,
            "names": { "kind": resource.kind, "plural": resource.plural },
            "scope": if resource.namespaced { "Namespaced" } else { "Cluster" },
            "versions": [version],
        },
    })
}

/// What the server writes into a definition that it serves.
pub(crate) fn served_status(definition: &Value, now: &str) -> Value {
    let spec = &definition["spec"];
    let stored = spec["versions"].as_array().into_iter().flatten();
    let stored: Vec<_> = stored
        .filter(|version| version["storage"] == true)
        .map(|version| &version["name"])
        .collect();
    let condition = |type_: &str, reason: &str, message: &str| {
        json!({
            "type": type_, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now,
        })
    };
    json!({
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": spec["names"],
        "storedVersions": stored,
    })
}
