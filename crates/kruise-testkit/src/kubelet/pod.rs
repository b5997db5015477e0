//! One pod as its kubelet has it: containers, and what is told of them.

use jiff::Timestamp;
use kruise_api::meta::timestamp;
use serde_json::{Value, json};

use super::{
    container::{Container, Surroundings},
    rules::Rules,
};
use crate::fields::{list, text};
use crate::random::Random;

/// What a kubelet has of one pod.
#[derive(Clone, Debug)]
pub struct PodOnNode {
    /// The pod, as the kubelet last heard of it.
    known: Value,
    containers: Vec<Container>,
    /// When all init containers have ended.
    initialized_at: Timestamp,
    /// When the kubelet hears of what has changed.
    hears_at: Option<Timestamp>,
    /// When the pod is taken away, once all has ended.
    removed_at: Option<Timestamp>,
    /// Whether its probes pass.
    pub probes_pass: bool,
}

/// What a kubelet does about a pod next.
#[derive(Clone, PartialEq, Debug)]
pub enum Next {
    /// Nothing before this time, if anything.
    Wait(Option<Timestamp>),
    /// Takes it from the API: all its containers have ended.
    Remove,
}

impl PodOnNode {
    /// A pod that was bound to the kubelet's node.
    #[must_use]
    pub fn new(pod: &Value, now: Timestamp, rules: &Rules, random: &mut Random) -> Self {
        Self {
            known: pod.clone(),
            containers: Vec::new(),
            initialized_at: now,
            hears_at: Some(now + rules.notice.draw(random)),
            removed_at: None,
            probes_pass: true,
        }
    }

    /// Something about the pod has changed; the kubelet will hear of it, and this is when.
    pub fn changed(&mut self, now: Timestamp, rules: &Rules, random: &mut Random) -> Timestamp {
        *self
            .hears_at
            .get_or_insert_with(|| now + rules.notice.draw(random))
    }

    /// The runtime stops one of its containers, which then ends with this code.
    pub fn stop_container(&mut self, name: &str, code: i64, now: Timestamp) {
        let mut containers = self.containers.iter_mut();
        if let Some(container) = containers.find(|container| container.name() == name) {
            container.stop(code, now);
        }
    }

    /// Does what is due now. `pod` is the pod as the API has it.
    pub fn advance(
        &mut self,
        pod: &Value,
        now: Timestamp,
        rules: &Rules,
        random: &mut Random,
    ) -> Next {
        if self.hears_at.is_some_and(|at| at <= now) {
            self.hears_at = None;
            self.known = pod.clone();
            if self.containers.is_empty() {
                self.begin(now, rules, random);
            }
        }
        if self.containers.is_empty() {
            return Next::Wait(self.hears_at);
        }
        if now < self.initialized_at && !self.is_terminating() {
            let hears_at = self.hears_at.into_iter();
            return Next::Wait(hears_at.chain([self.initialized_at]).min());
        }
        let mut due: Vec<Timestamp> = self.hears_at.into_iter().collect();
        let mut around = Surroundings {
            is_terminating: self.is_terminating(),
            pod: &self.known,
            now,
            rules,
            random,
        };
        for container in &mut self.containers {
            let specs = list(&self.known["spec"]["containers"]);
            let spec = specs.iter().find(|spec| spec["name"] == container.name());
            let spec = spec.expect("containers of a pod stay");
            due.extend(container.advance(spec, &mut around));
            due.extend(container.ready_at(now));
        }
        if self.is_terminating() && self.has_ended() {
            let removed_at = match self.removed_at {
                Some(at) => at,
                None => now + rules.remove.draw(random),
            };
            self.removed_at = Some(removed_at);
            if removed_at <= now {
                return Next::Remove;
            }
            due.push(removed_at);
        }
        Next::Wait(due.into_iter().min())
    }

    fn begin(&mut self, now: Timestamp, rules: &Rules, random: &mut Random) {
        self.initialized_at = now;
        for _ in list(&self.known["spec"]["initContainers"]) {
            self.initialized_at += rules.start.draw(random);
        }
        let initialized_at = self.initialized_at;
        let mut around = Surroundings {
            is_terminating: false,
            pod: &self.known,
            now: initialized_at,
            rules,
            random,
        };
        let specs = list(&self.known["spec"]["containers"]).iter();
        self.containers = specs
            .map(|spec| Container::new(spec, &mut around))
            .collect();
    }

    fn is_terminating(&self) -> bool {
        self.known["metadata"].get("deletionTimestamp").is_some()
    }

    fn has_ended(&self) -> bool {
        let mut containers = self.containers.iter();
        containers.all(|container| container.exit_code().is_some())
    }

    /// The status that the kubelet wants `pod` to have; the conditions and fields of others stay.
    #[must_use]
    pub fn status(&self, pod: &Value, now: Timestamp) -> Value {
        let mut status = pod["status"].clone();
        if !status.is_object() {
            status = json!({});
        }
        if self.containers.is_empty() {
            return status;
        }
        if let Some(generation) = self.known["metadata"].get("generation") {
            status["observedGeneration"] = generation.clone();
        }
        status["phase"] = json!(self.phase(&status));
        if status.get("startTime").is_none() {
            status["startTime"] = json!(timestamp(now));
            status["hostIP"] = json!("10.0.0.1");
        }
        let is_initialized = now >= self.initialized_at;
        if is_initialized && status.get("podIP").is_none() {
            let address = address(&text(&pod["metadata"]["uid"]));
            status["podIP"] = json!(address);
            status["podIPs"] = json!([{ "ip": address }]);
        }
        let inits = list(&self.known["spec"]["initContainers"]);
        if !inits.is_empty() {
            let of_init = |spec: &Value| init_status(spec, is_initialized, self.initialized_at);
            status["initContainerStatuses"] = inits.iter().map(of_init).collect();
        }
        let statuses = self.containers.iter();
        let mut statuses: Vec<Value> = statuses.map(|it| it.status(&self.known, now)).collect();
        if !self.probes_pass {
            for status in &mut statuses {
                status["ready"] = json!(false);
            }
        }
        status["containerStatuses"] = json!(statuses);
        self.set_conditions(&mut status, is_initialized, now);
        status
    }

    fn phase(&self, before: &Value) -> String {
        let codes: Option<Vec<i64>> = self.containers.iter().map(Container::exit_code).collect();
        let has_started = self.containers.iter().any(Container::has_started);
        let before = text(&before["phase"]);
        match codes {
            // A phase that is final stays.
            _ if matches!(before.as_str(), "Succeeded" | "Failed") => before,
            Some(codes) if codes.iter().all(|code| *code == 0) => "Succeeded".to_owned(),
            Some(_) => "Failed".to_owned(),
            None if has_started => "Running".to_owned(),
            None => "Pending".to_owned(),
        }
    }

    fn set_conditions(&self, status: &mut Value, is_initialized: bool, now: Timestamp) {
        let all_ready = self.probes_pass && self.containers.iter().all(|it| it.is_ready(now));
        let is_over = self.has_ended();
        let closed: Vec<String> = list(&self.known["spec"]["readinessGates"])
            .iter()
            .map(|gate| text(&gate["conditionType"]))
            .filter(|gate| !is_true(&self.known["status"], gate))
            .collect();
        let why_not = if is_over {
            "PodCompleted"
        } else {
            "ContainersNotReady"
        };
        let ready_reason = if all_ready {
            "ReadinessGatesNotReady"
        } else {
            why_not
        };
        let own = [
            ("PodReadyToStartContainers", !is_over, ""),
            ("Initialized", is_initialized, "ContainersNotInitialized"),
            ("ContainersReady", all_ready, why_not),
            ("Ready", all_ready && closed.is_empty(), ready_reason),
        ];
        for (type_, is_true, reason) in own {
            set_condition(status, type_, is_true, reason, now);
        }
    }
}

/// Sets one condition of a status. Its time changes with its status only.
pub(crate) fn set_condition(
    status: &mut Value,
    type_: &str,
    is_true: bool,
    reason: &str,
    now: Timestamp,
) {
    let word = if is_true { "True" } else { "False" };
    let mut condition = json!({
        "type": type_, "status": word, "lastProbeTime": null,
        "lastTransitionTime": timestamp(now),
    });
    if !is_true && !reason.is_empty() {
        condition["reason"] = json!(reason);
    }
    let conditions = status
        .as_object_mut()
        .expect("a status")
        .entry("conditions")
        .or_insert_with(|| json!([]));
    let conditions = conditions.as_array_mut().expect("conditions");
    match conditions.iter_mut().find(|known| known["type"] == type_) {
        Some(known) => {
            if known["status"] == condition["status"] {
                condition["lastTransitionTime"] = known["lastTransitionTime"].clone();
            }
            *known = condition;
        }
        None => conditions.push(condition),
    }
}

/// Whether this condition of a status is True.
pub(crate) fn is_true(status: &Value, type_: &str) -> bool {
    let mut conditions = list(&status["conditions"]).iter();
    conditions.any(|condition| condition["type"] == type_ && condition["status"] == "True")
}

fn init_status(spec: &Value, has_ended: bool, at: Timestamp) -> Value {
    let state = if has_ended {
        json!({ "terminated": { "exitCode": 0, "reason": "Completed", "finishedAt": timestamp(at) } })
    } else {
        json!({ "waiting": { "reason": "PodInitializing" } })
    };
    json!({
        "name": spec["name"], "image": spec["image"], "imageID": "", "ready": has_ended,
        "started": false, "restartCount": 0, "state": state, "lastState": {},
    })
}

fn address(uid: &str) -> String {
    let number = Random::new(uid.bytes().fold(7, |hash: u64, byte| {
        hash.wrapping_mul(31).wrapping_add(u64::from(byte))
    }))
    .number();
    format!(
        "10.{}.{}.{}",
        number & 0xff,
        (number >> 8) & 0xff,
        (number >> 16) & 0xff
    )
}
