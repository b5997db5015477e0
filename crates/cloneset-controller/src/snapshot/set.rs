//! What is kept of a CloneSet between two passes. Its template is a tree of hundreds of nodes, ten times as large as its
//! text, and most CloneSets are looked at now and then.

use kruise_api::{apps::v1beta1::CloneSet, meta::ObjectMeta};
use serde::{Deserialize, Deserializer};

/// A CloneSet as text, without what nobody reads.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StoredSet {
    /// Identity, version and owners; all metadata is in the text.
    pub metadata: ObjectMeta,
    text: Box<str>,
}

impl StoredSet {
    /// The CloneSet. It was read before, so there always is one.
    #[must_use]
    pub fn set(&self) -> Option<CloneSet> {
        serde_json::from_str(&self.text).ok()
    }
}

impl<'de> Deserialize<'de> for StoredSet {
    /// One that can't be read is an error now, not when it is looked at.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut set = CloneSet::deserialize(deserializer)?;
        let text = serde_json::to_string(&set).map_err(serde::de::Error::custom)?;
        set.metadata.labels = Default::default();
        set.metadata.annotations = Default::default();
        Ok(Self {
            metadata: set.metadata,
            text: text.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
        let stored: StoredSet = serde_json::from_str(&set.to_string()).unwrap();
        assert_eq!(stored.set().unwrap(), whole);
        assert_eq!(
            (stored.metadata.uid.as_str(), stored.metadata.generation),
            ("u", Some(3))
        );
        assert!(!stored.text.contains("kubectl"), "{stored:?}");
    }

    #[test]
    fn what_is_no_set_is_refused_at_once() {
        assert!(
            serde_json::from_str::<StoredSet>(r#"{"metadata":{},"spec":{"replicas":"many"}}"#)
                .is_err()
        );
    }
}
