//! Who calls webhooks in the API server: by the configuration that it has in use.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use kruise_api::{
    meta::StringMap,
    resource::{MUTATING_WEBHOOK_CONFIGURATIONS, ObjectKey},
};
use kruise_runtime::webhook::InProcessWebhooks;
use kruise_testkit::{
    clock::VirtualClock,
    random::Random,
    server::{ApiServer, Webhook},
};
use serde_json::{Value, json};
use sidecarset_controller::scope::{Configuration, Extent};
use tokio::time::timeout;

pub(crate) const CONFIGURATION: &str =
    "kruise-20-sidecarset-controller-mutating-webhook-configuration";

pub(crate) fn configuration_key() -> ObjectKey {
    ObjectKey::new("", CONFIGURATION)
}

/// Shared by the server's hooks and the test.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    pub(crate) server: ApiServer,
    pub(crate) clock: VirtualClock,
    /// What is set by the test.
    pub(crate) settings: Arc<Mutex<Settings>>,
}

pub(crate) struct Settings {
    /// How long the server takes to put a configuration into use.
    pub(crate) lag: Duration,
    /// The configuration that is in use, and its version.
    pub(crate) in_use: (u64, Arc<Value>),
    /// Who answers: this replica, or whichever chance chooses.
    pub(crate) answering: Option<usize>,
    pub(crate) random: Random,
    pub(crate) replicas: Vec<InProcessWebhooks>,
    /// Paths called for pods, and the pods' names.
    pub(crate) called: Vec<(String, String)>,
}

impl Dispatcher {
    /// Has the server call the webhooks.
    pub(crate) fn hook(&self) {
        let webhook =
            |name: &str, group: &str, version: &str, plural: &str, operations: &[&str]| {
                let operations = operations.iter().map(|&operation| operation.to_owned());
                Webhook {
                    name: name.to_owned(),
                    group: group.to_owned(),
                    versions: vec![version.to_owned()],
                    plural: plural.to_owned(),
                    subresource: String::new(),
                    operations: operations.collect(),
                    fails: true,
                }
            };
        let this = self.clone();
        let pods = webhook("20-pods", "", "v1", "pods", &["CREATE"]);
        self.server.set_mutating(pods, move |review| {
            let this = this.clone();
            async move { this.pod(review).await }
        });
        let this = self.clone();
        let leases = webhook(
            "20-leases",
            "coordination.k8s.io",
            "v1",
            "leases",
            &["CREATE"],
        );
        self.server.set_mutating(leases, move |review| {
            let this = this.clone();
            async move { this.pod(review).await }
        });
        let this = self.clone();
        let sets = ["CREATE", "UPDATE"];
        let sets = webhook("sets", "apps.kruise.io", "v1beta1", "sidecarsets", &sets);
        self.server.set_validating(sets, move |review| {
            let this = this.clone();
            async move { this.call("/validate-sidecarset", 10, &review).await }
        });
    }

    /// From now on the server takes so long to put a configuration into use. What is in use stays so.
    pub(crate) fn set_lag(&self, lag: Duration) {
        self.in_use();
        self.settings.lock().unwrap().lag = lag;
    }

    /// The configuration that is in use.
    fn in_use(&self) -> Value {
        let mut settings = self.settings.lock().unwrap();
        let by = self.clock.now() - jiff::SignedDuration::try_from(settings.lag).unwrap();
        let (version, _) = settings.in_use;
        let newer = self.server.changes_since(version).into_iter();
        let ours = newer.filter(|change| change.resource == MUTATING_WEBHOOK_CONFIGURATIONS);
        // The first one is in use from the beginning.
        let in_use = ours.filter(|change| change.at <= by || change.before.is_none());
        if let Some(change) = in_use.last() {
            settings.in_use = (change.version, change.after.unwrap_or_default());
        }
        Value::clone(&settings.in_use.1)
    }

    /// Asks about a pod, or a Lease, at each entry that selects it.
    async fn pod(&self, mut review: Value) -> Result<Value, String> {
        let original = review["request"]["object"].clone();
        let configuration = self.in_use();
        for entry in configuration["webhooks"].as_array().into_iter().flatten() {
            if !selects(&configuration, entry, &review["request"]) {
                continue;
            }
            let path = entry["clientConfig"]["service"]["path"].as_str().unwrap();
            let seconds = entry["timeoutSeconds"].as_u64().unwrap();
            let answer = match self.call(path, seconds, &review).await {
                Err(_) if entry["failurePolicy"] == "Ignore" => continue,
                answer => answer?,
            };
            if answer["response"]["allowed"] != true {
                return Ok(answer);
            }
            if let Some(patch) = answer["response"]["patch"].as_str() {
                let patch = STANDARD.decode(patch).unwrap();
                let patch: json_patch::Patch = serde_json::from_slice(&patch).unwrap();
                json_patch::patch(&mut review["request"]["object"], &patch).unwrap();
            }
        }
        let patch = json_patch::diff(&original, &review["request"]["object"]);
        let patch = STANDARD.encode(serde_json::to_vec(&patch).unwrap());
        let uid = &review["request"]["uid"];
        let response =
            json!({ "uid": uid, "allowed": true, "patchType": "JSONPatch", "patch": patch });
        Ok(
            json!({ "kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "response": response }),
        )
    }

    async fn call(&self, path: &str, seconds: u64, review: &Value) -> Result<Value, String> {
        let (replicas, first) = {
            let mut settings = self.settings.lock().unwrap();
            let name = review["request"]["name"].as_str().unwrap_or_default();
            settings.called.push((path.to_owned(), name.to_owned()));
            let replicas = settings.replicas.clone();
            let any = settings.random.below(replicas.len());
            (replicas, settings.answering.unwrap_or(any))
        };
        let bytes = review.to_string();
        for index in 0..replicas.len() {
            let replica = &replicas[(first + index) % replicas.len()];
            let answer = replica.call(path, bytes.as_bytes());
            match timeout(Duration::from_secs(seconds), answer).await {
                Err(_) => return Err("context deadline exceeded".to_owned()),
                Ok(None) => {}
                Ok(Some(answer)) => {
                    return serde_json::from_slice(&answer?).map_err(|error| error.to_string());
                }
            }
        }
        Err("connect: connection refused".to_owned())
    }
}

/// There is no CEL here. The conditions are what their texts are made from, and golden texts show that they are.
fn selects(configuration: &Value, entry: &Value, request: &Value) -> bool {
    let namespace = request["namespace"].as_str().unwrap();
    let pod_name = request["name"].as_str().unwrap();
    let labels = request["object"]["metadata"]["labels"].clone();
    let labels: StringMap = serde_json::from_value(labels).unwrap_or_default();
    let read = Configuration::read(configuration.clone()).unwrap();
    let fresh = Extent::of(read.fresh().iter().map(|fresh| &fresh.anchor));
    if request["resource"]["resource"] != entry["rules"][0]["resources"][0] {
        return false;
    }
    match entry["name"].as_str().unwrap() {
        "mpod.kb.io" => {
            let is_asked = read.sure_extent().admits(namespace, &labels);
            namespace != "kruise-system" && is_asked && !fresh.admits(namespace, &labels)
        }
        "mpod-fresh.kb.io" => {
            let condition = &entry["matchConditions"][0]["expression"];
            assert_eq!(condition.as_str(), fresh.expression().as_deref());
            namespace != "kruise-system" && fresh.admits(namespace, &labels)
        }
        "mpod-probe.kb.io" => {
            let wanted = format!("object.metadata.name == '{pod_name}'");
            let names = &entry["namespaceSelector"]["matchExpressions"][0]["values"];
            names[0] == namespace && entry["matchConditions"][0]["expression"] == wanted.as_str()
        }
        name => panic!("{name}: not known here"),
    }
}
