//! The pod as it came, for reading, and its changed form.

use std::collections::BTreeMap;

use kruise_api::well_known::{
    annotations::{SIDECARSET_HASH, SIDECARSET_INJECTED_LIST},
    env::IS_INJECTED,
};
use serde_json::{Map, Value};

use super::error::InjectError;
use crate::{pod_annotations::changed_annotations, prepared::PreparedSidecarSet};

/// Key of the annotation that says which SidecarSets' containers a pod has, in which version.
pub(super) const HASH: &str = SIDECARSET_HASH;

/// A pod, and its annotations that change.
pub(super) struct Pod<'a> {
    raw: &'a Value,
    spec: &'a Map<String, Value>,
    annotations: BTreeMap<String, String>,
}

impl<'a> Pod<'a> {
    pub(super) fn read(raw: &'a Value) -> Result<Self, InjectError> {
        let spec = raw.get("spec").and_then(Value::as_object);
        Ok(Self {
            raw,
            spec: spec.ok_or(InjectError::NoPod("spec"))?,
            annotations: BTreeMap::new(),
        })
    }

    pub(super) fn containers(&self) -> &'a [Value] {
        self.list("containers")
    }

    pub(super) fn init_containers(&self) -> &'a [Value] {
        self.list("initContainers")
    }

    pub(super) fn volumes(&self) -> &'a [Value] {
        self.list("volumes")
    }

    pub(super) fn image_pull_secrets(&self) -> &'a [Value] {
        self.list("imagePullSecrets")
    }

    /// Containers that no SidecarSet injected.
    pub(super) fn own_containers(&self) -> impl Iterator<Item = &'a Value> {
        let containers = self.containers().iter();
        containers.filter(|container| !is_injected(container))
    }

    pub(super) fn has_container(&self, name: &str) -> bool {
        let mut all = self.containers().iter().chain(self.init_containers());
        all.any(|container| text(container, "name") == name)
    }

    pub(super) fn label(&self, key: &str) -> Option<&'a str> {
        self.metadata("labels", key)
    }

    /// An annotation as the pod has it by now.
    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        let changed = self.annotations.get(key).map(String::as_str);
        changed.or_else(|| self.metadata("annotations", key))
    }

    pub(super) fn injected_list(&self) -> &str {
        self.annotation(SIDECARSET_INJECTED_LIST)
            .unwrap_or_default()
    }

    /// Applies a SidecarSet's `patchPodMetadata` (SS-112).
    pub(super) fn patch_annotations(
        &mut self,
        set: &PreparedSidecarSet,
    ) -> Result<(), InjectError> {
        let current = |key: &str| self.annotation(key);
        let changed = changed_annotations(current, &set.patch_pod_metadata);
        let changed = changed.map_err(|source| InjectError::Annotation {
            sidecar_set: set.name.clone(),
            source,
        })?;
        self.annotations.extend(changed);
        Ok(())
    }

    /// The pod with its annotations changed.
    pub(super) fn changed(self) -> Value {
        self.changed_to([], BTreeMap::new())
    }

    /// The pod with these lists in its spec, and these annotations besides.
    pub(super) fn changed_to<const N: usize>(
        self,
        lists: [(&str, Vec<Value>); N],
        annotations: BTreeMap<String, String>,
    ) -> Value {
        let mut pod = self.raw.clone();
        for (name, list) in lists {
            // An empty list says no more than an absent one.
            if !list.is_empty()
                && let Some(spec) = object(&mut pod, "spec")
            {
                spec.insert(name.to_owned(), Value::Array(list));
            }
        }
        let mut all = self.annotations;
        all.extend(annotations);
        if !all.is_empty()
            && let Some(metadata) = pod.as_object_mut()
            && let Some(metadata) = member(metadata, "metadata")
            && let Some(known) = member(metadata, "annotations")
        {
            let all = all.into_iter();
            known.extend(all.map(|(key, value)| (key, Value::String(value))));
        }
        pod
    }

    fn list(&self, name: &str) -> &'a [Value] {
        let list = self.spec.get(name).and_then(Value::as_array);
        list.map(Vec::as_slice).unwrap_or_default()
    }

    fn metadata(&self, map: &str, key: &str) -> Option<&'a str> {
        self.raw.get("metadata")?.get(map)?.get(key)?.as_str()
    }
}

/// A text of an object, empty if there is none.
pub(super) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    let text = value.get(member).and_then(Value::as_str);
    text.unwrap_or_default()
}

/// The elements of a list of an object.
pub(super) fn elements<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    let list = value.get(member).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

fn is_injected(container: &Value) -> bool {
    let mut env = elements(container, "env").iter();
    env.any(|env| text(env, "name") == IS_INJECTED && text(env, "value") == "true")
}

fn object<'a>(value: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    value.get_mut(name)?.as_object_mut()
}

/// An object's member, which is made if it is absent or `null`. None if it is something else.
fn member<'a>(
    object: &'a mut Map<String, Value>,
    name: &str,
) -> Option<&'a mut Map<String, Value>> {
    let member = object.entry(name).or_insert(Value::Null);
    if member.is_null() {
        *member = Value::Object(Map::new());
    }
    member.as_object_mut()
}
