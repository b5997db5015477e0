//! Watches the pods of a namespace straight at the API server, and remembers all that ever were.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{ListParams, WatchEvent, WatchParams},
};
use tokio::task::JoinHandle;

use crate::namespace::{label, name_of};

/// What a witness knows of a pod, alive or gone.
#[derive(Clone, Debug)]
pub struct Witnessed {
    /// Its name.
    pub name: String,
    /// Its instance id.
    pub instance_id: String,
    /// Whether it was ever seen marked for deletion, or deleted.
    pub deleted: bool,
    alive: bool,
}

/// A watch of all pods of a namespace, for as long as it isn't dropped.
pub struct Witness {
    seen: Arc<Mutex<Seen>>,
    watching: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    pods: BTreeMap<String, Witnessed>,
    /// The most pods that were alive at once.
    most: usize,
}

impl Witness {
    /// Begins to watch.
    pub async fn start(pods: Api<Pod>) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let noting = Arc::clone(&seen);
        let watching = watch(pods, move |pod, gone| lock(&noting).saw(pod, gone)).await;
        Self { seen, watching }
    }

    /// All pods that ever were, by UID.
    #[must_use]
    pub fn pods(&self) -> BTreeMap<String, Witnessed> {
        assert!(
            !self.watching.is_finished(),
            "the witness looked away: its watch failed"
        );
        lock(&self.seen).pods.clone()
    }

    /// Instance ids of all pods that ever were.
    #[must_use]
    pub fn instance_ids(&self) -> BTreeSet<String> {
        let pods = self.pods();
        pods.into_values().map(|pod| pod.instance_id).collect()
    }

    /// The most pods that were alive at once since the last call: neither terminating nor finished.
    #[must_use]
    pub fn take_most_alive(&self) -> usize {
        let mut seen = lock(&self.seen);
        let now = seen.alive();
        std::mem::replace(&mut seen.most, now)
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl Seen {
    fn saw(&mut self, pod: &Pod, gone: bool) {
        let metadata = &pod.metadata;
        let phase = pod
            .status
            .as_ref()
            .and_then(|status| status.phase.as_deref());
        let deleted = gone || metadata.deletion_timestamp.is_some();
        let witnessed = Witnessed {
            name: metadata.name.clone().unwrap_or_default(),
            instance_id: label(pod, "apps.kruise.io/cloneset-instance-id").to_owned(),
            deleted,
            alive: !deleted && !matches!(phase, Some("Failed" | "Succeeded")),
        };
        let uid = metadata.uid.clone().unwrap_or_default();
        self.pods.insert(uid, witnessed);
        self.most = self.most.max(self.alive());
    }

    fn alive(&self) -> usize {
        self.pods.values().filter(|pod| pod.alive).count()
    }
}

/// What became of each pod of a namespace, in the order in which it happened.
pub struct Diary {
    notes: Arc<Mutex<Vec<(String, String)>>>,
    watching: JoinHandle<()>,
}

impl Diary {
    /// Begins to watch. `fact` is what is noted of a pod whenever it is another one than before.
    pub async fn start(pods: Api<Pod>, fact: impl Fn(&Pod) -> String + Send + 'static) -> Self {
        let notes = Arc::new(Mutex::new(Vec::new()));
        let noting = Arc::clone(&notes);
        let mut last = BTreeMap::new();
        let watching = watch(pods, move |pod, _| {
            let note = (name_of(pod), fact(pod));
            if last.insert(note.0.clone(), note.1.clone()).as_ref() != Some(&note.1) {
                lock(&noting).push(note);
            }
        })
        .await;
        Self { notes, watching }
    }

    /// All notes: a pod's name and what was new of it.
    #[must_use]
    pub fn all(&self) -> Vec<(String, String)> {
        assert!(
            !self.watching.is_finished(),
            "the diary has a gap: its watch failed"
        );
        lock(&self.notes).clone()
    }

    /// The notes of a pod.
    #[must_use]
    pub fn of(&self, pod: &str) -> Vec<String> {
        let notes = self.all().into_iter().filter(|(name, _)| name == pod);
        notes.map(|(_, fact)| fact).collect()
    }

    /// The pods in the order in which a fact came true of them.
    #[must_use]
    pub fn order_of(&self, fact: &str) -> Vec<String> {
        let notes = self.all().into_iter().filter(|(_, noted)| noted == fact);
        notes.map(|(name, _)| name).collect()
    }
}

impl Drop for Diary {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// Shows all pods as they are, and from then on every change; whether it is gone comes with each.
async fn watch(pods: Api<Pod>, mut saw: impl FnMut(&Pod, bool) + Send + 'static) -> JoinHandle<()> {
    let listed = pods.list(&ListParams::default()).await.expect("list pods");
    let mut version = listed.metadata.resource_version.unwrap_or_default();
    for pod in &listed.items {
        saw(pod, false);
    }
    tokio::spawn(async move {
        loop {
            let events = pods.watch(&WatchParams::default(), &version).await;
            let mut events = events.expect("watch pods").boxed();
            while let Some(event) = events.next().await {
                let (pod, gone) = match event.expect("an event") {
                    WatchEvent::Added(pod) | WatchEvent::Modified(pod) => (pod, false),
                    WatchEvent::Deleted(pod) => (pod, true),
                    WatchEvent::Bookmark(_) => continue,
                    WatchEvent::Error(status) => panic!("the witness's watch: {status:?}"),
                };
                saw(&pod, gone);
                version = pod.metadata.resource_version.unwrap_or_default();
            }
        }
    })
}

fn lock<T>(seen: &Mutex<T>) -> MutexGuard<'_, T> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
