use kruise_api::availability::{available_at, is_available, is_update_ready};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{pod, running_pod, time};

fn condition(condition: &Value) -> Value {
    json!({ "status": { "conditions": [condition] } })
}

fn state(state: &str) -> Value {
    json!({ "metadata": { "labels": { "lifecycle.apps.kruise.io/state": state } } })
}

// CS-44, CS-99
#[rstest]
#[case(json!({}), true, true)]
#[case(json!({ "status": { "phase": "Pending" } }), false, false)]
#[case(condition(&json!({ "type": "Ready", "status": "False" })), false, false)]
#[case(condition(&json!({ "type": "InPlaceUpdateReady", "status": "False" })), false, false)]
#[case(condition(&json!({ "type": "InPlaceUpdateReady", "status": "Unknown" })), false, false)]
#[case(state("PreparingNormal"), true, false)]
#[case(state("Updated"), true, false)]
#[case(
    json!({ "metadata": { "labels": { "lifecycle.apps.kruise.io/state": null } } }),
    true,
    true
)]
fn ready_and_available_cs_44(#[case] patch: Value, #[case] ready: bool, #[case] available: bool) {
    let pod = pod(&running_pod(&patch));
    let now = time("2026-01-10T09:00:00Z");
    assert_eq!(is_update_ready(&pod, 0, now), ready);
    assert_eq!(is_available(&pod, 0, now), available);
    assert_eq!(available_at(&pod, 30).is_some(), available);
}

// CS-44: strictly older than minReadySeconds; the pod is ready since 07:00:01.
#[rstest]
#[case("2026-01-10T07:00:30Z", false)]
#[case("2026-01-10T07:00:31Z", false)]
#[case("2026-01-10T07:00:31.001Z", true)]
fn min_ready_seconds_cs_44(#[case] now: &str, #[case] expected: bool) {
    let pod = pod(&running_pod(&json!({})));
    assert_eq!(is_available(&pod, 30, time(now)), expected);
}

#[test]
fn pod_is_available_from_the_moment_foretold() {
    let pod = pod(&running_pod(&json!({})));
    let at = available_at(&pod, 30).unwrap();
    assert!(is_available(&pod, 30, at));
    assert!(!is_available(
        &pod,
        30,
        at - jiff::SignedDuration::from_nanos(1)
    ));
}

#[test]
fn unknown_transition_time_never_satisfies_min_ready_seconds_cs_44() {
    let patch = condition(&json!({ "type": "Ready", "lastTransitionTime": null }));
    let pod = pod(&running_pod(&patch));
    assert!(is_available(&pod, 0, time("2027-01-01T00:00:00Z")));
    assert!(!is_available(&pod, 1, time("2027-01-01T00:00:00Z")));
    assert_eq!(available_at(&pod, 1), None);
}
