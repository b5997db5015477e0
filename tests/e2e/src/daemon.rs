//! Reports of a node daemon, written by hand: they say with which environment a container was started, so that
//! a test decides when an update in place is complete (IP-47).

use serde_json::{Value, json};

use crate::{Pods, Workload};

/// Hash of an environment in which `APP_CONFIG` is `v1` (IP-128).
pub const V1: u64 = 4_274_367_333;
/// The same of `v2`.
pub const V2: u64 = 984_755_435;

/// Annotation of the template that containers read as `APP_CONFIG`.
pub const CONFIG: &str = "cfg";

/// Lets the first container of a spec read its configuration from an annotation, which is `v1`.
pub fn read_config(spec: &mut Value) {
    spec["template"]["metadata"]["annotations"] = json!({ CONFIG: "v1" });
    let path = format!("metadata.annotations['{CONFIG}']");
    spec["template"]["spec"]["containers"][0]["env"] =
        json!([{ "name": "APP_CONFIG", "valueFrom": { "fieldRef": { "fieldPath": path } } }]);
}

impl Pods {
    /// Reports that the containers of a running pod were started with the environment of this hash.
    pub async fn report_environment(&self, pod: &str, hash: u64) {
        let found = self.get(pod).await;
        let statuses = found.status.and_then(|status| status.container_statuses);
        let containers: Vec<Value> = statuses
            .unwrap_or_default()
            .into_iter()
            .map(|status| {
                json!({
                    "name": status.name,
                    "containerID": status.container_id,
                    "restartCount": status.restart_count,
                    "hashes": { "plainHash": 0, "extractedEnvFromMetadataHash": hash },
                })
            })
            .collect();
        let report = json!({ "containers": containers }).to_string();
        let annotations = json!({ "apps.kruise.io/runtime-containers-meta": report });
        self.patch(pod, json!({ "metadata": { "annotations": annotations } }))
            .await;
    }
}

impl Workload {
    /// Changes the configuration in the template.
    pub async fn set_config(&self, set: &str, value: &str) {
        let metadata = json!({ "annotations": { CONFIG: value } });
        self.patch(
            set,
            json!({ "spec": { "template": { "metadata": metadata } } }),
        )
        .await;
    }
}
