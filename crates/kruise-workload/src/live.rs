//! The look-ups of a process: into the stores of its watches, and of other kinds to the API server.

mod custom;
mod discovery;
mod recent;
mod stores;

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use kruise_api::{resource::ObjectKey, white_list::ListedWorkload};

pub(crate) use self::{
    custom::{Custom, Timing},
    stores::Stores,
};
use crate::{
    error::Cause,
    indexed::{IndexedKind, IndexedReplicaSet, IndexedWorkload},
    look_ups::{Existing, LookUps, Scale},
    reference::Reference,
};

pub(crate) struct Live {
    pub(crate) stores: Stores,
    pub(crate) custom: Custom,
}

impl LookUps for Live {
    fn patience(&self) -> Duration {
        self.custom.timing.patience
    }

    fn lag(&self) -> Duration {
        self.custom.timing.lag
    }

    fn indexed(
        &self,
        kind: IndexedKind,
        key: &ObjectKey,
    ) -> Result<Option<Arc<IndexedWorkload>>, Cause> {
        self.stores.workload(kind, key)
    }

    fn replica_set(&self, key: &ObjectKey) -> Result<Option<Arc<IndexedReplicaSet>>, Cause> {
        self.stores.replica_set(key)
    }

    fn replica_sets_of(&self, uid: &str) -> Result<Vec<Arc<IndexedReplicaSet>>, Cause> {
        self.stores.replica_sets_of(uid)
    }

    fn listed(&self, group: &str, kind: &str) -> Result<Option<ListedWorkload>, Cause> {
        self.stores.listed(group, kind)
    }

    fn replicas<'a>(
        &'a self,
        asked: &'a Reference,
        listed: &'a ListedWorkload,
    ) -> BoxFuture<'a, Result<Option<Existing>, Cause>> {
        Box::pin(self.custom.replicas(asked, listed))
    }

    fn scale<'a>(&'a self, asked: &'a Reference) -> BoxFuture<'a, Result<Option<Scale>, Cause>> {
        Box::pin(self.custom.scale(asked))
    }

    fn object<'a>(
        &'a self,
        asked: &'a Reference,
    ) -> BoxFuture<'a, Result<Option<Existing>, Cause>> {
        Box::pin(self.custom.object(asked))
    }
}
