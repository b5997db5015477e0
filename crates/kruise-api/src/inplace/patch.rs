//! A strategic merge patch of one pod while it is put together.

use serde_json::{Map, Value, json};

use crate::pod::Pod;

/// What one patch changes.
#[derive(Debug, Default)]
pub(super) struct PodPatch {
    pub(super) labels: Map<String, Value>,
    pub(super) annotations: Map<String, Value>,
    /// Finalizers and the list directives that belong to them.
    pub(super) finalizers: Map<String, Value>,
    /// Containers with what changes in them; the server merges them by name.
    pub(super) containers: Vec<Value>,
    /// Conditions with what changes in them; the server merges them by type.
    pub(super) conditions: Vec<Value>,
}

impl PodPatch {
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            labels,
            annotations,
            finalizers,
            containers,
            conditions,
        } = self;
        labels.is_empty()
            && annotations.is_empty()
            && finalizers.is_empty()
            && containers.is_empty()
            && conditions.is_empty()
    }

    pub(super) fn label(&mut self, key: &str, value: &str) {
        self.labels.insert(key.to_owned(), Value::from(value));
    }

    pub(super) fn annotation(&mut self, key: &str, value: &str) {
        self.annotations.insert(key.to_owned(), Value::from(value));
    }

    /// Takes an annotation away if the pod has it.
    pub(super) fn drop_annotation(&mut self, pod: &Pod, key: &str) {
        if pod.metadata.annotations.contains_key(key) {
            self.annotations.insert(key.to_owned(), Value::Null);
        }
    }

    pub(super) fn image(&mut self, container: &str, image: &str) {
        self.containers
            .push(json!({ "name": container, "image": image }));
    }

    /// Takes over a patch of metadata. What this patch already says of a key stays.
    pub(super) fn metadata(&mut self, patch: &Value) {
        let entries = |field: &str| patch.get(field).and_then(Value::as_object);
        for (into, field) in [
            (&mut self.labels, "labels"),
            (&mut self.annotations, "annotations"),
        ] {
            for (key, value) in entries(field).into_iter().flatten() {
                into.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        for (key, value) in patch.as_object().into_iter().flatten() {
            if is_about_finalizers(key) {
                self.finalizers.insert(key.clone(), value.clone());
            }
        }
    }

    /// The patch. It is refused when the pod is another or a newer one than the one it was made for.
    pub(super) fn for_version_of(self, pod: &Pod) -> Value {
        let Self {
            labels,
            annotations,
            finalizers,
            containers,
            conditions,
        } = self;
        let mut metadata = Map::new();
        metadata.insert("uid".to_owned(), Value::from(pod.metadata.uid.as_str()));
        metadata.insert(
            "resourceVersion".to_owned(),
            Value::from(pod.metadata.resource_version.as_str()),
        );
        for (field, entries) in [("labels", labels), ("annotations", annotations)] {
            if !entries.is_empty() {
                metadata.insert(field.to_owned(), Value::Object(entries));
            }
        }
        metadata.extend(finalizers);
        let mut patch = Map::from_iter([("metadata".to_owned(), Value::Object(metadata))]);
        if !containers.is_empty() {
            patch.insert("spec".to_owned(), json!({ "containers": containers }));
        }
        if !conditions.is_empty() {
            patch.insert("status".to_owned(), json!({ "conditions": conditions }));
        }
        Value::Object(patch)
    }
}

/// Whether a member of a metadata patch is the list of finalizers or a directive about it.
pub(super) fn is_about_finalizers(key: &str) -> bool {
    key == "finalizers" || (key.starts_with('$') && key.ends_with("/finalizers"))
}
