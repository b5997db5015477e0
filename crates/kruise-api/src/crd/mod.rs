//! CustomResourceDefinitions as they are installed, made from the types.
//!
//! Their schemas have the paths, types and defaults of OpenKruise's own. What they add are rules for
//! what OpenKruise's admission would refuse and the API server can judge by itself, so that an
//! installation without webhooks is not left without them.

mod structural;

use serde_json::{Value, json};

use crate::{
    apps::v1beta1::{CloneSetSpec, CloneSetStatus},
    json::sort_keys,
    well_known::{CLONESET_KIND, GROUP},
};

/// Every CustomResourceDefinition, as a complete manifest with keys in byte order.
#[must_use]
pub fn all() -> Vec<Value> {
    vec![cloneset()]
}

fn cloneset() -> Value {
    let column = |name: &str, type_: &str, path: &str| json!({ "name": name, "type": type_, "jsonPath": path });
    let wide_column = |name: &str, path: &str| json!({ "name": name, "type": "string", "jsonPath": path, "priority": 1 });
    sort_keys(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("clonesets.{GROUP}") },
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": CLONESET_KIND,
                "listKind": "CloneSetList",
                "plural": "clonesets",
                "singular": "cloneset",
                "shortNames": ["clone"],
            },
            "conversion": { "strategy": "None" },
            "versions": [{
                "name": "v1beta1",
                "served": true,
                "storage": true,
                "schema": { "openAPIV3Schema": cloneset_schema() },
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.replicas",
                        "statusReplicasPath": ".status.replicas",
                        "labelSelectorPath": ".status.labelSelector",
                    },
                },
                "additionalPrinterColumns": [
                    column("DESIRED", "integer", ".spec.replicas"),
                    column("UPDATED", "integer", ".status.updatedReplicas"),
                    column("UPDATED_READY", "integer", ".status.updatedReadyReplicas"),
                    column("UPDATED_AVAILABLE", "integer", ".status.updatedAvailableReplicas"),
                    column("READY", "integer", ".status.readyReplicas"),
                    column("TOTAL", "integer", ".status.replicas"),
                    column("AGE", "date", ".metadata.creationTimestamp"),
                    wide_column("CONTAINERS", ".spec.template.spec.containers[*].name"),
                    wide_column("IMAGES", ".spec.template.spec.containers[*].image"),
                    wide_column("SELECTOR", ".status.labelSelector"),
                ],
            }],
        },
    }))
}

fn cloneset_schema() -> Value {
    let mut spec = structural::schema_of::<CloneSetSpec>();
    add_rules(
        &mut spec,
        "replicas",
        json!([{
            "rule": "self >= 0",
            "message": "spec.replicas must be greater than or equal to 0",
        }]),
    );
    add_rules(
        &mut spec,
        "selector",
        json!([
            {
                "rule": "self == oldSelf",
                "message": "spec.selector can't be changed",
            },
            {
                "rule": "(has(self.matchLabels) && size(self.matchLabels) > 0) \
                         || (has(self.matchExpressions) && size(self.matchExpressions) > 0)",
                "message": "spec.selector must have at least one entry: an empty selector would select \
                            every pod",
            },
        ]),
    );
    let description = "CloneSet manages a number of interchangeable pods made from one template, \
                       and updates them in place where possible.";
    object_schema(
        description,
        &spec,
        &structural::schema_of::<CloneSetStatus>(),
    )
}

/// Schema of a whole object.
fn object_schema(description: &str, spec: &Value, status: &Value) -> Value {
    json!({
        "type": "object",
        "description": description,
        "properties": {
            "apiVersion": {
                "type": "string",
                "description": "Group and version of this form of the object.",
            },
            "kind": { "type": "string", "description": "Kind of the object." },
            "metadata": { "type": "object" },
            "spec": spec,
            "status": status,
        },
    })
}

fn add_rules(schema: &mut Value, property: &str, rules: Value) {
    if let Some(property) = schema
        .pointer_mut(&format!("/properties/{property}"))
        .and_then(Value::as_object_mut)
    {
        property.insert("x-kubernetes-validations".to_owned(), rules);
    }
}
