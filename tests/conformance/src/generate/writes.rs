//! Creations, updates and patches.

use serde_json::{Value, json};

use super::{Generator, put};
use crate::kinds::{self, Kind};
use crate::request::{Body, Edit, Request, Verb, key};

/// Names that no object may have.
const BAD_NAMES: &[&str] = &["A_B", "-x", "x..y", "x/y", "", "x."];

impl Generator {
    pub(super) fn create(&mut self) -> Request {
        let mut request = self.plain(Verb::Create);
        let mut object = self.object(request.kind);
        let metadata = &mut object["metadata"];
        match self.random.below(100) {
            0..=9 => {
                // A prefix of its own, so that the order among names doesn't depend on what is drawn.
                metadata["generateName"] = json!(format!("g{}-", request.id));
                self.named.push((request.kind.plural, request.id));
            }
            10..=12 => metadata["name"] = json!(self.random.pick(BAD_NAMES)),
            13 => {
                metadata["name"] = json!("a");
                metadata["generateName"] = json!("g-");
            }
            14 => {
                metadata["name"] = json!("b");
                metadata["namespace"] = json!("default");
            }
            15 => {
                metadata["name"] = json!("b");
                metadata["namespace"] = json!("<namespace>");
            }
            16 => {
                metadata["name"] = json!("c");
                metadata["resourceVersion"] = json!("5");
            }
            17 => {
                metadata["name"] = json!("c");
                metadata["uid"] = json!("00000000-0000-0000-0000-000000000000");
                metadata["generation"] = json!(5);
                metadata["creationTimestamp"] = json!("2020-01-01T00:00:00Z");
            }
            18 => {
                metadata["name"] = json!("c");
                metadata["labels"] = json!({ "app": "not a label" });
            }
            19 => {
                metadata["name"] = json!("c");
                metadata["deletionTimestamp"] = json!("2020-01-01T00:00:00Z");
                metadata["deletionGracePeriodSeconds"] = json!(5);
            }
            _ => metadata["name"] = json!(self.name(request.kind).replace('~', "z")),
        }
        if self.random.chance(30) {
            request.namespace = Some(
                *self
                    .random
                    .pick(&["conformance-none", "<namespace>-ending"]),
            );
        }
        request.body = Body::Json(object);
        self.trim(&mut request);
        request
    }

    pub(super) fn update(&mut self) -> Request {
        let mut request = self.about_one(Verb::Update);
        let status = self.status(&mut request);
        let mut edits = self.edits(request.kind, status);
        if self.random.chance(150) {
            // Whatever is there.
            edits.push(Edit::unset("/metadata/resourceVersion"));
        }
        if self.random.chance(20) {
            edits.push(Edit::set("/metadata/name", json!("other")));
        }
        if self.random.chance(20) {
            edits.push(Edit::set("/metadata/namespace", json!("default")));
        }
        let mut otherwise = self.object(request.kind);
        otherwise["metadata"]["name"] = json!(request.name);
        if request.kind.plural == "persistentvolumeclaims" {
            otherwise["metadata"]["finalizers"] = json!(["kubernetes.io/pvc-protection"]);
        }
        request.body = Body::Read {
            back: if self.random.chance(150) {
                1 + self.random.below(2)
            } else {
                0
            },
            edits,
            otherwise,
        };
        self.trim(&mut request);
        request
    }

    pub(super) fn merge(&mut self) -> Request {
        let mut request = self.about_one(Verb::Merge);
        let status = self.status(&mut request);
        let mut patch = json!({});
        for edit in self.edits(request.kind, status) {
            // A list is replaced whole.
            let (pointer, value) = match edit.pointer.split_once("/containers/0/") {
                Some((before, field)) => {
                    let value = edit.value.unwrap_or_default();
                    let container = json!({ "name": "main", "image": "app:1", field: value });
                    (format!("{before}/containers"), json!([container]))
                }
                None => (edit.pointer.to_owned(), edit.value.unwrap_or_default()),
            };
            put(&mut patch, &pointer, Some(value));
        }
        self.guard(&mut patch, &request);
        request.body = Body::Json(patch);
        self.trim(&mut request);
        request
    }

    pub(super) fn strategic(&mut self) -> Request {
        let mut request = self.about_one(Verb::Strategic);
        if request.kind.is_custom() && self.random.chance(900) {
            // Not understood for them; once in a while is enough.
            request.kind = &kinds::KINDS[0];
        }
        let status = self.status(&mut request);
        let mut patch = json!({});
        for edit in self.edits(request.kind, status) {
            let (pointer, value) = match edit.pointer.split_once("/containers/0/") {
                Some((before, field)) => {
                    let container = json!({ "name": "main", field: edit.value });
                    (format!("{before}/containers"), json!([container]))
                }
                None => (edit.pointer.to_owned(), edit.value.unwrap_or_default()),
            };
            put(&mut patch, &pointer, Some(value));
        }
        if self.random.chance(300) {
            let more = self.strategic_words(status);
            if let Value::Object(fields) = more {
                for (name, value) in fields {
                    if patch.get(&name).is_none() {
                        patch[name.as_str()] = value;
                    }
                }
            }
        }
        self.guard(&mut patch, &request);
        request.body = Body::Json(patch);
        self.trim(&mut request);
        request
    }

    /// What strategic merge alone understands.
    fn strategic_words(&mut self, status: bool) -> Value {
        if status {
            return self
                .random
                .pick(&[
                    json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } }),
                    json!({ "status": { "conditions": [{ "type": "Ready", "$patch": "delete" }] } }),
                    json!({ "status": {
                        "$setElementOrder/conditions": [{ "type": "Ready" }, { "type": "Other" }],
                        "conditions": [{ "type": "Other", "status": "True" }],
                    } }),
                    json!({ "status": { "conditions": [{ "status": "True" }] } }),
                ])
                .clone();
        }
        self.random
            .pick(&[
                json!({ "metadata": { "finalizers": ["example.com/one"] } }),
                json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": ["example.com/hold"] } }),
                json!({ "metadata": { "labels": { "$patch": "replace", "only": "this" } } }),
                json!({ "metadata": { "ownerReferences": [
                    { "uid": "<uid configmaps/a 0>", "apiVersion": "v1", "kind": "ConfigMap", "name": "a" },
                ] } }),
                json!({ "metadata": { "ownerReferences": [{ "uid": "<uid configmaps/a 0>", "$patch": "delete" }] } }),
                json!({ "metadata": { "annotations": null } }),
                json!({ "spec": { "containers": [{ "name": "main", "image": "app:5" }] } }),
                json!({ "spec": { "tolerations": [{ "key": "y", "operator": "Exists" }] } }),
                json!({ "metadata": { "$retainKeys": ["labels"] } }),
            ])
            .clone()
    }

    pub(super) fn json_patch(&mut self) -> Request {
        let mut request = self.about_one(Verb::JsonPatch);
        let status = self.status(&mut request);
        let mut operations = Vec::new();
        if self.random.chance(150) {
            let app = *self.random.pick(&["a", "b"]);
            operations.push(json!({ "op": "test", "path": "/metadata/labels/app", "value": app }));
        }
        if self.random.chance(150) {
            let version = format!("<version {} {}>", request.key(), self.random.below(2));
            operations.push(
                json!({ "op": "test", "path": "/metadata/resourceVersion", "value": version }),
            );
        }
        for edit in self.edits(request.kind, status) {
            operations.push(match edit.value {
                Some(value) => {
                    let operation = if self.random.chance(500) {
                        "add"
                    } else {
                        "replace"
                    };
                    json!({ "op": operation, "path": edit.pointer, "value": value })
                }
                None => json!({ "op": "remove", "path": edit.pointer }),
            });
        }
        if self.random.chance(80) {
            operations.push(
                self.random
                    .pick(&[
                        json!({ "op": "copy", "from": "/metadata/labels/app", "path": "/metadata/labels/copied" }),
                        json!({ "op": "move", "from": "/metadata/labels/app", "path": "/metadata/labels/moved" }),
                        json!({ "op": "add", "path": "/metadata/finalizers/-", "value": "example.com/last" }),
                        json!({ "op": "nonsense", "path": "/metadata/labels" }),
                        json!({ "op": "remove", "path": "/nowhere" }),
                    ])
                    .clone(),
            );
        }
        request.body = Body::Json(Value::Array(operations));
        self.trim(&mut request);
        request
    }

    /// Turns some requests to the status.
    fn status(&mut self, request: &mut Request) -> bool {
        let turned = request.kind.status.is_some() && self.random.chance(400);
        if turned {
            request.subresource = "status";
        }
        turned
    }

    fn edits(&mut self, kind: &'static Kind, status: bool) -> Vec<Edit> {
        if self.random.chance(60) {
            return Vec::new();
        }
        let mut edits = Vec::new();
        for _ in 0..1 + self.random.below(2) {
            edits.push(match kind.status {
                Some(of_status) if status => of_status(&mut self.random),
                _ if self.random.chance(400) => kinds::metadata_edit(&mut self.random),
                _ => (kind.edit)(&mut self.random),
            });
        }
        if kind.plural == "persistentvolumeclaims" {
            // What protects claims would put its finalizer back, sooner or later.
            edits.retain(|edit| edit.pointer != "/metadata/finalizers");
        }
        edits
    }

    /// Lets some patches name the version or UID that they are meant for.
    fn guard(&mut self, patch: &mut Value, request: &Request) {
        let key = key(request.kind, &request.name);
        if self.random.chance(180) {
            let back = self.random.below(2);
            let version = format!("<version {key} {back}>");
            put(patch, "/metadata/resourceVersion", Some(json!(version)));
        }
        if self.random.chance(80) {
            put(
                patch,
                "/metadata/uid",
                Some(json!(format!("<uid {key} 0>"))),
            );
        }
    }
}
