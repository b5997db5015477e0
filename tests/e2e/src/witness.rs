//! Watches objects of a namespace straight at the API server, and remembers what became of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::serde::de::DeserializeOwned;
use kube::{
    Api, ResourceExt,
    api::{ListParams, WatchEvent, WatchParams},
};
use tokio::task::JoinHandle;

use crate::{
    names::INSTANCE_ID,
    pods::label,
    wait::{PATIENCE, eventually},
};

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
    pub async fn start(pods: &Api<Pod>) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let noting = Arc::clone(&seen);
        let watching = watch(pods.clone(), move |pod, gone| lock(&noting).saw(pod, gone)).await;
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
            instance_id: label(pod, INSTANCE_ID).to_owned(),
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

/// What became of each object of a kind in a namespace, in the order in which it happened.
pub struct Diary {
    notes: Arc<Mutex<Vec<(String, String)>>>,
    watching: JoinHandle<()>,
}

impl Diary {
    /// Begins to watch. `fact` is what is noted of an object whenever it is another one than before.
    pub async fn start<K: Watched>(
        objects: &Api<K>,
        fact: impl Fn(&K) -> String + Send + 'static,
    ) -> Self {
        let notes = Arc::new(Mutex::new(Vec::new()));
        let noting = Arc::clone(&notes);
        let mut last = BTreeMap::new();
        let watching = watch(objects.clone(), move |object: &K, _| {
            let note = (object.name_any(), fact(object));
            if last.insert(note.0.clone(), note.1.clone()).as_ref() != Some(&note.1) {
                lock(&noting).push(note);
            }
        })
        .await;
        Self { notes, watching }
    }

    /// All notes: an object's name and what was new of it.
    #[must_use]
    pub fn all(&self) -> Vec<(String, String)> {
        assert!(
            !self.watching.is_finished(),
            "the diary has a gap: its watch failed"
        );
        lock(&self.notes).clone()
    }

    /// The notes of an object.
    #[must_use]
    pub fn of(&self, object: &str) -> Vec<String> {
        let notes = self.all().into_iter().filter(|(name, _)| name == object);
        notes.map(|(_, fact)| fact).collect()
    }

    /// Waits until the notes of an object are these; the diary may be late.
    pub async fn tells(&self, object: &str, story: &[impl AsRef<str>]) {
        let story: Vec<&str> = story.iter().map(AsRef::as_ref).collect();
        let what = format!("the story of {object} is {story:?}");
        eventually(&what, PATIENCE, || async {
            let notes = self.of(object);
            if notes == story { Ok(()) } else { Err(notes) }
        })
        .await;
    }

    /// The objects in the order in which a fact came true of them.
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

/// What can be watched.
pub trait Watched: ResourceExt + DeserializeOwned + Clone + Debug + Send + 'static {}

impl<K: ResourceExt + DeserializeOwned + Clone + Debug + Send + 'static> Watched for K {}

/// An account of how many objects of a kind in a namespace something is true of, at each moment.
pub struct Account {
    balance: Arc<Mutex<Balance>>,
    watching: JoinHandle<()>,
}

#[derive(Default)]
struct Balance {
    counted: BTreeSet<String>,
    fewest: usize,
}

impl Account {
    /// Begins to keep it, of what `counts`. What is gone doesn't.
    pub async fn start<K: Watched>(
        objects: &Api<K>,
        counts: impl Fn(&K) -> bool + Send + 'static,
    ) -> Self {
        let balance = Arc::new(Mutex::new(Balance::default()));
        let kept = Arc::clone(&balance);
        let watching = watch(objects.clone(), move |object: &K, gone| {
            let mut balance = lock(&kept);
            let uid = object.uid().unwrap_or_default();
            if !gone && counts(object) {
                balance.counted.insert(uid);
            } else {
                balance.counted.remove(&uid);
            }
            balance.fewest = balance.fewest.min(balance.counted.len());
        })
        .await;
        let account = Self { balance, watching };
        account.take_fewest();
        account
    }

    /// The fewest that counted at once since the last call, or the beginning.
    pub fn take_fewest(&self) -> usize {
        assert!(
            !self.watching.is_finished(),
            "the account has a gap: its watch failed"
        );
        let mut balance = lock(&self.balance);
        let now = balance.counted.len();
        std::mem::replace(&mut balance.fewest, now)
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

/// Shows all objects as they are, and from then on every change; whether it is gone comes with each.
pub(crate) async fn watch<K: Watched>(
    objects: Api<K>,
    mut saw: impl FnMut(&K, bool) + Send + 'static,
) -> JoinHandle<()> {
    let listed = objects.list(&ListParams::default()).await.expect("a list");
    let mut version = listed.metadata.resource_version.unwrap_or_default();
    for object in &listed.items {
        saw(object, false);
    }
    tokio::spawn(async move {
        loop {
            let events = objects.watch(&WatchParams::default(), &version).await;
            let mut events = events.expect("a watch").boxed();
            while let Some(event) = events.next().await {
                let (object, gone) = match event.expect("an event") {
                    WatchEvent::Added(object) | WatchEvent::Modified(object) => (object, false),
                    WatchEvent::Deleted(object) => (object, true),
                    WatchEvent::Bookmark(_) => continue,
                    WatchEvent::Error(status) => panic!("the witness's watch: {status:?}"),
                };
                saw(&object, gone);
                version = object.resource_version().unwrap_or_default();
            }
        }
    })
}

fn lock<T>(seen: &Mutex<T>) -> MutexGuard<'_, T> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
