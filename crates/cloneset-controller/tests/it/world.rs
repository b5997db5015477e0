//! A cluster in a value: objects as JSON, a clock that the test moves, a kubelet that acts when it
//! is told to, and an executor that applies plans and checks each with `check::violations`.

use std::{collections::BTreeMap, sync::Arc};

use cloneset_controller::{
    check,
    gates::Gates,
    memory::{Found, Memory},
    plan::{ImagesAhead, Phase, Plan, Step, plan},
    remember::{self, Ending},
    snapshot::{Claim, ControllerRevision, ImagePullJob, Snapshot},
};
use jiff::{SignedDuration, Timestamp};
use kruise_api::{
    apps::v1beta1::CloneSet,
    inplace::{Options, PodWrite},
    meta::StringMap,
    pod::Pod,
    strategic_merge::{self, Schema},
};
use kruise_plan::{
    InPlaceUpdate, PodRef, WaitReason,
    refused::{Asked, Refusal},
};
use serde_json::{Value, json};

use crate::merge;

pub(crate) mod claims;

pub(crate) struct World {
    pub(crate) set: Value,
    pub(crate) pods: BTreeMap<String, Value>,
    pub(crate) revisions: BTreeMap<String, Value>,
    /// ImagePullJobs by name; none: not installed.
    pub(crate) image_pull_jobs: Option<BTreeMap<String, Value>>,
    pub(crate) budgets: BTreeMap<String, Value>,
    /// Labels of nodes, by name.
    pub(crate) nodes: BTreeMap<String, StringMap>,
    pub(crate) claims: BTreeMap<String, Value>,
    pub(crate) now: Timestamp,
    pub(crate) gates: Gates,
    pub(crate) memory: Memory,
    version: u64,
    /// Every plan's steps, in short, for a look at the story.
    pub(crate) story: Vec<String>,
    /// Writes to pods so far.
    pub(crate) pod_writes: usize,
    /// Plans stop being applied after this many writes: the process was killed there.
    pub(crate) writes_left: Option<usize>,
    /// A quota refuses new pods.
    pub(crate) refuses_pods: bool,
    /// How many pods a quota lets be at the same time.
    pub(crate) quota: Option<usize>,
    over_quota: bool,
    /// Writes of the status so far.
    pub(crate) status_writes: usize,
    /// The pod whose resize the API server refuses, and how often it did.
    pub(crate) refuses_resize_of: Option<String>,
    pub(crate) refused_resizes: usize,
    /// A policy does not let what contains this into pods, or their status.
    pub(crate) refuses: Option<&'static str>,
    /// A webhook lets no pod go.
    pub(crate) refuses_deletions: bool,
    /// How often one of them refused a write, or a dry run of one.
    pub(crate) refused_writes: usize,
    refused_now: Vec<Refusal>,
    /// Every tag names the image that the last one named, for what starts from now on.
    pub(crate) same_image_behind_every_tag: bool,
}

pub(crate) fn spec(replicas: i32, rolling_update: Value) -> Value {
    json!({
        "replicas": replicas,
        "selector": { "matchLabels": { "app": "web" } },
        "template": template("acme/app:1"),
        "updateStrategy": { "type": "RollingUpdate", "rollingUpdate": rolling_update },
    })
}

pub(crate) fn template(image: &str) -> Value {
    json!({
        "metadata": { "labels": { "app": "web" } },
        "spec": { "containers": [
            { "name": "app", "image": image },
            { "name": "sidecar", "image": "acme/sidecar:1" },
        ] },
    })
}

/// The terms of an update in place.
pub(crate) fn in_place(max_unavailable: Value) -> Value {
    json!({ "podUpdatePolicy": "InPlaceIfPossible", "maxUnavailable": max_unavailable })
}

/// A CloneSet that has all its pods.
pub(crate) fn settled(replicas: i32, rolling_update: Value) -> World {
    let mut world = World::new(spec(replicas, rolling_update));
    world.settle();
    world
}

/// A template whose container asks for so much CPU, and what becomes of it when that changes.
pub(crate) fn sized(cpu: &str, policy: &str) -> Value {
    let mut template = template("acme/app:1");
    template["spec"]["containers"][0]["resources"] = json!({ "limits": { "cpu": cpu } });
    template["spec"]["containers"][0]["resizePolicy"] =
        json!([{ "resourceName": "cpu", "restartPolicy": policy }]);
    template
}

/// Resources may change in place, as on a server of today.
pub(crate) fn vertical_scaling() -> Options {
    Options {
        vertical_scaling: true,
        resize_subresource: true,
        ..Options::default()
    }
}

impl World {
    pub(crate) fn new(spec: Value) -> Self {
        Self {
            set: json!({
                "metadata": {
                    "name": "web", "namespace": "ns", "uid": "set-uid",
                    "generation": 1, "resourceVersion": "1",
                },
                "spec": spec,
            }),
            pods: BTreeMap::new(),
            revisions: BTreeMap::new(),
            image_pull_jobs: None,
            budgets: BTreeMap::new(),
            nodes: BTreeMap::new(),
            claims: BTreeMap::new(),
            now: "2026-01-10T08:00:00Z".parse().unwrap(),
            gates: Gates::default(),
            memory: Memory::default(),
            version: 1,
            story: Vec::new(),
            pod_writes: 0,
            writes_left: None,
            refuses_pods: false,
            quota: None,
            over_quota: false,
            status_writes: 0,
            refuses_resize_of: None,
            refused_resizes: 0,
            refuses: None,
            refuses_deletions: false,
            refused_writes: 0,
            refused_now: Vec::new(),
            same_image_behind_every_tag: false,
        }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let set: CloneSet = serde_json::from_value(self.set.clone()).unwrap();
        Snapshot {
            set: Arc::new(set),
            pods: self
                .pods
                .values()
                .filter(|pod| claims::is_owned_by(pod, "set-uid"))
                .map(|pod| Arc::new(decode::<Pod>(pod)))
                .collect(),
            claims: self
                .claims
                .values()
                .map(|claim| Arc::new(decode::<Claim>(claim)))
                .filter(|claim| claim.metadata.is_owned_by("set-uid"))
                .collect(),
            taken_names: self
                .pods
                .iter()
                .filter(|(_, pod)| !claims::is_owned_by(pod, "set-uid"))
                .map(|(name, _)| name.clone())
                .collect(),
            revisions: self
                .revisions
                .values()
                .map(|revision| Arc::new(decode::<ControllerRevision>(revision)))
                .collect(),
            image_pull_jobs: self.image_pull_jobs.as_ref().map(|jobs| {
                let jobs = jobs.values();
                jobs.map(|job| Arc::new(decode::<ImagePullJob>(job)))
                    .collect()
            }),
            budgets: self
                .budgets
                .values()
                .map(|budget| Arc::new(decode(budget)))
                .collect(),
            nodes: self.nodes.clone(),
            now: self.now,
            index_version: self.version,
            pod_readiness_controller_live: false,
            gates: self.gates,
            memory: self.memory.clone(),
        }
    }

    /// Plans once, checks the plan, and applies it.
    pub(crate) fn reconcile(&mut self) -> Plan {
        let snapshot = self.snapshot();
        let plan = plan(&snapshot);
        assert_eq!(
            check::violations(&snapshot, &plan),
            Vec::<String>::new(),
            "{plan:#?}"
        );
        self.images_ahead(&plan.images_ahead);
        let refused_before = self.refused_resizes;
        self.carry_out(&plan);
        let refused = self
            .refuses_resize_of
            .as_ref()
            .filter(|_| self.refused_resizes > refused_before)
            .map(|name| (self.pod(name).metadata.uid, "too big".to_owned()));
        let refused_writes = std::mem::take(&mut self.refused_now);
        let is_refused = !refused_writes.is_empty();
        let found = Found {
            refused_resizes: refused.into_iter().collect(),
            refused_writes,
            ..Found::default()
        };
        let over_quota = std::mem::take(&mut self.over_quota) || self.refuses_pods;
        let message = if is_refused {
            Some("patch Pod: denied".to_owned())
        } else if over_quota && plan.phase == Phase::Scale && !plan.steps.is_empty() {
            Some("create Pod: exceeded quota".to_owned())
        } else {
            None
        };
        let ending = Ending {
            found,
            failed: message.is_some(),
            message,
            namespace_terminates: false,
        };
        self.memory = remember::after(&snapshot, &plan, ending);
        if let Some(status) = &plan.status {
            self.status_writes += 1;
            self.patch_set(status);
        }
        plan
    }

    /// The steps in order, up to one that is refused.
    pub(crate) fn carry_out(&mut self, plan: &Plan) {
        for step in &plan.steps {
            if !self.may_go_on(step) || !self.apply(plan.phase, step) {
                break;
            }
        }
    }

    /// The plan, which is checked and not carried out.
    pub(crate) fn reconcile_without_executing(&self) -> Plan {
        let snapshot = self.snapshot();
        let plan = plan(&snapshot);
        assert_eq!(check::violations(&snapshot, &plan), Vec::<String>::new());
        plan
    }

    /// Reconciles, and lets kubelets work, until neither has anything to do.
    pub(crate) fn settle(&mut self) -> Plan {
        for _ in 0..2000 {
            let plan = self.reconcile();
            let idle = plan.steps.is_empty() && plan.status.is_none();
            let worked = self.kubelets();
            if idle && !worked {
                return plan;
            }
            self.now += SignedDuration::from_millis(200);
        }
        panic!(
            "does not settle; the last steps:\n{}",
            self.story[self.story.len() - 20..].join("\n")
        );
    }

    pub(crate) fn change(&mut self, patch: Value) {
        self.patch_set(&patch);
        let generation = self.set["metadata"]["generation"].as_i64().unwrap() + 1;
        self.set["metadata"]["generation"] = json!(generation);
    }

    pub(crate) fn set_image(&mut self, image: &str) {
        self.change(json!({ "spec": { "template": template(image) } }));
    }

    fn patch_set(&mut self, patch: &Value) {
        if let Some(read) = patch.pointer("/metadata/resourceVersion") {
            assert_eq!(read, &self.set["metadata"]["resourceVersion"], "a conflict");
        }
        let mut patch = patch.clone();
        if let Some(metadata) = patch.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
        }
        merge::merge(&mut self.set, &patch);
        self.set["metadata"]["resourceVersion"] = self.next_version();
    }

    /// Grows with each write.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn next_version(&mut self) -> Value {
        self.version += 1;
        json!(self.version.to_string())
    }

    /// Whether the process still lives to do this write.
    pub(crate) fn may_write(&mut self) -> bool {
        match &mut self.writes_left {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }

    /// Whether what follows is done too.
    fn apply(&mut self, phase: Phase, step: &Step) -> bool {
        match step {
            Step::TryUpdate { update } => {
                self.story.push(format!("try {}", update.pod.name));
                return writes_of(update)
                    .iter()
                    .all(|write| self.is_let(&update.pod, Asked::Update, write));
            }
            Step::CreateRevision { body } => {
                if self.may_write() {
                    let mut body = body.clone();
                    body["metadata"]["resourceVersion"] = self.next_version();
                    body["metadata"]["uid"] = json!(format!("revision-{}", self.version));
                    body["metadata"]["creationTimestamp"] = json!(self.now.to_string());
                    let name = body["metadata"]["name"].as_str().unwrap().to_owned();
                    assert!(self.revisions.insert(name, body).is_none());
                }
            }
            Step::PatchRevision { name, patch } => {
                if self.may_write() {
                    let version = self.next_version();
                    let revision = self.revisions.get_mut(name).unwrap();
                    merge::merge(revision, patch);
                    revision["metadata"]["resourceVersion"] = version;
                }
            }
            Step::DeleteRevision { name, .. } => {
                if self.may_write() {
                    self.revisions.remove(name).unwrap();
                }
            }
            Step::MoveClaims { .. } | Step::DeleteOrphanClaims { .. } => self.apply_to_claims(step),
            Step::CreatePods { .. } if self.refuses_pods => {}
            Step::CreatePods { batches } => {
                self.story
                    .push(format!("create {}", batches.iter().flatten().count()));
                for pod in batches.iter().flatten() {
                    self.over_quota |= self.quota.is_some_and(|quota| self.pods.len() >= quota);
                    if self.over_quota {
                        break;
                    }
                    if self.create_claims(pod) && self.may_write() {
                        self.create_pod(&pod.name, pod.body().whole().into_owned());
                    }
                }
            }
            Step::DeletePods { pods, claims } => {
                for pod in pods {
                    self.story.push(format!("delete {}", pod.name));
                    if self.refuses_deletions {
                        self.refuse(pod, Asked::Deletion);
                        return false;
                    }
                    if self.may_write() {
                        self.pod_writes += 1;
                        let deleted = self.pods.get_mut(&pod.name).unwrap();
                        assert_eq!(deleted["metadata"]["uid"], json!(pod.uid));
                        deleted["metadata"]["deletionTimestamp"] = json!(self.now.to_string());
                    }
                    for claim in claims.get(&pod.uid).into_iter().flatten() {
                        self.delete_claim_of(claim);
                    }
                }
            }
            Step::AdoptPods { patches }
            | Step::PatchPods { patches }
            | Step::MarkPodsForRecreate { patches } => {
                let asked = match step {
                    Step::MarkPodsForRecreate { .. } => Asked::Update,
                    _ if phase == Phase::Scale => Asked::Deletion,
                    _ => Asked::Patch,
                };
                for patch in patches {
                    if !self.write_pod(&patch.pod, asked, &patch.writes) {
                        return false;
                    }
                }
            }
            Step::UpdatePodsInPlace { updates } => {
                for update in updates {
                    self.story.push(format!("update {}", update.pod.name));
                    if !self.write_pod(&update.pod, Asked::Update, &writes_of(update)) {
                        return false;
                    }
                }
            }
            Step::SpendBudgets { .. } => {}
            Step::PatchCloneSet { patch } => {
                if self.may_write() {
                    self.patch_set(patch);
                }
            }
        }
        true
    }

    fn refuse(&mut self, pod: &PodRef, asked: Asked) {
        self.refused_writes += 1;
        self.refused_now.push(Refusal {
            uid: pod.uid.clone(),
            asked,
            why: "denied".to_owned(),
        });
    }

    /// Whether the API server would take this write.
    fn is_let(&mut self, pod: &PodRef, asked: Asked, write: &PodWrite) -> bool {
        if write.subresource == Some("resize")
            && self.refuses_resize_of.as_deref() == Some(&pod.name)
        {
            self.refused_resizes += 1;
            return false;
        }
        let has = |words: &str| write.patch.to_string().contains(words);
        let is_refused = self.refuses.is_some_and(has);
        if is_refused {
            self.refuse(pod, asked);
        }
        !is_refused
    }

    fn images_ahead(&mut self, plan: &ImagesAhead) {
        let Some(mut jobs) = self.image_pull_jobs.take() else {
            assert!(plan.is_empty(), "{plan:#?}");
            return;
        };
        for job in &plan.create {
            let mut body = job.body.clone();
            body["metadata"]["uid"] = json!(format!("uid-of-{}", job.name));
            jobs.entry(job.name.clone()).or_insert(body);
        }
        for (name, uid) in &plan.delete {
            let gone = jobs.remove(name).unwrap();
            assert_eq!(gone["metadata"]["uid"], json!(uid));
        }
        self.image_pull_jobs = Some(jobs);
        if let Some(mark) = &plan.mark {
            let revision = self.revisions.get_mut(&mark.revision).unwrap();
            assert_eq!(revision["metadata"]["uid"], mark.patch["metadata"]["uid"]);
            merge::merge(revision, &mark.patch);
        }
    }

    fn create_pod(&mut self, name: &str, mut body: Value) {
        self.pod_writes += 1;
        body["metadata"]["resourceVersion"] = self.next_version();
        body["metadata"]["uid"] = json!(format!("pod-{}", self.version));
        body["metadata"]["creationTimestamp"] = json!(self.now.to_string());
        body["status"] = json!({ "phase": "Pending" });
        assert!(
            self.pods.insert(name.to_owned(), body).is_none(),
            "{name} is there already"
        );
    }

    /// As the executor does it: each write follows the version of the one before. Whether other pods are
    /// written to after it.
    fn write_pod(&mut self, pod: &PodRef, asked: Asked, writes: &[PodWrite]) -> bool {
        let name = &pod.name;
        for (index, write) in writes.iter().enumerate() {
            let PodWrite { subresource, patch } = write;
            let place = subresource.unwrap_or("pod");
            self.story.push(format!("patch {name} {place} {patch}"));
            if !self.is_let(pod, asked, write) {
                return self.refused_now.is_empty();
            }
            let mut patch = patch.clone();
            if index > 0
                && let Some(read) = patch.pointer_mut("/metadata/resourceVersion")
            {
                *read = self.pods[name]["metadata"]["resourceVersion"].clone();
            }
            if !self.patch_pod(name, &patch) {
                return true;
            }
        }
        true
    }

    fn patch_pod(&mut self, name: &str, patch: &Value) -> bool {
        if !self.may_write() {
            return false;
        }
        self.pod_writes += 1;
        let version = self.next_version();
        let pod = self.pods.get_mut(name).unwrap();
        for field in ["resourceVersion", "uid"] {
            if let Some(read) = patch["metadata"].get(field) {
                assert_eq!(
                    read, &pod["metadata"][field],
                    "{name}: a conflict in {field}"
                );
            }
        }
        *pod = strategic_merge::apply(Schema::Pod, pod, patch).unwrap();
        pod["metadata"]["resourceVersion"] = version;
        true
    }

    /// Schedules, starts and restarts what can be. Whether anything changed. An image whose tag is
    /// `bad` can't be pulled.
    pub(crate) fn kubelets(&mut self) -> bool {
        let names: Vec<String> = self.pods.keys().cloned().collect();
        let mut worked = false;
        for name in names {
            worked |= self.kubelet(&name);
        }
        worked | self.collect_claims()
    }

    fn kubelet(&mut self, name: &str) -> bool {
        let now = self.now.to_string();
        let pod = self.pods.get_mut(name).unwrap();
        if pod["metadata"].get("deletionTimestamp").is_some() {
            self.pods.remove(name);
            self.version += 1;
            return true;
        }
        if pod["status"]["phase"] == "Failed" {
            return false;
        }
        let before = pod.clone();
        if pod["spec"].get("nodeName").is_none() {
            pod["spec"]["nodeName"] = json!("node1");
        } else {
            run_containers(pod, &now, self.same_image_behind_every_tag);
        }
        if *pod == before {
            return false;
        }
        let version = self.next_version();
        self.pods.get_mut(name).unwrap()["metadata"]["resourceVersion"] = version;
        true
    }

    pub(crate) fn pod(&self, name: &str) -> Pod {
        decode(&self.pods[name])
    }

    pub(crate) fn status(&self, field: &str) -> Value {
        self.set["status"][field].clone()
    }

    pub(crate) fn uids(&self) -> Vec<String> {
        self.pods
            .values()
            .map(|pod| pod["metadata"]["uid"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn images(&self) -> Vec<String> {
        self.pods
            .values()
            .map(|pod| {
                pod["spec"]["containers"][0]["image"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    pub(crate) fn condition(&self, type_: &str) -> Option<Value> {
        self.set["status"]["conditions"]
            .as_array()?
            .iter()
            .find(|condition| condition["type"] == type_)
            .cloned()
    }
}

fn run_containers(pod: &mut Value, now: &str, same_image: bool) {
    let containers = pod["spec"]["containers"].as_array().unwrap().clone();
    let old = pod["status"]["containerStatuses"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let statuses: Vec<Value> = containers
        .iter()
        .map(|container| {
            let image = container["image"].as_str().unwrap();
            let last = old.iter().find(|status| status["name"] == container["name"]);
            let restarts = last.map_or(0, |last| {
                let changed = last["image"] != json!(image);
                last["restartCount"].as_i64().unwrap() + i64::from(changed)
            });
            if image.ends_with(":bad") {
                let mut status = last.cloned().unwrap_or_else(|| {
                    json!({ "name": container["name"], "image": "", "imageID": "", "restartCount": 0 })
                });
                status["ready"] = json!(false);
                status["state"] = json!({ "waiting": { "reason": "ImagePullBackOff" } });
                return status;
            }
            let id = last.filter(|_| same_image).map_or_else(
                || json!(format!("id-of-{image}")),
                |last| last["imageID"].clone(),
            );
            json!({
                "name": container["name"], "image": image, "imageID": id,
                "ready": true, "restartCount": restarts, "state": {},
                "resources": container.get("resources").cloned().unwrap_or_else(|| json!({})),
            })
        })
        .collect();
    let all_ready = statuses.iter().all(|status| status["ready"] == json!(true));
    pod["status"]["phase"] = json!("Running");
    pod["status"]["containerStatuses"] = json!(statuses);
    set_condition(pod, "ContainersReady", all_ready, now);
    let gates = pod["spec"]["readinessGates"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let open = gates.iter().all(|gate| {
        pod["status"]["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .any(|condition| {
                condition["type"] == gate["conditionType"] && condition["status"] == "True"
            })
    });
    set_condition(pod, "Ready", all_ready && open, now);
}

fn set_condition(pod: &mut Value, type_: &str, on: bool, now: &str) {
    let status = if on { "True" } else { "False" };
    let conditions = pod["status"]
        .as_object_mut()
        .unwrap()
        .entry("conditions")
        .or_insert_with(|| json!([]))
        .as_array_mut()
        .unwrap();
    match conditions
        .iter_mut()
        .find(|condition| condition["type"] == type_)
    {
        Some(condition) if condition["status"] == status => {}
        Some(condition) => {
            *condition = json!({ "type": type_, "status": status, "lastTransitionTime": now });
        }
        None => {
            conditions.push(json!({ "type": type_, "status": status, "lastTransitionTime": now }));
        }
    }
}

fn decode<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

/// The words of the reasons of a plan.
pub(crate) fn reasons(plan: &Plan) -> Vec<&'static str> {
    plan.waiting_on.iter().map(WaitReason::reason).collect()
}

/// The steps of a plan, but for the question whether an update would be let.
pub(crate) fn steps(plan: &Plan) -> Vec<&Step> {
    let is_trial = |step: &&Step| matches!(step, Step::TryUpdate { .. });
    plan.steps.iter().filter(|step| !is_trial(step)).collect()
}

/// What is remembered after a pass that found this out.
pub(crate) fn remembered(snapshot: &Snapshot, plan: &Plan, found: Found) -> Memory {
    let ending = Ending {
        found,
        ..Ending::default()
    };
    remember::after(snapshot, plan, ending)
}

/// The writes of an update in place.
fn writes_of(update: &InPlaceUpdate) -> Vec<PodWrite> {
    let writes = update.writes();
    let owned = writes.map(|(subresource, patch)| PodWrite {
        subresource,
        patch: patch.clone(),
    });
    owned.collect()
}
