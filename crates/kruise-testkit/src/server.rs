//! An API server in memory, behind a real client.
//!
//! It answers as a real one does, text included, as far as our code and its tests can tell. What it doesn't have:
//! users and rights, quotas, managed fields (so no server-side apply but the plainest), rules in CEL, tables, discovery of
//! all groups at once.
//!
//! Everything happens in the task that asks: a request is carried out when its future is first polled, and a watch
//! looks for news when its body is polled. So the order of things is that of the runtime, and follows from the seed.

mod admission;
mod anew;
mod answer;
mod call;
mod custom;
mod defaults;
mod definition;
mod delete;
mod discovery;
mod eviction;
mod faults;
mod fields;
mod form;
mod garbage;
mod hooks;
mod intern;
mod kinds;
mod members;
mod metadata;
mod names;
mod part;
mod patch;
mod path;
mod pods;
mod read;
mod record;
mod rules;
mod scale;
mod schema;
mod select;
mod serve;
mod shape;
mod state;
mod status;
mod store;
mod switch;
#[cfg(test)]
mod tests;
mod texts;
mod watch;
mod write;

use std::sync::{Arc, Mutex};

use kruise_api::resource::{NAMESPACES, ObjectKey, Resource};
use serde_json::{Value, json};
use tokio::sync::Notify;

use self::{
    call::Call,
    faults::Draws,
    hooks::Hooks,
    kinds::{DEFINITIONS, Kinds},
    path::{Query, Verb},
    state::{Inner, State},
    store::Store,
    texts::Texts,
};
pub use self::{
    faults::{Fault, Rule},
    hooks::Webhook,
    record::{Change, Recorded},
    state::{ApiServer, WeakApiServer},
    switch::Faults,
};
use crate::{clock::VirtualClock, random::Random};

/// Namespaces that every cluster has.
const FIRST_NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
/// Whose the first objects are.
const ITSELF: &str = "server";

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
                    texts: Texts::default(),
                    random,
                    requests: vec![],
                    hooks: Hooks::default(),
                    faults,
                }),
                changed: Notify::new(),
            }),
        };
        for name in FIRST_NAMESPACES {
            server.put(ITSELF, NAMESPACES, json!({ "metadata": { "name": name } }));
        }
        server
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

    /// Serves a kind that is somebody else's, with a status, whatever its objects hold.
    pub fn install_open(&self, resource: Resource) {
        self.install(definition::open(resource));
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
        self.delete_past_faults(by, resource, key, &delete::Options::default());
    }

    /// Deletes an object without grace, as a kubelet does when a pod has ended: finalizers alone hold it.
    pub fn delete_now(&self, by: &'static str, resource: Resource, key: &ObjectKey) {
        self.delete_past_faults(by, resource, key, &delete::Options::without_grace());
    }

    fn delete_past_faults(
        &self,
        by: &'static str,
        resource: Resource,
        key: &ObjectKey,
        options: &delete::Options,
    ) {
        let call = self.call(by, Verb::Delete, resource, key);
        // What isn't there need not be deleted.
        let _ = self.delete_without_admission(&call, options);
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
