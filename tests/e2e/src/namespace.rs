//! A namespace a test, with everything a CloneSet test asks of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use k8s_openapi::{
    api::{
        apps::v1::ControllerRevision,
        core::v1::{Event, Namespace as CoreNamespace, Pod},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client,
    api::{
        ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams,
        PostParams,
    },
};
use serde_json::{Value, json};

use crate::{cluster::Cluster, controller, wait::eventually};

/// How long anything ordinary may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A namespace that is deleted at the end. If the test fails, what is in it is printed first.
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// A client of the test's own runtime.
    pub client: Client,
    /// The cluster it is in.
    pub cluster: &'static Cluster,
}

/// What identifies a pod and what ran in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFacts {
    /// UID.
    pub uid: String,
    /// IP.
    pub ip: String,
    /// Node.
    pub node: String,
    /// Restarts by container.
    pub restarts: BTreeMap<String, i32>,
    /// Image in the spec by container.
    pub images: BTreeMap<String, String>,
}

impl Namespace {
    /// A fresh one; `test` becomes part of its name.
    pub async fn create(test: &str) -> Self {
        let cluster = Cluster::get().await;
        let client = cluster.client().await;
        let namespace: CoreNamespace = serde_json::from_value(json!({
            "metadata": { "generateName": format!("{test}-") },
        }))
        .expect("a namespace");
        let created = Api::<CoreNamespace>::all(client.clone())
            .create(&PostParams::default(), &namespace)
            .await
            .expect("create the namespace");
        Self {
            name: created.metadata.name.unwrap_or_default(),
            client,
            cluster,
        }
    }

    /// CloneSets of this namespace.
    #[must_use]
    pub fn clone_sets(&self) -> Api<DynamicObject> {
        let resource = ApiResource::from_gvk_with_plural(
            &GroupVersionKind::gvk("apps.kruise.io", "v1beta1", "CloneSet"),
            "clonesets",
        );
        Api::namespaced_with(self.client.clone(), &self.name, &resource)
    }

    /// Pods of this namespace.
    #[must_use]
    pub fn pod_api(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.name)
    }

    /// Creates a CloneSet from its spec.
    pub async fn create_clone_set(&self, name: &str, spec: Value) -> kube::Result<DynamicObject> {
        let object: DynamicObject = serde_json::from_value(json!({
            "apiVersion": "apps.kruise.io/v1beta1",
            "kind": "CloneSet",
            "metadata": { "name": name, "namespace": self.name },
            "spec": spec,
        }))
        .expect("a CloneSet");
        self.clone_sets()
            .create(&PostParams::default(), &object)
            .await
    }

    /// Merges a patch into a CloneSet.
    pub async fn patch(&self, name: &str, patch: Value) {
        self.clone_sets()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .expect("patch the CloneSet");
    }

    /// Gives container `app` another image. A merge patch replaces lists, so the whole list is
    /// sent.
    pub async fn set_app_image(&self, name: &str, image: &str) {
        let mut set = self.clone_set(name).await;
        let containers = set
            .pointer_mut("/spec/template/spec/containers")
            .expect("containers");
        for container in containers.as_array_mut().expect("a list") {
            if container["name"] == "app" {
                container["image"] = json!(image);
            }
        }
        let containers = containers.clone();
        self.patch(
            name,
            json!({ "spec": { "template": { "spec": { "containers": containers } } } }),
        )
        .await;
    }

    /// The CloneSet as JSON.
    pub async fn clone_set(&self, name: &str) -> Value {
        let object = self.clone_sets().get(name).await.expect("get the CloneSet");
        serde_json::to_value(object).expect("JSON")
    }

    /// Pods that are neither finished nor terminating, by name.
    pub async fn active_pods(&self) -> Vec<Pod> {
        let mut pods: Vec<Pod> = self
            .all_pods()
            .await
            .into_iter()
            .filter(|pod| {
                let phase = pod
                    .status
                    .as_ref()
                    .and_then(|status| status.phase.as_deref());
                pod.metadata.deletion_timestamp.is_none()
                    && !matches!(phase, Some("Failed" | "Succeeded"))
            })
            .collect();
        pods.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        pods
    }

    /// All pods.
    pub async fn all_pods(&self) -> Vec<Pod> {
        self.pod_api()
            .list(&ListParams::default())
            .await
            .expect("list pods")
            .items
    }

    /// Facts of all active pods by name.
    pub async fn facts(&self) -> BTreeMap<String, PodFacts> {
        self.active_pods()
            .await
            .iter()
            .map(|pod| (name_of(pod), facts_of(pod)))
            .collect()
    }

    /// Waits until the status says that all pods are at the newest revision and available.
    pub async fn rolled_out(&self, name: &str) -> Value {
        eventually(&format!("CloneSet {name} rolled out"), PATIENCE, || async {
            let set = self.clone_set(name).await;
            let wanted = set["spec"]["replicas"].as_i64().unwrap_or(1);
            let status = &set["status"];
            let counter = |field: &str| status[field].as_i64().unwrap_or(0);
            let done = status["observedGeneration"] == set["metadata"]["generation"]
                && counter("replicas") == wanted
                && counter("updatedReplicas") == wanted
                && counter("updatedAvailableReplicas") == wanted
                && status["currentRevision"] == status["updateRevision"];
            if done { Ok(set) } else { Err(status.clone()) }
        })
        .await
    }

    /// Waits for a status field to have a value.
    pub async fn status_becomes(&self, name: &str, field: &str, value: i64) {
        eventually(
            &format!("CloneSet {name}: {field} {value}"),
            PATIENCE,
            || async {
                let set = self.clone_set(name).await;
                let settled = set["status"]["observedGeneration"] == set["metadata"]["generation"];
                if settled && set["status"][field].as_i64().unwrap_or(0) == value {
                    Ok(())
                } else {
                    Err(set["status"].clone())
                }
            },
        )
        .await;
    }

    /// Waits for condition `Waiting` with a reason, and returns its message.
    pub async fn waits_for(&self, name: &str, reason: &str) -> String {
        eventually(
            &format!("CloneSet {name} waits: {reason}"),
            PATIENCE,
            || async {
                let set = self.clone_set(name).await;
                let conditions = set["status"]["conditions"]
                    .as_array()
                    .cloned()
                    .unwrap_or_default();
                conditions
                    .iter()
                    .find(|condition| {
                        condition["type"] == "Waiting" && condition["reason"] == reason
                    })
                    .map(|condition| condition["message"].as_str().unwrap_or_default().to_owned())
                    .ok_or_else(|| set["status"].clone())
            },
        )
        .await
    }

    /// Waits until condition `Waiting` is gone.
    pub async fn stops_waiting(&self, name: &str) {
        eventually(
            &format!("CloneSet {name} waits for nothing"),
            PATIENCE,
            || async {
                let set = self.clone_set(name).await;
                let conditions = set["status"]["conditions"].as_array();
                let waiting = conditions
                    .into_iter()
                    .flatten()
                    .find(|condition| condition["type"] == "Waiting");
                waiting.map_or(Ok(()), |condition| Err(condition.clone()))
            },
        )
        .await;
    }

    /// Revisions, oldest first.
    pub async fn revisions(&self) -> Vec<ControllerRevision> {
        let api: Api<ControllerRevision> = Api::namespaced(self.client.clone(), &self.name);
        let mut all = api
            .list(&ListParams::default())
            .await
            .expect("list revisions")
            .items;
        all.sort_by_key(|revision| revision.revision);
        all
    }

    /// How often an event with this reason was told of the CloneSet.
    pub async fn event_count(&self, reason: &str) -> i32 {
        self.events(reason)
            .await
            .iter()
            .map(|event| event.count.unwrap_or(1))
            .sum()
    }

    /// Events with this reason.
    pub async fn events(&self, reason: &str) -> Vec<Event> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.name);
        api.list(&ListParams::default().fields(&format!("reason={reason}")))
            .await
            .expect("list events")
            .items
    }

    /// Takes the finalizers off what a test held, or the namespace would never be gone.
    async fn let_go(&self) {
        let patch = Patch::Merge(json!({ "metadata": { "finalizers": [] } }));
        let parameters = PatchParams::default();
        let held = |metadata: &ObjectMeta| {
            let finalizers = metadata.finalizers.as_deref().unwrap_or_default();
            finalizers.iter().any(|name| name.starts_with("e2e."))
        };
        let pods = self.pod_api().list(&ListParams::default()).await;
        for pod in pods.into_iter().flatten() {
            if held(&pod.metadata) {
                let _ = self
                    .pod_api()
                    .patch(&name_of(&pod), &parameters, &patch)
                    .await;
            }
        }
        if let Ok(sets) = self.clone_sets().list(&ListParams::default()).await {
            for set in sets.items.iter().filter(|set| held(&set.metadata)) {
                let name = set.metadata.name.as_deref().unwrap_or_default();
                let _ = self.clone_sets().patch(name, &parameters, &patch).await;
            }
        }
    }

    async fn report(&self) {
        eprintln!("==== namespace {} ====", self.name);
        if let Ok(sets) = self.clone_sets().list(&ListParams::default()).await {
            for set in sets {
                eprintln!("CloneSet {:?}: {}", set.metadata.name, set.data);
            }
        }
        let pods = self.pod_api().list(&ListParams::default()).await;
        for pod in pods.into_iter().flatten() {
            eprintln!(
                "Pod {} terminating={} labels={:?} {:?} status={}",
                name_of(&pod),
                pod.metadata.deletion_timestamp.is_some(),
                pod.metadata.labels,
                facts_of(&pod),
                serde_json::to_string(&pod.status).unwrap_or_default()
            );
        }
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.name);
        if let Ok(events) = events.list(&ListParams::default()).await {
            for event in events {
                eprintln!(
                    "Event {:?} x{:?} {:?}: {:?}",
                    event.reason, event.count, event.involved_object.name, event.message
                );
            }
        }
        controller::print_logs(&self.client).await;
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let failed = std::thread::panicking();
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                if failed {
                    self.report().await;
                }
                let namespaces: Api<CoreNamespace> = Api::all(self.client.clone());
                if let Err(error) = namespaces
                    .delete(&self.name, &DeleteParams::default())
                    .await
                {
                    eprintln!("namespace {} is left behind: {error}", self.name);
                }
                self.let_go().await;
            });
        });
    }
}

/// Name of a pod.
#[must_use]
pub fn name_of(pod: &Pod) -> String {
    pod.metadata.name.clone().unwrap_or_default()
}

/// A label of a pod; empty when it has none.
#[must_use]
pub fn label<'a>(pod: &'a Pod, key: &str) -> &'a str {
    pod.metadata
        .labels
        .as_ref()
        .and_then(|labels| labels.get(key))
        .map_or("", String::as_str)
}

/// UIDs of pods.
#[must_use]
pub fn uids(facts: &BTreeMap<String, PodFacts>) -> BTreeSet<String> {
    facts.values().map(|facts| facts.uid.clone()).collect()
}

fn facts_of(pod: &Pod) -> PodFacts {
    let status = pod.status.clone().unwrap_or_default();
    let spec = pod.spec.clone().unwrap_or_default();
    PodFacts {
        uid: pod.metadata.uid.clone().unwrap_or_default(),
        ip: status.pod_ip.unwrap_or_default(),
        node: spec.node_name.unwrap_or_default(),
        restarts: status
            .container_statuses
            .unwrap_or_default()
            .into_iter()
            .map(|container| (container.name, container.restart_count))
            .collect(),
        images: spec
            .containers
            .into_iter()
            .map(|container| (container.name, container.image.unwrap_or_default()))
            .collect(),
    }
}

/// The spec that most tests start from: two containers, updated in place, images of the local
/// registry.
#[must_use]
pub fn spec(replicas: i32, rolling_update: Value) -> Value {
    let container = |name: &str, image: &str| {
        json!({
            "name": name,
            "image": image,
            "resources": { "requests": { "cpu": "1m", "memory": "4Mi" } },
        })
    };
    json!({
        "replicas": replicas,
        "selector": { "matchLabels": { "app": "web" } },
        "template": {
            "metadata": { "labels": { "app": "web" } },
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [
                    container("app", &image(1)),
                    container("sidecar", &image(1)),
                ],
            },
        },
        "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": rolling_update },
    })
}

/// One of the test images; each version has another digest.
#[must_use]
pub fn image(version: u32) -> String {
    let repository =
        std::env::var("KRUISE_E2E_IMAGE").unwrap_or_else(|_| "registry.local/demo".to_owned());
    format!("{repository}:{version}")
}

/// The terms of an update in place.
#[must_use]
pub fn in_place(max_unavailable: Value) -> Value {
    json!({ "podUpdatePolicy": "InPlaceIfPossible", "maxUnavailable": max_unavailable })
}
