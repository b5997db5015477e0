//! A cluster in memory with CloneSet `web` in it, and what a story does to it and waits for.

use std::{sync::Arc, time::Duration};

use kruise_api::{
    apps::v1beta1::CLONESETS,
    resource::{
        CONTROLLER_REVISIONS, EVENTS, NAMESPACES, NODES, ObjectKey, PERSISTENT_VOLUME_CLAIMS, PODS,
        PatchKind, Resource,
    },
};
use kruise_runtime::{ApiClient, Metrics};
use kruise_testkit::{
    builders,
    server::Change,
    world::{self, World, flags},
};
use serde_json::{Value, json};

use crate::{
    look::{condition, image_of, is_ready, label, name},
    specs::OPEN,
};

const NAMESPACE: &str = "default";
/// The CloneSet's name.
pub(crate) const NAME: &str = "web";
/// The process of the controller.
pub(crate) const CONTROLLER: &str = "controller";
/// Whose requests are those of the story.
const USER: &str = "user";
const SEEDS: [u64; 2] = [1, 2];
/// Longer than all that the controller waits for by itself, but for what a test sets.
const LONG: Duration = Duration::from_secs(120);

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// How often a condition is looked at while nothing changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The cluster.
pub(crate) struct Cluster<'a> {
    pub(crate) world: &'a mut World,
    user: ApiClient,
}

/// Plays a story, for a few seeds.
pub(crate) fn play(story: impl AsyncFn(&mut Cluster<'_>)) {
    play_with(&[], story);
}

/// Plays a story of a controller with these flags.
pub(crate) fn play_with(flags: &[&str], story: impl AsyncFn(&mut Cluster<'_>)) {
    for seed in SEEDS {
        println!("seed {seed}");
        play_seed(seed, flags, &story);
    }
}

/// Plays a story for one seed.
pub(crate) fn play_seed(seed: u64, flags: &[&str], story: impl AsyncFn(&mut Cluster<'_>)) {
    world::play(seed, async |world| {
        let mut cluster = Cluster::new(world, flags);
        story(&mut cluster).await;
        assert_eq!(cluster.world.ended(), None, "the controller has ended");
    });
}

impl<'a> Cluster<'a> {
    fn new(world: &'a mut World, given: &[&str]) -> Self {
        for definition in world.install("apps.kruise.io_clonesets.yaml") {
            world.serve_conversion(&definition, &[CONTROLLER]);
        }
        world
            .server
            .put("setup", NAMESPACES, builders::namespace("kruise-system"));
        for node in ["node1", "node2", "node3"] {
            world.server.put("setup", NODES, builders::node(node));
        }
        world.serve_webhooks(cloneset_controller::NAME, &[CONTROLLER]);
        world.run_app(CONTROLLER, given, || {
            vec![cloneset_controller::app(flags(&[]))]
        });
        let server = world.server.clone();
        // It ends with the runtime that the story plays on.
        tokio::spawn(async move { server.collect_garbage_every(LOOK_EVERY).await });
        let client = world.server.client_of(USER);
        Self {
            user: ApiClient::new(client, USER, Metrics::unregistered()),
            world,
        }
    }

    // What users do

    /// Creates the CloneSet.
    pub(crate) async fn create(&mut self, spec: Value) {
        self.create_named(NAME, spec).await;
    }

    pub(crate) async fn create_named(&mut self, name: &str, spec: Value) {
        let set = json!({
            "apiVersion": "apps.kruise.io/v1beta1", "kind": "CloneSet",
            "metadata": { "name": name, "namespace": NAMESPACE },
            "spec": spec,
        });
        // Nobody may answer webhooks yet.
        for _ in 0..60 {
            match self.user.create(&CLONESETS, NAMESPACE, &set).await {
                Ok(_) => return,
                Err(error) => println!("not yet: {error}"),
            }
            self.world.run_for(Duration::from_secs(1)).await;
        }
        panic!("the CloneSet is not taken");
    }

    /// Merges a patch into the CloneSet.
    pub(crate) async fn patch(&mut self, patch: Value) {
        self.patch_object(&CLONESETS, NAME, patch).await;
    }

    /// Merges a patch into the spec.
    pub(crate) async fn patch_spec(&mut self, spec: Value) {
        self.patch(json!({ "spec": spec })).await;
    }

    /// Merges a patch into `spec.updateStrategy.rollingUpdate`.
    pub(crate) async fn patch_terms(&mut self, terms: Value) {
        self.patch_spec(json!({ "updateStrategy": { "rollingUpdate": terms } }))
            .await;
    }

    pub(crate) async fn scale(&mut self, replicas: i32) {
        self.patch_spec(json!({ "replicas": replicas })).await;
    }

    /// Changes the template's one container.
    pub(crate) async fn change_container(&mut self, change: impl FnOnce(&mut Value)) {
        let mut containers = self.set()["spec"]["template"]["spec"]["containers"].clone();
        change(&mut containers[0]);
        self.patch_spec(json!({ "template": { "spec": { "containers": containers } } }))
            .await;
    }

    pub(crate) async fn set_image(&mut self, image: &str) {
        self.change_container(|container| container["image"] = json!(image))
            .await;
    }

    /// Changes the template in a label alone: in place, nothing restarts.
    pub(crate) async fn relabel_template(&mut self, tier: &str) {
        let metadata = json!({ "labels": { "tier": tier } });
        self.patch_spec(json!({ "template": { "metadata": metadata } }))
            .await;
    }

    pub(crate) async fn patch_pod(&mut self, pod: &str, patch: Value) {
        self.patch_object(&PODS, pod, patch).await;
    }

    /// Sets a label of a pod; null takes it away.
    pub(crate) async fn label_pod(&mut self, pod: &str, key: &str, value: Value) {
        self.patch_pod(pod, json!({ "metadata": { "labels": { key: value } } }))
            .await;
    }

    pub(crate) async fn set_finalizers(&mut self, pod: &str, finalizers: &[&str]) {
        self.patch_pod(pod, json!({ "metadata": { "finalizers": finalizers } }))
            .await;
    }

    async fn patch_object(&mut self, resource: &Resource, name: &str, patch: Value) {
        let key = ObjectKey::new(NAMESPACE, name);
        let kind = PatchKind::Merge;
        let patched = self.user.patch(resource, &key, None, kind, &patch).await;
        patched.expect("the patch is taken");
    }

    pub(crate) fn delete(&self, resource: Resource, name: &str) {
        let key = ObjectKey::new(NAMESPACE, name);
        self.world.server.delete(USER, resource, &key);
    }

    pub(crate) fn delete_pod(&self, pod: &str) {
        self.delete(PODS, pod);
    }

    /// Lets gated pods get ready, and waits until they are.
    pub(crate) async fn open(&mut self, pods: &[String]) {
        self.set_open(pods, true).await;
    }

    /// Makes gated pods unready, and waits until they are.
    pub(crate) async fn close(&mut self, pods: &[String]) {
        self.set_open(pods, false).await;
    }

    async fn set_open(&mut self, pods: &[String], open: bool) {
        let status = if open { "True" } else { "False" };
        let now = format!("{:.0}", self.world.clock.now());
        let wanted = json!({ "type": OPEN, "status": status, "lastTransitionTime": now });
        for pod in pods {
            let key = ObjectKey::new(NAMESPACE, pod.clone());
            self.world.server.change(USER, PODS, &key, |pod| {
                if !pod["status"]["conditions"].is_array() {
                    pod["status"]["conditions"] = json!([]);
                }
                let conditions = pod["status"]["conditions"].as_array_mut().unwrap();
                conditions.retain(|condition| condition["type"] != OPEN);
                conditions.push(wanted.clone());
            });
        }
        let what = format!("{pods:?} ready: {open}");
        self.until(&what, |cluster| {
            let found = cluster.pods();
            let found = found.iter().filter(|pod| pods.contains(&name(pod)));
            found.filter(|pod| is_ready(pod) == open).count() == pods.len()
        })
        .await;
    }

    // What is there

    pub(crate) fn set(&self) -> Value {
        self.set_named(NAME)
    }

    pub(crate) fn set_named(&self, name: &str) -> Value {
        self.get(CLONESETS, name).expect("the CloneSet")
    }

    pub(crate) fn status(&self, field: &str) -> Value {
        self.set()["status"][field].clone()
    }

    /// A counter of the status; 0 where it is left out.
    pub(crate) fn counter(&self, field: &str) -> i64 {
        self.status(field).as_i64().unwrap_or(0)
    }

    pub(crate) fn get(&self, resource: Resource, name: &str) -> Option<Value> {
        let key = ObjectKey::new(NAMESPACE, name);
        let found = self.world.server.get(resource, &key);
        found.map(|object| Value::clone(&object))
    }

    pub(crate) fn list(&self, resource: Resource) -> Vec<Value> {
        let listed = self.world.server.list(resource).into_iter();
        let listed = listed.map(Arc::unwrap_or_clone);
        listed
            .filter(|object| object["metadata"]["namespace"] == NAMESPACE)
            .collect()
    }

    /// Pods that are neither finished nor terminating, by name.
    pub(crate) fn pods(&self) -> Vec<Value> {
        let mut pods = self.list(PODS);
        pods.retain(|pod| {
            let phase = pod["status"]["phase"].as_str().unwrap_or_default();
            pod["metadata"].get("deletionTimestamp").is_none()
                && !["Failed", "Succeeded"].contains(&phase)
        });
        pods
    }

    pub(crate) fn pod(&self, name: &str) -> Value {
        self.get(PODS, name).expect("the pod")
    }

    /// Names of the pods.
    pub(crate) fn names(&self) -> Vec<String> {
        self.pods().iter().map(name).collect()
    }

    pub(crate) fn pods_with_image(&self, image: &str) -> usize {
        let pods = self.pods();
        pods.iter().filter(|pod| image_of(pod) == image).count()
    }

    pub(crate) fn claims(&self) -> Vec<Value> {
        self.list(PERSISTENT_VOLUME_CLAIMS)
    }

    /// Revisions, oldest first.
    pub(crate) fn revisions(&self) -> Vec<Value> {
        let mut revisions = self.list(CONTROLLER_REVISIONS);
        revisions.sort_by_key(|revision| revision["revision"].as_i64());
        revisions
    }

    /// How often an event with this reason was told.
    pub(crate) fn event_count(&self, reason: &str) -> i64 {
        let events = self.events(reason);
        events
            .iter()
            .filter_map(|event| event["count"].as_i64())
            .sum()
    }

    pub(crate) fn events(&self, reason: &str) -> Vec<Value> {
        let mut events = self.list(EVENTS);
        events.retain(|event| event["reason"] == reason);
        events
    }

    /// A moment, from which on changes are looked at.
    pub(crate) fn now(&self) -> u64 {
        self.world.server.version()
    }

    /// Changes of a kind since a moment.
    pub(crate) fn changes(&self, since: u64, resource: Resource) -> Vec<Change> {
        let mut changes = self.world.server.changes_since(since);
        changes.retain(|change| change.resource == resource);
        changes
    }

    /// What came true of an object since a moment, in order: the fact of it as it was, and each other one.
    pub(crate) fn story_of<T: PartialEq>(
        &self,
        resource: Resource,
        object: &str,
        since: u64,
        fact: impl Fn(&Value) -> T,
    ) -> Vec<T> {
        let mut story = Vec::new();
        for change in self.changes(since, resource) {
            for object in [&change.before, &change.after]
                .into_iter()
                .flatten()
                .filter(|it| name(it) == object)
            {
                let fact = fact(object);
                if story.last() != Some(&fact) {
                    story.push(fact);
                }
            }
        }
        story
    }

    // Waiting

    /// Waits until this is so.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let looking = async {
            while !holds(self) {
                let version = self.world.server.version();
                tokio::select! {
                    biased;
                    () = self.world.server.newer_than(version) => tokio::task::yield_now().await,
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
            }
        };
        if tokio::time::timeout(PATIENCE, looking).await.is_ok() {
            return;
        }
        let pods = self.pods();
        let pods: Vec<String> = pods.iter().map(summary).collect();
        panic!(
            "{what}: not within ten minutes\n{:#}\n{}",
            self.set()["status"],
            pods.join("\n")
        );
    }

    /// Lets so much time go by that what has not happened by then does not happen.
    pub(crate) async fn settle(&mut self) {
        self.world.run_for(LONG).await;
    }

    pub(crate) async fn run_for(&mut self, seconds: u64) {
        self.world.run_for(Duration::from_secs(seconds)).await;
    }

    /// Waits until the status says that all pods are at the newest revision and available.
    pub(crate) async fn rolled_out(&mut self) {
        self.until("rolled out", |cluster| is_rolled_out(&cluster.set()))
            .await;
    }

    /// Waits for a counter of the status, of the present spec, to have a value.
    pub(crate) async fn counts(&mut self, field: &str, value: i64) {
        self.until(&format!("{field} {value}"), |cluster| {
            is_observed(&cluster.set()) && cluster.counter(field) == value
        })
        .await;
    }

    /// Waits for a number of pods, and returns their names.
    pub(crate) async fn n_pods(&mut self, n_pods: usize) -> Vec<String> {
        self.until(&format!("{n_pods} pods"), |cluster| {
            cluster.pods().len() == n_pods
        })
        .await;
        self.names()
    }

    /// Waits until condition `Waiting` has a reason, and returns its message.
    pub(crate) async fn waits_for(&mut self, reason: &str) -> String {
        self.until(&format!("Waiting: {reason}"), |cluster| {
            condition(&cluster.set(), "Waiting")["reason"] == reason
        })
        .await;
        let message = condition(&self.set(), "Waiting")["message"].clone();
        message.as_str().unwrap().to_owned()
    }

    /// Waits until a pod is in a lifecycle state.
    pub(crate) async fn in_state(&mut self, pod: &str, state: &str) -> Value {
        self.until(&format!("{pod} in state {state}"), |cluster| {
            let found = cluster.get(PODS, pod);
            found.is_some_and(|pod| label(&pod, crate::look::STATE) == state)
        })
        .await;
        self.pod(pod)
    }
}

fn is_observed(set: &Value) -> bool {
    set["status"]["observedGeneration"] == set["metadata"]["generation"]
}

fn is_rolled_out(set: &Value) -> bool {
    let status = &set["status"];
    let counter = |field: &str| status[field].as_i64().unwrap_or(0);
    let wanted = set["spec"]["replicas"].as_i64().unwrap();
    is_observed(set)
        && ["replicas", "updatedReplicas", "updatedAvailableReplicas"]
            .into_iter()
            .all(|field| counter(field) == wanted)
        && status["currentRevision"] == status["updateRevision"]
}

fn summary(pod: &Value) -> String {
    format!(
        "{} {} {} ready={} {}",
        name(pod),
        label(pod, crate::look::STATE),
        label(pod, crate::look::REVISION),
        is_ready(pod),
        image_of(pod)
    )
}
