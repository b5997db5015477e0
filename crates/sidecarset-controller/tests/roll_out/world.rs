//! A SidecarSet and its pods as JSON. Plans are made from it by the real look-ups, checked, and applied to it.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use kruise_api::{
    apps::v1beta1::{SIDECARSETS, SidecarSet},
    meta::Time,
    resource::{CONTROLLER_REVISIONS, NAMESPACES, PODS},
};
use kruise_runtime::{Clock, Store};
use serde_json::{Value, json};
use sidecarset_controller::{
    check,
    memory::Memory,
    namespaces::Exempt,
    observe::Observer,
    plan::{self, Plan, PodRef, Step},
    pod_index::PodIndex,
    record::{HashRecord, SidecarSetUpgradeSpec, Twin, WorkingRecord, sidecar_list},
    remember,
    revisions::RevisionIndex,
    sidecar_pod::SidecarPod,
    snapshot::{Snapshot, basis},
    view::{Views, filled},
};

pub(crate) const SET: &str = "log";
const INSTALLATION: &str = "kruise-system";

pub(crate) struct World {
    pub(crate) set: Value,
    /// By name.
    pub(crate) pods: BTreeMap<String, Value>,
    pub(crate) revisions: Vec<Value>,
    pub(crate) namespaces: Vec<Value>,
    pub(crate) others: Vec<Value>,
    pub(crate) now: Time,
    pub(crate) memory: Memory,
    /// Type, reason and message.
    pub(crate) events: Vec<String>,
    version: u64,
}

/// A cold sidecar with this image.
pub(crate) fn agent(image: &str) -> Value {
    json!([{ "name": "agent", "image": image }])
}

/// A hot sidecar with this image.
pub(crate) fn mesh(image: &str) -> Value {
    json!([{ "name": "mesh", "image": image, "upgradeStrategy": {
        "upgradeType": "HotUpgrade", "hotUpgradeEmptyImage": "idle:1",
    } }])
}

/// A set with one sidecar at version 1 and so many pods that have it, all of them ready; its spec changed by a merge.
pub(crate) fn world(n_pods: usize, spec: Value) -> World {
    let mut set = json!({
        "metadata": {
            "name": SET, "uid": "set-uid", "generation": 1, "resourceVersion": "100",
            "creationTimestamp": "2026-01-10T08:00:00Z", "labels": { "team": "obs" },
        },
        "spec": { "selector": { "matchLabels": { "app": "web" } }, "containers": agent("agent:1") },
        "status": { "matchedPods": 0, "updatedPods": 0, "readyPods": 0 },
    });
    json_patch::merge(&mut set["spec"], &spec);
    let mut world = World {
        set,
        pods: BTreeMap::new(),
        revisions: vec![],
        namespaces: vec![json!({ "metadata": { "name": "shop", "labels": { "env": "prod" } } })],
        others: vec![],
        now: "2026-01-10T10:00:00Z".parse().unwrap(),
        memory: Memory::default(),
        events: vec![],
        version: 1000,
    };
    for index in 0..n_pods {
        world.add_pod(&format!("web-{index}"));
    }
    world.settle();
    world
}

pub(crate) fn reasons(plan: &Plan) -> Vec<&'static str> {
    plan.notes
        .waiting_on
        .iter()
        .map(|reason| reason.reason())
        .collect()
}

/// Names of the pods that a plan updates, in order.
pub(crate) fn updated(plan: &Plan) -> Vec<String> {
    let names = plan.steps.iter().flat_map(|step| match step {
        Step::UpdatePods { pods } => pods.iter().map(|change| change.pod.name.clone()).collect(),
        _ => vec![],
    });
    names.collect()
}

impl World {
    fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    pub(crate) fn typed(&self) -> SidecarSet {
        filled(&serde_json::from_value(self.set.clone()).unwrap())
    }

    /// A pod that has got the present sidecars, and runs them.
    pub(crate) fn add_pod(&mut self, name: &str) {
        let set = self.typed();
        let basis = basis(&set);
        let mut containers = vec![json!({ "name": "main", "image": "main:1" })];
        let mut annotations = json!({ "kruise.io/sidecarset-injected-list": SET });
        let mut working = WorkingRecord::default();
        for sidecar in &basis.sidecars.0 {
            let Some(hot) = sidecar.hot() else {
                containers.push(json!({ "name": sidecar.name, "image": sidecar.image }));
                continue;
            };
            working.put(hot.name, Twin::First);
            let images = [sidecar.image.as_str(), hot.empty_image];
            for (twin, image) in Twin::BOTH.into_iter().zip(images) {
                let is_first = twin == Twin::First;
                containers.push(json!({ "name": twin.name(hot.name), "image": image }));
                annotations[twin.version_key(hot.name)] = json!(if is_first { "1" } else { "0" });
                annotations[twin.version_alt_key(hot.name)] =
                    json!(if is_first { "0" } else { "1" });
            }
        }
        if basis.sidecars.hot().count() > 0 {
            annotations["kruise.io/sidecarset-working-hotupgrade-container"] =
                json!(working.write());
        }
        let entry = |hash: &str, revision: &str| {
            let mut record = HashRecord::default();
            record.put(SidecarSetUpgradeSpec {
                update_timestamp: Some(self.now),
                sidecar_set_hash: hash.to_owned(),
                sidecar_set_name: SET.to_owned(),
                sidecar_list: sidecar_list(&set.spec),
                sidecar_set_controller_revision: revision.to_owned(),
            });
            record.write()
        };
        let latest = &set.status.latest_revision;
        annotations["kruise.io/sidecarset-hash"] = json!(entry(&basis.hashes.whole, latest));
        annotations["kruise.io/sidecarset-hash-without-image"] =
            json!(entry(&basis.hashes.without_image, ""));
        let version = self.next_version();
        let pod = json!({
            "metadata": {
                "name": name, "namespace": "shop", "uid": format!("uid-{name}-{version}"),
                "resourceVersion": version, "creationTimestamp": "2026-01-10T09:00:00Z",
                "labels": { "app": "web" }, "annotations": annotations,
            },
            "spec": { "nodeName": "n1", "containers": containers },
            "status": { "phase": "Running", "conditions": [{
                "type": "Ready", "status": "True", "lastTransitionTime": "2026-01-10T09:00:10Z",
            }] },
        });
        self.pods.insert(name.to_owned(), pod);
        self.run(name);
    }

    /// The kubelet has the pod run its images, and all is well.
    pub(crate) fn run(&mut self, name: &str) {
        let version = self.next_version();
        let pod = self.pods.get_mut(name).unwrap();
        pod["metadata"]["resourceVersion"] = json!(version);
        let containers = pod["spec"]["containers"].as_array().unwrap().iter();
        let statuses: Vec<Value> = containers
            .map(|container| {
                let image = container["image"].as_str().unwrap();
                json!({
                    "name": container["name"], "image": image, "imageID": format!("id-of-{image}"),
                    "ready": true,
                })
            })
            .collect();
        pod["status"]["containerStatuses"] = json!(statuses);
        self.set_ready(name, true);
    }

    pub(crate) fn run_all(&mut self) {
        for name in self.pods.keys().cloned().collect::<Vec<_>>() {
            self.run(&name);
        }
    }

    pub(crate) fn set_ready(&mut self, name: &str, is_ready: bool) {
        let status = if is_ready { "True" } else { "False" };
        self.change_pod(name, |pod| {
            pod["status"]["conditions"][0]["status"] = json!(status);
        });
    }

    /// A container crashes: it runs its image, and is not ready.
    pub(crate) fn crash(&mut self, name: &str, container: &str) {
        self.run(name);
        self.set_ready(name, false);
        self.change_pod(name, |pod| {
            for status in pod["status"]["containerStatuses"].as_array_mut().unwrap() {
                if status["name"] == container {
                    status["ready"] = json!(false);
                }
            }
        });
    }

    pub(crate) fn change_pod(&mut self, name: &str, change: impl FnOnce(&mut Value)) {
        let version = self.next_version();
        let pod = self.pods.get_mut(name).unwrap();
        change(pod);
        pod["metadata"]["resourceVersion"] = json!(version);
    }

    pub(crate) fn label(&mut self, name: &str, key: &str, value: &str) {
        self.change_pod(name, |pod| pod["metadata"]["labels"][key] = json!(value));
    }

    /// The user changes the spec by a merge.
    pub(crate) fn change(&mut self, spec: Value) {
        json_patch::merge(&mut self.set["spec"], &spec);
        let generation = self.set["metadata"]["generation"].as_i64().unwrap();
        self.set["metadata"]["generation"] = json!(generation + 1);
        self.set["metadata"]["resourceVersion"] = json!(self.next_version());
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    pub(crate) fn annotation(&self, pod: &str, key: &str) -> &str {
        self.pods[pod]["metadata"]["annotations"][key]
            .as_str()
            .unwrap_or_default()
    }

    pub(crate) fn image(&self, pod: &str, container: &str) -> &str {
        let mut containers = self.pods[pod]["spec"]["containers"]
            .as_array()
            .unwrap()
            .iter();
        let container = containers.find(|it| it["name"] == container).unwrap();
        container["image"].as_str().unwrap()
    }

    /// `matched updated ready updated-ready`
    pub(crate) fn counts(&self) -> String {
        let fields = [
            "matchedPods",
            "updatedPods",
            "readyPods",
            "updatedReadyPods",
        ];
        fields
            .map(|field| self.set["status"][field].to_string())
            .join(" ")
    }

    pub(crate) fn told(&self, reason: &str) -> Vec<&str> {
        let events = self.events.iter().map(String::as_str);
        events
            .filter(|event| event.contains(&format!(" {reason}: ")))
            .collect()
    }

    /// What the controller sees, by the look-ups that it makes.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let (views, pod_index) = (Views::default(), PodIndex::default());
        let now = self.now;
        let observer = Observer {
            sidecar_sets: Store::new(SIDECARSETS),
            views: views.clone(),
            pods: Store::new(PODS),
            pod_index: pod_index.clone(),
            namespaces: Store::new(NAMESPACES),
            exempt: Exempt::new(INSTALLATION),
            revisions: RevisionIndex::new(INSTALLATION, Store::new(CONTROLLER_REVISIONS)),
            clock: Clock::of(move || now),
        };
        for pod in self.pods.values() {
            let pod: SidecarPod = serde_json::from_str(&pod.to_string()).unwrap();
            pod_index.follow(None, Some(&pod));
            observer.pods.apply(pod);
        }
        for namespace in &self.namespaces {
            let namespace = serde_json::from_str(&namespace.to_string()).unwrap();
            observer.exempt.follow(None, Some(&namespace));
            observer.namespaces.apply(namespace);
        }
        for revision in &self.revisions {
            let revision = serde_json::from_str(&revision.to_string()).unwrap();
            observer.revisions.change(None, Some(&revision));
            observer.revisions.store().apply(revision);
        }
        let set: SidecarSet = serde_json::from_value(self.set.clone()).unwrap();
        for other in &self.others {
            views.follow(None, Some(&serde_json::from_value(other.clone()).unwrap()));
        }
        views.follow(None, Some(&set));
        observer.snapshot(&set, self.memory.clone())
    }

    /// One pass: the plan is made, checked and applied.
    pub(crate) fn reconcile(&mut self) -> Plan {
        let snapshot = self.snapshot();
        let plan = plan::plan(&snapshot);
        assert_eq!(check::violations(&snapshot, &plan), Vec::<String>::new());
        self.memory = remember::after(&snapshot, &plan);
        for event in &plan.notes.events {
            let type_ = if event.warning { "Warning" } else { "Normal" };
            self.events
                .push(format!("{type_} {}: {}", event.reason, event.message));
        }
        for step in &plan.steps {
            self.apply(step);
        }
        plan
    }

    /// Passes until one does nothing; returns that.
    pub(crate) fn settle(&mut self) -> Plan {
        for _ in 0..20 {
            let plan = self.reconcile();
            if plan.steps.is_empty() {
                return plan;
            }
        }
        panic!("it never comes to rest");
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::CreateRevision { body } => {
                let mut body = body.clone();
                let version = self.next_version();
                body["metadata"]["uid"] = json!(format!("uid-of-revision-{version}"));
                body["metadata"]["resourceVersion"] = json!(version);
                self.revisions.push(body);
            }
            Step::PatchRevision { name, patch } => {
                let version = self.next_version();
                let mut revisions = self.revisions.iter_mut();
                let revision = revisions
                    .find(|it| it["metadata"]["name"] == **name)
                    .unwrap();
                json_patch::merge(revision, patch);
                revision["metadata"]["resourceVersion"] = json!(version);
            }
            Step::PatchStatus { patch } => {
                json_patch::merge(&mut self.set["status"], &patch["status"]);
                self.set["metadata"]["resourceVersion"] = json!(self.next_version());
            }
            Step::DeleteRevision { uid, .. } => {
                self.revisions.retain(|it| it["metadata"]["uid"] != **uid);
            }
            Step::MarkPods { marks } => {
                for mark in marks {
                    self.patch(&mark.pod, &mark.patch);
                }
            }
            Step::ResetPods { pods } | Step::UpdatePods { pods } => {
                for change in pods {
                    self.patch(&change.pod, &change.patch);
                    if change.resets {
                        self.events.push(format!("reset {}", change.pod.name));
                    }
                    if let Some(mark) = &change.mark {
                        self.patch(&change.pod, mark);
                    }
                }
            }
        }
    }

    /// A strategic merge, as far as plans need one.
    fn patch(&mut self, pod: &PodRef, patch: &Value) {
        let version = self.next_version();
        let pod = self.pods.get_mut(&pod.name).unwrap();
        let annotations = &patch["metadata"]["annotations"];
        if annotations.is_object() {
            json_patch::merge(&mut pod["metadata"]["annotations"], annotations);
        }
        merge_list(
            &mut pod["spec"]["containers"],
            &patch["spec"]["containers"],
            "name",
        );
        merge_list(
            &mut pod["status"]["conditions"],
            &patch["status"]["conditions"],
            "type",
        );
        pod["metadata"]["resourceVersion"] = json!(version);
    }
}

fn merge_list(list: &mut Value, patch: &Value, key: &str) {
    for item in patch.as_array().into_iter().flatten() {
        let list = list.as_array_mut().unwrap();
        match list.iter_mut().find(|it| it[key] == item[key]) {
            Some(known) => json_patch::merge(known, item),
            None => list.push(item.clone()),
        }
    }
}
