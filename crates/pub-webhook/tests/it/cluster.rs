//! Whole processes before an API server in memory, and what users do to it.

use std::time::Duration;

use kruise_api::{
    policy::v1beta1::PODUNAVAILABLEBUDGETS,
    resource::{
        EVENTS, MUTATING_WEBHOOK_CONFIGURATIONS, NAMESPACES, ObjectKey, PODS, Resource,
        VALIDATING_WEBHOOK_CONFIGURATIONS,
    },
};
use kruise_testkit::{
    builders, manifests,
    server::ApiServer,
    world::{World, flags, play},
};
use kruise_workload::IndexedKind;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
};
use pub_webhook::{NAME, PubArgs, app};
use serde_json::{Value, json};

use crate::objects::{BUDGET, NAMESPACE};

pub(crate) const USER: &str = "alice";
pub(crate) const BOTH_GATES: &[&str] = &["--feature-gates=PodUnavailableBudgetUpdateGate=true"];
const CRD: &str = "podunavailablebudgets.policy.kruise.io";

/// Plays a story.
pub(crate) fn story(seed: u64, story: impl AsyncFnOnce(&mut World)) {
    play(seed, async |world| {
        story(world).await;
        assert_eq!(world.ended(), None, "the process has ended");
    });
}

/// Installs all, and runs a replica with these flags.
pub(crate) async fn begin(world: &mut World, args: &[&str]) {
    for name in ["kruise-system", NAMESPACE] {
        let mut namespace = builders::namespace(name);
        namespace["metadata"]["labels"] = json!({ "kubernetes.io/metadata.name": name });
        world.server.put(USER, NAMESPACES, namespace);
    }
    world.install("policy.kruise.io_podunavailablebudgets.yaml");
    world.install("apps.kruise.io_clonesets.yaml");
    world.install("apps.kruise.io_statefulsets.yaml");
    for mut configuration in manifests::read("deploy/base/pub-webhook/webhooks.yaml") {
        for entry in configuration["webhooks"].as_array_mut().unwrap() {
            // As the process has it once it keeps certificates.
            entry["clientConfig"]["caBundle"] = json!("Y2E=");
        }
        let resource = match configuration["kind"] == "MutatingWebhookConfiguration" {
            true => MUTATING_WEBHOOK_CONFIGURATIONS,
            false => VALIDATING_WEBHOOK_CONFIGURATIONS,
        };
        world.server.put(USER, resource, configuration);
    }
    world.serve_webhooks("pub-webhook", &[NAME]);
    world.serve_conversion(CRD, &[NAME]);
    world.run_app(NAME, args, || vec![app(flags::<PubArgs>(&[]))]);
    world.run_for(Duration::from_secs(5)).await;
}

pub(crate) fn put(world: &World, resource: Resource, object: Value) -> Value {
    let put = world.server.put(USER, resource, object);
    Value::clone(&put)
}

/// A Deployment `name`, with a ReplicaSet of its own. Returns the UID of the ReplicaSet.
pub(crate) fn deployment(world: &World, name: &str, replicas: usize) -> String {
    let template = builders::template(name, &[("app", "app:1")]);
    let spec = json!({
        "replicas": replicas, "selector": { "matchLabels": { "app": name } }, "template": template,
    });
    let deployment = put(
        world,
        IndexedKind::Deployment.resource(),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": name, "namespace": NAMESPACE }, "spec": spec,
        }),
    );
    replica_set(world, &format!("{name}-7c9"), &deployment)
}

pub(crate) fn replica_set(world: &World, name: &str, deployment: &Value) -> String {
    let metadata = &deployment["metadata"];
    let replica_set = put(
        world,
        IndexedKind::ReplicaSet.resource(),
        json!({
            "apiVersion": "apps/v1", "kind": "ReplicaSet",
            "metadata": {
                "name": name, "namespace": NAMESPACE, "labels": deployment["spec"]["selector"]["matchLabels"],
                "ownerReferences": [{
                    "apiVersion": "apps/v1", "kind": "Deployment", "name": metadata["name"],
                    "uid": metadata["uid"], "controller": true,
                }],
            },
            "spec": deployment["spec"],
        }),
    );
    replica_set["metadata"]["uid"].as_str().unwrap().to_owned()
}

/// A pod of this ReplicaSet that nobody has linked yet.
pub(crate) fn pod_of(app: &str, name: &str, uid: &str) -> Value {
    let mut pod = crate::objects::pod(name);
    pod["metadata"] = json!({
        "name": name, "namespace": NAMESPACE, "labels": { "app": app, "group": "all" },
        "ownerReferences": [{
            "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{app}-7c9"), "uid": uid,
            "controller": true,
        }],
    });
    pod
}

/// Pods `name-0`, `name-1` …, as they were before anybody asked about them.
pub(crate) fn add_pods(world: &World, app: &str, uid: &str, n_pods: usize) {
    for number in 0..n_pods {
        put(world, PODS, pod_of(app, &format!("{app}-{number}"), uid));
    }
}

pub(crate) fn budget(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "policy.kruise.io/v1beta1", "kind": "PodUnavailableBudget",
        "metadata": { "name": name, "namespace": NAMESPACE }, "spec": spec,
    })
}

pub(crate) fn of_deployment(name: &str) -> Value {
    json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": name })
}

pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::new(NAMESPACE, name)
}

/// `total desired current allowed` of the budget, once it is told of the present generation.
pub(crate) fn numbers(server: &ApiServer) -> String {
    let Some(budget) = server.get(PODUNAVAILABLEBUDGETS, &key(BUDGET)) else {
        return "none".to_owned();
    };
    let status = &budget["status"];
    let fields = [
        "totalReplicas",
        "desiredAvailable",
        "currentAvailable",
        "unavailableAllowed",
    ];
    fields
        .map(|field| {
            status[field]
                .as_i64()
                .map_or("?".to_owned(), |number| number.to_string())
        })
        .join(" ")
}

pub(crate) async fn becomes(world: &World, wanted: &str) {
    let came = world
        .within(Duration::from_secs(60), |server| numbers(server) == wanted)
        .await;
    assert!(came, "not {wanted}: {}", numbers(&world.server));
}

/// The value of an annotation of a pod.
pub(crate) fn annotation(server: &ApiServer, pod: &str, annotation: &str) -> Option<String> {
    let pod = server.get(PODS, &key(pod))?;
    let value = &pod["metadata"]["annotations"][annotation];
    value.as_str().map(str::to_owned)
}

/// Messages of the events with this reason about this object.
pub(crate) fn told(server: &ApiServer, name: &str, reason: &str) -> Vec<String> {
    let events = server.list(EVENTS).into_iter();
    let events =
        events.filter(|event| event["reason"] == reason && event["involvedObject"]["name"] == name);
    events
        .map(|event| event["message"].as_str().unwrap().to_owned())
        .collect()
}

/// What users ask of the API server.
pub(crate) struct Users {
    client: kube::Client,
}

type Answer = Result<(), String>;

impl Users {
    pub(crate) fn of(world: &World) -> Self {
        Self {
            client: world.server.client_of(USER),
        }
    }

    fn api(&self, resource: Resource) -> Api<DynamicObject> {
        let kind = GroupVersionKind::gvk(resource.group, resource.version, resource.kind);
        let kind = ApiResource::from_gvk_with_plural(&kind, resource.plural);
        Api::namespaced_with(self.client.clone(), NAMESPACE, &kind)
    }

    pub(crate) async fn create(&self, resource: Resource, object: Value) -> Result<Value, String> {
        let object = serde_json::from_value(object).unwrap();
        let created = self
            .api(resource)
            .create(&PostParams::default(), &object)
            .await;
        let created = created.map(|created| serde_json::to_value(created).unwrap());
        created.map_err(|error| error.to_string())
    }

    pub(crate) async fn read(&self, resource: Resource, name: &str) -> Value {
        let read = self.api(resource).get(name).await.unwrap();
        serde_json::to_value(read).unwrap()
    }

    pub(crate) async fn delete(&self, pod: &str) -> Answer {
        let deleted = self.api(PODS).delete(pod, &DeleteParams::default()).await;
        deleted.map(drop).map_err(|error| error.to_string())
    }

    pub(crate) async fn evict(&self, pod: &str) -> Answer {
        let body = json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": { "name": pod, "namespace": NAMESPACE },
        });
        let path = format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction");
        let request = http::Request::post(path).header("content-type", "application/json");
        let request = request.body(body.to_string().into_bytes()).unwrap();
        let answer = self.client.request::<Value>(request).await;
        answer.map(drop).map_err(|error| error.to_string())
    }

    pub(crate) async fn patch(&self, pod: &str, patch: Value) -> Answer {
        let patch = Patch::Strategic(patch);
        let patched = self
            .api(PODS)
            .patch(pod, &PatchParams::default(), &patch)
            .await;
        patched.map(drop).map_err(|error| error.to_string())
    }
}
