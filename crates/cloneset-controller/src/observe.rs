//! From the indexes to a snapshot: look-ups only, nothing is decided here.

use std::{collections::BTreeMap, sync::Arc};

use kruise_api::{
    apps::v1beta1::CloneSet,
    budget::PodUnavailableBudget,
    inplace::{Options, has_resize_subresource},
    meta::ObjectMeta,
    pod::Pod,
};
use kruise_runtime::{Object, ObjectKey, OwnWrites, ServerVersion, Settled, Store, StoreView};

use crate::snapshot::{ControllerRevision, Gates, Memory, Snapshot};

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
    /// Only with gate `PodUnavailableBudgetUpdateGate`.
    pub(crate) budgets: Option<Store<PodUnavailableBudget>>,
    pub(crate) gates: Gates,
    pub(crate) server_version: ServerVersion,
}

impl Observer {
    pub(crate) fn set(&self, key: &ObjectKey) -> Option<Arc<CloneSet>> {
        self.sets.get(key)
    }

    /// Whether the indexes show everything that was written for this CloneSet.
    pub(crate) async fn shows_own_writes(&self, own_writes: &OwnWrites, uid: &str) -> Settled {
        let mut stores: Vec<&dyn StoreView> = vec![&self.sets, &self.pods, &self.revisions];
        stores.extend(self.budgets.as_ref().map(|store| store as &dyn StoreView));
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
            budgets: self.budgets.as_ref().map_or_else(Vec::new, |budgets| {
                budgets.in_namespace(&set.metadata.namespace)
            }),
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
