use kruise_api::{
    pod::{Pod, PodWith},
    quantity,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{pod, running_pod};

const META: &str = "apps.kruise.io/runtime-containers-meta";

fn with_container(member: &str, value: Value) -> Pod {
    let mut object = running_pod(&json!({}));
    object["spec"]["containers"][0][member] = value;
    pod(&object)
}

// IP-48: (resources, others, whether they are equal)
#[rstest]
#[case::other_text(json!({ "limits": { "cpu": "1" } }), json!({ "limits": { "cpu": "1000m" } }), true)]
#[case::number(json!({ "limits": { "cpu": "2" } }), json!({ "limits": { "cpu": 2 } }), true)]
#[case::order(
    json!({ "limits": { "cpu": "1", "memory": "1Gi" } }),
    json!({ "limits": { "memory": "1024Mi", "cpu": "1" } }),
    true
)]
#[case::claims_do_not_count(
    json!({ "requests": { "cpu": "1" }, "claims": [{ "name": "gpu" }] }),
    json!({ "requests": { "cpu": "1" }, "limits": null }),
    true
)]
#[case::none(json!({}), json!({ "limits": {}, "requests": null }), true)]
#[case::other_amount(json!({ "limits": { "cpu": "1" } }), json!({ "limits": { "cpu": "2" } }), false)]
#[case::requests_are_no_limits(
    json!({ "limits": { "cpu": "1" } }), json!({ "requests": { "cpu": "1" } }), false
)]
#[case::further_resource(
    json!({ "limits": { "cpu": "1" } }),
    json!({ "limits": { "cpu": "1", "example.com/gpu": "1" } }),
    false
)]
#[case::zero_is_not_absent(json!({}), json!({ "limits": { "cpu": "0" } }), false)]
fn resources_are_compared_by_amount_ip_48(#[case] a: Value, #[case] b: Value, #[case] equal: bool) {
    let spec = |resources: &Value| {
        with_container("resources", resources.clone())
            .spec
            .containers[0]
            .resources_digest()
    };
    let status = |resources: &Value| {
        let mut object = running_pod(&json!({}));
        object["status"]["containerStatuses"][0]["resources"] = resources.clone();
        pod(&object).status.container_statuses[0].resources
    };
    assert_eq!(spec(&a) == spec(&b), equal);
    assert_eq!(Some(spec(&a)) == status(&b), equal);
}

// IP-48: absent is not the same as empty.
#[rstest]
#[case(json!({}), false)]
#[case(json!({ "resources": null }), false)]
#[case(json!({ "resources": {} }), true)]
fn status_without_resources_ip_48(#[case] member: Value, #[case] present: bool) {
    let mut object = running_pod(&json!({}));
    let status = object["status"]["containerStatuses"][0]
        .as_object_mut()
        .unwrap();
    status.extend(member.as_object().unwrap().clone());
    assert_eq!(
        pod(&object).status.container_statuses[0]
            .resources
            .is_some(),
        present
    );
}

#[test]
fn pod_without_resources_keeps_nothing_of_them() {
    assert_eq!(
        with_container("resources", json!({})).spec.containers[0].resources,
        None
    );
    let resources = json!({ "limits": { "cpu": "1", "example.com/gpu": "1" } });
    let pod = with_container("resources", resources);
    let kept = pod.spec.containers[0].resources.as_ref().unwrap();
    assert_eq!(kept.limits.get("cpu"), Some("1"));
    assert_eq!(kept.limits.get("example.com/gpu"), None);
    assert_eq!(kept.requests.get("cpu"), None);
}

// IP-16
#[rstest]
#[case(json!(null), (false, false))]
#[case(json!([{ "resourceName": "cpu", "restartPolicy": "NotRequired" }]), (false, false))]
#[case(json!([{ "resourceName": "cpu", "restartPolicy": "RestartContainer" }]), (true, false))]
#[case(json!([{ "resourceName": "memory", "restartPolicy": "RestartContainer" }]), (false, true))]
fn resize_policy_ip_16(#[case] policy: Value, #[case] (cpu, memory): (bool, bool)) {
    let policy = with_container("resizePolicy", policy).spec.containers[0].resize_policy;
    assert_eq!((policy.cpu_restarts, policy.memory_restarts), (cpu, memory));
}

/// The container of the vector of IP-127, as the API server shows it.
fn reported_pod() -> Value {
    json!({
        "kind": "Pod",
        "metadata": { "name": "p", "annotations": { META: "{}" } },
        "spec": { "containers": [{
            "imagePullPolicy": "IfNotPresent",
            "terminationMessagePolicy": "File",
            "terminationMessagePath": "/dev/termination-log",
            "resources": {},
            "name": "main",
            "image": "nginx:1.25",
        }] },
    })
}

#[test]
fn whole_containers_are_hashed_for_the_report_ip_127() {
    let object = reported_pod();
    assert_eq!(
        pod(&object).spec.containers[0].plain_hash,
        Some(2_052_289_395)
    );
    let text = object.to_string();
    let from_text: Pod = serde_json::from_str(&text).unwrap();
    assert_eq!(from_text, pod(&object));
}

#[test]
fn nothing_is_hashed_without_a_report() {
    let mut object = reported_pod();
    object["metadata"]["annotations"] = json!({});
    assert_eq!(pod(&object).spec.containers[0].plain_hash, None);
    // The other order of members: the report is not known yet when the containers are read.
    let spec = reported_pod()["spec"].to_string();
    let metadata = reported_pod()["metadata"].to_string();
    let late: Pod =
        serde_json::from_str(&format!(r#"{{"spec":{spec},"metadata":{metadata}}}"#)).unwrap();
    assert_eq!(late.spec.containers[0].plain_hash, None);
    assert_eq!(late.spec.containers[0].name, "main");
}

#[test]
fn encoded_pod_decodes_to_itself() {
    let mut object = reported_pod();
    object["spec"]["containers"][0]["resources"] =
        json!({ "limits": { "cpu": "1", "example.com/gpu": "1" } });
    object["spec"]["containers"][0]["resizePolicy"] =
        json!([{ "resourceName": "cpu", "restartPolicy": "RestartContainer" }]);
    object["status"] = json!({ "containerStatuses": [{
        "name": "main", "resources": { "limits": { "cpu": "1", "example.com/gpu": "1" } },
    }] });
    let decoded = pod(&object);
    let again = pod(&serde_json::to_value(&decoded).unwrap());
    assert_eq!(again, decoded);
    assert_eq!(
        again.status.container_statuses[0].resources,
        Some(again.spec.containers[0].resources_digest())
    );
}

#[rstest]
#[case("1", "1000m", true)]
#[case("1Gi", "1073741824", true)]
#[case("1", "2", false)]
#[case("x", "x", true)]
#[case("x", "1", false)]
fn amounts_are_compared_by_value(#[case] a: &str, #[case] b: &str, #[case] same: bool) {
    assert_eq!(quantity::same_amount(a, b), same);
}

#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct More {
    spec: MoreOfSpec,
}

#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MoreOfSpec {
    priority_class_name: String,
}

fn with_priority() -> Value {
    let mut object = running_pod(&json!({}));
    object["spec"]["priorityClassName"] = json!("high");
    object
}

#[test]
fn a_deployable_reads_more_of_a_pod_than_the_others() {
    let object = with_priority();
    let read: PodWith<More> = serde_json::from_str(&object.to_string()).unwrap();
    assert_eq!(read.more.spec.priority_class_name, "high");
    assert_eq!(read.pod, pod(&object));
    assert!(
        read.is_ready(),
        "what is asked of a pod is asked of this one"
    );
    // What tests make of values is read alike.
    assert_eq!(
        serde_json::from_value::<PodWith<More>>(object).unwrap(),
        read
    );
}

#[test]
fn what_one_part_cant_read_is_no_pod() {
    let mut object = with_priority();
    object["spec"]["priorityClassName"] = json!(7);
    let error = serde_json::from_str::<PodWith<More>>(&object.to_string()).unwrap_err();
    assert!(error.to_string().contains("expected a string"), "{error}");
    assert_eq!(pod(&object), pod(&running_pod(&json!({}))));
}

// The others are not charged: nothing of a plain pod knows of what is read besides.
#[test]
fn only_who_reads_more_pays_for_it() {
    let object = with_priority();
    assert_eq!(pod(&object), pod(&running_pod(&json!({}))));
    assert_eq!(size_of::<PodWith<[u64; 0]>>(), size_of::<Pod>());
    assert_eq!(
        size_of::<PodWith<More>>(),
        size_of::<Pod>() + size_of::<More>()
    );
}
