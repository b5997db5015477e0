//! What the soak knows of pods, CloneSets and the lease: read from a watch's JSON, without I/O.

use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use kruise_api::well_known::{annotations, labels};
use serde_json::Value;

/// Container whose image changes.
pub(super) const APP: &str = "app";
/// Container that must not notice.
pub(super) const SIDECAR: &str = "sidecar";

/// Something that one of the watches told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// When we learned of it.
    pub(super) at: Timestamp,
    /// The object's resource version. One etcd counts them for all kinds, so that they order everything.
    pub(super) version: u64,
    pub(super) what: What,
}

/// What there is now, or no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Pod(PodSeen),
    PodGone(PodSeen),
    Set(SetSeen),
    Lease(LeaseSeen),
}

/// One pod at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PodSeen {
    pub(super) name: String,
    pub(super) uid: String,
    /// The CloneSet that owns it.
    pub(super) set: String,
    pub(super) instance: String,
    /// Image of the app in its spec.
    pub(super) image: String,
    pub(super) app_restarts: u64,
    pub(super) sidecar_restarts: u64,
    /// Lifecycle state.
    pub(super) state: String,
    pub(super) ready: bool,
    /// Condition `InPlaceUpdateReady`; the controller's own.
    pub(super) in_place_ready: bool,
    pub(super) terminating: bool,
    pub(super) ended: bool,
    /// The last update in place, as the controller recorded it in the pod.
    pub(super) update: Option<InPlaceUpdate>,
}

/// An update in place: to what, and its steps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct InPlaceUpdate {
    pub(super) revision: String,
    pub(super) began: String,
    pub(super) n_batches: usize,
}

impl PodSeen {
    /// Whether it counts for the CloneSet.
    pub(super) fn is_active(&self) -> bool {
        !self.terminating && !self.ended
    }

    /// Whether it is in service (CS-44, CS-99; the soak's sets have no minReadySeconds).
    pub(super) fn is_available(&self) -> bool {
        self.is_active() && self.ready && matches!(self.state.as_str(), "" | "Normal")
    }

    /// Reads a pod as the API server sends it.
    pub(super) fn read(pod: &Value) -> Self {
        let label = |key: &str| word(pod, &["metadata", "labels", key]);
        let condition = |kind: &str| {
            let conditions = list(pod, &["status", "conditions"]);
            conditions.iter().any(|condition| {
                word(condition, &["type"]) == kind && word(condition, &["status"]) == "True"
            })
        };
        let restarts = |container: &str| {
            let statuses = list(pod, &["status", "containerStatuses"]);
            let status = statuses
                .iter()
                .find(|status| word(status, &["name"]) == container);
            status.map_or(0, |status| number(status, &["restartCount"]))
        };
        let app = list(pod, &["spec", "containers"])
            .iter()
            .find(|container| word(container, &["name"]) == APP);
        let owner = list(pod, &["metadata", "ownerReferences"]).first();
        Self {
            name: word(pod, &["metadata", "name"]),
            uid: word(pod, &["metadata", "uid"]),
            set: owner
                .map(|owner| word(owner, &["name"]))
                .unwrap_or_default(),
            instance: label(labels::CLONESET_INSTANCE_ID),
            image: app.map(|app| word(app, &["image"])).unwrap_or_default(),
            app_restarts: restarts(APP),
            sidecar_restarts: restarts(SIDECAR),
            state: label(labels::LIFECYCLE_STATE),
            ready: condition("Ready"),
            in_place_ready: condition("InPlaceUpdateReady"),
            terminating: at(pod, &["metadata", "deletionTimestamp"]).is_some(),
            ended: matches!(
                word(pod, &["status", "phase"]).as_str(),
                "Succeeded" | "Failed"
            ),
            update: InPlaceUpdate::read(&word(
                pod,
                &["metadata", "annotations", annotations::INPLACE_UPDATE_STATE],
            )),
        }
    }
}

impl InPlaceUpdate {
    fn read(annotation: &str) -> Option<Self> {
        let state: Value = serde_json::from_str(annotation).ok()?;
        Some(Self {
            revision: word(&state, &["revision"]),
            began: word(&state, &["updateTimestamp"]),
            n_batches: list(&state, &["containerBatchesRecord"]).len(),
        })
    }
}

/// One CloneSet at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SetSeen {
    pub(super) name: String,
    pub(super) terms: Terms,
    /// Whether its status says that all is done: what is wanted is there, updated and available.
    pub(super) done: bool,
    /// Pods that its status counts as updated.
    pub(super) updated: u64,
}

/// What its spec asks for. The soak uses plain numbers only, so nothing is resolved here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) replicas: u64,
    pub(super) max_unavailable: u64,
    pub(super) max_surge: u64,
    pub(super) partition: u64,
    pub(super) in_place: bool,
    /// Image of the app.
    pub(super) image: String,
}

impl SetSeen {
    /// Reads a CloneSet as the API server sends it.
    pub(super) fn read(set: &Value) -> Self {
        let term = |name: &str| number(set, &["spec", "updateStrategy", "rollingUpdate", name]);
        let status = |name: &str| number(set, &["status", name]);
        let app = list(set, &["spec", "template", "spec", "containers"])
            .iter()
            .find(|container| word(container, &["name"]) == APP);
        let policy = ["spec", "updateStrategy", "rollingUpdate", "podUpdatePolicy"];
        let terms = Terms {
            replicas: number(set, &["spec", "replicas"]),
            max_unavailable: term("maxUnavailable"),
            max_surge: term("maxSurge"),
            partition: term("partition"),
            in_place: word(set, &policy) == "InPlaceIfPossible",
            image: app.map(|app| word(app, &["image"])).unwrap_or_default(),
        };
        let seen = status("observedGeneration") == number(set, &["metadata", "generation"]);
        let n_wanted = terms.replicas;
        let there = ["replicas", "readyReplicas", "availableReplicas"]
            .iter()
            .all(|name| status(name) == n_wanted);
        let updated = status("updatedReplicas");
        Self {
            name: word(set, &["metadata", "name"]),
            done: seen && there && updated >= n_wanted.saturating_sub(terms.partition),
            updated,
            terms,
        }
    }
}

/// The lease at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeaseSeen {
    /// `<pod>_<identity>`; another one after each start of the process.
    pub(super) holder: String,
    /// By the holder's clock, which is this machine's.
    pub(super) renewed_at: Timestamp,
    pub(super) duration: Duration,
}

impl LeaseSeen {
    /// Reads a lease as the API server sends it.
    pub(super) fn read(lease: &Value) -> Result<Self> {
        Ok(Self {
            holder: word(lease, &["spec", "holderIdentity"]),
            renewed_at: word(lease, &["spec", "renewTime"])
                .parse()
                .context("read the time of a lease")?,
            duration: Duration::from_secs(number(lease, &["spec", "leaseDurationSeconds"])),
        })
    }

    /// The pod that holds it.
    pub(super) fn pod(&self) -> &str {
        self.holder.split('_').next().unwrap_or_default()
    }

    /// From when on another may take it.
    pub(super) fn expires_at(&self) -> Timestamp {
        self.renewed_at + jiff::SignedDuration::try_from(self.duration).unwrap_or_default()
    }
}

/// An object's resource version, as a number.
pub(super) fn version(object: &Value) -> Result<u64> {
    word(object, &["metadata", "resourceVersion"])
        .parse()
        .context("read a resource version")
}

fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}

fn word(value: &Value, path: &[&str]) -> String {
    at(value, path)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn number(value: &Value, path: &[&str]) -> u64 {
    at(value, path).and_then(Value::as_u64).unwrap_or_default()
}

fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_is_read_from_what_the_api_server_sends() {
        let pod = PodSeen::read(&json!({
            "metadata": {
                "name": "web-abcde", "uid": "0b7c",
                "labels": {"lifecycle.apps.kruise.io/state": "Updating",
                           "apps.kruise.io/cloneset-instance-id": "abcde"},
                "annotations": {"apps.kruise.io/inplace-update-state":
                    r#"{"revision":"web-1","updateTimestamp":"T","containerBatchesRecord":[{}]}"#},
                "ownerReferences": [{"name": "web"}],
                "deletionTimestamp": "2026-01-01T00:00:00Z",
            },
            "spec": {"containers": [{"name": "sidecar", "image": "demo:9"}, {"name": "app", "image": "demo:2"}]},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True"},
                               {"type": "InPlaceUpdateReady", "status": "False"}],
                "containerStatuses": [{"name": "app", "restartCount": 3}],
            },
        }));
        let expected = PodSeen {
            name: "web-abcde".to_owned(),
            uid: "0b7c".to_owned(),
            set: "web".to_owned(),
            instance: "abcde".to_owned(),
            image: "demo:2".to_owned(),
            app_restarts: 3,
            sidecar_restarts: 0,
            state: "Updating".to_owned(),
            ready: true,
            in_place_ready: false,
            terminating: true,
            ended: false,
            update: Some(InPlaceUpdate {
                revision: "web-1".to_owned(),
                began: "T".to_owned(),
                n_batches: 1,
            }),
        };
        assert_eq!(pod, expected);
        assert!(!pod.is_active() && !pod.is_available());
    }

    #[test]
    fn a_cloneset_is_done_when_its_status_is_new_and_says_so() {
        let mut set = json!({
            "metadata": {"name": "web", "generation": 3},
            "spec": {"replicas": 4, "updateStrategy": {"rollingUpdate": {
                "partition": 1, "maxUnavailable": 2, "maxSurge": 1, "podUpdatePolicy": "InPlaceIfPossible"}},
                "template": {"spec": {"containers": [{"name": "app", "image": "demo:2"}]}}},
            "status": {"observedGeneration": 3, "replicas": 4, "readyReplicas": 4,
                       "availableReplicas": 4, "updatedReplicas": 3},
        });
        let seen = SetSeen::read(&set);
        let expected = Terms {
            replicas: 4,
            max_unavailable: 2,
            max_surge: 1,
            partition: 1,
            in_place: true,
            image: "demo:2".to_owned(),
        };
        assert!(seen.done);
        assert_eq!(seen.terms, expected);
        set["metadata"]["generation"] = json!(4);
        assert!(!SetSeen::read(&set).done);
    }

    #[test]
    fn a_lease_names_its_holders_pod_and_expires() {
        let lease = LeaseSeen::read(&json!({"spec": {
            "holderIdentity": "c-1_abc", "leaseDurationSeconds": 15,
            "renewTime": "2026-01-01T00:00:01.5Z"}}))
        .unwrap();
        assert_eq!(lease.pod(), "c-1");
        assert_eq!(
            lease.expires_at(),
            "2026-01-01T00:00:16.5Z".parse().unwrap()
        );
    }
}
