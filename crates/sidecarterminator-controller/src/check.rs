//! Other eyes on a plan: knows the rules, not how plans are made, and nothing of the planner's but what it says. Every
//! test runs it, and debug builds run it on every plan before it is executed.

use serde_json::Value;

use crate::{
    plan::{Plan, Step},
    pod::{Container, PodState, RestartPolicy, State},
    snapshot::Snapshot,
};

/// Every rule that the plan breaks, in words; empty for a good plan.
#[must_use]
pub fn violations(snapshot: &Snapshot, plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    let Some(pod) = snapshot.pod.state.as_deref() else {
        if !plan.steps.is_empty() {
            found.push("something is done to a pod without sidecars".to_owned());
        }
        return found;
    };
    let facts = Facts {
        snapshot,
        plan,
        pod,
        is_virtual: snapshot.node.as_ref().is_some_and(|it| it.is_virtual()),
    };
    facts.only_in_time(&mut found);
    for (index, step) in plan.steps.iter().enumerate() {
        match step {
            Step::SwitchImages { patch, event: _ } => facts.switch(patch, &mut found),
            Step::MarkTerminated { patch } => facts.mark(patch, &mut found),
            Step::CreateRequest { body, event: _ } => facts.create(index, body, &mut found),
            Step::DeleteRequest { name: _, uid } => facts.delete(uid, &mut found),
        }
    }
    facts.says_why_it_waits(&mut found);
    found
}

struct Facts<'a> {
    snapshot: &'a Snapshot,
    plan: &'a Plan,
    pod: &'a PodState,
    is_virtual: bool,
}

impl Facts<'_> {
    fn container(&self, name: &Value) -> Option<&Container> {
        let name = name.as_str()?;
        self.pod.containers.iter().find(|it| it.name == name)
    }

    fn state(&self, container: &Container) -> State {
        let mut statuses = self.pod.statuses.iter();
        let status = statuses.find(|status| status.name == container.name);
        status.map_or(State::Waiting, |status| status.state)
    }

    fn has_ended(&self, container: &Container) -> bool {
        !matches!(self.state(container), State::Waiting | State::Running)
    }

    fn mains(&self) -> impl Iterator<Item = &Container> {
        let containers = self.pod.containers.iter();
        containers.filter(|container| !container.is_killed && container.switch.is_none())
    }

    fn have_mains_succeeded(&self) -> bool {
        self.mains()
            .all(|main| self.state(main) == State::Terminated(0))
    }

    fn normal(&self) -> impl Iterator<Item = &Container> {
        let containers = self.pod.containers.iter();
        containers.filter(|container| container.is_killed && !container.ignores_exit_code)
    }

    /// ST-4, ST-5
    fn only_in_time(&self, found: &mut Vec<String>) {
        if self.plan.steps.is_empty() {
            return;
        }
        let are_mains_done = match self.pod.restart_policy {
            RestartPolicy::Never => self.mains().all(|main| self.has_ended(main)),
            RestartPolicy::OnFailure => self.have_mains_succeeded(),
        };
        let problems = [
            (!are_mains_done, "main containers are not done"),
            (
                self.pod.statuses.len() != self.pod.containers.len(),
                "not every container is reported",
            ),
            (self.pod.phase == "Pending", "the pod is pending"),
            (
                self.snapshot.pod.metadata.deletion_timestamp.is_some(),
                "the pod is on its way out",
            ),
            (self.snapshot.node.is_none(), "the node is not known"),
        ];
        let problems = problems.into_iter().filter(|(is_so, _)| *is_so);
        found.extend(problems.map(|(_, what)| format!("something is done although {what}")));
    }

    fn is_for_what_was_read(&self, patch: &Value, found: &mut Vec<String>) {
        let version = &self.snapshot.pod.metadata.resource_version;
        let carried = patch.pointer("/metadata/resourceVersion");
        if carried.and_then(Value::as_str) != Some(version) {
            found.push("the pod is patched, whatever version is there".to_owned());
        }
    }

    /// ST-6, ST-8
    fn switch(&self, patch: &Value, found: &mut Vec<String>) {
        self.is_for_what_was_read(patch, found);
        if !self.is_virtual {
            found.push("images are switched where a node daemon runs".to_owned());
        }
        for change in list(patch, "/spec/containers") {
            let name = change.get("name").unwrap_or(&Value::Null);
            let wanted = self.container(name).filter(|it| !self.has_ended(it));
            let wanted = wanted.and_then(|container| container.switch.as_ref());
            let wanted = wanted.filter(|switch| switch.from != switch.to);
            let image = change.get("image").and_then(Value::as_str);
            if wanted.is_none_or(|switch| image != Some(switch.to.as_str())) {
                found.push(format!(
                    "container {name} gets an image that it is not to get"
                ));
            }
            if change.as_object().is_none_or(|change| change.len() != 2) {
                found.push(format!("more than the image of {name} is changed"));
            }
        }
    }

    /// ST-7, ST-10, ST-P1, ST-P2
    fn mark(&self, patch: &Value, found: &mut Vec<String>) {
        self.is_for_what_was_read(patch, found);
        if ["Succeeded", "Failed"].contains(&self.pod.phase.as_str()) {
            found.push("a final phase is left".to_owned());
        }
        if !self.pod.containers.iter().any(|it| it.ignores_exit_code) || self.is_virtual {
            found.push("the phase is decided though nobody asked for it".to_owned());
        }
        if !self.normal().all(|it| self.has_ended(it)) {
            found.push("the phase is decided before a sidecar that counts has ended".to_owned());
        }
        let phase = if self.have_mains_succeeded() {
            "Succeeded"
        } else {
            "Failed"
        };
        if patch.pointer("/status/phase").and_then(Value::as_str) != Some(phase) {
            found.push("the phase is not that of the main containers".to_owned());
        }
    }

    /// ST-6, ST-9, ST-P2
    fn create(&self, index: usize, body: &Value, found: &mut Vec<String>) {
        if self.is_virtual {
            found.push("sidecars are killed where no node daemon runs".to_owned());
        }
        if self.snapshot.request.is_some() || !self.snapshot.requests_are_known {
            found.push("a request is made although there may be one".to_owned());
        }
        let pod = &self.snapshot.pod.metadata;
        let name = format!("sidecar-termination-{}", pod.uid);
        let is_right = [
            ("/metadata/name", Value::from(name)),
            ("/metadata/namespace", Value::from(pod.namespace.as_str())),
            (
                "/metadata/ownerReferences/0/uid",
                Value::from(pod.uid.as_str()),
            ),
            ("/metadata/ownerReferences/0/controller", Value::from(true)),
            ("/spec/podName", Value::from(pod.name.as_str())),
            ("/spec/strategy/forceRecreate", Value::from(true)),
            ("/spec/strategy/failurePolicy", Value::from("Ignore")),
        ];
        let wrong = is_right
            .into_iter()
            .filter(|(path, wanted)| body.pointer(path) != Some(wanted));
        found.extend(wrong.map(|(path, _)| format!("{path} of the request is wrong")));
        if list(body, "/spec/containers").is_empty() {
            found.push("a request for nothing".to_owned());
        }
        let steps = self.plan.steps.iter().take(index);
        let is_marked = ["Succeeded", "Failed"].contains(&self.pod.phase.as_str())
            || steps
                .into_iter()
                .any(|step| matches!(step, Step::MarkTerminated { patch: _ }));
        for target in list(body, "/spec/containers") {
            let name = target.get("name").unwrap_or(&Value::Null);
            match self.container(name).filter(|it| it.is_killed) {
                None => found.push(format!("container {name} is killed unasked")),
                Some(container) if self.has_ended(container) => {
                    found.push(format!("container {name} is killed though it has ended"));
                }
                Some(container) if container.ignores_exit_code && !is_marked => {
                    found.push(format!(
                        "container {name} is killed before the phase is decided"
                    ));
                }
                Some(_) => {}
            }
        }
    }

    /// DV-ST1
    fn delete(&self, uid: &str, found: &mut Vec<String>) {
        let request = self.snapshot.request.as_ref();
        let request = request.filter(|request| request.metadata.uid == uid);
        let request = request.and_then(|request| request.request.as_ref());
        let left = request
            .filter(|request| request.is_finished)
            .map(|request| {
                request.targets.iter().any(|target| {
                    let name = Value::from(target.name.as_str());
                    let container = self.container(&name);
                    container.is_some_and(|it| self.state(it) == State::Running)
                })
            });
        if left != Some(true) {
            found.push("a request is taken away that may do its work".to_owned());
        }
        if self.snapshot.memory.in_vain.is_none() {
            found.push("a request is taken away at first sight".to_owned());
        }
    }

    fn says_why_it_waits(&self, found: &mut Vec<String>) {
        let Plan { steps, notes, .. } = self.plan;
        let is_due = self.snapshot.pod.interesting().is_some();
        if is_due && steps.is_empty() && notes.waiting_on.is_empty() {
            found.push("nothing is done, and nobody knows why".to_owned());
        }
    }
}

fn list<'v>(value: &'v Value, path: &str) -> &'v [Value] {
    let found = value.pointer(path).and_then(Value::as_array);
    found.map_or(&[], Vec::as_slice)
}
