//! What is kept of a workload between two passes. Its template is a tree of hundreds of nodes, ten times as large as
//! its text, and most workloads are looked at now and then.

use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};

use crate::{meta::ObjectMeta, object::Object};

/// An object as text, without what nobody reads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stored<K> {
    /// Identity, version and owners; all metadata is in the text.
    pub metadata: ObjectMeta,
    text: Box<str>,
    of: PhantomData<fn() -> K>,
}

impl<K: DeserializeOwned> Stored<K> {
    /// The object. It was read before, so there always is one.
    #[must_use]
    pub fn object(&self) -> Option<K> {
        serde_json::from_str(&self.text).ok()
    }
}

impl<K: Object + Serialize> Object for Stored<K> {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl<'de, K: Object + Serialize> Deserialize<'de> for Stored<K> {
    /// An object that can't be read is an error now, not when it is looked at.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let object = K::deserialize(deserializer)?;
        let text = serde_json::to_string(&object).map_err(serde::de::Error::custom)?;
        let mut metadata = object.meta().clone();
        metadata.labels = Default::default();
        metadata.annotations = Default::default();
        Ok(Self {
            metadata,
            text: text.into(),
            of: PhantomData,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apps::v1beta1::CloneSet;

    #[test]
    fn a_set_is_kept_as_text_with_all_that_it_says() {
        let set = json!({
            "apiVersion": "apps.kruise.io/v1beta1",
            "kind": "CloneSet",
            "metadata": {
                "name": "web", "namespace": "ns", "uid": "u", "resourceVersion": "7", "generation": 3,
                "creationTimestamp": "2026-01-10T08:00:00Z",
                "annotations": { "team": "checkout" },
                "managedFields": [{ "manager": "kubectl" }],
            },
            "spec": {
                "replicas": 3,
                "selector": { "matchLabels": { "app": "web" } },
                "template": { "metadata": { "labels": { "app": "web" } }, "spec": { "newer": [1.5, null, {}] } },
                "newer": { "a": 1 },
            },
            "status": {
                "observedGeneration": 2, "replicas": 3, "readyReplicas": 1, "availableReplicas": 1,
                "updatedReplicas": 0, "updatedReadyReplicas": 0,
                "conditions": [{
                    "type": "Progressing", "status": "True",
                    "lastUpdateTime": "2026-01-10T08:00:01Z",
                }],
            },
        });
        let whole: CloneSet = serde_json::from_value(set.clone()).unwrap();
        let stored: Stored<CloneSet> = serde_json::from_str(&set.to_string()).unwrap();
        assert_eq!(stored.object().unwrap(), whole);
        assert_eq!(
            (stored.metadata.uid.as_str(), stored.metadata.generation),
            ("u", Some(3))
        );
        assert!(!stored.text.contains("kubectl"), "{stored:?}");
    }

    #[test]
    fn what_is_no_set_is_refused_at_once() {
        assert!(
            serde_json::from_str::<Stored<CloneSet>>(
                r#"{"metadata":{},"spec":{"replicas":"many"}}"#
            )
            .is_err()
        );
    }
}
