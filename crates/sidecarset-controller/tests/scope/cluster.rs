//! A cluster with two replicas of the deployable.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kruise_api::resource::{MUTATING_WEBHOOK_CONFIGURATIONS, NAMESPACES, ObjectKey, PODS};
use kruise_runtime::{Clock, InProcess, RuntimeArgs, webhook::InProcessWebhooks};
use kruise_testkit::{
    random::Random,
    server::Rule,
    world::{World, flags, play},
};
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
};
use serde_json::{Value, json};
use sidecarset_controller::scope::{Configuration, Extent};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    app::{MATCHED, SYSTEM, app},
    dispatcher::{Dispatcher, Settings, configuration_key},
};

pub(crate) const USER: &str = "user";
pub(crate) const REPLICAS: [&str; 2] = ["replica-0", "replica-1"];
/// Long enough for start and election.
const START: Duration = Duration::from_secs(20);

pub(crate) struct Cluster<'a> {
    pub(crate) world: &'a mut World,
    dispatcher: Dispatcher,
    tasks: Vec<JoinHandle<()>>,
    /// How a replica is run.
    pub(crate) narrows: bool,
    /// What stands between a replica and the server.
    pub(crate) between: fn(usize, kube::Client) -> kube::Client,
}

/// What differs between stories from their beginning.
#[derive(Clone, Copy)]
pub(crate) struct Start {
    pub(crate) seed: u64,
    pub(crate) installs_sets: bool,
    pub(crate) narrows: bool,
    pub(crate) between: fn(usize, kube::Client) -> kube::Client,
}

impl Default for Start {
    fn default() -> Self {
        Self {
            seed: 1,
            installs_sets: true,
            narrows: true,
            between: |_, client| client,
        }
    }
}

/// Plays a story on a cluster whose two replicas run.
pub(crate) fn story<T>(start: Start, story: impl AsyncFnOnce(&mut Cluster<'_>) -> T) -> T {
    play(start.seed, async |world| {
        let mut cluster = Cluster::new(world, start);
        cluster.run_all().await;
        story(&mut cluster).await
    })
}

fn installed() -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
        "metadata": { "name": configuration_key().name },
        "webhooks": [{
            "name": "mpod.kb.io",
            "admissionReviewVersions": ["v1"],
            "clientConfig": { "service": {
                "namespace": SYSTEM, "name": "service", "path": "/mutate-pod", "port": 443 } },
            "rules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                "resources": ["pods"], "scope": "Namespaced" }],
            "failurePolicy": "Fail", "matchPolicy": "Equivalent", "sideEffects": "None",
            "namespaceSelector": { "matchExpressions": [{ "key": "control-plane", "operator": "DoesNotExist" }] },
            "objectSelector": {}, "reinvocationPolicy": "IfNeeded", "timeoutSeconds": 3,
        }],
    })
}

/// A SidecarSet for pods with this value of the label `app`.
pub(crate) fn set(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "apps.kruise.io/v1beta1", "kind": "SidecarSet", "metadata": { "name": name },
        "spec": {
            "selector": { "matchLabels": { "app": app } },
            "containers": [{ "name": "sidecar", "image": "acme/sidecar:1" }],
        },
    })
}

impl<'a> Cluster<'a> {
    fn new(world: &'a mut World, start: Start) -> Self {
        let system = kruise_testkit::builders::namespace(SYSTEM);
        world.server.put(USER, NAMESPACES, system);
        if start.installs_sets {
            world.install("apps.kruise.io_sidecarsets.yaml");
        }
        world
            .server
            .put(USER, MUTATING_WEBHOOK_CONFIGURATIONS, installed());
        let dispatcher = Dispatcher {
            server: world.server.clone(),
            clock: world.clock,
            settings: Arc::new(Mutex::new(Settings {
                lag: Duration::from_millis(20),
                in_use: (0, Arc::default()),
                answering: None,
                random: Random::new(start.seed),
                replicas: REPLICAS.map(|_| InProcessWebhooks::default()).into(),
                called: vec![],
            })),
        };
        dispatcher.hook();
        Self {
            world,
            dispatcher,
            tasks: vec![],
            narrows: start.narrows,
            between: start.between,
        }
    }

    async fn run_all(&mut self) {
        for index in 0..REPLICAS.len() {
            let task = self.run(index);
            self.tasks.push(task);
            // The first one leads.
            self.run_for(START).await;
        }
    }

    fn run(&self, index: usize) -> JoinHandle<()> {
        let clock = self.world.clock;
        let process = InProcess {
            args: flags::<RuntimeArgs>(&[]),
            apps: vec![app(self.narrows)],
            client: (self.between)(index, self.world.server.client_of(REPLICAS[index])),
            clock: Clock::of(move || clock.now()),
            webhooks: self.replica(index),
        };
        tokio::spawn(async move {
            let ended = process.run(CancellationToken::new()).await;
            panic!("a replica ended: {ended:?}");
        })
    }

    pub(crate) fn replica(&self, index: usize) -> InProcessWebhooks {
        self.dispatcher.settings.lock().unwrap().replicas[index].clone()
    }

    /// Ends a replica at once.
    pub(crate) async fn kill(&mut self, index: usize) {
        self.tasks[index].abort();
        let _ = (&mut self.tasks[index]).await;
    }

    /// Starts a replica that was killed.
    pub(crate) fn start(&mut self, index: usize) {
        self.tasks[index] = self.run(index);
    }

    pub(crate) async fn run_for(&self, time: Duration) {
        self.world.run_for(time).await;
    }

    pub(crate) fn set_lag(&self, lag: Duration) {
        self.dispatcher.set_lag(lag);
    }

    /// Has this replica answer from now on, or any.
    pub(crate) fn set_answering(&self, index: Option<usize>) {
        self.dispatcher.settings.lock().unwrap().answering = index;
    }

    pub(crate) fn fail(&self, rules: Vec<Rule>) {
        self.world.server.faults().set(rules);
    }

    /// Paths that were called for the pod of this name.
    pub(crate) fn called(&self, pod: &str) -> Vec<String> {
        let settings = self.dispatcher.settings.lock().unwrap();
        let called = settings.called.iter().filter(|(_, name)| name == pod);
        called.map(|(path, _)| path.clone()).collect()
    }

    pub(crate) fn object(&self) -> Value {
        let object = self
            .world
            .server
            .get(MUTATING_WEBHOOK_CONFIGURATIONS, &configuration_key());
        Value::clone(&object.unwrap())
    }

    pub(crate) fn entries(&self) -> Vec<String> {
        let object = self.object();
        let entries = object["webhooks"].as_array().unwrap().iter();
        let names = entries.map(|entry| entry["name"].as_str().unwrap().to_owned());
        names.collect()
    }

    pub(crate) fn extent(&self) -> Extent {
        Configuration::read(self.object()).unwrap().sure_extent()
    }

    /// Whether pods of this application are asked about, and wait.
    pub(crate) fn covers(&self, app: &str) -> bool {
        let found = Configuration::read(self.object()).unwrap();
        found.covers(&crate::narrowing::app(app), self.world.clock.now())
    }

    /// What later configurations were.
    pub(crate) fn extents_since(&self, version: u64) -> Vec<Extent> {
        let changes = self.world.server.changes_since(version).into_iter();
        let ours = changes.filter(|change| change.resource == MUTATING_WEBHOOK_CONFIGURATIONS);
        let read = |object: &Value| Configuration::read(object.clone()).unwrap().sure_extent();
        let extents: Vec<_> = ours.map(|change| read(&change.after.unwrap())).collect();
        assert_ne!(extents, [], "nothing was written");
        extents
    }

    /// Writes of the configuration so far.
    pub(crate) fn n_writes(&self) -> usize {
        let changes = self.world.server.changes_since(0);
        let ours = changes.iter().filter(|change| {
            change.resource == MUTATING_WEBHOOK_CONFIGURATIONS && change.by != USER
        });
        ours.count()
    }

    pub(crate) fn sets(&self) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk("apps.kruise.io", "v1beta1", "SidecarSet");
        let resource = ApiResource::from_gvk_with_plural(&kind, "sidecarsets");
        Api::all_with(self.world.server.client_of(USER), &resource)
    }

    /// Creates a SidecarSet as a user does.
    pub(crate) async fn create(&self, set: Value) -> kube::Result<DynamicObject> {
        let set = serde_json::from_value(set).unwrap();
        self.sets().create(&PostParams::default(), &set).await
    }

    /// Changes a SidecarSet as a user does.
    pub(crate) async fn change(&self, name: &str, patch: Value) -> kube::Result<DynamicObject> {
        let patch = Patch::Merge(patch);
        self.sets()
            .patch(name, &PatchParams::default(), &patch)
            .await
    }

    pub(crate) async fn delete(&self, name: &str) {
        self.sets()
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    }

    /// Creates a pod as a user does, and returns the names of the SidecarSets that matched it; `None` where nobody was
    /// asked.
    pub(crate) async fn pod(&self, name: &str, labels: Value) -> kube::Result<Option<String>> {
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": "default", "labels": labels },
            "spec": { "containers": [{ "name": "main", "image": "acme/main:1" }] },
        });
        let kind = GroupVersionKind::gvk("", "v1", "Pod");
        let resource = ApiResource::from_gvk_with_plural(&kind, "pods");
        let client = self.world.server.client_of(USER);
        let pods: Api<DynamicObject> = Api::namespaced_with(client, "default", &resource);
        let pod = serde_json::from_value(pod).unwrap();
        let created = pods.create(&PostParams::default(), &pod).await?;
        let annotations = created.metadata.annotations.unwrap_or_default();
        self.world
            .server
            .delete_now(USER, PODS, &ObjectKey::new("default", name));
        Ok(annotations.get(MATCHED).cloned())
    }
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
