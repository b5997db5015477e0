//! A strategic merge patch of one pod, while the patch is put together.

use serde_json::{Map, Value, json};

use super::state::RefMetadata;
use crate::pod::Pod;

/// One write of a pod: a strategic merge patch.
#[derive(Debug, Clone, PartialEq)]
pub struct PodWrite {
    /// The subresource that the patch goes to; none for the pod itself.
    pub subresource: Option<&'static str>,
    /// The patch. It carries the pod's UID. If it depends on what was read, it also carries a
    /// resourceVersion: the one that was read, or the one that the write before returned.
    pub patch: Value,
}

/// What one patch changes.
#[derive(Debug, Default)]
pub(super) struct PodPatch {
    pub(super) labels: Map<String, Value>,
    pub(super) annotations: Map<String, Value>,
    /// Finalizers and the list directives that belong to them.
    pub(super) finalizers: Map<String, Value>,
    /// What changes in containers, by their names, by which the server merges them.
    pub(super) containers: Map<String, Value>,
    /// Resources of containers that go to `pods/resize` before all else, by name.
    pub(super) resized: Map<String, Value>,
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
            resized,
            conditions,
        } = self;
        labels.is_empty()
            && annotations.is_empty()
            && finalizers.is_empty()
            && containers.is_empty()
            && resized.is_empty()
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
        self.in_container(container, "image", Value::from(image));
    }

    /// Changes resources with the pod itself.
    pub(super) fn resources(&mut self, container: &str, resources: Value) {
        self.in_container(container, "resources", resources);
    }

    /// Changes resources through the subresource that API servers have for it.
    pub(super) fn resize(&mut self, container: &str, resources: Value) {
        self.resized.insert(container.to_owned(), resources);
    }

    fn in_container(&mut self, container: &str, member: &str, value: Value) {
        let members = self
            .containers
            .entry(container)
            .or_insert_with(|| json!({ "name": container }));
        if let Some(members) = members.as_object_mut() {
            members.insert(member.to_owned(), value);
        }
    }

    /// Takes over what containers read. What this patch already says of a key stays.
    pub(super) fn ref_metadata(&mut self, metadata: &RefMetadata) {
        for (into, from) in [
            (&mut self.labels, &metadata.labels),
            (&mut self.annotations, &metadata.annotations),
        ] {
            for (key, value) in from {
                into.entry(key.clone())
                    .or_insert_with(|| Value::from(value.as_str()));
            }
        }
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

    /// Takes out the patch of `pods/resize`, which goes before the patch proper. None if no resources
    /// change in that way.
    pub(super) fn take_resize(&mut self, pod: &Pod) -> Option<Value> {
        let resized = std::mem::take(&mut self.resized);
        if resized.is_empty() {
            return None;
        }
        let containers: Vec<Value> = resized
            .into_iter()
            .map(|(name, resources)| json!({ "name": name, "resources": resources }))
            .collect();
        Some(json!({
            "metadata": uid_and_version(pod),
            "spec": { "containers": containers },
        }))
    }

    /// The patch, which the server refuses for another pod and for another version of this pod.
    pub(super) fn for_version_of(self, pod: &Pod) -> Value {
        self.with(uid_and_version(pod))
    }

    /// The patch, for any version of this pod.
    pub(super) fn for_uid_of(self, pod: &Pod) -> Value {
        self.with(uid(pod))
    }

    fn with(self, mut metadata: Map<String, Value>) -> Value {
        let Self {
            labels,
            annotations,
            finalizers,
            containers,
            resized: _,
            conditions,
        } = self;
        for (field, entries) in [("labels", labels), ("annotations", annotations)] {
            if !entries.is_empty() {
                metadata.insert(field.to_owned(), Value::Object(entries));
            }
        }
        metadata.extend(finalizers);
        let mut patch = Map::from_iter([("metadata".to_owned(), Value::Object(metadata))]);
        if !containers.is_empty() {
            let containers: Vec<Value> = containers.into_iter().map(|(_, of)| of).collect();
            patch.insert("spec".to_owned(), json!({ "containers": containers }));
        }
        if !conditions.is_empty() {
            patch.insert("status".to_owned(), json!({ "conditions": conditions }));
        }
        Value::Object(patch)
    }
}

fn uid(pod: &Pod) -> Map<String, Value> {
    Map::from_iter([("uid".to_owned(), Value::from(pod.metadata.uid.as_str()))])
}

fn uid_and_version(pod: &Pod) -> Map<String, Value> {
    let version = Value::from(pod.metadata.resource_version.as_str());
    let mut metadata = uid(pod);
    metadata.insert("resourceVersion".to_owned(), version);
    metadata
}

/// Whether a member of a metadata patch is the list of finalizers or a directive about it.
pub(super) fn is_about_finalizers(key: &str) -> bool {
    key == "finalizers" || (key.starts_with('$') && key.ends_with("/finalizers"))
}
