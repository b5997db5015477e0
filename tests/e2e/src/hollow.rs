//! Pods that run nowhere: no node has them, and their status says that they serve. Hundreds fit one machine; what is
//! deleted is gone at once.

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{
    Namespace,
    pods::{is_ready, name_of},
    templates::template,
    witness::watch,
};

/// `spec.schedulerName` of these pods. The cluster's own scheduler leaves them alone.
pub const SCHEDULER: &str = "hollow";

/// Says of each pod of a namespace that is made so that it serves, for as long as it isn't dropped.
pub struct Hollow(JoinHandle<()>);

impl Hollow {
    /// Begins.
    pub async fn start(namespace: &Namespace) -> Self {
        let api = namespace.pods().api().clone();
        let pods = api.clone();
        let serving = watch(api, move |pod: &Pod, gone| {
            if !gone && is_hollow(pod) && !is_ready(pod) {
                tokio::spawn(serve(pods.clone(), name_of(pod)));
            }
        });
        Self(serving.await)
    }
}

impl Drop for Hollow {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A template as [`template`] of such pods.
#[must_use]
pub fn hollow_template() -> Value {
    let mut template = template();
    template["spec"]["schedulerName"] = json!(SCHEDULER);
    template
}

fn is_hollow(pod: &Pod) -> bool {
    let scheduler = pod.spec.as_ref().and_then(|it| it.scheduler_name.as_ref());
    scheduler.is_some_and(|it| it == SCHEDULER)
}

async fn serve(pods: Api<Pod>, pod: String) {
    let condition = |kind: &str| json!({ "type": kind, "status": "True" });
    let conditions = ["Initialized", "ContainersReady", "Ready"].map(condition);
    let status = json!({ "status": { "phase": "Running", "conditions": conditions } });
    // One that is gone serves nobody.
    let _ = pods
        .patch_status(&pod, &PatchParams::default(), &Patch::Merge(status))
        .await;
}
