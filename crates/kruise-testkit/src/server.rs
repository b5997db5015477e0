//! An API server in memory, behind a real client.
//!
//! It answers as a real one does, text included, as far as our code and its tests can tell. What it doesn't have:
//! users and rights, quotas, managed fields (so no server-side apply but the plainest), rules in CEL, tables, discovery.
//!
//! Everything happens in the task that asks: a request is carried out when its future is first polled, and a watch
//! looks for news when its body is polled. So the order of things is that of the runtime, and follows from the seed.

mod admission;
mod answer;
mod call;
mod custom;
mod delete;
mod eviction;
mod faults;
mod fields;
mod garbage;
mod intern;
mod kinds;
mod metadata;
mod names;
mod patch;
mod path;
mod pods;
mod read;
mod rules;
mod scale;
mod schema;
mod select;
mod serve;
mod status;
mod store;
#[cfg(test)]
mod tests;
mod watch;
mod write;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use kruise_api::resource::{ObjectKey, Resource};
use serde_json::{Value, json};
use tokio::sync::Notify;

use self::{
    admission::Hooks,
    call::Call,
    faults::Draws,
    kinds::Kinds,
    path::{Query, Verb},
    store::{Store, Write},
};
pub use self::{
    admission::Webhook,
    faults::{Fault, Faults, Rule},
};
use crate::{clock::VirtualClock, random::Random};

/// Namespaces that every cluster has.
const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
/// Whose the first objects are.
const ITSELF: &str = "server";

/// The server. Clones are the same server.
#[derive(Clone)]
pub struct ApiServer {
    inner: Arc<Inner>,
}

struct Inner {
    clock: VirtualClock,
    state: Mutex<State>,
    /// Told of every change. (Not a `watch` channel: which of its receivers wakes first is left to chance.)
    changed: Notify,
}

/// What the server knows.
struct State {
    kinds: Kinds,
    store: Store,
    random: Random,
    requests: Vec<Recorded>,
    hooks: Hooks,
    faults: Draws,
}

/// A change of an object, in the order of the versions.
#[derive(Clone, Debug)]
pub struct Change {
    /// The version that the change made.
    pub version: u64,
    /// When.
    pub at: Timestamp,
    /// What was changed.
    pub resource: Resource,
    /// Whose request it was: the name given to `client_of`, or the name of a part of the test kit.
    pub by: &'static str,
    /// The object before, unless it was created.
    pub before: Option<Arc<Value>>,
    /// The object after, unless it went.
    pub after: Option<Arc<Value>>,
}

/// A request and what became of it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// When it came.
    pub at: Timestamp,
    /// Whose it was.
    pub by: &'static str,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: &'static str,
    /// Plural of the kind.
    pub plural: String,
    /// The object; a name is missing in lists.
    pub key: ObjectKey,
    /// Subresource, or nothing.
    pub subresource: String,
    /// Whether it was a dry run.
    pub dry_run: bool,
    /// What was sent.
    pub body: Value,
    /// The code that the client got; none if the answer was lost.
    pub code: Option<u16>,
    /// The fault that met it, in a word.
    pub fault: Option<&'static str>,
}

impl ApiServer {
    /// A server that knows Kubernetes' own kinds, with the namespaces that every cluster has.
    #[must_use]
    pub fn new(clock: VirtualClock, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let faults = Draws::new(random.fork());
        let kinds = Kinds::new();
        let store = Store::new(kinds.len());
        let server = Self {
            inner: Arc::new(Inner {
                clock,
                state: Mutex::new(State {
                    kinds,
                    store,
                    random,
                    requests: vec![],
                    hooks: Hooks::default(),
                    faults,
                }),
                changed: Notify::new(),
            }),
        };
        for name in NAMESPACES {
            server.put(
                ITSELF,
                NAMESPACE_KIND,
                json!({ "metadata": { "name": name } }),
            );
        }
        server
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that panicked while it held the lock has failed already.
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A client of this server. `who` is what the record and the faults call it.
    #[must_use]
    pub fn client_of(&self, who: &'static str) -> kube::Client {
        let server = self.clone();
        let service = tower::service_fn(move |request| server.clone().serve(who, request));
        kube::Client::new(service, "default")
    }

    /// Installs a CustomResourceDefinition, as it is written in `crds/`. It is served at once.
    pub fn install(&self, crd: Value) {
        self.put(ITSELF, DEFINITIONS, crd);
    }

    /// The object as it is stored.
    #[must_use]
    pub fn get(&self, resource: Resource, key: &ObjectKey) -> Option<Arc<Value>> {
        let state = self.lock();
        let (number, _) = state.kinds.find(resource.group, resource.plural)?;
        state.store.get(number, &store::place(key)).cloned()
    }

    /// All objects of a kind, by namespace and name.
    #[must_use]
    pub fn list(&self, resource: Resource) -> Vec<Arc<Value>> {
        let state = self.lock();
        match state.kinds.find(resource.group, resource.plural) {
            Some((number, _)) => {
                let objects = state.store.list(number, "");
                objects.map(|(_, object)| Arc::clone(object)).collect()
            }
            None => vec![],
        }
    }

    /// The newest version.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.lock().store.version()
    }

    /// Returns when there is a newer version than this one.
    pub async fn newer_than(&self, version: u64) {
        loop {
            // Made before the look, so that no change falls between.
            let changed = self.inner.changed.notified();
            if self.version() > version {
                return;
            }
            changed.await;
        }
    }

    /// Creates an object past faults and admission, as a part of the test kit. A status that it brings stays.
    pub fn put(&self, by: &'static str, resource: Resource, object: Value) -> Arc<Value> {
        let call = self.call(by, Verb::Create, resource, &store::key_of(&object));
        let created = self.put_by(&call, object);
        let created =
            created.unwrap_or_else(|status| panic!("can't put {resource}: {}", status.body));
        self.inner.changed.notify_waiters();
        created
    }

    /// Changes an object in place past faults, admission and the borders of subresources, as a kubelet does, say.
    /// Nothing happens if there is no such object; without a difference there is no new version.
    pub fn change(
        &self,
        by: &'static str,
        resource: Resource,
        key: &ObjectKey,
        change: impl FnOnce(&mut Value),
    ) {
        let call = self.call(by, Verb::Update, resource, key);
        let Some(old) = self.get(resource, key) else {
            return;
        };
        let mut new = Value::clone(&old);
        change(&mut new);
        self.replace_by(&call, &old, new);
        self.inner.changed.notify_waiters();
    }

    /// Deletes an object as a user's delete does: finalizers and grace hold it.
    pub fn delete(&self, by: &'static str, resource: Resource, key: &ObjectKey) {
        self.delete_past_faults(by, resource, key, delete::Options::default());
    }

    /// Deletes an object without grace, as a kubelet does when a pod has ended: finalizers alone hold it.
    pub fn delete_now(&self, by: &'static str, resource: Resource, key: &ObjectKey) {
        self.delete_past_faults(by, resource, key, delete::Options::without_grace());
    }

    fn delete_past_faults(
        &self,
        by: &'static str,
        resource: Resource,
        key: &ObjectKey,
        options: delete::Options,
    ) {
        let call = self.call(by, Verb::Delete, resource, key);
        // What isn't there need not be deleted.
        let _ = self.delete_without_admission(&call, &options);
        self.inner.changed.notify_waiters();
    }

    /// Every change since version `since`, in order.
    #[must_use]
    pub fn changes_since(&self, since: u64) -> Vec<Change> {
        self.lock().store.changes(since).to_vec()
    }

    /// Every request so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.lock().requests.clone()
    }

    /// The requests after the first so many.
    #[must_use]
    pub fn requests_since(&self, seen: usize) -> Vec<Recorded> {
        let state = self.lock();
        state.requests.get(seen..).unwrap_or_default().to_vec()
    }

    /// A call of a part of the test kit.
    fn call(&self, who: &'static str, verb: Verb, resource: Resource, key: &ObjectKey) -> Call {
        let state = self.lock();
        let found = state.kinds.find(resource.group, resource.plural);
        let (number, kind) = found.unwrap_or_else(|| panic!("the server doesn't know {resource}"));
        Call {
            who,
            verb,
            kind: Arc::clone(kind),
            number,
            version: resource.version,
            key: key.clone(),
            subresource: String::new(),
            query: Query::default(),
            content_type: String::new(),
            form: answer::Form::Whole,
            body: Ok(Value::Null),
        }
    }
}

/// `v1` namespaces.
const NAMESPACE_KIND: Resource = Resource {
    group: "",
    version: "v1",
    plural: "namespaces",
    kind: "Namespace",
    namespaced: false,
};

/// `apiextensions.k8s.io/v1` custom resource definitions.
const DEFINITIONS: Resource = Resource {
    group: "apiextensions.k8s.io",
    version: "v1",
    plural: "customresourcedefinitions",
    kind: "CustomResourceDefinition",
    namespaced: false,
};

impl State {
    /// Serves the kind that this definition describes.
    fn take_in(&mut self, definition: &Value) {
        if let Some(kind) = custom::kind_of(definition) {
            self.kinds.install(kind);
            self.store.grow(self.kinds.len());
        }
    }

    /// Serves a kind no longer, and drops its objects.
    fn forget(&mut self, definition: &Value, write: impl Fn(Resource) -> Write) {
        let spec = &definition["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
        let Some((number, kind)) = self.kinds.find(&group, &plural) else {
            return;
        };
        let resource = kind.resource;
        let places: Vec<String> = self
            .store
            .list(number, "")
            .map(|(place, _)| place.clone())
            .collect();
        for place in places {
            self.store.remove(number, &place, write(resource));
        }
        self.kinds.remove(number);
    }
}

/// A time as Kubernetes writes it: in whole seconds.
fn clock_text(at: Timestamp) -> String {
    let seconds = Timestamp::from_second(at.as_second()).unwrap_or(at);
    seconds.to_string()
}
