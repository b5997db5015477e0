//! One pod at one moment.

use std::collections::{BTreeMap, BTreeSet};

use kruise_testkit::fields::{list, text};
use serde_json::{Map, Value, json};

use super::{Labels, texts};

/// Whether a container of this image never gets ready, or doesn't stay so.
pub(crate) fn is_broken(image: &str) -> bool {
    let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag);
    tag.starts_with("bad") || tag.starts_with("crash")
}

/// Annotations that the controller keeps in pods (SS-243 to SS-253).
const RECORDS: [&str; 4] = [
    "kruise.io/sidecarset-hash",
    "kruise.io/sidecarset-hash-without-image",
    "kruise.io/sidecarset-inplace-update-state",
    WORKING,
];
const WORKING: &str = "kruise.io/sidecarset-working-hotupgrade-container";
const VERSION: &str = "version.sidecarset.kruise.io/";
const VERSION_ALT: &str = "versionalt.sidecarset.kruise.io/";
const UPGRADABLE: &str = "SidecarSetUpgradable";
/// Annotations that the stories' SidecarSets put on pods (SS-112, SS-245).
const PATCHED: &str = "example.com/patched-by-";

/// One pod at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PodSeen {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) uid: String,
    pub(crate) labels: Labels,
    phase: String,
    is_ready: bool,
    pub(crate) terminating: bool,
    /// SidecarSets that it says have injected something.
    pub(crate) injected: BTreeSet<String>,
    /// What it says of each SidecarSet's hash.
    pub(crate) hashes: BTreeMap<String, HashEntry>,
    pub(crate) hashes_without_image: BTreeMap<String, HashEntry>,
    /// Identities of images before the last update, by SidecarSet and container.
    last_images: BTreeMap<String, BTreeMap<String, String>>,
    /// Which twin works, by sidecar.
    pub(crate) working: Labels,
    /// Versions of twins, by annotation.
    versions: Labels,
    pub(crate) containers: Vec<ContainerSeen>,
    pub(crate) init_containers: Vec<ContainerSeen>,
    /// Condition `SidecarSetUpgradable`: its message, if there is one.
    pub(crate) upgradable: Option<BTreeMap<String, bool>>,
    /// All that no SidecarSet may change in a pod that is there.
    pub(crate) rest: Value,
}

/// What a pod says of one SidecarSet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HashEntry {
    pub(crate) hash: String,
    pub(crate) sidecars: Vec<String>,
    pub(crate) revision: String,
}

/// A container of a pod, and what is reported of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ContainerSeen {
    pub(crate) name: String,
    pub(crate) image: String,
    /// Whether it says that a SidecarSet brought it.
    pub(crate) is_injected: bool,
    pub(crate) is_reported: bool,
    reported_image: String,
    pub(crate) image_id: String,
    pub(crate) is_ready: bool,
    pub(crate) restarts: u64,
}

impl PodSeen {
    pub(crate) fn read(pod: &Value) -> Self {
        let (metadata, spec, status) = (&pod["metadata"], &pod["spec"], &pod["status"]);
        let annotations = texts(&metadata["annotations"]);
        let record = |key: &str| -> Value {
            let text = annotations.get(key);
            let read = text.and_then(|text| serde_json::from_str(text).ok());
            read.unwrap_or_default()
        };
        let conditions = || list(&status["conditions"]).iter();
        let condition = |type_: &str| conditions().find(|it| it["type"] == type_);
        let names = annotations.get("kruise.io/sidecarset-injected-list");
        let names = names.map(|names| names.split(',').map(str::to_owned));
        let containers = |field: &str, statuses: &str| {
            let read = |spec| ContainerSeen::read(spec, &status[statuses]);
            list(&spec[field]).iter().map(read).collect()
        };
        let versions = annotations.iter().filter(|(key, _)| is_version(key));
        let upgradable = condition(UPGRADABLE).map(|it| {
            let message: Option<BTreeMap<String, bool>> = it["message"]
                .as_str()
                .and_then(|text| serde_json::from_str(text).ok());
            message.unwrap_or_default()
        });
        Self {
            name: text(&metadata["name"]),
            namespace: text(&metadata["namespace"]),
            uid: text(&metadata["uid"]),
            labels: texts(&metadata["labels"]),
            phase: text(&status["phase"]),
            is_ready: condition("Ready").is_some_and(|it| it["status"] == "True"),
            terminating: metadata.get("deletionTimestamp").is_some(),
            injected: names.into_iter().flatten().collect(),
            hashes: entries(&record(RECORDS[0])),
            hashes_without_image: entries(&record(RECORDS[1])),
            last_images: last_images(&record(RECORDS[2])),
            working: texts(&record(WORKING)),
            versions: versions
                .map(|(key, it)| (key.clone(), it.clone()))
                .collect(),
            containers: containers("containers", "containerStatuses"),
            init_containers: containers("initContainers", "initContainerStatuses"),
            upgradable,
            rest: rest(pod, &annotations),
        }
    }

    /// SS-100
    pub(crate) fn is_active(&self) -> bool {
        !self.terminating && !matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Running, Ready and not on its way out: what SS-231 asks besides twins.
    pub(crate) fn is_serving(&self) -> bool {
        self.phase == "Running" && self.is_ready && !self.terminating
    }

    pub(crate) fn container(&self, name: &str) -> Option<&ContainerSeen> {
        let mut containers = self.containers.iter();
        containers.find(|container| container.name == name)
    }

    /// The image of a container; none, if it isn't there.
    pub(crate) fn image(&self, name: &str) -> &str {
        self.container(name).map_or("", |it| &it.image)
    }

    /// The hash that it says it has of a SidecarSet.
    pub(crate) fn hash(&self, set: &str) -> Option<&str> {
        self.hashes.get(set).map(|entry| entry.hash.as_str())
    }

    /// What it says that a container ran before its last update for a SidecarSet.
    pub(crate) fn last_image(&self, set: &str, container: &str) -> Option<&str> {
        let last = self.last_images.get(set)?.get(container)?;
        Some(last)
    }

    /// The versions that a twin is told: its own, and that of the other one.
    pub(crate) fn versions_of(&self, twin: &str) -> [&str; 2] {
        let version = |prefix: &str| {
            let version = self.versions.get(&format!("{prefix}{twin}"));
            version.map(String::as_str).unwrap_or_default()
        };
        [version(VERSION), version(VERSION_ALT)]
    }

    /// Whether it says anything of twins.
    pub(crate) fn has_twins(&self) -> bool {
        !self.working.is_empty() || !self.versions.is_empty()
    }

    /// Whether the containers of a SidecarSet run what the spec says, for all that is known of them (SS-230).
    pub(crate) fn is_consistent<'n>(
        &self,
        set: &str,
        names: impl IntoIterator<Item = &'n str>,
    ) -> bool {
        let is_pending = |name: &str| {
            let last = self.last_images.get(set).and_then(|last| last.get(name));
            let container = self.container(name).filter(|it| it.is_reported);
            let pair = last.zip(container);
            pair.is_some_and(|(last, it)| {
                *last == it.image_id && !last.is_empty() && it.reported_image != it.image
            })
        };
        self.containers.iter().all(|it| it.is_reported) && !names.into_iter().any(is_pending)
    }

    /// Whether all containers were reported as ready but these.
    pub(crate) fn is_ready_but_for(&self, idle: &[String]) -> bool {
        let mut containers = self.containers.iter();
        containers.all(|it| it.is_ready || idle.contains(&it.name))
    }
}

impl ContainerSeen {
    fn read(spec: &Value, statuses: &Value) -> Self {
        let name = text(&spec["name"]);
        let status = list(statuses).iter().find(|status| status["name"] == *name);
        let is_reported = status.is_some();
        let status = status.unwrap_or(&Value::Null);
        Self {
            image: text(&spec["image"]),
            is_injected: is_injected(spec),
            is_reported,
            reported_image: text(&status["image"]),
            image_id: text(&status["imageID"]),
            is_ready: status["ready"] == true,
            restarts: status["restartCount"].as_u64().unwrap_or_default(),
            name,
        }
    }
}

fn is_injected(container: &Value) -> bool {
    let mut env = list(&container["env"]).iter();
    env.any(|it| it["name"] == "IS_INJECTED" && it["value"] == "true")
}

fn is_version(annotation: &str) -> bool {
    annotation.starts_with(VERSION) || annotation.starts_with(VERSION_ALT)
}

fn entries(record: &Value) -> BTreeMap<String, HashEntry> {
    let entry = |(set, entry): (&String, &Value)| {
        let entry = HashEntry {
            hash: text(&entry["hash"]),
            sidecars: list(&entry["sidecarList"]).iter().map(text).collect(),
            revision: text(&entry["controllerRevision"]),
        };
        (set.clone(), entry)
    };
    record
        .as_object()
        .into_iter()
        .flatten()
        .map(entry)
        .collect()
}

fn last_images(record: &Value) -> BTreeMap<String, BTreeMap<String, String>> {
    let of_set = |(set, update): (&String, &Value)| {
        let last = update["lastContainerStatuses"].as_object().into_iter();
        let last = last.flatten();
        let last = last.map(|(name, last)| (name.clone(), text(&last["imageID"])));
        (set.clone(), last.collect())
    };
    let sets = record.as_object().into_iter().flatten();
    sets.map(of_set).collect()
}

fn rest(pod: &Value, annotations: &Labels) -> Value {
    let metadata = &pod["metadata"];
    let is_ours = |key: &str| RECORDS.contains(&key) || is_version(key) || key.starts_with(PATCHED);
    let others = annotations.iter().filter(|(key, _)| !is_ours(key));
    let others: Map<String, Value> = others.map(|(key, it)| (key.clone(), json!(it))).collect();
    let mut spec = pod["spec"].clone();
    let containers = spec["containers"].as_array_mut();
    for container in containers.into_iter().flatten() {
        if is_injected(container) {
            container["image"] = Value::Null;
        }
    }
    let mut status = pod["status"].clone();
    if let Some(conditions) = status.get_mut("conditions").and_then(Value::as_array_mut) {
        conditions.retain(|condition| condition["type"] != UPGRADABLE);
        if conditions.is_empty() {
            status
                .as_object_mut()
                .map(|status| status.remove("conditions"));
        }
    }
    json!({
        "labels": metadata["labels"], "owners": metadata["ownerReferences"],
        "finalizers": metadata["finalizers"], "annotations": others, "spec": spec, "status": status,
    })
}
