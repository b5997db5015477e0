//! From the indexes to a snapshot: look-ups only, nothing is decided here.

use std::{collections::BTreeMap, sync::Arc};

use kruise_api::{
    apps::v1beta1::CloneSet,
    inplace::{Options, has_resize_subresource},
    meta::ObjectMeta,
    pod::Pod,
};
use kruise_runtime::{Object, ObjectKey, OwnWrites, ServerVersion, Settled, Store, StoreView};

use crate::snapshot::{ControllerRevision, Gates, ImagePullJob, Memory, Snapshot};

impl Object for ImagePullJob {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Object for ControllerRevision {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// The indexes that snapshots are made from.
pub(crate) struct Observer {
    pub(crate) sets: Store<CloneSet>,
    pub(crate) pods: Store<Pod>,
    pub(crate) revisions: Store<ControllerRevision>,
    /// Only with the gate for pulling images ahead.
    pub(crate) image_pull_jobs: Option<Store<ImagePullJob>>,
    pub(crate) gates: Gates,
    pub(crate) server_version: ServerVersion,
}

impl Observer {
    pub(crate) fn set(&self, key: &ObjectKey) -> Option<Arc<CloneSet>> {
        self.sets.get(key)
    }

    /// Whether the indexes show everything that was written for this CloneSet.
    pub(crate) async fn shows_own_writes(&self, own_writes: &OwnWrites, uid: &str) -> Settled {
        let jobs = self.image_pull_jobs.as_ref();
        let jobs = jobs.map(|jobs| jobs as &dyn StoreView);
        let always: [&dyn StoreView; 3] = [&self.sets, &self.pods, &self.revisions];
        let stores: Vec<_> = always.into_iter().chain(jobs).collect();
        own_writes.settle(uid, &stores).await
    }

    pub(crate) fn snapshot(
        &self,
        set: Arc<CloneSet>,
        memory: Memory,
        pod_readiness_controller_live: bool,
    ) -> Snapshot {
        Snapshot {
            pods: self.pods.by_owner(&set.metadata.uid),
            revisions: self.revisions.in_namespace(&set.metadata.namespace),
            image_pull_jobs: self
                .image_pull_jobs
                .as_ref()
                .filter(|jobs| !jobs.kind_missing())
                .map(|jobs| jobs.by_owner(&set.metadata.uid)),
            set,
            nodes: BTreeMap::new(),
            now: jiff::Timestamp::now(),
            index_version: self.pods.newest_version(),
            pod_readiness_controller_live,
            gates: self.gates(),
            memory,
        }
    }

    fn gates(&self) -> Gates {
        let in_place = Options {
            resize_subresource: has_resize_subresource(self.server_version.get()),
            ..self.gates.in_place
        };
        Gates {
            in_place,
            ..self.gates
        }
    }
}
