use kruise_api::{apps::v1beta1::LifecycleHook, inplace::lifecycle};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{merged, pod, running_pod, time};

fn hook(hook: &Value) -> Option<LifecycleHook> {
    serde_json::from_value(hook.clone()).unwrap()
}

// IP-63, IP-64, IP-S35; the pod has label app=web and finalizer f.
#[rstest]
#[case::missing(json!(null), false, false)]
#[case::empty(json!({}), false, true)]
#[case::label(json!({ "labelsHandler": { "app": "web" } }), true, true)]
#[case::other_value(json!({ "labelsHandler": { "app": "x" } }), false, false)]
#[case::missing_label_counts_as_empty(json!({ "labelsHandler": { "hold": "" } }), true, false)]
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

// IP-65, IP-66
#[test]
fn transition_sets_state_and_time_ip_66() {
    let object = running_pod(&json!({}));
    let now = time("2026-01-10T08:00:00.9Z");
    let patch = lifecycle::transition_patch(&pod(&object), "PreparingDelete", now);
    let after = merged(&object, &patch);
    assert_eq!(lifecycle::state(&pod(&after)), "PreparingDelete");
    assert_eq!(
        after["metadata"]["annotations"]["lifecycle.apps.kruise.io/timestamp"],
        "2026-01-10T08:00:00Z"
    );
    assert_eq!(after["metadata"]["labels"]["app"], "web");
}

// IP-67
#[test]
fn transition_with_handler_puts_the_hook_on_the_pod_ip_67() {
    let object = running_pod(&json!({ "metadata": { "finalizers": ["mine"] } }));
    let hook = hook(&json!({ "labelsHandler": { "hold": "y" }, "finalizersHandler": ["f"] }));
    let patch = lifecycle::transition_with_handler_patch(
        &pod(&object),
        "PreparingUpdate",
        hook.as_ref().unwrap(),
        time("2026-01-10T08:00:00Z"),
    );
    let after = pod(&merged(&object, &patch));
    assert!(lifecycle::all_hooked(hook.as_ref(), &after));
    assert_eq!(lifecycle::state(&after), "PreparingUpdate");
    assert_eq!(after.metadata.finalizers, ["f", "mine"]);
}
