use kruise_api::{
    apps::v1beta1::Lifecycle,
    inplace::{Options, Refresh, RefreshInput, Update, not_ready_patch, refresh, start},
    meta::Time,
    pod::Pod,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    GRACE, STATE, annotation, condition, merged, now, pod, running_pod, terms, time,
};

fn refreshed(pod: &Pod, lifecycle: Option<&Lifecycle>, now: Time) -> Refresh {
    refresh(&RefreshInput {
        pod,
        update_revision: "web-bbb",
        pod_readiness_controller_live: false,
        lifecycle,
        options: Options::default(),
        now,
    })
}

fn at(object: &Value, now: &str) -> Refresh {
    refreshed(&pod(object), None, time(now))
}

/// The patch that is due, and the pod after it.
fn patched(object: &Value, refresh: Refresh) -> (Option<&'static str>, Value, Value) {
    let Refresh::Patch {
        resize: None,
        subresource,
        patch,
    } = refresh
    else {
        panic!("{refresh:?}")
    };
    assert_eq!(patch["metadata"]["resourceVersion"], "7");
    assert_eq!(patch["metadata"]["uid"], "u1");
    let after = merged(object, &patch);
    (subresource, patch, after)
}

fn state(object: &Value) -> &Value {
    &object["metadata"]["labels"]["lifecycle.apps.kruise.io/state"]
}

fn with_state(state: &str) -> Value {
    running_pod(&json!({
        "metadata": { "labels": { "lifecycle.apps.kruise.io/state": state } },
    }))
}

fn new_pod(node: &str) -> Value {
    let mut object = with_state("PreparingNormal");
    object["spec"]["nodeName"] = json!(node);
    object["spec"]["readinessGates"] = json!([
        { "conditionType": "InPlaceUpdateReady" }, { "conditionType": "KruisePodReady" },
    ]);
    object["status"] = json!({ "phase": "Pending" });
    object
}

/// A new pod of which its node's kubelet has said that it is not ready.
fn reported(node: &str) -> Value {
    let not_ready = json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } });
    merged(&new_pod(node), &not_ready)
}

/// A pod that was taken out of service and sent to `web-bbb` with another image.
fn started(grace_seconds: i32) -> Value {
    let object = running_pod(&json!({}));
    let object = merged(&object, &not_ready_patch(&pod(&object), now()));
    let update = Update {
        images: [("app".to_owned(), "acme/app:2".to_owned())].into(),
        metadata_patch: Some(json!({ "labels": { "tier": "b", "app": null } })),
        ..Update::default()
    };
    merged(
        &object,
        &start(&pod(&object), &update, &terms(grace_seconds)).pod,
    )
}

fn image_runs(object: &Value) -> Value {
    merged(
        object,
        &json!({ "status": { "containerStatuses": [
        { "name": "app", "imageID": "id2", "image": "acme/app:2" },
    ] } }),
    )
}

// IP-S10, CS-S2, DV-D6, DV-D7
#[test]
fn new_pod_needs_one_write_once_its_kubelet_has_reported_ip_43() {
    assert_eq!(at(&new_pod(""), "2026-01-10T08:00:00Z"), Refresh::Nothing);
    // The scheduler's binding says nothing of the node's kubelet.
    let scheduled = json!({ "status": { "phase": "Pending", "conditions": [
        { "type": "PodScheduled", "status": "True" },
    ] } });
    let bound = merged(&new_pod("n1"), &scheduled);
    assert_eq!(at(&bound, "2026-01-10T08:00:00Z"), Refresh::Nothing);
    let object = reported("n1");
    let (subresource, patch, after) = patched(&object, at(&object, "2026-01-10T08:00:05.7Z"));
    assert_eq!(subresource, Some("status"));
    let condition = |type_: &str| {
        json!({
            "type": type_, "status": "True", "lastTransitionTime": "2026-01-10T08:00:05Z",
        })
    };
    assert_eq!(
        patch["status"]["conditions"],
        json!([condition("InPlaceUpdateReady"), condition("KruisePodReady")])
    );
    assert_eq!(state(&after), "Normal");
    assert_eq!(
        after["metadata"]["annotations"]["lifecycle.apps.kruise.io/timestamp"],
        "2026-01-10T08:00:05Z"
    );
    assert_eq!(at(&after, "2026-01-10T08:00:06Z"), Refresh::Nothing);
}

// DV-D7
#[test]
fn live_pod_readiness_controller_is_left_its_condition() {
    let object = reported("n1");
    let pod = pod(&object);
    let refresh = refresh(&RefreshInput {
        pod: &pod,
        update_revision: "web-bbb",
        pod_readiness_controller_live: true,
        lifecycle: None,
        options: Options::default(),
        now: now(),
    });
    let (_, _, after) = patched(&object, refresh);
    assert_eq!(condition(&after, "KruisePodReady"), None);
}

// IP-42
#[test]
fn condition_with_leftover_reason_is_written_again_ip_42() {
    let object = running_pod(&json!({ "status": { "conditions": [
        { "type": "InPlaceUpdateReady", "status": "True", "reason": "X", "message": "y" },
    ] } }));
    let (_, _, after) = patched(&object, at(&object, "2026-01-10T08:00:00Z"));
    assert_eq!(
        condition(&after, "InPlaceUpdateReady").unwrap(),
        &json!({
            "type": "InPlaceUpdateReady", "status": "True",
            "lastTransitionTime": "2026-01-10T08:00:00Z",
        })
    );
}

#[test]
fn settled_pod_needs_nothing() {
    assert_eq!(
        at(&running_pod(&json!({})), "2026-01-10T08:00:00Z"),
        Refresh::Nothing
    );
}

// IP-S32
#[test]
fn pod_without_gate_gets_no_condition_ip_42() {
    let mut object = image_runs(&started(0));
    object["spec"]["readinessGates"] = json!([]);
    let (_, patch, _) = patched(&object, at(&object, "2026-01-10T08:00:09Z"));
    assert_eq!(patch.get("status"), None);
}

// IP-S3
#[test]
fn nothing_happens_while_the_old_image_runs_ip_38() {
    let refresh = at(&started(0), "2026-01-10T08:10:00Z");
    assert!(
        matches!(refresh, Refresh::WaitContainers { .. }),
        "{refresh:?}"
    );
}

// IP-S2, IP-44
#[test]
fn pod_comes_back_into_service_when_the_image_runs_ip_42() {
    let object = image_runs(&started(0));
    let (subresource, patch, after) = patched(&object, at(&object, "2026-01-10T08:00:09Z"));
    assert_eq!(subresource, Some("status"));
    assert_eq!(
        condition(&after, "InPlaceUpdateReady").unwrap(),
        &json!({
            "type": "InPlaceUpdateReady", "status": "True",
            "lastTransitionTime": "2026-01-10T08:00:09Z",
        })
    );
    // Only the kubelet sets Ready here.
    assert_eq!(condition(&patch, "Ready"), None);
    assert_eq!(state(&after), "Normal");
    assert_eq!(annotation(&after, STATE)["revision"], "web-bbb");
    assert_eq!(at(&after, "2026-01-10T08:00:10Z"), Refresh::Nothing);
}

// IP-S4
#[rstest]
#[case("2026-01-10T08:00:00Z", 30)]
#[case("2026-01-10T08:00:12.4Z", 18)]
#[case("2026-01-10T08:00:29.999Z", 1)]
fn grace_period_is_waited_for_ip_37(#[case] now: &str, #[case] seconds: i64) {
    assert_eq!(at(&started(30), now), Refresh::WaitGrace { seconds });
}

// IP-S4
#[test]
fn change_follows_the_grace_period_ip_37() {
    let object = started(30);
    assert_eq!(object["spec"]["containers"][0]["image"], "acme/app:1");
    let (subresource, _, after) = patched(&object, at(&object, "2026-01-10T08:00:30Z"));
    assert_eq!(subresource, None);
    assert_eq!(after["spec"]["containers"][0]["image"], "acme/app:2");
    assert_eq!(after["metadata"]["labels"]["tier"], "b");
    assert_eq!(after["metadata"]["labels"].get("app"), None);
    assert_eq!(after["metadata"]["annotations"].get(GRACE), None);
    assert_eq!(
        condition(&after, "InPlaceUpdateReady").unwrap()["status"],
        "False"
    );
    let state = annotation(&after, STATE);
    assert_eq!(
        state["lastContainerStatuses"],
        json!({ "app": { "imageID": "id1", "containerID": "containerd://c1" } })
    );
    assert_eq!(state["updateTimestamp"], "2026-01-10T08:00:00Z");
    assert_eq!(
        state["containerBatchesRecord"],
        json!([{ "timestamp": "2026-01-10T08:00:30Z", "containers": ["app"] }])
    );
}

// IP-S30
#[test]
fn pod_sent_elsewhere_only_loses_the_grace_keys_ip_36() {
    let object = merged(
        &started(30),
        &json!({ "metadata": {
        "labels": { "controller-revision-hash": "web-ccc" },
        "annotations": { "inplace-update-grace": "{}" },
    } }),
    );
    let (_, patch, _) = patched(&object, at(&object, "2026-01-10T08:00:30Z"));
    assert_eq!(
        patch,
        json!({ "metadata": {
            "uid": "u1",
            "resourceVersion": "7",
            "annotations": { GRACE: null, "inplace-update-grace": null },
        } })
    );
}

// IP-35, IP-38, DV-IP3
#[rstest]
#[case::grace(json!({ GRACE: "{" }))]
#[case::grace_without_state(json!({ GRACE: r#"{"revision":"web-aaa"}"# }))]
#[case::grace_with_broken_state(json!({ GRACE: r#"{"revision":"web-aaa"}"#, STATE: "x" }))]
#[case::patch_of_metadata(
    json!({ GRACE: r#"{"revision":"web-aaa","metaDataPatch":"!"}"#, STATE: "{}" })
)]
#[case::state(json!({ STATE: "[]x" }))]
fn what_cannot_be_read_is_told_ip_35(#[case] annotations: Value) {
    let object = running_pod(&json!({ "metadata": { "annotations": annotations } }));
    let refresh = at(&object, "2026-01-10T08:00:00Z");
    assert!(matches!(refresh, Refresh::Broken { .. }), "{refresh:?}");
}

// IP-39, IP-40, IP-S9
#[test]
fn next_batch_waits_for_the_one_before_ip_39() {
    let mut object = running_pod(&json!({ "metadata": { "annotations": {
        STATE: json!({
            "revision": "web-aaa",
            "updateTimestamp": "2026-01-10T08:00:00Z",
            "lastContainerStatuses": { "app": { "imageID": "id0" } },
            "updateImages": true,
            "nextContainerImages": { "b": "x:2" },
            "preCheckBeforeNext": { "containersRequiredReady": ["app"] },
            "containerBatchesRecord":
                [{ "timestamp": "2026-01-10T08:00:00Z", "containers": ["app"] }],
        })
        .to_string(),
    } } }));
    object["spec"]["containers"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "name": "b", "image": "x:1" }));
    let b = json!({ "name": "b", "image": "x:1", "imageID": "i1" });
    object["status"]["containerStatuses"]
        .as_array_mut()
        .unwrap()
        .push(b);

    let mut not_ready = object.clone();
    not_ready["status"]["containerStatuses"][0]["ready"] = json!(false);
    let refresh = at(&not_ready, "2026-01-10T08:01:00Z");
    assert!(
        matches!(refresh, Refresh::WaitContainers { .. }),
        "{refresh:?}"
    );

    let (subresource, patch, after) = patched(&object, at(&object, "2026-01-10T08:01:00Z"));
    assert_eq!(subresource, None);
    assert_eq!(
        patch["spec"]["containers"],
        json!([{ "name": "b", "image": "x:2" }])
    );
    let state = annotation(&after, STATE);
    assert_eq!(state.get("preCheckBeforeNext"), None);
    assert_eq!(state.get("nextContainerImages"), None);
    assert_eq!(
        state["lastContainerStatuses"],
        json!({ "app": { "imageID": "id0" }, "b": { "imageID": "i1" } })
    );
    assert_eq!(
        state["containerBatchesRecord"][1]["containers"],
        json!(["b"])
    );
}

fn lifecycle(lifecycle: &Value) -> Option<Lifecycle> {
    serde_json::from_value(lifecycle.clone()).unwrap()
}

// CS-97: (state, lifecycle, next state); the pod is at web-aaa and has label app=web.
#[rstest]
#[case::no_hook("PreparingNormal", json!(null), Some("Normal"))]
#[case::hook_open("PreparingNormal", json!({ "preNormal": labels("app", "x") }), None)]
#[case::hook_met("PreparingNormal", json!({ "preNormal": labels("app", "web") }), Some("Normal"))]
#[case::other_revision("PreparingUpdate", json!(null), None)]
#[case::never_updated("Updating", json!(null), Some("Normal"))]
#[case::other_hook("Updating", json!({ "preDelete": {} }), Some("Updated"))]
#[case::hook_open("Updating", json!({ "inPlaceUpdate": labels("app", "x") }), Some("Updated"))]
#[case::hook_met("Updating", json!({ "inPlaceUpdate": labels("app", "web") }), Some("Normal"))]
#[case::no_hook("Updated", json!(null), Some("Normal"))]
#[case::other_hook("Updated", json!({ "preDelete": {} }), Some("Normal"))]
#[case::hook_open("Updated", json!({ "inPlaceUpdate": labels("app", "x") }), None)]
#[case::hook_met("Updated", json!({ "inPlaceUpdate": labels("app", "web") }), Some("Normal"))]
#[case::normal("Normal", json!(null), None)]
#[case::preparing_delete("PreparingDelete", json!(null), None)]
#[case::unknown("Elsewhere", json!(null), None)]
fn states_cs_97(#[case] from: &str, #[case] hooks: Value, #[case] to: Option<&str>) {
    let object = with_state(from);
    let refresh = refreshed(&pod(&object), lifecycle(&hooks).as_ref(), now());
    match to {
        Some(to) => assert_eq!(state(&patched(&object, refresh).2), to),
        None => assert_eq!(refresh, Refresh::Nothing),
    }
}

fn labels(key: &str, value: &str) -> Value {
    json!({ "labelsHandler": { key: value } })
}

// CS-97, CS-P10
#[rstest]
#[case(json!(null), "Normal")]
#[case(json!({ "preDelete": {} }), "Updated")]
fn pod_rolled_back_leaves_preparing_update_cs_97(#[case] hooks: Value, #[case] to: &str) {
    let object = merged(
        &with_state("PreparingUpdate"),
        &json!({ "metadata": {
        "labels": { "controller-revision-hash": "bbb" },
    } }),
    );
    let refresh = refreshed(&pod(&object), lifecycle(&hooks).as_ref(), now());
    assert_eq!(state(&patched(&object, refresh).2), to);
}

#[test]
fn pod_without_state_gets_none_cs_97() {
    let mut object = running_pod(&json!({}));
    object["metadata"]["labels"]
        .as_object_mut()
        .unwrap()
        .remove("lifecycle.apps.kruise.io/state");
    assert_eq!(at(&object, "2026-01-10T08:00:00Z"), Refresh::Nothing);
}

// CS-97: a hook that is met lets a pod go before it has a node.
#[test]
fn pre_normal_hook_does_not_wait_for_a_node_cs_97() {
    let object = new_pod("");
    let hooks = lifecycle(&json!({ "preNormal": {} }));
    let (_, patch, after) = patched(&object, refreshed(&pod(&object), hooks.as_ref(), now()));
    assert_eq!(state(&after), "Normal");
    assert_eq!(patch.get("status"), None);
}

// IP-S36
#[test]
fn lifecycle_without_its_hook_takes_two_steps_ip_70() {
    let object = image_runs(&started(0));
    let hooks = lifecycle(&json!({ "preDelete": { "finalizersHandler": ["f"] } }));
    let (_, _, after) = patched(&object, refreshed(&pod(&object), hooks.as_ref(), now()));
    assert_eq!(state(&after), "Updated");
    let (_, _, after) = patched(&after, refreshed(&pod(&after), hooks.as_ref(), now()));
    assert_eq!(state(&after), "Normal");
    assert_eq!(
        refreshed(&pod(&after), hooks.as_ref(), now()),
        Refresh::Nothing
    );
}

// IP-69, IP-75, DV-IP6, IP-S43
#[rstest]
#[case::alone(r#"[{"userAgent":"Lifecycle","key":"preUpdateHook"}]"#, "True", "[]")]
#[case::with_others(
    r#"[{"userAgent":"ContainerRecreateRequest","key":"ns/c"},{"userAgent":"Lifecycle","key":"preUpdateHook"}]"#,
    "False",
    r#"[{"userAgent":"ContainerRecreateRequest","key":"ns/c"}]"#
)]
fn hold_for_the_update_ends_with_it_ip_69(
    #[case] message: &str,
    #[case] status: &str,
    #[case] left: &str,
) {
    let object = merged(
        &image_runs(&started(0)),
        &json!({
            "spec": { "readinessGates": [
                { "conditionType": "InPlaceUpdateReady" }, { "conditionType": "KruisePodReady" },
            ] },
            "status": { "conditions": [
                { "type": "KruisePodReady", "status": "False", "message": message },
            ] },
        }),
    );
    let (_, _, after) = patched(&object, at(&object, "2026-01-10T08:00:09Z"));
    let condition = condition(&after, "KruisePodReady").unwrap();
    assert_eq!(condition["status"], status);
    assert_eq!(condition["message"], left);
    assert_eq!(at(&after, "2026-01-10T08:00:10Z"), Refresh::Nothing);
}
