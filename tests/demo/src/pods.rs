//! What the demo knows of a pod: read from a watch's JSON, without I/O.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

/// Container whose image the demo changes.
pub(crate) const APP: &str = "app";
/// Container that must not notice.
pub(crate) const SIDECAR: &str = "sidecar";

const LIFECYCLE_STATE: &str = "lifecycle.apps.kruise.io/state";

/// One pod at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodView {
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) node: String,
    pub(crate) ip: String,
    pub(crate) ready: bool,
    /// Lifecycle state that the controller set.
    pub(crate) state: String,
    pub(crate) terminating: bool,
    pub(crate) app: ContainerView,
    pub(crate) sidecar: ContainerView,
}

/// One container at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ContainerView {
    /// Tag in the pod's spec.
    pub(crate) wanted: String,
    /// Tag that runs, as the kubelet reports it; empty before the first start.
    pub(crate) running: String,
    pub(crate) restarts: u32,
    pub(crate) ready: bool,
    /// Why it doesn't run, if the kubelet says.
    pub(crate) waiting: Option<String>,
}

impl PodView {
    /// Reads a pod as the API server sends it.
    ///
    /// # Errors
    /// It is no pod.
    pub fn parse(pod: Value) -> Result<Self> {
        let pod: RawPod = serde_json::from_value(pod).context("read a pod")?;
        let ready = pod
            .status
            .conditions
            .iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True");
        Ok(Self {
            ready,
            app: pod.container(APP),
            sidecar: pod.container(SIDECAR),
            state: pod
                .metadata
                .labels
                .get(LIFECYCLE_STATE)
                .cloned()
                .unwrap_or_default(),
            terminating: pod.metadata.deletion_timestamp.is_some(),
            name: pod.metadata.name,
            uid: pod.metadata.uid,
            node: pod.spec.node_name,
            ip: pod.status.pod_ip,
        })
    }

    /// In service with this image: asked for, running, ready, and in no half-way state.
    pub(crate) fn serves(&self, tag: &str) -> bool {
        self.ready
            && !self.terminating
            && self.state == "Normal"
            && self.app.ready
            && self.app.wanted == tag
            && self.app.running == tag
    }

    /// Why it isn't in service, for messages.
    pub(crate) fn trouble(&self) -> String {
        let waiting = [(APP, &self.app), (SIDECAR, &self.sidecar)]
            .into_iter()
            .filter_map(|(name, container)| {
                Some(format!("{name}: {}", container.waiting.as_ref()?))
            })
            .collect::<Vec<_>>();
        if self.node.is_empty() {
            "has no node".to_owned()
        } else if !waiting.is_empty() {
            waiting.join(", ")
        } else if !self.ready {
            format!("is not ready, state {}", self.state)
        } else {
            format!("runs app:{}, state {}", self.app.running, self.state)
        }
    }
}

#[derive(Deserialize)]
struct RawPod {
    metadata: RawMetadata,
    #[serde(default)]
    spec: RawSpec,
    #[serde(default)]
    status: RawStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMetadata {
    name: String,
    uid: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    deletion_timestamp: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawSpec {
    node_name: String,
    containers: Vec<RawContainer>,
}

#[derive(Deserialize)]
struct RawContainer {
    name: String,
    #[serde(default)]
    image: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawStatus {
    #[serde(rename = "podIP")]
    pod_ip: String,
    conditions: Vec<RawCondition>,
    container_statuses: Vec<RawContainerStatus>,
}

#[derive(Deserialize)]
struct RawCondition {
    #[serde(rename = "type")]
    type_: String,
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawContainerStatus {
    name: String,
    #[serde(default)]
    image: String,
    #[serde(default, rename = "imageID")]
    image_id: String,
    #[serde(default)]
    restart_count: u32,
    #[serde(default)]
    ready: bool,
    #[serde(default)]
    state: RawState,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawState {
    waiting: Option<RawWaiting>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawWaiting {
    reason: String,
}

impl RawPod {
    fn container(&self, name: &str) -> ContainerView {
        let wanted = self
            .spec
            .containers
            .iter()
            .find(|container| container.name == name)
            .map(|container| tag(&container.image))
            .unwrap_or_default();
        let Some(status) = self
            .status
            .container_statuses
            .iter()
            .find(|status| status.name == name)
        else {
            return ContainerView {
                wanted,
                ..ContainerView::default()
            };
        };
        // Before the first start the kubelet repeats the spec's image, without an id.
        let running = if status.image_id.is_empty() {
            String::new()
        } else {
            tag(&status.image)
        };
        ContainerView {
            wanted,
            running,
            restarts: status.restart_count,
            ready: status.ready,
            waiting: status
                .state
                .waiting
                .as_ref()
                .map(|waiting| waiting.reason.clone()),
        }
    }
}

/// `registry.local:5000/demo:1` gives `1`.
fn tag(image: &str) -> String {
    let name = image.rsplit('/').next().unwrap_or(image);
    name.split_once(':')
        .map_or("latest", |(_, tag)| tag)
        .to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// A pod in service at this tag; tests change what they are about.
    pub(crate) fn pod(name: &str, tag: &str) -> PodView {
        let container = |tag: &str| ContainerView {
            wanted: tag.to_owned(),
            running: tag.to_owned(),
            restarts: 0,
            ready: true,
            waiting: None,
        };
        PodView {
            name: name.to_owned(),
            uid: format!("uid-of-{name}"),
            node: "node1".to_owned(),
            ip: format!("ip-of-{name}"),
            ready: true,
            state: "Normal".to_owned(),
            terminating: false,
            app: container(tag),
            sidecar: container("1"),
        }
    }

    #[test]
    fn a_pod_is_read_from_what_the_api_server_sends() {
        let raw = json!({
            "metadata": {
                "name": "web-abcde", "uid": "0b7c",
                "labels": {"lifecycle.apps.kruise.io/state": "Updating"},
            },
            "spec": {"nodeName": "node2", "containers": [
                {"name": "app", "image": "registry.local/demo:2"},
                {"name": "sidecar", "image": "registry.local:5000/demo"},
            ]},
            "status": {
                "podIP": "10.120.2.4",
                "conditions": [{"type": "Ready", "status": "False"}],
                "containerStatuses": [
                    {"name": "app", "image": "registry.local/demo:1", "imageID": "sha256:1",
                     "restartCount": 1, "ready": false,
                     "state": {"waiting": {"reason": "ContainerCreating"}}},
                    {"name": "sidecar", "image": "registry.local:5000/demo", "imageID": ""},
                ],
            },
        });
        let pod = PodView::parse(raw).unwrap();
        assert_eq!(
            (pod.node.as_str(), pod.ip.as_str()),
            ("node2", "10.120.2.4")
        );
        assert_eq!(
            (pod.app.wanted.as_str(), pod.app.running.as_str()),
            ("2", "1")
        );
        assert_eq!(pod.app.restarts, 1);
        assert_eq!(
            (pod.sidecar.wanted.as_str(), pod.sidecar.running.as_str()),
            ("latest", "")
        );
        assert!(!pod.ready && !pod.terminating && !pod.serves("2"));
        assert_eq!(pod.trouble(), "app: ContainerCreating");
    }

    #[test]
    fn a_pod_just_made_has_neither_node_nor_status() {
        let raw = json!({"metadata": {"name": "web-abcde", "uid": "0b7c"}});
        let pod = PodView::parse(raw).unwrap();
        assert_eq!(pod.trouble(), "has no node");
    }

    #[test]
    fn only_a_pod_in_every_respect_done_serves() {
        assert!(pod("a", "2").serves("2"));
        assert!(!pod("a", "1").serves("2"));
        let mut updating = pod("a", "2");
        updating.state = "Updating".to_owned();
        assert!(!updating.serves("2"));
        let mut leaving = pod("a", "2");
        leaving.terminating = true;
        assert!(!leaving.serves("2"));
    }
}
