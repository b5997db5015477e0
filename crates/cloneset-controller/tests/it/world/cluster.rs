//! What there is in the cluster: the objects on the test kit's server, as tests look at and change them.

use std::{
    collections::BTreeMap,
    marker::PhantomData,
    ops::{Deref, DerefMut},
    sync::Arc,
    vec::IntoIter,
};

use jiff::{SignedDuration, Timestamp};
use kruise_api::{
    read::POD_UNAVAILABLE_BUDGETS,
    resource::{NAMESPACES, ObjectKey, Resource},
};
use kruise_testkit::{
    builders,
    clock::VirtualClock,
    manifests,
    server::{ApiServer, Recorded},
};
use serde_json::{Value, json};
use tokio::runtime::Handle;

pub(crate) const NAMESPACE: &str = "ns";
/// Whose the test's own changes are.
const USER: &str = "user";

/// The server, and the runtime by whose clock it goes. Clones are the same.
#[derive(Clone)]
pub(crate) struct Cluster {
    server: ApiServer,
    clock: VirtualClock,
    runtime: Handle,
}

impl Cluster {
    /// Knows CloneSets and budgets.
    pub(crate) fn new(runtime: &Handle) -> Self {
        let _in_its_time = runtime.enter();
        let clock = VirtualClock::new();
        let server = ApiServer::new(clock, 1);
        for definition in manifests::read("crds/apps.kruise.io_clonesets.yaml") {
            server.install(definition);
        }
        server.install_open(POD_UNAVAILABLE_BUDGETS);
        server.put(USER, NAMESPACES, builders::namespace(NAMESPACE));
        Self {
            server,
            clock,
            runtime: runtime.clone(),
        }
    }

    /// Has the server do something, in the cluster's time.
    pub(crate) fn on<T>(&self, act: impl FnOnce(&ApiServer) -> T) -> T {
        let _in_its_time = self.runtime.enter();
        act(&self.server)
    }

    pub(crate) fn now(&self) -> Timestamp {
        let _in_its_time = self.runtime.enter();
        self.clock.now()
    }

    /// What was asked after the first so many requests.
    pub(crate) fn requests_since(&self, seen: usize) -> Vec<Recorded> {
        self.server.requests_since(seen)
    }

    pub(crate) fn objects(&self, resource: Resource) -> Objects {
        Objects {
            cluster: self.clone(),
            resource,
        }
    }
}

/// The objects of one kind, by name. What a test changes or takes away is so at once: nobody is asked.
pub(crate) struct Objects {
    cluster: Cluster,
    resource: Resource,
}

impl Objects {
    pub(crate) fn all(&self) -> BTreeMap<String, Arc<Value>> {
        let listed = self.cluster.server.list(self.resource).into_iter();
        let named = listed.map(|object| (name_of(&object), object));
        named.collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (String, Arc<Value>)> {
        self.all().into_iter()
    }

    pub(crate) fn keys(&self) -> IntoIter<String> {
        self.all().into_keys().collect::<Vec<_>>().into_iter()
    }

    pub(crate) fn values(&self) -> IntoIter<Arc<Value>> {
        self.all().into_values().collect::<Vec<_>>().into_iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.cluster.server.list(self.resource).len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Value>> {
        self.cluster.server.get(self.resource, &key(name))
    }

    #[track_caller]
    pub(crate) fn at(&self, name: &str) -> Arc<Value> {
        self.get(name).unwrap_or_else(|| panic!("no {name}"))
    }

    /// The object, to be changed.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<Edit<'_>> {
        let object = self.get(name)?;
        Some(self.edit(&object))
    }

    pub(crate) fn values_mut(&mut self) -> IntoIter<Edit<'_>> {
        let edits = self.values().map(|object| self.edit(&object));
        edits.collect::<Vec<_>>().into_iter()
    }

    fn edit(&self, object: &Value) -> Edit<'_> {
        Edit {
            cluster: self.cluster.clone(),
            resource: self.resource,
            key: key(&name_of(object)),
            object: object.clone(),
            of: PhantomData,
        }
    }

    pub(crate) fn insert(&mut self, mut object: Value) {
        object["metadata"]["namespace"] = json!(NAMESPACE);
        self.cluster
            .on(|server| server.put(USER, self.resource, object));
    }

    /// Takes it away, whatever holds it.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(mut object) = self.get_mut(name) {
            object["metadata"]["finalizers"] = json!([]);
        }
        self.cluster
            .on(|server| server.delete_now(USER, self.resource, &key(name)));
    }

    pub(crate) fn clear(&mut self) {
        for name in self.keys() {
            self.remove(&name);
        }
    }

    /// What `kubectl delete` does.
    pub(crate) fn delete(&mut self, name: &str) {
        self.cluster
            .on(|server| server.delete(USER, self.resource, &key(name)));
    }
}

/// An object while it is changed. It is stored when it is let go; until then, nothing else can be done.
pub(crate) struct Edit<'a> {
    cluster: Cluster,
    resource: Resource,
    key: ObjectKey,
    object: Value,
    of: PhantomData<&'a mut Objects>,
}

impl Deref for Edit<'_> {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.object
    }
}

impl DerefMut for Edit<'_> {
    fn deref_mut(&mut self) -> &mut Value {
        &mut self.object
    }
}

impl Drop for Edit<'_> {
    fn drop(&mut self) {
        let object = self.object.take();
        self.cluster.on(|server| {
            server.change(USER, self.resource, &self.key, |now| *now = object);
        });
    }
}

pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::new(NAMESPACE, name)
}

pub(crate) fn name_of(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

/// Lets time go by.
pub(crate) async fn pass(time: SignedDuration) {
    tokio::time::advance(time.unsigned_abs()).await;
}
