//! What tests ask of CloneSets alone.

use serde_json::{Value, json};

use crate::{
    Workload,
    names::{REVISION, TEMPLATE_HASH},
    pods::{label, name_of, owner},
    templates::{container, image, template},
};

/// The spec that most tests start from: two containers, updated in place.
#[must_use]
pub fn spec(replicas: i32, rolling_update: Value) -> Value {
    let mut spec = small(replicas, rolling_update);
    let containers = spec["template"]["spec"]["containers"].as_array_mut();
    containers
        .expect("containers")
        .push(container("sidecar", &image(1)));
    spec
}

/// That spec with one container, so that pods cost less.
#[must_use]
pub fn small(replicas: i32, rolling_update: Value) -> Value {
    json!({
        "replicas": replicas,
        "selector": { "matchLabels": { "app": "web" } },
        "template": template(),
        "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": rolling_update },
    })
}

/// The terms of an update in place.
#[must_use]
pub fn in_place(max_unavailable: Value) -> Value {
    json!({ "podUpdatePolicy": "InPlaceIfPossible", "maxUnavailable": max_unavailable })
}

/// A claim template named `data`.
#[must_use]
pub fn claim_templates(storage: &str) -> Value {
    json!([{
        "metadata": { "name": "data" },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": { "requests": { "storage": storage } },
        },
    }])
}

impl Workload {
    /// Waits until the status says that all pods are at the newest revision and available.
    pub async fn rolled_out(&self, name: &str) -> Value {
        let what = self.what(name, "is rolled out");
        self.when(&what, name, |set| {
            let wanted = set["spec"]["replicas"].as_i64().unwrap_or(1);
            let status = &set["status"];
            let counter = |field: &str| status[field].as_i64().unwrap_or(0);
            status["observedGeneration"] == set["metadata"]["generation"]
                && counter("replicas") == wanted
                && counter("updatedReplicas") == wanted
                && counter("updatedAvailableReplicas") == wanted
                && status["currentRevision"] == status["updateRevision"]
        })
        .await
    }

    /// Merges a patch into `spec.updateStrategy.rollingUpdate`.
    pub async fn patch_rolling_update(&self, name: &str, patch: Value) {
        self.patch(
            name,
            json!({ "spec": { "updateStrategy": { "rollingUpdate": patch } } }),
        )
        .await;
    }

    /// Waits until the controller has seen the pods of a CloneSet and the CloneSet as they are, and has decided
    /// on that. What it has not done by then, it does not do.
    pub async fn decided(&self, name: &str) {
        // It gives a pod without this label the label back (CS-80), and watches show changes in order.
        let pods = self.pods().active().await;
        let ours = |pod: &&k8s_openapi::api::core::v1::Pod| {
            !label(pod, REVISION).is_empty() && owner(pod) == name
        };
        if let Some(pod) = pods.iter().find(ours).map(name_of) {
            self.pods().label(&pod, TEMPLATE_HASH, Value::Null).await;
            self.pods()
                .when("the label is back", |pods| {
                    let found = pods.iter().find(|found| name_of(found) == pod);
                    found.is_some_and(|pod| !label(pod, TEMPLATE_HASH).is_empty())
                })
                .await;
        }
        // The first of these may have been seen in the pass that wrote the label.
        for _ in 0..2 {
            let limit = self.get(name).await["spec"]["revisionHistoryLimit"].clone();
            let limit = limit.as_i64().unwrap_or(10) + 1;
            self.patch(name, json!({ "spec": { "revisionHistoryLimit": limit } }))
                .await;
            self.observed(name).await;
        }
    }
}
