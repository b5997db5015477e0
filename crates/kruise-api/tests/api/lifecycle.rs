use kruise_api::{
    apps::v1beta1::LifecycleHook,
    inplace::{PodWrite, lifecycle},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{condition, merged, now, pod, running_pod, time};

fn hook(hook: &Value) -> Option<LifecycleHook> {
    serde_json::from_value(hook.clone()).unwrap()
}

// IP-63, IP-64, IP-S35; the pod has label app=web and finalizer f.
#[rstest]
#[case::missing(json!(null), false, false)]
#[case::empty(json!({}), false, true)]
#[case::label(json!({ "labelsHandler": { "app": "web" } }), true, true)]
#[case::other_value(json!({ "labelsHandler": { "app": "x" } }), false, false)]
#[case::missing_label_counts_as_empty(json!({ "labelsHandler": { "hold": "" } }), true, true)]
#[case::finalizer(json!({ "finalizersHandler": ["f"] }), true, true)]
#[case::one_of_two(json!({ "finalizersHandler": ["f", "g"] }), true, false)]
#[case::label_but_no_finalizer(
    json!({ "labelsHandler": { "app": "web" }, "finalizersHandler": ["g"] }), true, false
)]
fn hooks_ip_63(#[case] handlers: Value, #[case] any: bool, #[case] all: bool) {
    let pod = pod(&running_pod(
        &json!({ "metadata": { "finalizers": ["f"] } }),
    ));
    let hook = hook(&handlers);
    assert_eq!(lifecycle::hooked(hook.as_ref(), &pod), any);
    assert_eq!(lifecycle::all_hooked(hook.as_ref(), &pod), all);
}

fn holding(message: &Value) -> Value {
    running_pod(&json!({
        "spec": { "readinessGates": [{ "conditionType": "KruisePodReady" }] },
        "status": { "conditions": [
            { "type": "KruisePodReady", "status": "False", "message": message.to_string() },
        ] },
    }))
}

fn serving() -> Value {
    running_pod(&json!({
        "metadata": { "finalizers": ["mine"] },
        "spec": { "readinessGates": [{ "conditionType": "KruisePodReady" }] },
        "status": { "conditions": [{ "type": "KruisePodReady", "status": "True" }] },
    }))
}

fn in_state(object: &Value, state: &str) -> Value {
    merged(
        object,
        &json!({ "metadata": { "labels": { "lifecycle.apps.kruise.io/state": state } } }),
    )
}

fn key(key: &str) -> Value {
    json!({ "userAgent": "Lifecycle", "key": key })
}

fn crr() -> Value {
    json!({ "userAgent": "ContainerRecreateRequest", "key": "ns1/c1" })
}

/// The pod after the writes, and where they went.
fn after(object: &Value, writes: &[PodWrite]) -> (Vec<Option<&'static str>>, Value) {
    let mut object = object.clone();
    for write in writes {
        assert_eq!(write.patch["metadata"]["uid"], "u1");
        let depends = write.patch.get("status").is_some();
        assert_eq!(
            write.patch["metadata"].get("resourceVersion").is_some(),
            depends
        );
        object = merged(&object, &write.patch);
    }
    (
        writes.iter().map(|write| write.subresource).collect(),
        object,
    )
}

// IP-65, IP-66
#[test]
fn transition_sets_state_and_time_ip_66() {
    let object = running_pod(&json!({}));
    let now = time("2026-01-10T08:00:00.9Z");
    let writes = lifecycle::transition(&pod(&object), "PreparingDelete", false, now);
    let (places, after) = after(&object, &writes);
    assert_eq!(places, [None]);
    assert_eq!(lifecycle::state(&pod(&after)), "PreparingDelete");
    assert_eq!(
        after["metadata"]["annotations"]["lifecycle.apps.kruise.io/timestamp"],
        "2026-01-10T08:00:00Z"
    );
    assert_eq!(after["metadata"]["labels"]["app"], "web");
    let again = lifecycle::transition(&pod(&after), "PreparingDelete", false, now);
    assert_eq!(again, []);
}

// IP-68, IP-74, IP-S13, DV-D6: state and condition are one write.
#[rstest]
#[case("PreparingDelete", "preDeleteHook")]
#[case("PreparingUpdate", "preUpdateHook")]
fn pod_is_held_not_ready_ip_68(#[case] state: &str, #[case] holder: &str) {
    let object = serving();
    let writes = lifecycle::transition(&pod(&object), state, true, now());
    let (places, after) = after(&object, &writes);
    assert_eq!(places, [Some("status")]);
    assert_eq!(lifecycle::state(&pod(&after)), state);
    let held = condition(&after, "KruisePodReady").unwrap();
    assert_eq!(held["status"], "False");
    assert_eq!(
        held["message"],
        format!(r#"[{{"userAgent":"Lifecycle","key":"{holder}"}}]"#)
    );
    assert_eq!(held["lastTransitionTime"], "2026-01-10T08:00:00Z");
    // IP-61
    let ready = condition(&after, "Ready").unwrap();
    assert_eq!(ready["status"], "False");
    assert_eq!(
        ready["message"],
        "the status of pod readiness gate \"KruisePodReady\" is not \"True\", but False"
    );
    assert_eq!(lifecycle::transition(&pod(&after), state, true, now()), []);
}

// IP-66, CS-62: the key is ensured also when the pod is in the state already.
#[test]
fn missing_key_is_added_in_the_same_state_ip_66() {
    let object = in_state(&serving(), "PreparingDelete");
    let writes = lifecycle::transition(&pod(&object), "PreparingDelete", true, now());
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].patch["metadata"].get("labels"), None);
    let (_, after) = after(&object, &writes);
    assert_eq!(
        condition(&after, "KruisePodReady").unwrap()["status"],
        "False"
    );
}

// DV-IP7
#[test]
fn first_key_makes_the_condition_false() {
    let mut object = serving();
    object["status"]["conditions"] = json!([]);
    let writes = lifecycle::transition(&pod(&object), "PreparingDelete", true, now());
    let (_, after) = after(&object, &writes);
    assert_eq!(
        condition(&after, "KruisePodReady").unwrap()["status"],
        "False"
    );
    assert_eq!(condition(&after, "Ready"), None);
}

// IP-74
#[test]
fn pod_without_the_gate_is_not_held_ip_74() {
    let object = running_pod(&json!({}));
    let writes = lifecycle::transition(&pod(&object), "PreparingDelete", true, now());
    let (places, after) = after(&object, &writes);
    assert_eq!(places, [None]);
    assert_eq!(condition(&after, "KruisePodReady"), None);
}

// IP-74: a key that is listed is not listed twice, even where the status is True.
#[rstest]
#[case("False")]
#[case("True")]
fn listed_key_stays_ip_74(#[case] status: &str) {
    let mut object = holding(&json!([key("preDeleteHook")]));
    object["status"]["conditions"]
        .as_array_mut()
        .unwrap()
        .last_mut()
        .unwrap()["status"] = json!(status);
    let writes = lifecycle::transition(&pod(&object), "PreparingDelete", true, now());
    let (places, _) = after(&object, &writes);
    assert_eq!(places, [None]);
}

// IP-74, IP-76, IP-S14, 3.2.4: (message before, after)
#[rstest]
#[case::others_first(json!([crr()]), json!([crr(), key("preDeleteHook")]))]
#[case::sorted(json!([key("preUpdateHook")]), json!([key("preDeleteHook"), key("preUpdateHook")]))]
#[case::no_list(json!("held"), json!([key("preDeleteHook")]))]
fn list_is_sorted_ip_74(#[case] before: Value, #[case] expected: Value) {
    let object = holding(&before);
    let writes = lifecycle::transition(&pod(&object), "PreparingDelete", true, now());
    let (_, after) = after(&object, &writes);
    let message = condition(&after, "KruisePodReady").unwrap()["message"]
        .as_str()
        .unwrap();
    assert_eq!(serde_json::from_str::<Value>(message).unwrap(), expected);
}

// IP-69, IP-75, DV-IP6: (from, to, listed, left)
#[rstest]
#[case::updated("Updating", "Updated", json!([key("preUpdateHook")]), json!([]))]
#[case::normal("Updating", "Normal", json!([key("preUpdateHook")]), json!([]))]
#[case::wanted_again("PreparingDelete", "PreparingNormal", json!([key("preDeleteHook")]), json!([]))]
#[case::others_stay("Updated", "Normal", json!([crr(), key("preUpdateHook")]), json!([crr()]))]
#[case::update_begins(
    "PreparingUpdate", "Updating", json!([key("preUpdateHook")]), json!([key("preUpdateHook")])
)]
#[case::still_to_be_deleted(
    "PreparingNormal", "Normal", json!([key("preDeleteHook")]), json!([key("preDeleteHook")])
)]
fn who_held_lets_go_ip_69(
    #[case] from: &str,
    #[case] to: &str,
    #[case] listed: Value,
    #[case] left: Value,
    // The key goes whatever the hook wants by now.
    #[values(true, false)] mark_pod_not_ready: bool,
) {
    let object = in_state(&holding(&listed), from);
    let ready = condition(&object, "Ready").unwrap().clone();
    let writes = lifecycle::transition(&pod(&object), to, mark_pod_not_ready, now());
    let (_, after) = after(&object, &writes);
    assert_eq!(lifecycle::state(&pod(&after)), to);
    let condition_after = condition(&after, "KruisePodReady").unwrap();
    let message = condition_after["message"].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Value>(message).unwrap(), left);
    let status = if left == json!([]) { "True" } else { "False" };
    assert_eq!(condition_after["status"], status);
    assert_eq!(
        condition(&after, "Ready"),
        Some(&ready),
        "the kubelet's to set"
    );
}

// IP-67
#[test]
fn transition_with_handler_puts_the_hook_on_the_pod_ip_67() {
    let object = serving();
    let hook = hook(&json!({ "labelsHandler": { "hold": "y" }, "finalizersHandler": ["f"] }));
    let writes = lifecycle::transition_with_handler(
        &pod(&object),
        "PreparingUpdate",
        hook.as_ref().unwrap(),
        now(),
    );
    let (places, after) = after(&object, &writes);
    assert_eq!(places, [None]);
    let after = pod(&after);
    assert!(lifecycle::all_hooked(hook.as_ref(), &after));
    assert_eq!(lifecycle::state(&after), "PreparingUpdate");
    assert_eq!(after.metadata.finalizers, ["f", "mine"]);
    let again = lifecycle::transition_with_handler(
        &after,
        "PreparingUpdate",
        hook.as_ref().unwrap(),
        now(),
    );
    assert_eq!(again, []);
}

// IP-67, IP-68: a status can't carry finalizers. Killed between the two writes, the state says that
// the hook is still to be put on the pod.
#[rstest]
#[case::finalizer_missing(json!(["f"]), &[Some("status"), None])]
#[case::finalizer_there(json!(["mine"]), &[Some("status")])]
#[case::labels_only(json!(null), &[Some("status")])]
fn finalizers_come_with_the_state_ip_67(
    #[case] finalizers: Value,
    #[case] expected: &[Option<&'static str>],
) {
    let object = in_state(&serving(), "Updated");
    let hook = hook(&json!({
        "labelsHandler": { "hold": "y" },
        "finalizersHandler": finalizers,
        "markPodNotReady": true,
    }))
    .unwrap();
    let go = |object: &Value| {
        lifecycle::transition_with_handler(&pod(object), "PreparingUpdate", &hook, now())
    };
    let writes = go(&object);
    let (places, all) = after(&object, &writes);
    assert_eq!(places, expected);
    assert!(lifecycle::all_hooked(Some(&hook), &pod(&all)));
    assert_eq!(lifecycle::state(&pod(&all)), "PreparingUpdate");
    assert_eq!(
        condition(&all, "KruisePodReady").unwrap()["status"],
        "False"
    );
    if let [first, _] = &writes[..] {
        let (_, between) = after(&object, std::slice::from_ref(first));
        assert_eq!(lifecycle::state(&pod(&between)), "Updated");
        let (_, resumed) = after(&between, &go(&between));
        assert_eq!(resumed["metadata"], all["metadata"]);
    }
}
