//! A cluster in a value: objects as JSON, a clock that the test moves, a scheduler and kubelets that act when they are
//! told to, and an executor that applies plans and checks each with `check::violations`.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use broadcastjob_controller::{
    check,
    gates::Gates,
    memory::Memory,
    plan::{NewPod, Plan, Step, plan},
    remember::{self, Ending},
    report::{self, Outcome},
    snapshot::{JobPod, Snapshot},
};
use jiff::{SignedDuration, Timestamp};
use kruise_plan::{Event, PodRef};
use serde_json::{Value, json};

/// Seconds that a pod takes to end.
const GRACE: i64 = 30;

pub(crate) struct World {
    pub(crate) job: Value,
    pub(crate) pods: BTreeMap<String, Value>,
    pub(crate) nodes: BTreeMap<String, Value>,
    pub(crate) now: Timestamp,
    pub(crate) gates: Gates,
    pub(crate) memory: Memory,
    version: u64,
    /// Reasons of all events, in order.
    pub(crate) events: Vec<String>,
    /// How many pods a quota lets be created, in all.
    pub(crate) quota: Option<usize>,
    /// A pod that a webhook does not let go.
    pub(crate) held: Option<String>,
    /// The server gives up waiting for creations, which happen or not.
    pub(crate) creations_time_out: Option<bool>,
    /// Names that pods of others have.
    pub(crate) foreign: Vec<String>,
    pub(crate) is_deleted: bool,
    pub(crate) status_writes: usize,
    /// Whether the last pass ended with an error.
    pub(crate) failed: bool,
}

pub(crate) fn template() -> Value {
    json!({
        "metadata": { "labels": { "app": "scan" }, "annotations": { "team": "sec" }, "finalizers": ["acme.io/log"] },
        "spec": { "restartPolicy": "Never", "containers": [{ "name": "scan", "image": "acme/scan:1" }] },
    })
}

pub(crate) fn node() -> Value {
    json!({
        "metadata": { "labels": { "zone": "a" } },
        "status": { "allocatable": { "cpu": "4", "memory": "8Gi", "pods": "110" } },
    })
}

/// Nodes n1, n2 … and a job whose spec is changed by a merge.
pub(crate) fn world(n_nodes: usize, spec: Value) -> World {
    let mut world = World {
        job: json!({
            "metadata": {
                "name": "scan", "namespace": "ns", "uid": "job-uid", "generation": 1, "resourceVersion": "1",
            },
            "spec": { "template": template() },
        }),
        pods: BTreeMap::new(),
        nodes: BTreeMap::new(),
        now: "2026-01-10T10:00:00Z".parse().unwrap(),
        gates: Gates::default(),
        memory: Memory::default(),
        version: 1,
        events: Vec::new(),
        quota: None,
        held: None,
        creations_time_out: None,
        foreign: Vec::new(),
        is_deleted: false,
        status_writes: 0,
        failed: false,
    };
    json_patch::merge(&mut world.job["spec"], &spec);
    for number in 1..=n_nodes {
        world.add_node(&format!("n{number}"));
    }
    world
}

impl World {
    pub(crate) fn add_node(&mut self, name: &str) {
        let mut node = node();
        node["metadata"]["name"] = json!(name);
        self.nodes.insert(name.to_owned(), node);
    }

    pub(crate) fn change_node(&mut self, name: &str, patch: Value) {
        json_patch::merge(self.nodes.get_mut(name).unwrap(), &patch);
    }

    pub(crate) fn taint(&mut self, node: &str, key: &str, effect: &str) {
        let taints = json!([{ "key": key, "effect": effect }]);
        self.change_node(node, json!({ "spec": { "taints": taints } }));
    }

    /// Changes the job's spec.
    pub(crate) fn change(&mut self, spec: Value) {
        json_patch::merge(&mut self.job["spec"], &spec);
        self.job["metadata"]["resourceVersion"] = self.next_version();
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    fn next_version(&mut self) -> Value {
        self.version += 1;
        json!(self.version.to_string())
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let is_owned = |pod: &&Value| {
            let owners = pod["metadata"]["ownerReferences"].as_array();
            owners.is_some_and(|owners| {
                owners
                    .iter()
                    .any(|owner| owner["uid"] == self.job["metadata"]["uid"])
            })
        };
        Snapshot {
            job: Arc::new(serde_json::from_value(self.job.clone()).unwrap()),
            pods: self
                .pods
                .values()
                .filter(is_owned)
                .map(|pod| Arc::new(decoded(pod)))
                .collect(),
            nodes: self
                .nodes
                .values()
                .map(|node| Arc::new(serde_json::from_value(node.clone()).unwrap()))
                .collect(),
            now: self.now,
            gates: self.gates,
            memory: self.memory.clone(),
        }
    }

    /// Plans once, checks the plan, and carries it out.
    pub(crate) fn reconcile(&mut self) -> Plan {
        self.reconcile_though(|_| {})
    }

    /// The same, while something happens between the look and the writes.
    pub(crate) fn reconcile_though(&mut self, happens: impl FnOnce(&mut Self)) -> Plan {
        let snapshot = self.snapshot();
        let plan = plan(&snapshot);
        let violations = check::violations(&snapshot, &plan);
        assert_eq!(violations, Vec::<String>::new(), "{plan:#?}");
        happens(self);
        plan.events.iter().for_each(|event| self.tell(event));
        let mut outcome = Outcome::default();
        let mut ending = Ending::default();
        self.failed = false;
        for step in &plan.steps {
            match step {
                Step::StopPods { pods } => {
                    for pod in pods {
                        match self.stop(pod) {
                            Stopped::Done => outcome.stopped += 1,
                            Stopped::WasGone => {}
                            Stopped::Refused => outcome.stop_failed = true,
                        }
                    }
                }
                Step::CreatePods { batches } => {
                    for batch in batches {
                        let created = batch.iter().map(|pod| self.create(pod));
                        let created: Vec<_> = created.collect();
                        let n_done = created.iter().filter(|made| **made == Made::Done).count();
                        outcome.created += n_done;
                        // The failure of a batch is the first by position.
                        let mut all = batch.iter().zip(&created);
                        let is_failure = |made: &Made| matches!(made, Made::Refused | Made::Taken);
                        if let Some((pod, made)) = all.find(|(_, made)| is_failure(made)) {
                            let is_taken = *made == Made::Taken;
                            ending.taken_name = is_taken.then(|| pod.name.clone());
                            self.failed = true;
                            break;
                        }
                    }
                }
                Step::DeleteJob => {
                    let (read, job) = (&snapshot.job.metadata, &self.job["metadata"]);
                    self.is_deleted =
                        job["uid"] == read.uid && job["resourceVersion"] == read.resource_version;
                    self.failed |= !self.is_deleted;
                }
            }
        }
        self.failed |= outcome.stop_failed;
        if let Some(written) = report::written(&snapshot, &plan, outcome) {
            let read = &snapshot.job.metadata.resource_version;
            assert_eq!(written.patch["metadata"]["resourceVersion"], **read);
            if self.write_status(&written.patch) {
                written.event.iter().for_each(|event| self.tell(event));
            } else {
                self.failed = true;
            }
        }
        ending.succeeded = !self.failed;
        self.memory = remember::after(&snapshot, &plan, ending);
        plan
    }

    fn tell(&mut self, event: &Event) {
        self.events.push(event.reason.to_owned());
    }

    /// Whether it was written: not to another job of the name. To the same job a conflict is sent again (BJ-65).
    fn write_status(&mut self, patch: &Value) -> bool {
        if patch["metadata"]["uid"] != self.job["metadata"]["uid"] {
            return false;
        }
        json_patch::merge(&mut self.job["status"], &patch["status"]);
        self.job["metadata"]["resourceVersion"] = self.next_version();
        self.status_writes += 1;
        true
    }

    fn stop(&mut self, pod: &PodRef) -> Stopped {
        let Some(there) = self.pods.get(&pod.name) else {
            return Stopped::WasGone;
        };
        if self.held.as_ref() == Some(&pod.name) || there["metadata"]["uid"] != pod.uid {
            return Stopped::Refused;
        }
        self.terminate(&pod.name);
        self.events.push("SuccessfulDelete".to_owned());
        Stopped::Done
    }

    /// Asks for the deletion of a pod, as anybody may.
    pub(crate) fn terminate(&mut self, name: &str) {
        let gone_by = self.now + SignedDuration::from_secs(GRACE);
        let pod = self.pods.get_mut(name).unwrap();
        pod["metadata"]["deletionTimestamp"] = json!(gone_by.to_string());
    }

    fn create(&mut self, pod: &NewPod) -> Made {
        if self.foreign.contains(&pod.name) {
            self.events.push("FailedCreate".to_owned());
            return Made::Taken;
        }
        if let Some(quota) = &mut self.quota {
            if *quota == 0 {
                self.events.push("FailedCreate".to_owned());
                return Made::Refused;
            }
            *quota -= 1;
        }
        let times_out = self.creations_time_out;
        if times_out.is_none_or(|happens| happens) {
            let mut body = pod.body().whole().into_owned();
            let version = self.next_version();
            body["metadata"]["uid"] = json!(format!("pod-{}", version.as_str().unwrap()));
            body["metadata"]["resourceVersion"] = version;
            let earlier = self.pods.insert(pod.name.clone(), body);
            assert_eq!(earlier, None, "the name of pod {} is taken", pod.name);
        }
        if times_out.is_some() {
            self.events.push("FailedCreate".to_owned());
            return Made::Unclear;
        }
        self.events.push("SuccessfulCreate".to_owned());
        Made::Done
    }

    /// Reconciles, and brings pods to their nodes, until nothing more is done.
    pub(crate) fn settle(&mut self) -> Plan {
        for _ in 0..100 {
            let writes = self.status_writes;
            let plan = self.reconcile();
            let worked = self.schedule();
            if plan.steps.is_empty() && self.status_writes == writes && !worked {
                return plan;
            }
        }
        panic!("does not settle: {:?}", self.events);
    }

    /// The scheduler and the kubelets: pods that are meant for a node run there.
    pub(crate) fn schedule(&mut self) -> bool {
        let mut worked = false;
        for pod in self.pods.values_mut() {
            let node = decoded(pod).more.spec.placement.node().to_owned();
            if !node.is_empty() && self.nodes.contains_key(&node) && pod["status"].is_null() {
                pod["spec"]["nodeName"] = json!(node);
                pod["status"] = json!({ "phase": "Running" });
                worked = true;
            }
        }
        worked
    }

    /// Kubelets are rid of pods that were stopped.
    pub(crate) fn reap(&mut self) {
        self.pods
            .retain(|_, pod| pod["metadata"]["deletionTimestamp"].is_null());
    }

    /// Name of the pod of a node.
    pub(crate) fn pod_on(&self, node: &str) -> Option<String> {
        let mut pods = self.pods.iter();
        let found = pods.find(|(_, pod)| decoded(pod).more.spec.placement.node() == node);
        found.map(|(name, _)| name.clone())
    }

    pub(crate) fn pod(&mut self, node: &str) -> &mut Value {
        let name = self.pod_on(node).unwrap();
        self.pods.get_mut(&name).unwrap()
    }

    /// The pod of a node gets this phase.
    pub(crate) fn end(&mut self, node: &str, phase: &str) {
        self.pod(node)["status"]["phase"] = json!(phase);
    }

    pub(crate) fn succeed(&mut self, nodes: &[&str]) {
        nodes.iter().for_each(|node| self.end(node, "Succeeded"));
    }

    pub(crate) fn delete_pod_on(&mut self, node: &str) {
        let name = self.pod_on(node).unwrap();
        self.pods.remove(&name);
    }

    /// The containers of a node's pod were started again so often.
    pub(crate) fn restart(&mut self, node: &str, counts: &[i32]) {
        let statuses = counts.iter().enumerate();
        let statuses: Vec<Value> = statuses
            .map(|(index, count)| json!({ "name": format!("c{index}"), "restartCount": count }))
            .collect();
        self.pod(node)["status"]["containerStatuses"] = json!(statuses);
    }

    /// Another process, which remembers nothing.
    pub(crate) fn restart_controller(&mut self) {
        self.memory = Memory::default();
    }

    /// Nodes that have a pod which is not on its way out.
    pub(crate) fn served(&self) -> Vec<String> {
        let pods = self.pods.values();
        let pods = pods.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        let mut nodes: Vec<_> = pods
            .map(|pod| decoded(pod).more.spec.placement.node().to_owned())
            .collect();
        nodes.sort_unstable();
        nodes
    }

    /// `desired active succeeded failed phase`
    pub(crate) fn status(&self) -> String {
        let status = &self.job["status"];
        let number = |field: &str| status[field].as_i64().unwrap();
        format!(
            "{} {} {} {} {}",
            number("desired"),
            number("active"),
            number("succeeded"),
            number("failed"),
            status["phase"].as_str().unwrap(),
        )
    }

    /// Type and reason of each condition.
    pub(crate) fn conditions(&self) -> Vec<(String, String)> {
        let conditions = self.job["status"]["conditions"].as_array();
        let conditions = conditions.into_iter().flatten();
        let text = |condition: &Value, field: &str| condition[field].as_str().unwrap().to_owned();
        conditions
            .map(|condition| {
                assert_eq!(condition["status"], "True");
                assert_eq!(condition["lastProbeTime"], condition["lastTransitionTime"]);
                (text(condition, "type"), text(condition, "reason"))
            })
            .collect()
    }

    /// How often an event of this reason was told.
    pub(crate) fn told(&self, reason: &str) -> usize {
        self.events.iter().filter(|told| *told == reason).count()
    }
}

enum Stopped {
    Done,
    WasGone,
    Refused,
}

#[derive(PartialEq)]
enum Made {
    Done,
    Refused,
    Taken,
    Unclear,
}

pub(crate) fn decoded(pod: &Value) -> JobPod {
    serde_json::from_str(&pod.to_string()).unwrap()
}

/// The sizes of the batches of a plan.
pub(crate) fn batches(plan: &Plan) -> Vec<usize> {
    let batches = plan.steps.iter().filter_map(|step| match step {
        Step::CreatePods { batches } => Some(batches.iter().map(Vec::len)),
        Step::StopPods { pods: _ } | Step::DeleteJob => None,
    });
    batches.flatten().collect()
}

pub(crate) fn reasons(plan: &Plan) -> Vec<&'static str> {
    plan.waiting_on
        .iter()
        .map(|reason| reason.reason())
        .collect()
}

pub(crate) fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}
