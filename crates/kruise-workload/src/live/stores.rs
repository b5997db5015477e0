//! Look-ups that don't wait.

use std::{collections::HashMap, sync::Arc};

use kruise_api::{
    object::Object, read::Configuration, resource::ObjectKey, well_known::configuration,
    white_list::ListedWorkload,
};
use kruise_runtime::{Store, StoreView};

use crate::{
    error::Cause,
    indexed::{IndexedKind, IndexedReplicaSet, IndexedWorkload},
};

/// What the watches have brought.
pub(crate) struct Stores {
    pub(crate) workloads: HashMap<IndexedKind, Store<IndexedWorkload>>,
    pub(crate) replica_sets: Option<Store<IndexedReplicaSet>>,
    pub(crate) configuration: Store<Configuration>,
    /// Where the configuration is.
    pub(crate) namespace: String,
}

impl Stores {
    pub(crate) fn workload(
        &self,
        kind: IndexedKind,
        key: &ObjectKey,
    ) -> Result<Option<Arc<IndexedWorkload>>, Cause> {
        let store = self.workloads.get(&kind);
        get(store.ok_or(Cause::NotWatched(kind.resource()))?, key)
    }

    pub(crate) fn replica_set(
        &self,
        key: &ObjectKey,
    ) -> Result<Option<Arc<IndexedReplicaSet>>, Cause> {
        get(self.watched_replica_sets()?, key)
    }

    pub(crate) fn replica_sets_of(&self, uid: &str) -> Result<Vec<Arc<IndexedReplicaSet>>, Cause> {
        let store = self.watched_replica_sets()?;
        if !is_read(store) {
            return Err(Cause::NotReadYet(store.resource()));
        }
        Ok(store.by_owner(uid))
    }

    /// The entry of a kind in the white list.
    pub(crate) fn listed(&self, group: &str, kind: &str) -> Result<Option<ListedWorkload>, Cause> {
        let key = ObjectKey::new(self.namespace.clone(), configuration::NAME);
        let Some(found) = get(&self.configuration, &key)? else {
            return Ok(None);
        };
        let list = found
            .workload_white_list()
            .map_err(|error| Cause::WhiteList {
                name: configuration::NAME,
                key: configuration::WORKLOAD_WHITELIST,
                source: Arc::new(error),
            })?;
        Ok(list.workload(group, kind).cloned())
    }

    fn watched_replica_sets(&self) -> Result<&Store<IndexedReplicaSet>, Cause> {
        let store = self.replica_sets.as_ref();
        store.ok_or(Cause::NotWatched(IndexedKind::ReplicaSet.resource()))
    }
}

fn get<K: Object>(store: &Store<K>, key: &ObjectKey) -> Result<Option<Arc<K>>, Cause> {
    match store.get(key) {
        None if !is_read(store) => Err(Cause::NotReadYet(store.resource())),
        found => Ok(found),
    }
}

/// Whether what is not in the store is not there. Of a kind that isn't installed there is nothing (PF-930).
fn is_read<K: Object>(store: &Store<K>) -> bool {
    store.synced() || store.kind_missing()
}
