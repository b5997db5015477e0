//! Pods and CloneSets as the judge sees them: read from what the server stores.

use jiff::{SignedDuration, Timestamp};
use kruise_api::well_known::{annotations, labels};
use kruise_testkit::fields::{list, text};
use serde_json::Value;

/// Container whose image changes.
pub(super) const APP: &str = "app";
/// Container that must not notice.
pub(super) const SIDECAR: &str = "sidecar";

/// One pod at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PodSeen {
    pub(super) name: String,
    pub(super) uid: String,
    /// The CloneSet that owns it.
    pub(super) set: String,
    pub(super) instance: String,
    /// Image of the app in its spec, and the environment: what the template says of it.
    pub(super) template: Template,
    /// The spec without images.
    pub(super) rest_of_spec: Value,
    pub(super) sidecar_image: String,
    pub(super) app_restarts: u64,
    pub(super) sidecar_restarts: u64,
    /// Lifecycle state.
    pub(super) state: String,
    /// Since when it is Ready.
    pub(super) ready_since: Option<Timestamp>,
    /// Condition `InPlaceUpdateReady`; the controller's own.
    pub(super) in_place_ready: bool,
    pub(super) has_gate: bool,
    pub(super) terminating: bool,
    pub(super) ended: bool,
    pub(super) running: bool,
    /// Whether its label says that it is to be deleted.
    pub(super) is_specified: bool,
    /// Label `controller-revision-hash`.
    pub(super) revision: String,
    /// The last update in place, as the controller recorded it in the pod.
    pub(super) update: Option<InPlaceUpdate>,
}

/// What changes in the stories' templates.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Template {
    pub(super) image: String,
    pub(super) env: String,
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

    /// Whether it is in service but for `minReadySeconds` (CS-44, CS-99).
    pub(super) fn is_serving(&self) -> bool {
        self.is_update_ready() && matches!(self.state.as_str(), "" | "Normal")
    }

    /// "update-ready(0)" of CS-44.
    pub(super) fn is_update_ready(&self) -> bool {
        self.is_active() && self.running && self.ready_since.is_some() && self.in_place_ready
    }

    /// Whether it is available (CS-44).
    pub(super) fn is_available(&self, min_ready_seconds: i64, now: Timestamp) -> bool {
        let ready_for = self.ready_since.map(|since| now.duration_since(since));
        let long_enough =
            |time: SignedDuration| min_ready_seconds == 0 || time.as_secs() > min_ready_seconds;
        self.is_serving() && ready_for.is_some_and(long_enough)
    }

    pub(super) fn read(pod: &Value) -> Self {
        let metadata = &pod["metadata"];
        let (spec, status) = (&pod["spec"], &pod["status"]);
        let label = |key: &str| text(&metadata["labels"][key]);
        let conditions = || list(&status["conditions"]).iter();
        let condition = |type_: &str| conditions().find(|it| it["type"] == type_);
        let is_true = |it: &Value| it["status"] == "True";
        let ready = condition("Ready").filter(|it| is_true(it));
        let restarts = |container: &str| {
            let status = named(&status["containerStatuses"], container);
            status["restartCount"].as_u64().unwrap_or_default()
        };
        let app = named(&spec["containers"], APP);
        let sidecar = named(&spec["containers"], SIDECAR);
        let owner = list(&metadata["ownerReferences"]).first();
        let mut rest_of_spec = spec.clone();
        for container in rest_of_spec["containers"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            container["image"] = Value::Null;
        }
        Self {
            name: text(&metadata["name"]),
            uid: text(&metadata["uid"]),
            set: owner.map(|owner| text(&owner["name"])).unwrap_or_default(),
            instance: label(labels::CLONESET_INSTANCE_ID),
            template: Template::read(app),
            rest_of_spec,
            sidecar_image: text(&sidecar["image"]),
            app_restarts: restarts(APP),
            sidecar_restarts: restarts(SIDECAR),
            state: label(labels::LIFECYCLE_STATE),
            ready_since: ready.and_then(|it| it["lastTransitionTime"].as_str()?.parse().ok()),
            in_place_ready: condition("InPlaceUpdateReady").is_none_or(is_true),
            has_gate: list(&spec["readinessGates"])
                .iter()
                .any(|gate| gate["conditionType"] == "InPlaceUpdateReady"),
            terminating: metadata.get("deletionTimestamp").is_some(),
            ended: matches!(status["phase"].as_str(), Some("Succeeded" | "Failed")),
            running: status["phase"] == "Running",
            is_specified: metadata["labels"].get(labels::SPECIFIED_DELETE).is_some(),
            revision: label("controller-revision-hash"),
            update: InPlaceUpdate::read(
                &metadata["annotations"][annotations::INPLACE_UPDATE_STATE],
            ),
        }
    }
}

impl Template {
    /// Of a container, in a pod or a template.
    pub(super) fn read(app: &Value) -> Self {
        Self {
            image: text(&app["image"]),
            env: text(&list(&app["env"]).first().unwrap_or(&Value::Null)["value"]),
        }
    }
}

impl InPlaceUpdate {
    fn read(annotation: &Value) -> Option<Self> {
        let state: Value = serde_json::from_str(annotation.as_str()?).ok()?;
        Some(Self {
            revision: text(&state["revision"]),
            began: text(&state["updateTimestamp"]),
            n_batches: list(&state["containerBatchesRecord"]).len(),
        })
    }
}

/// What a CloneSet's spec asks for. The stories use plain numbers, so nothing is resolved here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) replicas: usize,
    pub(super) max_unavailable: usize,
    pub(super) max_surge: usize,
    pub(super) partition: usize,
    pub(super) min_ready_seconds: i64,
    pub(super) paused: bool,
    pub(super) in_place: bool,
    pub(super) template: Template,
    pub(super) pods_to_delete: Vec<String>,
}

impl Terms {
    pub(super) fn read(set: &Value) -> Self {
        let spec = &set["spec"];
        let rolling = &spec["updateStrategy"]["rollingUpdate"];
        let number = |value: &Value| value.as_u64().unwrap_or_default() as usize;
        let paused = rolling["paused"] == true;
        let to_delete = list(&spec["scaleStrategy"]["podsToDelete"]).iter();
        Self {
            replicas: number(&spec["replicas"]),
            max_unavailable: number(&rolling["maxUnavailable"]),
            // CS-43
            max_surge: if paused {
                0
            } else {
                number(&rolling["maxSurge"])
            },
            partition: number(&rolling["partition"]),
            min_ready_seconds: spec["minReadySeconds"].as_i64().unwrap_or_default(),
            paused,
            in_place: matches!(
                rolling["podUpdatePolicy"].as_str(),
                Some("InPlaceIfPossible" | "InPlaceOnly")
            ),
            template: Template::read(named(&spec["template"]["spec"]["containers"], APP)),
            pods_to_delete: to_delete.map(text).collect(),
        }
    }
}

/// The element of this name.
pub(super) fn named<'a>(elements: &'a Value, name: &str) -> &'a Value {
    let mut elements = list(elements).iter();
    elements
        .find(|element| element["name"] == name)
        .unwrap_or(&Value::Null)
}
