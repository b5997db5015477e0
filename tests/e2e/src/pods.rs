//! What tests do to pods by hand: when one gets ready, where it runs, what it carries; and how they
//! know that the controller has seen it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::{Node, Pod, PodCondition},
    jiff,
};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    namespace::{Namespace, PATIENCE, label, name_of, spec},
    wait::eventually,
};

/// Readiness gate of pods that get ready when the test says so.
pub const OPEN: &str = "e2e.kruise.io/open";
/// Label of a pod's lifecycle state.
pub const STATE: &str = "lifecycle.apps.kruise.io/state";
/// Label of a pod's revision.
pub const REVISION: &str = "controller-revision-hash";
/// Label that asks for a pod's deletion.
pub const SPECIFIED_DELETE: &str = "apps.kruise.io/specified-delete";
const TEMPLATE_HASH: &str = "pod-template-hash";
const PLACE: &str = "e2e.kruise.io/place";

/// The usual spec with one container, so that pods cost less.
#[must_use]
pub fn small(replicas: i32, rolling_update: Value) -> Value {
    let mut spec = spec(replicas, rolling_update);
    let containers = spec["template"]["spec"]["containers"].as_array_mut();
    containers.expect("containers").truncate(1);
    spec
}

/// Small pods that are not ready before [`Namespace::open`].
#[must_use]
pub fn gated(replicas: i32, rolling_update: Value) -> Value {
    let mut spec = small(replicas, rolling_update);
    spec["template"]["spec"]["readinessGates"] = json!([{ "conditionType": OPEN }]);
    spec
}

/// Gated pods that are not scheduled before [`Namespace::place`].
#[must_use]
pub fn unplaced(replicas: i32, rolling_update: Value) -> Value {
    let mut spec = gated(replicas, rolling_update);
    spec["template"]["spec"]["schedulingGates"] = json!([{ "name": PLACE }]);
    spec
}

impl Namespace {
    /// Waits until the active pods are as wanted, and returns them by name.
    pub async fn pods_when(&self, what: &str, holds: impl Fn(&[Pod]) -> bool) -> Vec<Pod> {
        eventually(what, PATIENCE, || async {
            let pods = self.active_pods().await;
            if holds(&pods) {
                Ok(pods)
            } else {
                Err(pods.iter().map(summary).collect::<Vec<_>>())
            }
        })
        .await
    }

    /// Waits for a number of active pods, and returns their names.
    pub async fn n_pods(&self, n_pods: usize) -> Vec<String> {
        let what = format!("{n_pods} pods");
        names(&self.pods_when(&what, |pods| pods.len() == n_pods).await)
    }

    /// Waits for a pod to be in a lifecycle state.
    pub async fn pod_in_state(&self, pod: &str, state: &str) -> Pod {
        let is = |found: &Pod| name_of(found) == pod && label(found, STATE) == state;
        let what = format!("{pod} in state {state}");
        let pods = self.pods_when(&what, |pods| pods.iter().any(is)).await;
        pods.into_iter().find(is).expect("the pod")
    }

    /// Lets gated pods get ready, and waits until they are.
    pub async fn open(&self, pods: &[String]) {
        self.set_open(pods, true).await;
    }

    /// Makes gated pods unready, and waits until they are.
    pub async fn close(&self, pods: &[String]) {
        self.set_open(pods, false).await;
    }

    async fn set_open(&self, pods: &[String], open: bool) {
        let status = if open { "True" } else { "False" };
        // Whole seconds, as a kubelet writes them.
        let now = format!("{:.0}", Timestamp::now());
        let condition = json!({ "type": OPEN, "status": status, "lastTransitionTime": now });
        let patch = json!({ "status": { "conditions": [condition] } });
        for pod in pods {
            self.pod_api()
                .patch_status(pod, &PatchParams::default(), &Patch::Strategic(&patch))
                .await
                .expect("open or close the pod");
        }
        let what = format!("{pods:?} ready: {open}");
        self.pods_when(&what, |found| {
            let found = found.iter().filter(|pod| pods.contains(&name_of(pod)));
            found.filter(|pod| is_ready(pod) == open).count() == pods.len()
        })
        .await;
    }

    /// Opens gated pods so that each is ready in a later second than the one before.
    pub async fn open_in_turn(&self, pods: &[&String]) {
        let mut last = None;
        for pod in pods {
            let pod = std::slice::from_ref(*pod);
            loop {
                self.open(pod).await;
                let since = self.pod_api().get(&pod[0]).await.expect("the pod");
                let since = ready_since(&since);
                if since > last {
                    last = since;
                    break;
                }
                self.close(pod).await;
            }
        }
    }

    /// Lets the scheduler put a pod on a node.
    pub async fn place(&self, pod: &str, node: &str) {
        // What it may run on can be narrowed only while it is held.
        let selector = json!({ "kubernetes.io/hostname": node });
        self.patch_pod(pod, json!({ "spec": { "nodeSelector": selector } }))
            .await;
        self.patch_pod(pod, json!({ "spec": { "schedulingGates": [] } }))
            .await;
    }

    /// Names of nodes that take pods.
    pub async fn nodes(&self) -> Vec<String> {
        let nodes = Api::<Node>::all(self.client.clone());
        let nodes = nodes.list(&ListParams::default()).await.expect("nodes");
        let takes_pods = |node: &Node| {
            let spec = node.spec.as_ref();
            spec.is_none_or(|spec| spec.taints.as_ref().is_none_or(Vec::is_empty))
        };
        let taking = nodes.items.into_iter().filter(takes_pods);
        taking.filter_map(|node| node.metadata.name).collect()
    }

    /// Merges a patch into a pod.
    pub async fn patch_pod(&self, pod: &str, patch: Value) {
        self.pod_api()
            .patch(pod, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .expect("patch the pod");
    }

    /// Sets a label of a pod; null takes it away.
    pub async fn label_pod(&self, pod: &str, key: &str, value: Value) {
        self.patch_pod(pod, json!({ "metadata": { "labels": { key: value } } }))
            .await;
    }

    /// Sets the finalizers of a pod.
    pub async fn set_finalizers(&self, pod: &str, finalizers: &[&str]) {
        self.patch_pod(pod, json!({ "metadata": { "finalizers": finalizers } }))
            .await;
    }

    /// Changes the template in a label alone: in place, nothing restarts.
    pub async fn relabel_template(&self, set: &str, tier: &str) {
        let metadata = json!({ "labels": { "tier": tier } });
        self.patch(
            set,
            json!({ "spec": { "template": { "metadata": metadata } } }),
        )
        .await;
    }

    /// Merges a patch into `spec.updateStrategy.rollingUpdate`.
    pub async fn patch_rolling_update(&self, set: &str, patch: Value) {
        self.patch(
            set,
            json!({ "spec": { "updateStrategy": { "rollingUpdate": patch } } }),
        )
        .await;
    }

    /// Waits until the controller has seen the pods of a CloneSet and the CloneSet as they are, and has decided
    /// on that. What it has not done by then, it does not do.
    pub async fn decided(&self, set: &str) {
        // It gives a pod without this label the label back (CS-80), and watches show changes in order.
        let pods = self.active_pods().await;
        let ours = |pod: &&Pod| !label(pod, REVISION).is_empty() && owner(pod) == set;
        if let Some(pod) = pods.iter().find(ours).map(name_of) {
            self.label_pod(&pod, TEMPLATE_HASH, Value::Null).await;
            self.pods_when("the label is back", |pods| {
                let found = pods.iter().find(|found| name_of(found) == pod);
                found.is_some_and(|pod| !label(pod, TEMPLATE_HASH).is_empty())
            })
            .await;
        }
        // The first of these may have been seen in the pass that wrote the label.
        for _ in 0..2 {
            let limit = self.clone_set(set).await["spec"]["revisionHistoryLimit"].clone();
            let limit = limit.as_i64().unwrap_or(10) + 1;
            self.patch(set, json!({ "spec": { "revisionHistoryLimit": limit } }))
                .await;
            self.observed(set).await;
        }
    }

    /// Waits until the status is of the present spec, and returns the CloneSet.
    pub async fn observed(&self, set: &str) -> Value {
        eventually("the spec is observed", PATIENCE, || async {
            let set = self.clone_set(set).await;
            if set["status"]["observedGeneration"] == set["metadata"]["generation"] {
                Ok(set)
            } else {
                Err(set["status"].clone())
            }
        })
        .await
    }

    /// A field of the status.
    pub async fn status(&self, set: &str, field: &str) -> Value {
        self.clone_set(set).await["status"][field].clone()
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

fn ready_since(pod: &Pod) -> Option<Timestamp> {
    let ready = condition(pod, "Ready")?;
    ready.last_transition_time.as_ref().map(|time| time.0)
}

fn owner(pod: &Pod) -> &str {
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
