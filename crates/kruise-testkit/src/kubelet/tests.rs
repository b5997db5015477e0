use jiff::{SignedDuration, Timestamp};
use kruise_api::pod::Pod;
use serde_json::{Value, json};

use super::{Next, PodOnNode, Rules, is_true, rules::EXITS};
use crate::random::Random;

/// A pod and its kubelet, without a server.
struct Node {
    pod: Value,
    on_node: PodOnNode,
    now: Timestamp,
    rules: Rules,
    random: Random,
    removed: bool,
}

impl Node {
    fn with(change: impl Fn(&mut Value)) -> Self {
        let mut pod = json!({
            "metadata": { "name": "web-a", "namespace": "ns", "uid": "u", "generation": 1 },
            "spec": {
                "nodeName": "node-1",
                "containers": [{ "name": "app", "image": "a/app:1" }, { "name": "proxy", "image": "a/proxy:1" }],
            },
            "status": { "phase": "Pending", "conditions": [
                { "type": "PodScheduled", "status": "True" },
                { "type": "KruisePodReady", "status": "True" },
            ] },
        });
        change(&mut pod);
        let (rules, mut random) = (Rules::default(), Random::new(7));
        let now = "2026-01-10T08:00:00Z".parse().unwrap();
        Self {
            on_node: PodOnNode::new(&pod, now, &rules, &mut random),
            pod,
            now,
            rules,
            random,
            removed: false,
        }
    }

    /// Lets time pass, step by step; what was seen of the pod at each.
    fn run(&mut self, seconds: i64) -> Vec<Pod> {
        let end = self.now + SignedDuration::from_secs(seconds);
        let mut seen = vec![];
        while !self.removed {
            let next = self
                .on_node
                .advance(&self.pod, self.now, &self.rules, &mut self.random);
            self.pod["status"] = self.on_node.status(&self.pod, self.now);
            seen.push(serde_json::from_value(self.pod.clone()).unwrap());
            match next {
                Next::Remove => self.removed = true,
                Next::Wait(Some(at)) if at <= end => self.now = at,
                Next::Wait(_) => break,
            }
        }
        self.now = end;
        seen
    }

    fn change(&mut self, change: impl Fn(&mut Value)) {
        change(&mut self.pod);
        self.on_node
            .changed(self.now, &self.rules, &mut self.random);
    }

    fn status(&self, container: usize) -> &Value {
        &self.pod["status"]["containerStatuses"][container]
    }

    fn is_ready(&self) -> bool {
        is_true(&self.pod["status"], "Ready")
    }
}

#[test]
fn a_pod_gets_ready_step_by_step_and_rests() {
    let mut node = Node::with(|pod| {
        pod["spec"]["initContainers"] = json!([{ "name": "prepare", "image": "a/prepare:1" }]);
    });
    let seen = node.run(30);
    let phases: Vec<_> = seen.iter().map(|pod| pod.status.phase.as_str()).collect();
    assert_eq!(phases.first(), Some(&"Pending"));
    assert_eq!(phases.last(), Some(&"Running"));
    assert!(seen.iter().any(|pod| {
        pod.condition("Initialized")
            .is_some_and(|it| it.status == "False")
    }));
    assert!(
        seen.iter()
            .any(|pod| pod.status.phase == "Running" && !pod.is_ready())
    );
    assert!(node.is_ready() && is_true(&node.pod["status"], "KruisePodReady"));
    assert_eq!(node.pod["status"]["observedGeneration"], 1);
    let rested = node.pod.clone();
    assert_eq!(node.run(3600).len(), 1);
    assert_eq!(node.pod, rested);
}

#[test]
fn a_gate_keeps_a_pod_unready() {
    let mut node = Node::with(|pod| {
        pod["spec"]["readinessGates"] = json!([{ "conditionType": "InPlaceUpdateReady" }]);
    });
    node.run(30);
    assert!(!node.is_ready() && is_true(&node.pod["status"], "ContainersReady"));
    node.change(|pod| {
        let conditions = pod["status"]["conditions"].as_array_mut().unwrap();
        conditions.push(json!({ "type": "InPlaceUpdateReady", "status": "True" }));
    });
    node.run(1);
    assert!(node.is_ready());
}

#[test]
fn a_new_image_restarts_that_container_alone() {
    let mut node = Node::with(|_| {});
    node.run(30);
    let before = node.pod.clone();
    node.change(|pod| {
        pod["spec"]["containers"][0]["image"] = json!("a/app:2");
        pod["metadata"]["generation"] = json!(2);
    });
    let seen = node.run(30);
    assert!(seen.iter().any(|pod| !pod.is_ready()));
    assert!(node.is_ready());
    let of_before = |container: usize| &before["status"]["containerStatuses"][container];
    assert_eq!(node.status(0)["restartCount"], 1);
    assert_eq!(node.status(0)["image"], "a/app:2");
    for id in ["imageID", "containerID"] {
        assert_ne!(node.status(0)[id], of_before(0)[id]);
    }
    assert!(node.status(0)["lastState"]["terminated"]["startedAt"].is_string());
    assert_eq!(node.status(1), of_before(1));
    assert_eq!(node.pod["status"]["observedGeneration"], 2);
}

#[test]
fn an_image_that_cant_be_pulled_is_waited_for() {
    let mut node = Node::with(|_| {});
    node.run(30);
    node.change(|pod| pod["spec"]["containers"][0]["image"] = json!("a/app:bad"));
    node.run(60);
    assert_eq!(
        node.status(0)["state"]["waiting"]["reason"],
        "ImagePullBackOff"
    );
    assert!(
        node.status(0)["imageID"]
            .as_str()
            .unwrap()
            .starts_with("a/app@sha256:")
    );
    assert_eq!(
        node.status(0)["image"],
        "a/app:1",
        "of the container that ran"
    );
    assert!(!node.is_ready());
    node.change(|pod| pod["spec"]["containers"][0]["image"] = json!("a/app:3"));
    node.run(10);
    assert!(node.is_ready());
    assert_eq!(node.status(0)["restartCount"], 1);
}

#[test]
fn what_crashes_is_started_again_later_each_time() {
    let mut node = Node::with(|pod| {
        pod["spec"]["containers"][0]["image"] = json!("a/app:crash");
    });
    let seen = node.run(100);
    // After 1 s it crashes; then 10, 20 and 40 s go by.
    assert_eq!(node.status(0)["restartCount"], 3);
    assert!(seen.iter().any(|pod| {
        let status = pod.status.container_statuses.first();
        let waiting = status.and_then(|status| status.state.waiting.as_ref());
        waiting.is_some_and(|waiting| waiting.reason == "CrashLoopBackOff")
    }));
    assert_eq!(node.pod["status"]["phase"], "Running");
}

// The phases of pods of jobs.
#[test]
fn a_pod_that_ends_has_succeeded_or_failed() {
    let ends = |policy: &str, exits: &str| {
        let mut node = Node::with(|pod| {
            pod["spec"]["restartPolicy"] = json!(policy);
            pod["spec"]["containers"]
                .as_array_mut()
                .unwrap()
                .truncate(1);
            pod["metadata"]["annotations"] = json!({ (EXITS): exits });
        });
        node.run(200);
        let phase = node.pod["status"]["phase"].as_str().unwrap().to_owned();
        (
            phase,
            node.status(0)["restartCount"].as_u64().unwrap(),
            node.is_ready(),
        )
    };
    assert_eq!(ends("Never", "0@3s"), ("Succeeded".to_owned(), 0, false));
    assert_eq!(ends("Never", "2@3s"), ("Failed".to_owned(), 0, false));
    assert_eq!(
        ends("OnFailure", "1@1s,1@1s,0@1s"),
        ("Succeeded".to_owned(), 2, false)
    );
}

#[test]
fn a_deleted_pod_ends_within_its_grace_and_goes() {
    let mut node = Node::with(|pod| pod["spec"]["terminationGracePeriodSeconds"] = json!(1));
    node.run(30);
    let deleted_at = node.now;
    node.change(|pod| {
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-10T08:00:31Z");
        pod["metadata"]["deletionGracePeriodSeconds"] = json!(1);
    });
    let seen = node.run(30);
    assert!(node.removed);
    assert!(seen.last().unwrap().status.phase == "Succeeded");
    assert!(!node.is_ready());
    assert!(node.now.duration_since(deleted_at) <= SignedDuration::from_secs(30));
}

#[test]
fn a_pod_that_is_deleted_before_it_starts_goes_too() {
    let mut node = Node::with(|pod| pod["spec"]["containers"][0]["image"] = json!("a/app:bad"));
    node.run(5);
    node.change(|pod| pod["metadata"]["deletionTimestamp"] = json!("2026-01-10T08:00:31Z"));
    node.run(60);
    assert!(node.removed);
}

#[test]
fn other_resources_take_effect_without_a_restart_unless_the_container_asks_for_one() {
    let mut node = Node::with(|pod| {
        for container in pod["spec"]["containers"].as_array_mut().unwrap() {
            container["resources"] = json!({ "requests": { "cpu": "100m" } });
        }
        pod["spec"]["containers"][1]["resizePolicy"] =
            json!([{ "resourceName": "cpu", "restartPolicy": "RestartContainer" }]);
    });
    node.run(30);
    node.change(|pod| {
        for container in pod["spec"]["containers"].as_array_mut().unwrap() {
            container["resources"] = json!({ "requests": { "cpu": "200m" } });
        }
    });
    node.run(30);
    for (container, restarts) in [(0, 0), (1, 1)] {
        assert_eq!(
            node.status(container)["resources"]["requests"]["cpu"],
            "200m"
        );
        assert_eq!(node.status(container)["restartCount"], restarts);
    }
    assert!(node.is_ready());
}

#[test]
fn probes_that_fail_make_a_pod_unready_and_restart_nothing() {
    let mut node = Node::with(|_| {});
    node.run(30);
    node.on_node.probes_pass = false;
    node.run(1);
    assert!(!node.is_ready());
    node.on_node.probes_pass = true;
    node.run(1);
    assert!(node.is_ready());
    assert_eq!(node.status(0)["restartCount"], 0);
}
