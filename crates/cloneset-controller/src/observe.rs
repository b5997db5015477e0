//! From the indexes to a snapshot: look-ups only, nothing is decided here.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kruise_api::{
    apps::v1beta1::CloneSet,
    budget::PodUnavailableBudget,
    inplace::{Options, has_resize_subresource},
    meta::ObjectMeta,
    pod::Pod,
};
use kruise_runtime::{Object, ObjectKey, OwnWrites, ServerVersion, Settled, Store, StoreView};

use crate::snapshot::{
    Claim, ControllerRevision, Gates, ImagePullJob, Memory, Snapshot, instance_id, pod_name,
};

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

impl Object for Claim {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// The indexes that snapshots are made from.
pub struct Observer {
    /// CloneSets.
    pub sets: Store<CloneSet>,
    /// Their pods.
    pub pods: Store<Pod>,
    /// Revisions, of others too.
    pub revisions: Store<ControllerRevision>,
    /// Jobs that pull images; only with the gate for that.
    pub image_pull_jobs: Option<Store<ImagePullJob>>,
    /// Volume claims.
    pub claims: Store<Claim>,
    /// Budgets; only with gate `PodUnavailableBudgetUpdateGate`.
    pub budgets: Option<Store<PodUnavailableBudget>>,
    /// Feature gates.
    pub gates: Gates,
    /// Version of the API server.
    pub server_version: ServerVersion,
}

impl Observer {
    /// The CloneSet of this name.
    #[must_use]
    pub fn set(&self, key: &ObjectKey) -> Option<Arc<CloneSet>> {
        self.sets.get(key)
    }

    /// Whether the indexes show everything that was written for this CloneSet.
    pub(crate) async fn shows_own_writes(&self, own_writes: &OwnWrites, uid: &str) -> Settled {
        let mut stores: Vec<&dyn StoreView> =
            vec![&self.sets, &self.pods, &self.revisions, &self.claims];
        let jobs = self.image_pull_jobs.as_ref();
        stores.extend(jobs.map(|store| store as &dyn StoreView));
        stores.extend(self.budgets.as_ref().map(|store| store as &dyn StoreView));
        own_writes.settle(uid, &stores).await
    }

    /// All that is to be known of a CloneSet now, but labels of nodes.
    #[must_use]
    pub fn snapshot(
        &self,
        set: Arc<CloneSet>,
        memory: Memory,
        pod_readiness_controller_live: bool,
    ) -> Snapshot {
        let pods = self.pods.by_owner(&set.metadata.uid);
        let claims = self.claims.by_owner(&set.metadata.uid);
        Snapshot {
            taken_names: self.taken_names(&set, &pods, &claims),
            pods,
            claims,
            revisions: self.revisions.in_namespace(&set.metadata.namespace),
            image_pull_jobs: self
                .image_pull_jobs
                .as_ref()
                .filter(|jobs| !jobs.kind_missing())
                .map(|jobs| jobs.by_owner(&set.metadata.uid)),
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

    /// Only of claims without a pod, which are few.
    fn taken_names(
        &self,
        set: &CloneSet,
        pods: &[Arc<Pod>],
        claims: &[Arc<Claim>],
    ) -> BTreeSet<String> {
        if claims.is_empty() {
            return BTreeSet::new();
        }
        let of_pods: BTreeSet<&str> = pods.iter().map(|pod| instance_id(&pod.metadata)).collect();
        claims
            .iter()
            .map(|claim| instance_id(&claim.metadata))
            .filter(|id| !of_pods.contains(id))
            .map(|id| pod_name(&set.metadata, id))
            .filter(|name| {
                let key = ObjectKey::new(set.metadata.namespace.clone(), name.clone());
                self.pods.get(&key).is_some()
            })
            .collect()
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
