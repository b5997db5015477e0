//! The ControllerRevisions of SidecarSets, as the pod webhook reads them (SS-108, SS-109), and where they are found by
//! custom version.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use kruise_api::{
    apps::v1beta1::SidecarSetSpec,
    meta::{ObjectMeta, Time},
    object::Object,
    resource::ObjectKey,
    revision,
    text::Text,
    text_map::TextMap,
    well_known::{
        annotations::{SIDECARSET_HASH, SIDECARSET_HASH_WITHOUT_IMAGE},
        labels::{SIDECARSET_CUSTOM_VERSION, SIDECARSET_NAME},
    },
};
use kruise_runtime::Store;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::index::WantedRevision;

/// What is kept of a ControllerRevision. What it stores stays text, a tenth of its tree: few of them are ever restored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Revision {
    /// Metadata: of labels those that name the SidecarSet and its version, of annotations the hashes.
    pub metadata: ObjectMeta,
    /// Number; the highest is the newest.
    pub revision: i64,
    data: Box<str>,
}

impl Object for Revision {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Revision {
    /// What is recorded of the SidecarSet's spec: five of its fields (SS-74).
    ///
    /// # Errors
    ///
    /// When it records something else.
    pub fn spec(&self) -> Result<SidecarSetSpec, serde_json::Error> {
        #[derive(Deserialize)]
        struct Data {
            spec: SidecarSetSpec,
        }
        let Data { spec } = serde_json::from_str(&self.data)?;
        Ok(SidecarSetSpec {
            init_containers: spec.init_containers,
            containers: spec.containers,
            volumes: spec.volumes,
            image_pull_secrets: spec.image_pull_secrets,
            patch_pod_metadata: spec.patch_pod_metadata,
            ..SidecarSetSpec::default()
        })
    }

    /// Whether this is what is stored, given in the form of [`kruise_api::kinds::sidecarset::revision_data`] (SS-76).
    #[must_use]
    pub fn stores(&self, data: &str) -> bool {
        *self.data == *data
            || serde_json::from_str(&self.data).is_ok_and(|tree| revision::canonical(tree) == data)
    }

    /// What tells this state of the revision from all others.
    #[must_use]
    pub fn state(&self) -> String {
        format!("{}@{}", self.metadata.uid, self.metadata.resource_version)
    }

    /// The SidecarSet and the custom version that the labels name.
    fn version(&self) -> Option<(String, String)> {
        let label = |key| self.metadata.labels.get(key).map(String::from);
        Some((label(SIDECARSET_NAME)?, label(SIDECARSET_CUSTOM_VERSION)?))
    }

    /// The place among revisions of one SidecarSet, the newest last (SS-73).
    fn age(&self) -> Age {
        let metadata = &self.metadata;
        Age(
            self.revision,
            metadata.creation_timestamp,
            metadata.name.clone(),
        )
    }
}

impl<'de> Deserialize<'de> for Revision {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Read {
            metadata: ObjectMeta,
            data: Option<Box<RawValue>>,
            revision: i64,
        }
        let Read {
            metadata,
            data,
            revision,
        } = Read::deserialize(deserializer)?;
        Ok(Self {
            metadata: ObjectMeta {
                labels: only(
                    &metadata.labels,
                    [SIDECARSET_NAME, SIDECARSET_CUSTOM_VERSION],
                ),
                annotations: only(
                    &metadata.annotations,
                    [SIDECARSET_HASH, SIDECARSET_HASH_WITHOUT_IMAGE],
                ),
                ..metadata
            },
            revision,
            data: data.as_deref().map_or("null", RawValue::get).into(),
        })
    }
}

fn only(map: &TextMap, keys: [&'static str; 2]) -> TextMap {
    let entries = keys
        .into_iter()
        .filter_map(|key| Some((key, map.get(key)?)));
    entries
        .map(|(key, value)| (key, Text::clone(value)))
        .collect()
}

/// Number, time and name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Age(i64, Option<Time>, String);

/// Revisions by SidecarSet and custom version.
type ByVersion = HashMap<(String, String), BTreeSet<Age>>;

/// ControllerRevisions of the installation's namespace, also by SidecarSet and custom version. Clones share them.
#[derive(Clone)]
pub struct RevisionIndex {
    namespace: String,
    store: Store<Revision>,
    by_version: Arc<RwLock<ByVersion>>,
}

impl RevisionIndex {
    /// An index of the revisions of this namespace, which the store brings. [`Self::change`] has to be told of its changes.
    #[must_use]
    pub fn new(namespace: impl Into<String>, store: Store<Revision>) -> Self {
        Self {
            namespace: namespace.into(),
            store,
            by_version: Arc::default(),
        }
    }

    /// Whether all revisions are known.
    #[must_use]
    pub fn synced(&self) -> bool {
        self.store.synced()
    }

    /// Takes a change of a revision, given before and after it. To be called for each change in order.
    pub fn change(&self, old: Option<&Revision>, new: Option<&Revision>) {
        let is_ours = |revision: &&Revision| revision.metadata.namespace == self.namespace;
        let mut by_version = self
            .by_version
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = old.filter(is_ours)
            && let Some(version) = old.version()
            && let Some(ages) = by_version.get_mut(&version)
        {
            ages.remove(&old.age());
            if ages.is_empty() {
                by_version.remove(&version);
            }
        }
        if let Some(new) = new.filter(is_ours)
            && let Some(version) = new.version()
        {
            by_version.entry(version).or_default().insert(new.age());
        }
    }

    /// The revision that a SidecarSet wants. One that is named need not be of this SidecarSet (SS-108).
    #[must_use]
    pub fn wanted(&self, sidecar_set: &str, wanted: &WantedRevision) -> Option<Arc<Revision>> {
        let of_name = |name: &str| self.store.get(&ObjectKey::new(&*self.namespace, name));
        match wanted {
            WantedRevision::Name(name) => of_name(name),
            WantedRevision::CustomVersion(version) => {
                let by_version = self
                    .by_version
                    .read()
                    .unwrap_or_else(PoisonError::into_inner);
                let ages = by_version.get(&(sidecar_set.to_owned(), version.clone()))?;
                // The store may have lost one a moment ago.
                ages.iter().rev().find_map(|Age(_, _, name)| of_name(name))
            }
        }
    }
}
