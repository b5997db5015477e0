//! One replica, without reconciler and watches: it sees what the test has it see. Several of them may stand before one API
//! server.

use std::{path::Path, sync::Arc};

use futures::FutureExt;
use kruise_api::{
    object::Object,
    policy::v1beta1::PODUNAVAILABLEBUDGETS,
    resource::{ObjectKey, PODS, Resource},
};
use kruise_runtime::{
    ApiClient, Clock, Metrics as RuntimeMetrics, ProtectionLabels, ProtectionLog, Store, recorder,
    webhook::{Admission, AdmissionRequest, AdmissionResponse},
};
use kruise_testkit::{clock::VirtualClock, manifests, server::ApiServer};
use pub_webhook::{
    admission::{
        lookup::Lookup,
        pods::PodValidator,
        refusal::{COMPONENT, Reporter},
    },
    budget::Budget,
    gates::Gates,
    metrics::Metrics,
    newest::Newest,
    pod::BudgetPod,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::objects::{BUDGET, NAMESPACE};

pub(crate) const USER: &str = "alice";

/// Both gates are on, as section 9 has it.
pub(crate) const GATES: Gates = Gates {
    delete: true,
    update: true,
    resize_apart: false,
    vertical_scaling: false,
};

/// An API server that knows budgets, with these objects.
pub(crate) fn server(objects: &[Value]) -> ApiServer {
    let server = ApiServer::new(VirtualClock::new(), 1);
    for definition in manifests::read("crds/policy.kruise.io_podunavailablebudgets.yaml") {
        server.install(definition);
    }
    let namespace = kruise_testkit::builders::namespace(NAMESPACE);
    server.put("setup", kruise_api::resource::NAMESPACES, namespace);
    for object in objects {
        put(&server, object);
    }
    server
}

pub(crate) fn put(server: &ApiServer, object: &Value) {
    let resource = if object["kind"] == "Pod" {
        PODS
    } else {
        PODUNAVAILABLEBUDGETS
    };
    server.put("setup", resource, object.clone());
    // Nothing is created on its way out.
    if let Some(at) = object["metadata"].get("deletionTimestamp") {
        let name = object["metadata"]["name"].as_str().unwrap();
        server.change("setup", resource, &ObjectKey::new(NAMESPACE, name), |it| {
            it["metadata"]["deletionTimestamp"] = at.clone();
            it["metadata"]["finalizers"] = json!(["acme.io/hold"]);
        });
    }
}

/// The budget's status as it is stored.
pub(crate) fn status(server: &ApiServer) -> Value {
    let key = ObjectKey::new(NAMESPACE, BUDGET);
    let budget = server.get(PODUNAVAILABLEBUDGETS, &key).unwrap();
    budget["status"].clone()
}

/// How many more pods may go.
pub(crate) fn allowed(server: &ApiServer) -> i64 {
    status(server)["unavailableAllowed"].as_i64().unwrap()
}

/// Names in `disruptedPods`, or in `unavailablePods`.
pub(crate) fn booked(server: &ApiServer, map: &str) -> Vec<String> {
    let status = status(server);
    let entries = status[map].as_object().cloned().unwrap_or_default();
    entries.into_iter().map(|(name, _)| name).collect()
}

pub(crate) struct Replica {
    server: ApiServer,
    validator: Arc<PodValidator>,
    runtime_metrics: RuntimeMetrics,
    pub(crate) pods: Store<BudgetPod>,
    pub(crate) budgets: Store<Budget>,
    log: TempDir,
}

impl Replica {
    /// A replica that sees what there is now.
    pub(crate) fn new(server: &ApiServer, who: &'static str) -> Self {
        Self::with_gates(server, who, GATES)
    }

    pub(crate) fn with_gates(server: &ApiServer, who: &'static str, gates: Gates) -> Self {
        let (metrics, log) = (RuntimeMetrics::unregistered(), TempDir::new().unwrap());
        let client = ApiClient::new(server.client_of(who), who, metrics.clone());
        let (recorder, writer) = recorder(COMPONENT, client.clone(), metrics.clone());
        tokio::spawn(writer.run());
        let (pods, budgets) = (Store::new(PODS), Store::new(PODUNAVAILABLEBUDGETS));
        let clock = VirtualClock::new();
        let validator = PodValidator {
            gates,
            lookup: Lookup {
                pods: pods.clone(),
                budgets: budgets.clone(),
                client,
                newest: Newest::default(),
            },
            clock: Clock::of(move || clock.now()),
            reporter: Reporter {
                metrics: Metrics::new(metrics.clone()),
                protection_log: ProtectionLog::open(log.path()).unwrap(),
                recorder,
            },
        };
        let replica = Self {
            server: server.clone(),
            validator: Arc::new(validator),
            runtime_metrics: metrics,
            pods,
            budgets,
            log,
        };
        replica.look();
        replica
    }

    /// The watches have shown all.
    pub(crate) fn look(&self) {
        show(&self.server, PODS, &self.pods);
        show(&self.server, PODUNAVAILABLEBUDGETS, &self.budgets);
    }

    pub(crate) async fn ask(&self, request: Value) -> AdmissionResponse {
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request,
        });
        let request = AdmissionRequest::from_review(review.to_string().as_bytes()).unwrap();
        self.validator.admit(&request).boxed().await
    }

    pub(crate) async fn delete(&self, pod: &Value) -> AdmissionResponse {
        self.ask(deletion(pod)).await
    }

    pub(crate) async fn evict(&self, name: &str) -> AdmissionResponse {
        self.ask(eviction(name)).await
    }

    pub(crate) async fn update(&self, old: &Value, new: &Value) -> AdmissionResponse {
        self.ask(update(old, new)).await
    }

    /// How often this user was refused pods of the ReplicaSet.
    pub(crate) fn refusals(&self, user: &str) -> u64 {
        let labels = ProtectionLabels {
            kind_namespace_name: format!("ReplicaSet_{NAMESPACE}_shop-7c9"),
            username: user.to_owned(),
        };
        let counters = &self.runtime_metrics.pod_unavailable_budget;
        counters.get_or_create(&labels).get()
    }

    /// Lines of the protection log.
    pub(crate) fn logged(&self) -> Vec<String> {
        let log: &Path = &self.log.path().join("protection.log");
        let text = std::fs::read_to_string(log).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

fn show<K: Object>(server: &ApiServer, resource: Resource, store: &Store<K>) {
    let objects = server.list(resource);
    let objects = objects
        .iter()
        .map(|it| serde_json::from_value(Value::clone(it)).unwrap());
    store.replace(objects.collect(), &[], &server.version().to_string());
}

fn request(operation: &str, name: &str, more: Value) -> Value {
    let request = json!({
        "uid": "review", "operation": operation, "name": name, "namespace": NAMESPACE,
        "kind": { "group": "", "version": "v1", "kind": "Pod" },
        "resource": { "group": "", "version": "v1", "resource": "pods" },
        "userInfo": { "username": USER },
        "options": { "kind": format!("{operation}Options"), "apiVersion": "meta.k8s.io/v1" },
        "dryRun": false,
    });
    crate::objects::with(request, more)
}

pub(crate) fn deletion(pod: &Value) -> Value {
    let name = pod["metadata"]["name"].as_str().unwrap();
    request("DELETE", name, json!({ "oldObject": pod }))
}

pub(crate) fn update(old: &Value, new: &Value) -> Value {
    let name = old["metadata"]["name"].as_str().unwrap();
    request("UPDATE", name, json!({ "oldObject": old, "object": new }))
}

pub(crate) fn eviction(name: &str) -> Value {
    let body = json!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": name, "namespace": NAMESPACE },
    });
    request(
        "CREATE",
        name,
        json!({ "subResource": "eviction", "object": body }),
    )
}

/// A replica before a server with this budget and pod `p1`.
pub(crate) fn before(budget: Value) -> (ApiServer, Replica) {
    let server = server(&[budget, crate::objects::pod("p1")]);
    let replica = Replica::new(&server, "pub-webhook");
    (server, replica)
}
