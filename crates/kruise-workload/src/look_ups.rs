//! What the rules ask for. Each look-up finds an object by group, kind and name, or none.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use kruise_api::{resource::ObjectKey, selector::Selector, white_list::ListedWorkload};

use crate::{
    error::Cause,
    indexed::{IndexedKind, IndexedReplicaSet, IndexedWorkload},
    reference::Reference,
};

/// An object of a kind that is not watched.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Existing {
    /// UID.
    pub uid: String,
    /// `spec.replicas`; none where it is absent, or was not asked for.
    pub replicas: Option<i32>,
}

/// An object's scale subresource.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Scale {
    /// UID of the object.
    pub uid: String,
    /// `spec.replicas`, 0 where it is absent.
    pub replicas: i32,
    /// `status.selector`; none where it is absent. An empty one counts as absent (DV-PB4).
    pub selector: Option<Arc<Selector>>,
}

/// Finds objects, of a group and kind, by namespace and name. The first four look into indexes and don't wait; the others may have to ask the API server.
pub trait LookUps: Send + Sync + 'static {
    /// How long one search may take.
    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }

    /// How long what was made just now may be missing in the indexes.
    fn lag(&self) -> Duration {
        Duration::ZERO
    }

    /// The object of this kind, which is any but ReplicaSet.
    ///
    /// # Errors
    /// When that can't be said.
    fn indexed(
        &self,
        kind: IndexedKind,
        key: &ObjectKey,
    ) -> Result<Option<Arc<IndexedWorkload>>, Cause>;

    /// The ReplicaSet of this name.
    ///
    /// # Errors
    /// When that can't be said.
    fn replica_set(&self, key: &ObjectKey) -> Result<Option<Arc<IndexedReplicaSet>>, Cause>;

    /// The ReplicaSets whose controller has this UID.
    ///
    /// # Errors
    /// When that can't be said.
    fn replica_sets_of(&self, uid: &str) -> Result<Vec<Arc<IndexedReplicaSet>>, Cause>;

    /// The entry of this kind in the white list `PPS_Watch_Custom_Workload_WhiteList` (PB-25, step 7).
    ///
    /// # Errors
    /// When the list can't be read.
    fn listed(&self, group: &str, kind: &str) -> Result<Option<ListedWorkload>, Cause>;

    /// The object of a kind in the white list, with its replicas (step 7).
    fn replicas<'a>(
        &'a self,
        asked: &'a Reference,
        listed: &'a ListedWorkload,
    ) -> BoxFuture<'a, Result<Option<Existing>, Cause>>;

    /// The scale subresource of the object (step 8); none where the object is missing, or its kind has no scale. An
    /// unknown kind is an error.
    fn scale<'a>(&'a self, asked: &'a Reference) -> BoxFuture<'a, Result<Option<Scale>, Cause>>;

    /// The object itself, without its replicas (step 9).
    fn object<'a>(&'a self, asked: &'a Reference)
    -> BoxFuture<'a, Result<Option<Existing>, Cause>>;
}
