//! Pods of a namespace: what tests ask of them and do to them by hand.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Pod, PodCondition};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    names::{REVISION, STATE},
    wait::{PATIENCE, eventually},
};

/// Pods of a namespace.
#[derive(Clone)]
pub struct Pods {
    api: Api<Pod>,
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

impl Pods {
    /// Those of a namespace.
    #[must_use]
    pub fn of(client: &Client, namespace: &str) -> Self {
        Self {
            api: Api::namespaced(client.clone(), namespace),
        }
    }

    /// For calls that have no method here.
    #[must_use]
    pub fn api(&self) -> &Api<Pod> {
        &self.api
    }

    /// A pod by name.
    pub async fn get(&self, pod: &str) -> Pod {
        self.api.get(pod).await.expect("get the pod")
    }

    /// Deletes a pod.
    pub async fn delete(&self, pod: &str) {
        let deleted = self.api.delete(pod, &DeleteParams::default()).await;
        deleted.expect("delete the pod");
    }

    /// Pods that are neither finished nor terminating, by name.
    pub async fn active(&self) -> Vec<Pod> {
        let mut pods: Vec<Pod> = self
            .all()
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
    pub async fn all(&self) -> Vec<Pod> {
        self.api
            .list(&ListParams::default())
            .await
            .expect("list pods")
            .items
    }

    /// Facts of all active pods by name.
    pub async fn facts(&self) -> BTreeMap<String, PodFacts> {
        self.active()
            .await
            .iter()
            .map(|pod| (name_of(pod), facts_of(pod)))
            .collect()
    }

    /// Waits until the active pods are as wanted, and returns them by name.
    pub async fn when(&self, what: &str, holds: impl Fn(&[Pod]) -> bool) -> Vec<Pod> {
        eventually(what, PATIENCE, || async {
            let pods = self.active().await;
            if holds(&pods) {
                Ok(pods)
            } else {
                Err(pods.iter().map(summary).collect::<Vec<_>>())
            }
        })
        .await
    }

    /// Waits for a number of active pods, and returns their names.
    pub async fn n(&self, n_pods: usize) -> Vec<String> {
        let what = format!("{n_pods} pods");
        names(&self.when(&what, |pods| pods.len() == n_pods).await)
    }

    /// Waits for a pod to be in a lifecycle state.
    pub async fn in_state(&self, pod: &str, state: &str) -> Pod {
        let is = |found: &Pod| name_of(found) == pod && label(found, STATE) == state;
        let what = format!("{pod} in state {state}");
        let pods = self.when(&what, |pods| pods.iter().any(is)).await;
        pods.into_iter().find(is).expect("the pod")
    }

    /// Merges a patch into a pod.
    pub async fn patch(&self, pod: &str, patch: Value) {
        self.api
            .patch(pod, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .expect("patch the pod");
    }

    /// Sets a label of a pod; null takes it away.
    pub async fn label(&self, pod: &str, key: &str, value: Value) {
        self.patch(pod, json!({ "metadata": { "labels": { key: value } } }))
            .await;
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

pub(crate) fn facts_of(pod: &Pod) -> PodFacts {
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

/// Names of pods.
#[must_use]
pub fn names(pods: &[Pod]) -> Vec<String> {
    pods.iter().map(name_of).collect()
}

/// Names of those pods that are at a revision, or have another label with a value.
#[must_use]
pub fn labelled(pods: &[Pod], key: &str, value: &str) -> BTreeSet<String> {
    let labelled = pods.iter().filter(|pod| label(pod, key) == value);
    labelled.map(name_of).collect()
}

/// A condition of a pod.
#[must_use]
pub fn condition<'a>(pod: &'a Pod, type_: &str) -> Option<&'a PodCondition> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether a pod is ready.
#[must_use]
pub fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|condition| condition.status == "True")
}

/// Name of a pod's first owner; empty when it has none.
pub(crate) fn owner(pod: &Pod) -> &str {
    let owners = pod.metadata.owner_references.as_deref().unwrap_or_default();
    owners.first().map_or("", |owner| &owner.name)
}

fn summary(pod: &Pod) -> String {
    format!(
        "{} {} {} ready={}",
        name_of(pod),
        label(pod, STATE),
        label(pod, REVISION),
        is_ready(pod)
    )
}
