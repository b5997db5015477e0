//! Other eyes on a plan: knows the rules, not how plans are made, and nothing of the planner's but what it says. Every
//! test runs it, and debug builds run it on every plan before it is executed.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use kruise_api::{
    apps::v1beta1::{BroadcastJobPhase, FailurePolicyType},
    int_or_string::{IntOrString, Rounding, lenient_percent},
    kinds::broadcastjob::validation,
    well_known::labels,
};
use kruise_plan::{PodRef, check::pods, node_fit::fits};
use serde_json::Value;

use crate::{
    plan::{NewPod, Plan, Step},
    snapshot::{JobPod, Snapshot, simulated},
};

/// As many pods are created in a pass at most (7.3 of the specification).
const MAX_CREATED: usize = 500;

/// Every rule that the plan breaks, in words; empty for a good plan.
#[must_use]
pub fn violations(snapshot: &Snapshot, plan: &Plan) -> Vec<String> {
    let facts = Facts::of(snapshot, plan);
    let mut found = Vec::new();
    facts.pods_as_any_owner(&mut found);
    facts.each_new_pod_has_a_node_of_its_own(&mut found);
    facts.new_pods_are_the_jobs(&mut found);
    facts.parallelism_is_kept(&mut found);
    facts.batches_grow(&mut found);
    facts.only_who_must_is_stopped(&mut found);
    facts.nothing_while_it_rests(&mut found);
    facts.ends_for_a_reason(&mut found);
    facts.is_deleted_in_time(&mut found);
    facts.says_why_it_waits(&mut found);
    facts.no_node_waits_in_silence(&mut found);
    found
}

struct Facts<'a> {
    snapshot: &'a Snapshot,
    plan: &'a Plan,
    /// Pods with the job's labels that the job manages.
    ours: Vec<&'a JobPod>,
    created: Vec<&'a NewPod>,
    batches: Vec<usize>,
    stopped: Vec<&'a PodRef>,
    deletes_job: bool,
}

impl<'a> Facts<'a> {
    fn of(snapshot: &'a Snapshot, plan: &'a Plan) -> Self {
        let job = &snapshot.job.metadata;
        let pods = snapshot.pods.iter().map(AsRef::as_ref);
        let ours = pods.filter(|pod: &&JobPod| {
            let label = |key: &str| pod.metadata.labels.get(key).map(ToString::to_string);
            label(labels::BROADCASTJOB_NAME).as_ref() == Some(&job.name)
                && label(labels::BROADCASTJOB_CONTROLLER_UID).as_ref() == Some(&job.uid)
                && pod.metadata.controller().is_some_and(|owner| {
                    owner.kind == "BroadcastJob"
                        && owner.api_version.as_str().starts_with("apps.kruise.io/")
                        && owner.uid == job.uid.as_str()
                })
        });
        let mut facts = Self {
            snapshot,
            plan,
            ours: ours.collect(),
            created: Vec::new(),
            batches: Vec::new(),
            stopped: Vec::new(),
            deletes_job: false,
        };
        for step in &plan.steps {
            match step {
                Step::StopPods { pods } => facts.stopped.extend(pods),
                Step::CreatePods { batches } => {
                    facts.batches.extend(batches.iter().map(Vec::len));
                    facts.created.extend(batches.iter().flatten());
                }
                Step::DeleteJob => facts.deletes_job = true,
            }
        }
        facts
    }

    fn acts_on_pods(&self) -> bool {
        !self.created.is_empty() || !self.stopped.is_empty()
    }

    fn phase(&self) -> &BroadcastJobPhase {
        &self.snapshot.job.status.phase
    }

    fn never_completes(&self) -> bool {
        let policy = self.snapshot.job.spec.completion_policy.as_ref();
        let type_ = policy.and_then(|policy| policy.type_.as_ref());
        type_.is_some_and(|type_| type_.as_str() == "Never")
    }

    fn has_ended(&self) -> bool {
        let mut conditions = self.snapshot.job.status.conditions.iter();
        let is_over = conditions.any(|condition| {
            ["Complete", "Failed"].contains(&condition.type_.as_str()) && condition.status == "True"
        });
        !self.never_completes() && is_over
    }

    fn is_failed(&self, pod: &JobPod) -> bool {
        let limit = self.snapshot.job.spec.failure_policy.as_ref();
        let limit = limit.and_then(|policy| policy.restart_limit).unwrap_or(0);
        let status = &pod.status;
        let restarts: i64 = status
            .container_statuses
            .iter()
            .chain(&status.init_container_statuses)
            .map(|status| i64::from(status.restart_count))
            .sum();
        let is_over = pod.more.spec.restart_policy == "OnFailure" && restarts > i64::from(limit);
        pod.status.phase == "Failed" || (pod.is_active() && is_over)
    }

    /// Pods that parallelism counts.
    fn active(&self) -> impl Iterator<Item = &&'a JobPod> {
        let pods = self.ours.iter();
        pods.filter(|pod| pod.is_active() && !self.is_failed(pod))
    }

    fn failed(&self) -> impl Iterator<Item = &&'a JobPod> {
        self.ours.iter().filter(|pod| self.is_failed(pod))
    }

    fn on_failure(&self) -> FailurePolicyType {
        self.snapshot.job.spec.on_failure()
    }

    /// Whether the deadline has passed (BJ-34).
    fn is_late(&self) -> bool {
        let policy = self.snapshot.job.spec.completion_policy.as_ref();
        let policy = policy.filter(|_| !self.never_completes());
        let Some(seconds) = policy.and_then(|policy| policy.active_deadline_seconds) else {
            return false;
        };
        let start = self.snapshot.job.status.start_time;
        let start = start.unwrap_or(self.snapshot.now);
        self.snapshot.now.duration_since(start) >= SignedDuration::from_secs(seconds)
    }

    /// Names of nodes that a pod of the template fits.
    fn fitting(&self) -> BTreeSet<&'a str> {
        let Ok(placement) = simulated(&self.snapshot.job) else {
            return BTreeSet::new();
        };
        let nodes = self.snapshot.nodes.iter();
        nodes
            .filter(|node| fits(&placement, node))
            .map(|node| node.metadata.name.as_str())
            .collect()
    }

    /// Names of nodes that have a pod, or are to have one.
    fn occupied(&self) -> BTreeSet<&'a str> {
        let pods = self.ours.iter();
        pods.map(|pod| pod.more.spec.placement.node()).collect()
    }

    /// What holds for pods whatever the kind of their owner is (BJ-23, BJ-35, BJ-41).
    fn pods_as_any_owner(&self, found: &mut Vec<String>) {
        let owned = self.snapshot.owned_pods();
        let names: Vec<&str> = self.created.iter().map(|pod| pod.name.as_str()).collect();
        found.extend(pods::only_owned(self.snapshot.uid(), &owned, &self.stopped));
        found.extend(pods::each_once(&self.stopped));
        found.extend(pods::none_terminating(&owned, &self.stopped));
        found.extend(pods::none_finished(&owned, &self.stopped));
        let taken = self.snapshot.memory.names_taken(self.snapshot.now);
        let taken = taken.map(|(name, _)| name.clone()).collect();
        found.extend(pods::names_are_new(&owned, &taken, &names));
        // BJ-63: pods of a job on its way out may be stopped.
        let owner = self.snapshot.owner();
        found.extend(pods::nothing_while_owner_terminates(&owner, &[], &names));
        for stopped in &self.stopped {
            if !self.ours.iter().any(|pod| pod.metadata.uid == stopped.uid) {
                found.push(format!("pod {} lacks the job's labels", stopped.name));
            }
        }
    }

    /// BJ-40, BJ-P8
    fn each_new_pod_has_a_node_of_its_own(&self, found: &mut Vec<String>) {
        let (fitting, mut occupied) = (self.fitting(), self.occupied());
        for pod in &self.created {
            let node = pod.node.as_str();
            if !fitting.contains(node) {
                found.push(format!("pod {} does not fit node {node}", pod.name));
            }
            if !occupied.insert(node) {
                found.push(format!("node {node} gets a second pod"));
            }
        }
    }

    /// BJ-53
    fn new_pods_are_the_jobs(&self, found: &mut Vec<String>) {
        let job = &self.snapshot.job.metadata;
        for pod in &self.created {
            let body = pod.body().whole().into_owned();
            let says =
                |path: &str, value: &str| body.pointer(path).and_then(Value::as_str) == Some(value);
            let is_the_jobs = says("/metadata/labels/broadcastjob-name", &job.name)
                && says("/metadata/labels/broadcastjob-controller-uid", &job.uid)
                && says("/metadata/ownerReferences/0/uid", &job.uid)
                && body.pointer("/metadata/ownerReferences/0/controller") == Some(&true.into());
            if !is_the_jobs {
                found.push(format!("pod {} would not be known as the job's", pod.name));
            }
            let by_name = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution\
                           /nodeSelectorTerms/0/matchFields/0/values/0";
            if !says(by_name, &pod.node) && !says("/spec/nodeName", &pod.node) {
                found.push(format!("pod {} is not led to node {}", pod.name, pod.node));
            }
        }
    }

    /// BJ-50, BJ-51
    fn parallelism_is_kept(&self, found: &mut Vec<String>) {
        if self.created.is_empty() {
            return;
        }
        let desired = self.plan.report.as_ref();
        let desired = desired.map_or(0, |report| report.counted.desired);
        let parallelism = self.snapshot.job.spec.parallelism.clone();
        let parallelism = parallelism.unwrap_or(IntOrString::Int(i32::MAX));
        let limit = lenient_percent(&parallelism, desired, Rounding::Up).unwrap_or(0);
        let n_active = self.active().count() + self.created.len();
        if i64::try_from(n_active).unwrap_or(i64::MAX) > i64::from(limit) {
            found.push(format!(
                "{n_active} pods would be active, {limit} are allowed"
            ));
        }
    }

    /// BJ-52, and 7.3 of the specification
    fn batches_grow(&self, found: &mut Vec<String>) {
        let mut largest = 1;
        let n_created = self.created.len();
        if n_created > MAX_CREATED {
            found.push(format!("{n_created} pods are created in one pass"));
        }
        for size in &self.batches {
            if *size == 0 || *size > largest {
                found.push(format!(
                    "a batch of {size} comes where {largest} are allowed"
                ));
            }
            largest = size * 2;
        }
    }

    /// BJ-35, BJ-41
    fn only_who_must_is_stopped(&self, found: &mut Vec<String>) {
        let job_fails = self.is_late()
            || (self.on_failure() == FailurePolicyType::FailFast && self.failed().next().is_some());
        for stopped in &self.stopped {
            let mut pods = self.ours.iter();
            let Some(pod) = pods.find(|pod| pod.metadata.uid == stopped.uid) else {
                continue;
            };
            let placement = &pod.more.spec.placement;
            let mut nodes = self.snapshot.nodes.iter();
            let node = nodes.find(|node| node.metadata.name == placement.node());
            let is_unfit = node.is_some_and(|node| !fits(placement, node));
            if !job_fails && !is_unfit {
                found.push(format!("pod {} is stopped without a reason", stopped.name));
            }
            if job_fails && self.is_failed(pod) {
                found.push(format!("pod {} has failed, and is stopped", stopped.name));
            }
        }
        if job_fails && !self.created.is_empty() {
            found.push("pods are created for a job that fails".to_owned());
        }
    }

    /// BJ-30, BJ-31, BJ-33, BJ-60
    fn nothing_while_it_rests(&self, found: &mut Vec<String>) {
        if !self.acts_on_pods() {
            return;
        }
        let spec = &self.snapshot.job.spec;
        if self.has_ended() || *self.phase() == BroadcastJobPhase::Failed {
            found.push("pods of a job that has ended are touched".to_owned());
        }
        // What has ended and never completes is not running, and can't be paused any more (BJ-31).
        let runs = ["", "running", "paused"].contains(&self.phase().as_str());
        if spec.paused == Some(true) && runs {
            found.push("pods of a paused job are touched".to_owned());
        }
        if self.on_failure() == FailurePolicyType::Pause && self.failed().next().is_some() {
            found
                .push("pods are touched though one has failed, and the job is to pause".to_owned());
        }
    }

    /// BJ-35, BJ-45
    fn ends_for_a_reason(&self, found: &mut Vec<String>) {
        let ending = self.plan.report.as_ref();
        let Some(ending) = ending.and_then(|report| report.ending.as_ref()) else {
            return;
        };
        match ending.condition {
            "Complete" => {
                self.every_node_is_done(found);
                if self.never_completes() || !self.created.is_empty() {
                    found.push("the job completes, and must not".to_owned());
                }
            }
            "Failed" => {
                let fails_fast = self.on_failure() == FailurePolicyType::FailFast;
                let has_reason = self.is_late() || (fails_fast && self.failed().next().is_some());
                if !has_reason {
                    found.push("the job fails without a reason".to_owned());
                }
                let n_active = self.active().count();
                if n_active != self.stopped.len() {
                    found.push(format!("{n_active} pods are active when the job fails"));
                }
            }
            other => found.push(format!("condition {other} is none of a job's")),
        }
    }

    /// There is a node to serve, and each has a pod that has ended or is on its way out (BJ-24, BJ-41, BJ-45).
    fn every_node_is_done(&self, found: &mut Vec<String>) {
        if validation::template(&self.snapshot.job.spec.template).is_err() {
            found.push("the job completes, and its template can't be read".to_owned());
        }
        let fitting = self.fitting();
        let mut is_any = false;
        for node in &self.snapshot.nodes {
            let name = node.metadata.name.as_str();
            // The later one in the order of names is the node's.
            let mut pods = self.ours.iter().rev();
            let pod = pods.find(|pod| pod.more.spec.placement.node() == name);
            match pod {
                None if fitting.contains(name) => {
                    found.push(format!("node {name} has not been served"));
                }
                // One that fits no more is stopped, and its node does not count.
                Some(pod) if pod.is_active() && fits(&pod.more.spec.placement, node) => {
                    let pod = &pod.metadata.name;
                    found.push(format!("pod {pod} of node {name} has not ended"));
                }
                Some(pod) if !pod.is_active() => {}
                None | Some(_) => continue,
            }
            is_any = true;
        }
        if !is_any {
            found.push("the job completes, and has served no node".to_owned());
        }
    }

    /// BJ-61
    fn is_deleted_in_time(&self, found: &mut Vec<String>) {
        if !self.deletes_job {
            return;
        }
        let job = &self.snapshot.job;
        let policy = job.spec.completion_policy.as_ref();
        let ttl = policy.and_then(|policy| policy.ttl_seconds_after_finished);
        let is_over = ttl
            .zip(job.status.completion_time)
            .is_some_and(|(ttl, ended)| {
                let elapsed = self.snapshot.now.duration_since(ended);
                elapsed >= SignedDuration::from_secs(ttl.into())
            });
        if !self.has_ended() || !is_over || self.acts_on_pods() {
            found.push("the job is deleted before its time".to_owned());
        }
    }

    /// A plan that does nothing for a job that is not over names what it waits for.
    fn says_why_it_waits(&self, found: &mut Vec<String>) {
        let rests = self.never_completes() || self.serves_no_more();
        if self.plan.steps.is_empty() && self.plan.waiting_on.is_empty() && !rests {
            found.push("nothing is done and no reason is given".to_owned());
        }
    }

    /// No pods are created any more, and nobody has to be told why.
    fn serves_no_more(&self) -> bool {
        let ends = self.plan.report.as_ref();
        let ends = ends.is_some_and(|report| report.ending.is_some());
        ends || self.has_ended()
            || *self.phase() == BroadcastJobPhase::Failed
            || self.snapshot.job.metadata.is_terminating()
    }

    /// A node that gets no pod, and has none, is behind a reason.
    fn no_node_waits_in_silence(&self, found: &mut Vec<String>) {
        if !self.plan.waiting_on.is_empty() || self.serves_no_more() {
            return;
        }
        let mut served = self.occupied();
        served.extend(self.created.iter().map(|pod| pod.node.as_str()));
        let mut waiting = self.fitting();
        waiting.retain(|node| !served.contains(node));
        if let Some(node) = waiting.first().filter(|_| self.created.len() < MAX_CREATED) {
            found.push(format!("node {node} gets no pod and no reason is given"));
        }
    }
}
