//! The ControllerRevisions of SidecarSets, as the pod webhook reads them (SS-108, SS-109), and where they are found by
//! the SidecarSet that they are of.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
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

    /// The SidecarSet that the label names.
    fn sidecar_set(&self) -> Option<&str> {
        let label = self.metadata.labels.get(SIDECARSET_NAME);
        label.map(Text::as_str)
    }

    /// Whether it has this custom version.
    fn is_version(&self, version: &str) -> bool {
        let label = self.metadata.labels.get(SIDECARSET_CUSTOM_VERSION);
        label.is_some_and(|label| *label == *version)
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

/// ControllerRevisions of the installation's namespace, by the SidecarSet that they are of. Clones share them.
#[derive(Clone)]
pub struct RevisionIndex {
    namespace: String,
    store: Store<Revision>,
    tables: Arc<RwLock<Tables>>,
}

#[derive(Default)]
struct Tables {
    /// By the SidecarSet that the label names.
    by_set: HashMap<String, BTreeSet<Age>>,
    names: BTreeSet<String>,
}

impl RevisionIndex {
    /// An index of the revisions of this namespace, which the store brings. [`Self::change`] has to be told of its changes.
    #[must_use]
    pub fn new(namespace: impl Into<String>, store: Store<Revision>) -> Self {
        Self {
            namespace: namespace.into(),
            store,
            tables: Arc::default(),
        }
    }

    /// Whether all revisions are known.
    #[must_use]
    pub fn synced(&self) -> bool {
        self.store.synced()
    }

    /// The namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store<Revision> {
        &self.store
    }

    /// Takes a change of a revision, given before and after it. To be called for each change in order.
    pub fn change(&self, old: Option<&Revision>, new: Option<&Revision>) {
        let is_ours = |revision: &&Revision| revision.metadata.namespace == self.namespace;
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = old.filter(is_ours) {
            tables.remove(old);
        }
        if let Some(new) = new.filter(is_ours) {
            tables.put(new);
        }
    }

    /// Revisions that carry the SidecarSet's label, and those whose names its own would take (SS-73, SS-76), by name.
    #[must_use]
    pub fn of(&self, sidecar_set: &str) -> Vec<Arc<Revision>> {
        let prefix = revision::name(sidecar_set, "");
        let tables = self.tables();
        let labelled = tables.by_set.get(sidecar_set).into_iter().flatten();
        let labelled = labelled.map(|Age(_, _, name)| name);
        let named = tables.names.range(prefix.clone()..);
        let named = named.take_while(|name| name.starts_with(&prefix));
        let names: BTreeSet<&String> = labelled.chain(named).collect();
        let known = names.into_iter().filter_map(|name| self.get(name));
        known.collect()
    }

    /// The revision that a SidecarSet wants. One that is named need not be of this SidecarSet (SS-108).
    #[must_use]
    pub fn wanted(&self, sidecar_set: &str, wanted: &WantedRevision) -> Option<Arc<Revision>> {
        match wanted {
            WantedRevision::Name(name) => self.get(name),
            WantedRevision::CustomVersion(version) => {
                let tables = self.tables();
                let mut newest_first = tables.by_set.get(sidecar_set)?.iter().rev();
                newest_first.find_map(|Age(_, _, name)| {
                    // The store may have lost one a moment ago.
                    self.get(name).filter(|it| it.is_version(version))
                })
            }
        }
    }

    fn get(&self, name: &str) -> Option<Arc<Revision>> {
        self.store.get(&ObjectKey::new(&*self.namespace, name))
    }

    fn tables(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn put(&mut self, revision: &Revision) {
        self.names.insert(revision.metadata.name.clone());
        if let Some(sidecar_set) = revision.sidecar_set() {
            let ages = self.by_set.entry(sidecar_set.to_owned()).or_default();
            ages.insert(revision.age());
        }
    }

    fn remove(&mut self, revision: &Revision) {
        self.names.remove(&revision.metadata.name);
        if let Some(sidecar_set) = revision.sidecar_set()
            && let Some(ages) = self.by_set.get_mut(sidecar_set)
        {
            ages.remove(&revision.age());
            if ages.is_empty() {
                self.by_set.remove(sidecar_set);
            }
        }
    }
}
