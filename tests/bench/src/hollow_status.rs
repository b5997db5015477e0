//! What a hollow kubelet reports of a pod: a pure function of the pod and the time.

use jiff::Timestamp;
use kruise_api::meta::timestamp;
use kruise_api::pod::{Container, ContainerStatus, Pod};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// A strategic merge patch of `status` that makes it what a kubelet would report; `None` if it is so.
pub(super) fn patch(pod: &Pod, now: Timestamp) -> Option<Value> {
    let mut status = Map::new();
    let is_new = pod.status.phase != "Running";
    if is_new {
        let address = address(&pod.metadata.uid);
        status.extend(object(json!({
            "phase": "Running",
            "startTime": timestamp(now),
            "hostIP": "10.0.0.1",
            "hostIPs": [{"ip": "10.0.0.1"}],
            "podIP": address,
            "podIPs": [{"ip": address}],
            "initContainerStatuses": init_container_statuses(pod, now),
        })));
    }
    if is_new || runs_something_else(pod) {
        status.insert("containerStatuses".to_owned(), container_statuses(pod, now));
    }
    let conditions = changed_conditions(pod, now);
    if !conditions.is_empty() {
        status.insert("conditions".to_owned(), Value::Array(conditions));
    }
    (!status.is_empty()).then(|| json!({ "status": status }))
}

/// Whether a container has another image than the one it was started with.
fn runs_something_else(pod: &Pod) -> bool {
    pod.spec.containers.iter().any(|container| {
        let status = pod.container_status(&container.name);
        status.is_none_or(|status| status.image != container.image)
    })
}

fn container_statuses(pod: &Pod, now: Timestamp) -> Value {
    let containers = pod.spec.containers.iter();
    containers
        .map(|container| container_status(pod, container, now))
        .collect()
}

fn container_status(pod: &Pod, container: &Container, now: Timestamp) -> Value {
    let before = pod.container_status(&container.name);
    let goes_on = before.is_some_and(|status| status.image == container.image);
    let restart_count = match before {
        Some(ContainerStatus { restart_count, .. }) if goes_on => *restart_count,
        Some(status) => status.restart_count + 1,
        None => 0,
    };
    // The time of an earlier restart isn't kept in what we read of a pod; nobody reads it either.
    let started_at = match (goes_on, pod.metadata.creation_timestamp) {
        (true, Some(created)) => created,
        _ => now,
    };
    json!({
        "name": container.name,
        "image": container.image,
        "imageID": image_id(&container.image),
        "containerID": container_id(&pod.metadata.uid, &container.name, restart_count),
        "ready": true,
        "started": true,
        "restartCount": restart_count,
        "state": {"running": {"startedAt": timestamp(started_at)}},
        "lastState": {},
        "resources": container.resources.as_deref().map(|resources| {
            json!({"limits": resources.limits, "requests": resources.requests})
        }),
        "allocatedResources": container.resources.as_deref().map(|resources| &resources.requests),
    })
}

fn init_container_statuses(pod: &Pod, now: Timestamp) -> Value {
    let containers = pod.spec.init_containers.iter();
    containers
        .map(|container| {
            // Its image isn't in what we read of a pod.
            let id = container_id(&pod.metadata.uid, &container.name, 0);
            json!({
                "name": container.name,
                "image": "registry.example.com/shop/prepare:1",
                "imageID": image_id("registry.example.com/shop/prepare:1"),
                "containerID": id,
                "ready": true,
                "started": false,
                "restartCount": 0,
                "state": {"terminated": {
                    "exitCode": 0,
                    "reason": "Completed",
                    "startedAt": timestamp(now),
                    "finishedAt": timestamp(now),
                    "containerID": id,
                }},
                "lastState": {},
            })
        })
        .collect()
}

/// The kubelet's conditions that differ from what stands there. A pod is Ready when its containers are and
/// every readiness gate's condition is True.
fn changed_conditions(pod: &Pod, now: Timestamp) -> Vec<Value> {
    let closed: Vec<&str> = pod
        .spec
        .readiness_gates
        .iter()
        .map(|gate| gate.condition_type.as_str())
        .filter(|type_| !is_true(pod, type_))
        .collect();
    let ready = closed.is_empty();
    [
        ("PodReadyToStartContainers", true),
        ("Initialized", true),
        ("ContainersReady", true),
        ("Ready", ready),
    ]
    .into_iter()
    .filter(|(type_, wanted)| {
        let before = pod.condition(type_);
        before.is_none_or(|before| before.status != text(*wanted))
    })
    .map(|(type_, wanted)| {
        let (reason, message) = if wanted {
            (Value::Null, Value::Null)
        } else {
            let closed = closed.join(", ");
            let message =
                format!("corresponding condition of pod readiness gate {closed:?} is not True");
            (json!("ReadinessGatesNotReady"), json!(message))
        };
        json!({
            "type": type_,
            "status": text(wanted),
            "lastTransitionTime": timestamp(now),
            "lastProbeTime": null,
            "reason": reason,
            "message": message,
        })
    })
    .collect()
}

fn is_true(pod: &Pod, type_: &str) -> bool {
    pod.condition(type_)
        .is_some_and(|condition| condition.status == "True")
}

fn text(is_true: bool) -> &'static str {
    if is_true { "True" } else { "False" }
}

/// As containerd names it: the repository and a digest, here that of the image's name.
fn image_id(image: &str) -> String {
    let repository = image.rsplit_once(':').map_or(image, |(before, _)| before);
    format!("{repository}@sha256:{}", hex(image))
}

fn container_id(uid: &str, container: &str, restart_count: i32) -> String {
    format!(
        "containerd://{}",
        hex(&format!("{uid}/{container}/{restart_count}"))
    )
}

fn address(uid: &str) -> String {
    match Sha256::digest(uid).as_slice() {
        [a, b, c, ..] => format!("10.{a}.{b}.{c}"),
        _ => String::new(),
    }
}

fn hex(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use kruise_api::strategic_merge::{self, Schema};

    use super::super::hollow::{Step, serves};
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn pod(change: impl Fn(&mut Value)) -> Value {
        let mut pod = json!({
            "metadata": {"name": "web-a", "namespace": "ns", "uid": "u"},
            "spec": {
                "nodeName": "hollow-1",
                "readinessGates": [{"conditionType": "InPlaceUpdateReady"}],
                "initContainers": [{"name": "prepare", "image": "prepare:1"}],
                "containers": [{"name": "app", "image": "app:1"}, {"name": "proxy", "image": "proxy:1"}],
            },
        });
        change(&mut pod);
        pod
    }

    fn step(pod: &Value) -> Option<Step> {
        Step::next(&serde_json::from_value(pod.clone()).unwrap(), NOW)
    }

    /// The pod after the kubelet's report.
    fn reported(pod: &Value) -> Value {
        match step(pod) {
            Some(Step::Report(patch)) => strategic_merge::apply(Schema::Pod, pod, &patch).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_new_pod_is_bound_first() {
        let pod = pod(|pod| {
            pod["spec"]["nodeName"] = json!("");
        });
        assert!(matches!(step(&pod), Some(Step::Bind(node)) if node.starts_with("hollow-")));
    }

    #[test]
    fn a_pod_is_ready_when_its_gates_are_and_then_left_alone() {
        let mut pod = reported(&pod(|_| {}));
        assert_eq!(step(&pod), None, "waits for the gate");
        assert!(!serves(
            &serde_json::from_value(pod.clone()).unwrap(),
            "app",
            "app:1"
        ));

        let conditions = pod["status"]["conditions"].as_array_mut().unwrap();
        conditions.push(json!({"type": "InPlaceUpdateReady", "status": "True"}));
        let pod = reported(&pod);
        assert!(serves(
            &serde_json::from_value(pod.clone()).unwrap(),
            "app",
            "app:1"
        ));
        assert_eq!(step(&pod), None);
    }

    #[test]
    fn a_new_image_restarts_that_container_only() {
        let before = reported(&pod(|pod| {
            pod["spec"]["readinessGates"] = json!([]);
        }));
        let mut pod = before.clone();
        pod["spec"]["containers"][0]["image"] = json!("app:2");
        let after = reported(&pod);

        let status = |pod: &Value, idx: usize| pod["status"]["containerStatuses"][idx].clone();
        assert_eq!(status(&after, 0)["restartCount"], 1);
        assert_ne!(status(&after, 0)["imageID"], status(&before, 0)["imageID"]);
        assert_ne!(
            status(&after, 0)["containerID"],
            status(&before, 0)["containerID"]
        );
        assert_eq!(
            status(&after, 1)["containerID"],
            status(&before, 1)["containerID"]
        );
        assert!(serves(
            &serde_json::from_value(after.clone()).unwrap(),
            "app",
            "app:2"
        ));
        assert_eq!(step(&after), None);
    }

    #[test]
    fn a_pod_that_is_being_deleted_goes_away() {
        let pod = pod(|pod| {
            pod["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
        });
        assert_eq!(step(&pod), Some(Step::Remove));
    }
}
