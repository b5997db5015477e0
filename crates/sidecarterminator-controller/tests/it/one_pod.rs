//! One pod in a value: JSON as the API has it, a node, perhaps a request, and a clock that the test moves. Each plan is
//! checked with `check::violations`.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sidecarterminator_controller::{
    check,
    memory::Memory,
    plan::{MissingNode, Plan, Step, plan},
    remember,
    snapshot::Snapshot,
};

/// How a sidecar says what it is.
pub(crate) const KILL: (&str, &str) = ("KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT", "true");
pub(crate) const IGNORE: (&str, &str) = ("KRUISE_TERMINATE_SIDECAR_IGNORE_EXIT_CODE", "true");
pub(crate) const IMAGE: (&str, &str) = (
    "KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT_WITH_IMAGE",
    "exit:1",
);
/// The name of the request for the pod.
pub(crate) const REQUEST: &str = "sidecar-termination-u7";

/// What a container does.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    Run,
    Wait,
    End(i32),
}
pub(crate) use Does::{End, Run, Wait};

#[derive(Clone)]
pub(crate) struct OnePod {
    pub(crate) pod: Value,
    /// Its labels; none: there is no such node.
    pub(crate) node: Option<Value>,
    pub(crate) is_installed: bool,
    pub(crate) request: Option<Value>,
    pub(crate) now: Timestamp,
    pub(crate) memory: Memory,
}

/// Name of a container, its environment, and what it does.
pub(crate) type Given<'a> = (&'a str, &'a [(&'a str, &'a str)], Does);

/// A pod that runs on a real node, with these containers.
pub(crate) fn pod(policy: &str, containers: &[Given<'_>]) -> OnePod {
    let specs = containers.iter().map(|(name, env, _)| {
        let env = env
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }));
        json!({ "name": name, "image": "acme/any:1", "env": env.collect::<Vec<_>>() })
    });
    let statuses = containers.iter().map(|(name, _, does)| status(name, *does));
    OnePod {
        pod: json!({
            "metadata": { "name": "job", "namespace": "ns", "uid": "u7", "resourceVersion": "41" },
            "spec": {
                "restartPolicy": policy, "nodeName": "n1", "containers": specs.collect::<Vec<_>>(),
            },
            "status": { "phase": "Running", "containerStatuses": statuses.collect::<Vec<_>>() },
        }),
        node: Some(json!({})),
        is_installed: true,
        request: None,
        now: "2026-01-10T10:00:00Z".parse().unwrap(),
        memory: Memory::default(),
    }
}

fn status(name: &str, does: Does) -> Value {
    let state = match does {
        Run => json!({ "running": {} }),
        Wait => json!({ "waiting": { "reason": "ContainerCreating" } }),
        End(code) => json!({ "terminated": { "exitCode": code } }),
    };
    json!({ "name": name, "containerID": format!("containerd://{name}-1"), "state": state })
}

/// The steps and what they are about, in a line each.
pub(crate) fn steps(plan: &Plan) -> Vec<String> {
    let names = |containers: &Value| {
        let containers = containers.as_array().unwrap().iter();
        let names: Vec<_> = containers.map(|it| it["name"].as_str().unwrap()).collect();
        names.join(" ")
    };
    let line = |step: &Step| match step {
        Step::SwitchImages { patch, .. } => {
            format!("switch {}", names(&patch["spec"]["containers"]))
        }
        Step::MarkTerminated { patch } => {
            format!("mark {}", patch["status"]["phase"].as_str().unwrap())
        }
        Step::CreateRequest { body, .. } => format!("kill {}", names(&body["spec"]["containers"])),
        Step::DeleteRequest { name, uid } => format!("take away {name} {uid}"),
    };
    plan.steps.iter().map(line).collect()
}

/// The reasons why a plan waits.
pub(crate) fn reasons(plan: &Plan) -> Vec<&'static str> {
    let reasons = plan.notes.waiting_on.iter();
    reasons.map(kruise_plan::WaitReason::reason).collect()
}

impl OnePod {
    pub(crate) fn on_virtual_node(self) -> Self {
        Self {
            node: Some(json!({ "type": "virtual-kubelet" })),
            ..self
        }
    }

    /// The pod, changed by a merge.
    pub(crate) fn but(mut self, change: Value) -> Self {
        json_patch::merge(&mut self.pod, &change);
        self
    }

    /// A request for these containers is there, with the run of each that it recorded.
    pub(crate) fn with_request(mut self, phase: &str, containers: &[(&str, Option<&str>)]) -> Self {
        let containers = containers.iter().map(|(name, recorded)| {
            let context = recorded.map(|id| json!({ "containerID": id, "restartCount": 0 }));
            json!({ "name": name, "statusContext": context })
        });
        self.request = Some(json!({
            "metadata": { "name": REQUEST, "namespace": "ns", "uid": "r1", "resourceVersion": "9" },
            "spec": { "podName": "job", "containers": containers.collect::<Vec<_>>() },
            "status": { "phase": phase },
        }));
        self
    }

    pub(crate) fn does(&mut self, name: &str, does: Does) {
        let statuses = self.pod["status"]["containerStatuses"].as_array_mut();
        let mut statuses = statuses.unwrap().iter_mut();
        *statuses.find(|it| it["name"] == name).unwrap() = status(name, does);
    }

    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let decoded = |value: &Value| serde_json::from_value(value.clone()).unwrap();
        Snapshot {
            pod: Arc::new(serde_json::from_value(self.pod.clone()).unwrap()),
            node: self.node.as_ref().map(|labels| {
                let node = json!({ "metadata": { "name": "n1", "labels": labels } });
                Arc::new(serde_json::from_value(node).unwrap())
            }),
            requests_are_known: self.is_installed,
            request: self.request.as_ref().map(|it| Arc::new(decoded(it))),
            now: self.now,
            memory: self.memory.clone(),
        }
    }

    /// Plans once, and checks the plan.
    pub(crate) fn try_plan(&self) -> Result<Plan, MissingNode> {
        let snapshot = self.snapshot();
        let planned = plan(&snapshot)?;
        let violations = check::violations(&snapshot, &planned);
        assert_eq!(violations, Vec::<String>::new(), "{planned:#?}");
        Ok(planned)
    }

    /// Plans once, and remembers.
    pub(crate) fn plan(&mut self) -> Plan {
        let planned = self.try_plan().unwrap();
        self.memory = remember::after(&self.snapshot(), &planned);
        planned
    }
}
