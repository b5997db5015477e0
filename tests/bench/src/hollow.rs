//! A scheduler and kubelets without nodes: pods are bound, "run", get ready, restart with a new image and
//! go away, as far as the API shows. No container runs, so thousands of pods fit one machine.
//!
//! It follows all pods that ask for its scheduler, over one watch, and writes with some threads. Each pod
//! belongs to one thread, so that its writes have an order. What to write is decided by [`Step::next`],
//! from the pod alone.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::BufRead as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use kruise_api::pod::Pod;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::api::{Api, PatchKind};
use super::hollow_status::patch;

/// `spec.schedulerName` of the pods that are played with. The cluster's own scheduler leaves them alone.
pub(super) const SCHEDULER: &str = "hollow";
/// How many nodes the pods are spread over. There are no Node objects.
const NODES: u64 = 20;
/// Threads that write: about as many as the API server of a small machine has use for.
const WRITERS: usize = 16;
/// Between attempts to watch again.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// Marks the bookmark after the last object that was there before (the API server writes it).
const INITIAL_EVENTS_END: &str = "k8s.io/initial-events-end";

/// Plays until it is dropped.
pub(super) struct Hollow {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    /// By UID, as the watch last showed them.
    pods: Mutex<HashMap<String, Arc<Pod>>>,
    writes: AtomicUsize,
    /// Writes that failed, and what the last of them said.
    failures: AtomicUsize,
    last_failure: Mutex<String>,
}

impl Hollow {
    pub(super) fn start(api: &Api) -> Self {
        let shared = Arc::new(Shared::default());
        let writers = (0..WRITERS)
            .map(|_| {
                let (sender, pods) = mpsc::channel();
                let (api, shared) = (api.clone(), Arc::clone(&shared));
                std::thread::spawn(move || Writer::new(api, shared).run(&pods));
                sender
            })
            .collect();
        let watch = Watch {
            api: api.clone(),
            shared: Arc::clone(&shared),
            writers,
        };
        std::thread::spawn(move || watch.follow());
        Self { shared }
    }

    /// How many pods are as asked, as far as the watch has told.
    pub(super) fn count(&self, is: impl Fn(&Pod) -> bool) -> usize {
        lock(&self.shared.pods)
            .values()
            .filter(|pod| is(pod))
            .count()
    }

    /// Writes so far that the API server took.
    pub(super) fn writes(&self) -> usize {
        self.shared.writes.load(Ordering::Relaxed)
    }

    /// How many writes failed, and what the last of them said.
    pub(super) fn failures(&self) -> (usize, String) {
        let failures = self.shared.failures.load(Ordering::Relaxed);
        (failures, lock(&self.shared.last_failure).clone())
    }
}

impl Drop for Hollow {
    fn drop(&mut self) {
        // The threads are left to themselves: the watch ends with its connection, the writers with it.
        self.shared.stopped.store(true, Ordering::Relaxed);
    }
}

/// Whether the pod runs the image that its spec has, in its container of this name, and is ready.
pub(super) fn serves(pod: &Pod, container: &str, image: &str) -> bool {
    let wanted = pod.container(container).map(|spec| spec.image.as_str());
    let runs = pod
        .container_status(container)
        .map(|status| status.image.as_str());
    !pod.metadata.is_terminating() && pod.is_ready() && wanted == Some(image) && runs == Some(image)
}

/// What scheduler or kubelet would do next.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// The scheduler assigns the pod to this node.
    Bind(String),
    /// The kubelet reports.
    Report(serde_json::Value),
    /// The kubelet has ended the containers of a pod that is being deleted.
    Remove,
}

impl Step {
    /// `None` as long as nothing changes.
    pub(super) fn next(pod: &Pod, now: Timestamp) -> Option<Self> {
        if pod.metadata.is_terminating() {
            return Some(Self::Remove);
        }
        if !pod.has_node() {
            return Some(Self::Bind(node_of(pod)));
        }
        patch(pod, now).map(Self::Report)
    }
}

fn node_of(pod: &Pod) -> String {
    format!("hollow-{}", number_of(&pod.metadata.uid) % NODES)
}

fn number_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The one watch.
struct Watch {
    api: Api,
    shared: Arc<Shared>,
    writers: Vec<Sender<Arc<Pod>>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    type_: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

impl Watch {
    fn follow(&self) {
        while !self.shared.stopped.load(Ordering::Relaxed) {
            // Each attempt begins with all pods, so that nothing is missed.
            if let Err(error) = self.connect()
                && !self.shared.stopped.load(Ordering::Relaxed)
            {
                self.shared.failed(&error);
            }
            std::thread::sleep(RETRY_AFTER);
        }
    }

    fn connect(&self) -> Result<()> {
        let selector = format!("fieldSelector=spec.schedulerName%3D{SCHEDULER}");
        let mut lines = self.api.watch("/api/v1/pods", &selector)?;
        let mut line = Vec::new();
        let mut initial = Some(HashSet::new());
        loop {
            line.clear();
            if lines
                .read_until(b'\n', &mut line)
                .context("read the watch")?
                == 0
                || self.shared.stopped.load(Ordering::Relaxed)
            {
                return Ok(());
            }
            let event: Event<'_> = serde_json::from_slice(&line).context("read an event")?;
            let pod: Pod = serde_json::from_str(event.object.get()).context("read a pod")?;
            match event.type_ {
                "ADDED" | "MODIFIED" => {
                    if let Some(initial) = &mut initial {
                        initial.insert(pod.metadata.uid.clone());
                    }
                    self.changed(pod);
                }
                "DELETED" => {
                    lock(&self.shared.pods).remove(&pod.metadata.uid);
                }
                "BOOKMARK" if pod.metadata.annotations.contains_key(INITIAL_EVENTS_END) => {
                    if let Some(there) = initial.take() {
                        lock(&self.shared.pods).retain(|uid, _| there.contains(uid));
                    }
                }
                "BOOKMARK" => {}
                other => anyhow::bail!("the watch answered {other}: {}", event.object.get()),
            }
        }
    }

    fn changed(&self, pod: Pod) {
        let pod = Arc::new(pod);
        let uid = pod.metadata.uid.clone();
        let idx = number_of(&uid) as usize % self.writers.len().max(1);
        lock(&self.shared.pods).insert(uid, Arc::clone(&pod));
        if let Some(writer) = self.writers.get(idx) {
            // Fails only when the writer has ended, which is when all end.
            let _ = writer.send(pod);
        }
    }
}

/// One thread that writes.
struct Writer {
    api: Api,
    shared: Arc<Shared>,
    /// The version that each pod's last write made: the watch may still tell of older ones.
    written: HashMap<String, u64>,
}

impl Writer {
    fn new(api: Api, shared: Arc<Shared>) -> Self {
        Self {
            api,
            shared,
            written: HashMap::new(),
        }
    }

    fn run(mut self, pods: &Receiver<Arc<Pod>>) {
        let mut order = VecDeque::new();
        let mut newest: HashMap<String, Arc<Pod>> = HashMap::new();
        loop {
            if order.is_empty() {
                let Ok(pod) = pods.recv() else { return };
                order.push_back(pod.metadata.uid.clone());
                newest.insert(pod.metadata.uid.clone(), pod);
            }
            // Only the newest state of each counts.
            while let Ok(pod) = pods.try_recv() {
                let uid = pod.metadata.uid.clone();
                if newest.insert(uid.clone(), pod).is_none() {
                    order.push_back(uid);
                }
            }
            let pod = order.pop_front().and_then(|uid| newest.remove(&uid));
            let Some(pod) = pod else { continue };
            if self.shared.stopped.load(Ordering::Relaxed) {
                return;
            }
            if let Err(error) = self.play(&pod) {
                self.shared.failed(&error);
            }
        }
    }

    fn play(&mut self, pod: &Pod) -> Result<()> {
        let uid = &pod.metadata.uid;
        let version: u64 = pod.metadata.resource_version.parse().unwrap_or_default();
        if self
            .written
            .get(uid)
            .is_some_and(|&written| version < written)
        {
            return Ok(());
        }
        let Some(step) = Step::next(pod, Timestamp::now()) else {
            return Ok(());
        };
        let (namespace, name) = (&pod.metadata.namespace, &pod.metadata.name);
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        match step {
            Step::Bind(node) => {
                let binding = json!({
                    "apiVersion": "v1",
                    "kind": "Binding",
                    "metadata": {"name": name, "namespace": namespace, "uid": uid},
                    "target": {"apiVersion": "v1", "kind": "Node", "name": node},
                });
                self.api.create(&format!("{path}/binding"), &binding)?;
                // The answer has no version; anything newer than this one has the node.
                self.written.insert(uid.clone(), version + 1);
            }
            Step::Report(patch) => {
                let path = format!("{path}/status");
                let answer = self.api.patch(&path, PatchKind::Strategic, &patch)?;
                self.written.insert(uid.clone(), version_in(&answer)?);
            }
            Step::Remove => {
                self.api.delete_at_once(&path, Some(uid))?;
                self.written.insert(uid.clone(), u64::MAX);
            }
        }
        self.shared.writes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

impl Shared {
    fn failed(&self, error: &anyhow::Error) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        *lock(&self.last_failure) = format!("{error:#}");
    }
}

fn version_in(object: &[u8]) -> Result<u64> {
    #[derive(Deserialize)]
    struct Object {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        resource_version: String,
    }
    let object: Object = serde_json::from_slice(object).context("read a pod's version")?;
    let version = object.metadata.resource_version;
    version
        .parse()
        .with_context(|| format!("version {version:?} is no number"))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
