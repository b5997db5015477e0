//! What is kept of a ControllerRevision. Those of the whole cluster are watched, and StatefulSets and DaemonSets
//! have tens of thousands of them: of these, nothing is kept but whose name is taken, and by what (IP-131). What
//! the revisions of one's own kind store is kept as text, which is a tenth of its tree.

use std::{
    hash::{DefaultHasher, Hasher},
    marker::PhantomData,
};

use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, value::RawValue};

use super::metadata::{Kept, OnTheWire};
use crate::{
    meta::ObjectMeta,
    object::{CustomResource, Object},
    revision,
    well_known::annotations,
};

/// What those who own objects of kind `K` keep of a ControllerRevision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ControllerRevision<K> {
    /// Metadata: of annotations only the hash of the claim templates, and of a revision of others no labels either.
    pub metadata: ObjectMeta,
    /// The stored template, as `{"spec":{"template":…}}`.
    pub data: RevisionData,
    /// Number; the highest is the newest.
    pub revision: i64,
    of: PhantomData<fn() -> K>,
}

impl<K: PartialEq + 'static + CustomResource> Object for ControllerRevision<K> {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// What a revision stores of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevisionData {
    /// All of it, in the form of [`revision::data`]: of a revision of kind `K`, and of one that nobody manages, which
    /// may become one of those (IP-132).
    Text(Box<str>),
    /// A digest of its bytes: of a revision of others.
    Digest(u64),
}

impl Default for RevisionData {
    fn default() -> Self {
        Self::Text("null".into())
    }
}

impl RevisionData {
    /// Whether this is what is stored (IP-134), given in the form of [`revision::data`].
    #[must_use]
    pub fn is(&self, data: &str) -> bool {
        match self {
            Self::Text(text) => **text == *data,
            Self::Digest(digest) => *digest == digest_of(data),
        }
    }

    /// The data as a tree. It is large, so it is made when it is looked at and not kept. `null` of a revision of
    /// others.
    #[must_use]
    pub fn tree(&self) -> Value {
        match self {
            // It was written from a tree.
            Self::Text(text) => serde_json::from_str(text).unwrap_or_default(),
            Self::Digest(_) => Value::Null,
        }
    }
}

fn digest_of(data: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(data.as_bytes());
    hasher.finish()
}

impl<'de, K: CustomResource> Deserialize<'de> for ControllerRevision<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Read {
            metadata: OnTheWire,
            data: Option<Box<RawValue>>,
            revision: i64,
        }
        let Read {
            mut metadata,
            data,
            revision,
        } = Read::deserialize(deserializer)?;
        let text = data.as_deref().map_or("null", RawValue::get);
        let owners = metadata.owner_references.get_or_insert_default();
        owners.retain(|owner| owner.controller == Some(true));
        let is_of_others = owners.iter().any(|owner| !owner.is_of(K::GROUP, K::KIND));
        let (labels, data) = if is_of_others {
            (Kept::None, RevisionData::Digest(digest_of(text)))
        } else {
            let tree: Value = serde_json::from_str(text).map_err(de::Error::custom)?;
            let text = revision::canonical(tree);
            (Kept::All, RevisionData::Text(text.into()))
        };
        let annotations = Kept::Only(annotations::VOLUME_CLAIM_TEMPLATE_HASH);
        Ok(Self {
            metadata: metadata.keep(labels, annotations),
            data,
            revision,
            of: PhantomData,
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::apps::v1beta1::CloneSet;

    type Revision = ControllerRevision<CloneSet>;

    fn revision(owners: &Value) -> Revision {
        let body = json!({
            "metadata": {
                "name": "web-1", "namespace": "ns", "uid": "u", "resourceVersion": "1",
                "labels": { "app": "web" },
                "annotations": {
                    "kruise.io/cloneset-volumeclaimtemplate-hash": "7",
                    "kubectl.kubernetes.io/last-applied-configuration": "acme/app:1 and all the rest",
                },
                "ownerReferences": owners,
            },
            "data": { "spec": { "template": { "spec": { "image": "acme/app:1" }, "$patch": "replace" } } },
            "revision": 3,
        });
        serde_json::from_str(&body.to_string()).unwrap()
    }

    fn owner(api_version: &str, kind: &str, is_controller: bool) -> Value {
        json!({
            "apiVersion": api_version, "kind": kind, "name": "web", "uid": "s", "controller": is_controller,
        })
    }

    // IP-132: whoever has no manager may become ours.
    #[rstest]
    #[case::of_ours(json!([owner("apps.kruise.io/v1alpha1", "CloneSet", true)]), true)]
    #[case::of_nobody(json!([]), true)]
    #[case::of_no_manager(json!([owner("apps/v1", "StatefulSet", false)]), true)]
    #[case::of_a_stateful_set(json!([owner("apps/v1", "StatefulSet", true)]), false)]
    #[case::of_an_advanced_one(json!([owner("apps.kruise.io/v1beta1", "StatefulSet", true)]), false)]
    #[case::of_another_group(json!([owner("acme.io/v1", "CloneSet", true)]), false)]
    fn what_a_revision_stores_is_kept_only_where_it_may_be_ours(
        #[case] owners: Value,
        #[case] is_kept: bool,
    ) {
        let revision = revision(&owners);
        let all = format!("{revision:?}");
        assert_eq!(all.contains("acme/app:1"), is_kept, "{all}");
        assert_eq!(revision.metadata.labels.is_empty(), !is_kept);
        assert_eq!(
            (revision.metadata.name.as_str(), revision.revision),
            ("web-1", 3)
        );
        assert!(!all.contains("all the rest"), "{all}");
        let hash = revision
            .metadata
            .annotations
            .get("kruise.io/cloneset-volumeclaimtemplate-hash");
        assert!(hash.is_some_and(|hash| hash == "7"));
    }

    // IP-131, IP-134
    #[test]
    fn data_is_recognised_whoever_owns_it() {
        let text = r#"{"spec":{"template":{"$patch":"replace","spec":{"image":"acme/app:1"}}}}"#;
        let ours = revision(&json!([]));
        assert!(
            ours.data.is(text) && !ours.data.is("{}"),
            "keys are in another order"
        );
        assert_eq!(
            ours.data.tree()["spec"]["template"]["spec"]["image"],
            "acme/app:1"
        );
        let body = format!(
            r#"{{"metadata":{{"ownerReferences":[{}]}},"data":{text}}}"#,
            owner("apps/v1", "StatefulSet", true)
        );
        let other: Revision = serde_json::from_str(&body).unwrap();
        assert!(other.data.is(text) && !other.data.is("{}"));
        assert_eq!(other.data.tree(), Value::Null);
    }
}
