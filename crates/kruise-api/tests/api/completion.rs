use kruise_api::inplace::{Completion, Options, completion as completion_with};
use kruise_api::pod::Pod;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{GRACE, STATE, merged, pod, running_pod};

const META: &str = "apps.kruise.io/runtime-containers-meta";

/// A pod whose image was changed to `acme/app:2` when its image ID was `id1`.
fn updated_pod(patch: &Value) -> Value {
    let state = json!({
        "revision": "web-bbb",
        "updateTimestamp": "2026-01-10T08:00:00Z",
        "lastContainerStatuses": { "app": { "imageID": "id1" } },
        "updateImages": true,
    });
    let object = running_pod(&json!({
        "metadata": { "annotations": { STATE: state.to_string() } },
        "spec": { "containers": [{ "name": "app", "image": "acme/app:2" }] },
    }));
    merged(&object, patch)
}

fn completion(pod: &Pod) -> Completion {
    completion_with(pod, &Options::default())
}

fn is_complete(object: &Value) -> bool {
    !matches!(completion(&pod(object)), Completion::Waiting { .. })
}

/// The container's status with these members changed. A patch replaces the whole list.
fn status(changes: &Value) -> Value {
    let mut statuses = running_pod(&json!({}))["status"]["containerStatuses"].clone();
    for (name, value) in changes.as_object().unwrap() {
        statuses[0][name] = value.clone();
    }
    json!({ "status": { "containerStatuses": statuses } })
}

fn annotations(annotations: &Value) -> Value {
    json!({ "metadata": { "annotations": annotations } })
}

#[test]
fn pod_that_was_never_updated_ip_52() {
    assert_eq!(
        completion(&pod(&running_pod(&json!({})))),
        Completion::NotUpdating
    );
}

// IP-51, IP-S2, IP-S3
#[rstest]
#[case::nothing_happened(json!({}), false)]
#[case::another_image_runs(status(&json!({ "imageID": "id2" })), true)]
#[case::same_image_under_the_new_tag(status(&json!({ "image": "acme/app:2" })), true)]
#[case::no_status(json!({ "status": { "containerStatuses": null } }), false)]
fn image_ids_ip_51(#[case] patch: Value, #[case] expected: bool) {
    assert_eq!(is_complete(&updated_pod(&patch)), expected);
}

// IP-S29
#[rstest]
#[case("acme/app", "acme/app:latest", true)]
#[case("acme/app", "acme/app", false)]
#[case("reg:5000/app", "reg:5000/app:latest", false)]
fn image_without_tag_ip_51(#[case] image: &str, #[case] runs: &str, #[case] expected: bool) {
    let object = updated_pod(&merged(
        &status(&json!({ "image": runs })),
        &json!({ "spec": { "containers": [{ "name": "app", "image": image }] } }),
    ));
    assert_eq!(is_complete(&object), expected);
}

// IP-52
#[rstest]
#[case::empty_grace(json!({ GRACE: "" }))]
#[case::unreadable_state(json!({ STATE: "{" }))]
#[case::pending(json!({ STATE: r#"{"nextContainerImages":{"app":"x"}}"# }))]
#[case::unreadable_meta(json!({ STATE: "{}", META: "{" }))]
fn not_complete_ip_52(#[case] keys: Value) {
    assert!(!is_complete(&updated_pod(&annotations(&keys))));
}

fn meta(container: &Value) -> Value {
    let mut container = container.clone();
    container["name"] = json!("app");
    annotations(&json!({ META: json!({ "containers": [container] }).to_string() }))
}

// IP-49, IP-50: the image of main runs under its hash, image ID unchanged.
#[rstest]
#[case::proof(json!({ "containerID": "containerd://c1", "hashes": { "plainHash": hash() } }), true)]
#[case::other_container(json!({ "containerID": "containerd://c0", "hashes": { "plainHash": hash() } }), false)]
#[case::other_hash(json!({ "containerID": "containerd://c1", "hashes": { "plainHash": 1 } }), false)]
fn report_of_the_daemon_ip_49(#[case] container: Value, #[case] expected: bool) {
    assert_eq!(is_complete(&updated_pod(&meta(&container))), expected);
}

// IP-49, IP-127: the hash of the whole container, as kubelets before 1.31 have it.
#[test]
fn hash_of_older_kubelets_is_proof_ip_49() {
    let old =
        kruise_api::hash::go_bytes_hash(r#"{"name":"app","image":"acme/app:2","resources":{}}"#);
    let report = |hash: u32| {
        meta(&json!({ "containerID": "containerd://c1", "hashes": { "plainHash": hash } }))
    };
    assert!(is_complete(&updated_pod(&report(old))));
    assert!(!is_complete(&updated_pod(&report(old + 1))));
}

fn hash() -> u32 {
    kruise_api::hash::go_bytes_hash(r#"{"image":"acme/app:2","name":"app"}"#)
}

// IP-47, end of IP-S6: env APP_CONFIG comes from annotation cfg, which is v2.
#[rstest]
#[case::no_report(None, false)]
#[case::old_environment(Some(4_274_367_333_u64), false)]
#[case::new_environment(Some(984_755_435), true)]
fn environment_from_metadata_ip_47(#[case] reported: Option<u64>, #[case] expected: bool) {
    let mut object = updated_pod(&json!({
        "metadata": { "annotations": {
            "cfg": "v2",
            STATE: r#"{"revision":"web-bbb","updateEnvFromMetadata":true}"#,
        } },
        "spec": { "containers": [{ "name": "app", "env": [{
            "name": "APP_CONFIG",
            "valueFrom": { "fieldRef": { "fieldPath": "metadata.annotations['cfg']" } },
        }] }] },
    }));
    if let Some(hash) = reported {
        object = merged(
            &object,
            &meta(&json!({
                "containerID": "containerd://c1",
                "hashes": { "plainHash": 1, "extractedEnvFromMetadataHash": hash },
            })),
        );
    }
    assert_eq!(is_complete(&object), expected);
}
