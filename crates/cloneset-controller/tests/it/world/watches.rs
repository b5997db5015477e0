//! What the controller knows of the cluster: its own indexes, filled with every change of the server, and the snapshot
//! that it makes of them. All of the namespace is seen here, also what its watches leave out by a label.

use std::cell::Cell;

use cloneset_controller::{
    gates::Gates,
    memory::Memory,
    observe::Observer,
    snapshot::{Claim, ControllerRevision, ImagePullJob, Snapshot, StoredSet},
};
use kruise_api::{
    apps::v1beta1::CLONESETS,
    object::Object,
    pod::Pod,
    read::{POD_UNAVAILABLE_BUDGETS, PodUnavailableBudget},
    resource::{CONTROLLER_REVISIONS, PERSISTENT_VOLUME_CLAIMS, PODS},
};
use kruise_plan::workload::IMAGE_PULL_JOBS;
use kruise_runtime::{Clock, ServerVersion, Store};
use kruise_testkit::server::Change;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::cluster::{Cluster, key};

pub(crate) struct Watches {
    cluster: Cluster,
    sets: Store<StoredSet>,
    pods: Store<Pod>,
    revisions: Store<ControllerRevision>,
    claims: Store<Claim>,
    budgets: Store<PodUnavailableBudget>,
    image_pull_jobs: Store<ImagePullJob>,
    seen: Cell<u64>,
}

impl Watches {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        Self {
            cluster: cluster.clone(),
            sets: Store::new(CLONESETS),
            pods: Store::new(PODS),
            revisions: Store::new(CONTROLLER_REVISIONS),
            claims: Store::new(PERSISTENT_VOLUME_CLAIMS),
            budgets: Store::new(POD_UNAVAILABLE_BUDGETS),
            image_pull_jobs: Store::new(IMAGE_PULL_JOBS),
            seen: Cell::new(0),
        }
    }

    /// What the controller sees now.
    pub(crate) fn snapshot(&self, memory: Memory, gates: Gates, pulls_ahead: bool) -> Snapshot {
        self.catch_up();
        let now = self.cluster.now();
        let observer = Observer {
            sets: self.sets.clone(),
            pods: self.pods.clone(),
            revisions: self.revisions.clone(),
            image_pull_jobs: pulls_ahead.then(|| self.image_pull_jobs.clone()),
            claims: self.claims.clone(),
            budgets: Some(self.budgets.clone()),
            gates,
            server_version: ServerVersion::default(),
            clock: Clock::of(move || now),
        };
        let set = observer.set(&key("web")).expect("a set that can be read");
        let snapshot = observer.snapshot(set, memory, false);
        // A test says what the server can, not the server's version.
        Snapshot { gates, ..snapshot }
    }

    fn catch_up(&self) {
        let changes = self
            .cluster
            .on(|server| server.changes_since(self.seen.get()));
        for change in changes {
            self.seen.set(change.version);
            match change.resource.plural {
                "clonesets" => hear(&self.sets, &change),
                "pods" => hear(&self.pods, &change),
                "controllerrevisions" => hear(&self.revisions, &change),
                "persistentvolumeclaims" => hear(&self.claims, &change),
                "podunavailablebudgets" => hear(&self.budgets, &change),
                "imagepulljobs" => hear(&self.image_pull_jobs, &change),
                _ => {}
            }
        }
    }
}

fn hear<K: Object + DeserializeOwned>(store: &Store<K>, change: &Change) {
    match (&change.before, &change.after) {
        (_, Some(now)) => store.apply(decode(Value::clone(now))),
        (Some(last), None) => {
            let mut last = Value::clone(last);
            last["metadata"]["resourceVersion"] = json!(change.version.to_string());
            store.apply_deleted(&decode(last));
        }
        (None, None) => {}
    }
}

fn decode<K: DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).expect("an object that can be read")
}
