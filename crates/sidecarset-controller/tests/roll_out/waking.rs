//! What wakes which SidecarSets (SS-200 to SS-203).

use rstest::rstest;
use serde_json::{Value, json};
use sidecarset_controller::{
    sidecar_pod::SidecarPod,
    view::Views,
    wake::{self, Woken},
};

use crate::world::{mesh, world};

fn pod(pod: &Value) -> SidecarPod {
    serde_json::from_str(&pod.to_string()).unwrap()
}

/// How a set is woken by a change of a pod that has its sidecars: the spec is changed first, then the pod.
fn woken(spec: Value, change: Value) -> &'static str {
    let world = world(1, spec);
    let views = Views::default();
    views.follow(None, Some(&world.typed()));
    let old = world.pods["web-0"].clone();
    let mut new = old.clone();
    json_patch::merge(&mut new, &change);
    words(&wake::by_pod(&views, Some(&pod(&old)), Some(&pod(&new))))
}

fn words(woken: &Woken) -> &'static str {
    match (woken.now.len(), woken.later.len()) {
        (1, 0) => "now",
        (0, 1) => "later",
        (0, 0) => "not",
        _ => panic!("{woken:?}"),
    }
}

fn ready(status: &str) -> Value {
    json!({ "status": { "conditions": [{ "type": "Ready", "status": status }] } })
}

fn labelled() -> Value {
    json!({ "metadata": { "labels": { "canary": "true" } } })
}

fn updates(selector: Value) -> Value {
    json!({ "updateStrategy": { "selector": selector } })
}

// SS-201
#[rstest]
#[case::report(json!({ "status": { "observedGeneration": 7 } }), "not")]
#[case::annotation(json!({ "metadata": { "annotations": { "a": "b" } } }), "not")]
#[case::label(labelled(), "not")]
#[case::not_ready(ready("False"), "now")]
#[case::still_ready(ready("True"), "not")]
#[case::terminating(json!({ "metadata": { "deletionTimestamp": "2026-01-10T09:00:00Z" } }), "now")]
#[case::ended(json!({ "status": { "phase": "Failed" } }), "now")]
#[case::statuses_vanish(json!({ "status": { "containerStatuses": [] } }), "later")]
#[case::another_image(
    json!({ "metadata": { "annotations": { "kruise.io/sidecarset-inplace-update-state":
        r#"{"log":{"lastContainerStatuses":{"agent":{"imageID":"id-of-agent:1"}}}}"# } },
        "spec": { "containers": [{ "name": "main", "image": "main:1" }, { "name": "agent", "image": "agent:2" }] } }),
    "later")]
#[case::no_longer_its_own(json!({ "metadata": { "annotations": { "kruise.io/sidecarset-injected-list": "mesh" } } }), "now")]
#[case::no_longer_selected(json!({ "metadata": { "labels": { "app": "db" } } }), "now")]
#[case::another_pod(json!({ "metadata": { "uid": "other" } }), "now")]
fn a_change_of_a_pod_wakes_its_set_if_it_matters(#[case] change: Value, #[case] expected: &str) {
    assert_eq!(woken(json!({}), change), expected);
}

// SS-201: labels matter to a set that chooses by them.
#[rstest]
#[case::label(labelled(), "now")]
#[case::report(json!({ "status": { "observedGeneration": 7 } }), "not")]
fn labels_wake_a_set_that_selects_updates(#[case] change: Value, #[case] expected: &str) {
    let spec = updates(json!({ "matchLabels": { "canary": "true" } }));
    assert_eq!(woken(spec, change), expected);
}

// SS-201: the flip is looked at only while the pod was not on its way out.
#[test]
fn readiness_of_a_pod_that_goes_wakes_nobody() {
    let gone = json!({ "metadata": { "deletionTimestamp": "2026-01-10T09:00:00Z" } });
    let world = world(1, json!({}));
    let views = Views::default();
    views.follow(None, Some(&world.typed()));
    let mut old = world.pods["web-0"].clone();
    json_patch::merge(&mut old, &gone);
    let mut new = old.clone();
    json_patch::merge(&mut new, &ready("False"));
    assert_eq!(
        words(&wake::by_pod(&views, Some(&pod(&old)), Some(&pod(&new)))),
        "not"
    );
    assert_eq!(words(&wake::by_pod(&views, Some(&pod(&old)), None)), "not");
}

// SS-201, SS-206
#[test]
fn a_new_pod_wakes_the_sets_that_it_has_the_sidecars_of() {
    let world = world(1, json!({ "containers": mesh("mesh:1") }));
    let views = Views::default();
    let mut injected = world.pods["web-0"].clone();
    let new = |value: &Value| words(&wake::by_pod(&views, None, Some(&pod(value))));
    assert_eq!(new(&injected), "not", "there is no such set");
    views.follow(None, Some(&world.typed()));
    assert_eq!(new(&injected), "now");
    assert_eq!(
        words(&wake::by_pod(&views, Some(&pod(&injected)), None)),
        "now"
    );
    injected["metadata"]["annotations"]["kruise.io/sidecarset-working-hotupgrade-container"] =
        json!("{}");
    assert_eq!(new(&injected), "not");
}

// SS-253, SS-255: a twin that gets ready matters also while something else keeps its pod from being ready.
#[rstest]
#[case::first_twin("mesh-1", "now")]
#[case::second_twin("mesh-2", "now")]
#[case::another_container("main", "not")]
fn a_twin_that_gets_ready_wakes_its_set(#[case] container: &str, #[case] expected: &str) {
    let world = world(1, json!({ "containers": mesh("mesh:1") }));
    let views = Views::default();
    views.follow(None, Some(&world.typed()));
    let mut old = world.pods["web-0"].clone();
    json_patch::merge(&mut old, &ready("False"));
    let mut new = old.clone();
    let statuses = new["status"]["containerStatuses"].as_array_mut().unwrap();
    let status = statuses.iter_mut().find(|it| it["name"] == container);
    let status = status.unwrap();
    status["ready"] = json!(status["ready"] != true);
    let woken = wake::by_pod(&views, Some(&pod(&old)), Some(&pod(&new)));
    assert_eq!(words(&woken), expected);
}

// SS-200
#[test]
fn a_set_is_woken_by_its_generation() {
    let world = world(0, json!({}));
    let old = world.typed();
    let woken = |change: Value| {
        let mut new = world.set.clone();
        json_patch::merge(&mut new, &change);
        wake::by_set(Some(&old), Some(&serde_json::from_value(new).unwrap())).len()
    };
    assert_eq!(woken(json!({ "status": { "matchedPods": 7 } })), 0);
    assert_eq!(woken(json!({ "metadata": { "labels": { "a": "b" } } })), 0);
    assert_eq!(woken(json!({ "metadata": { "generation": 2 } })), 1);
    assert_eq!(woken(json!({ "metadata": { "uid": "other" } })), 1);
    assert_eq!(wake::by_set(None, Some(&old)).len(), 1);
    assert_eq!(wake::by_set(Some(&old), None).len(), 1);
}

// SS-110: what a canary takes, its base no longer lacks.
#[test]
fn a_canary_wakes_its_base() {
    let mut world = world(0, json!({}));
    world.set["metadata"]["annotations"] = json!({
        "apps.kruise.io/sidecarset-canary": "true", "apps.kruise.io/sidecarset-base": "base",
    });
    let keys = wake::by_set(None, Some(&world.typed()));
    let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["base", "log"]);
}

// SS-203
#[rstest]
#[case::joins(json!({}), json!({ "env": "prod" }), 1)]
#[case::leaves(json!({ "env": "prod" }), json!({ "env": "test" }), 1)]
#[case::stays(json!({ "env": "prod" }), json!({ "env": "prod", "a": "b" }), 0)]
#[case::stays_out(json!({}), json!({ "a": "b" }), 0)]
fn a_namespace_wakes_sets_that_select_it(
    #[case] old: Value,
    #[case] new: Value,
    #[case] expected: usize,
) {
    let mut world = world(0, json!({}));
    let views = Views::default();
    world.set["metadata"]["name"] = json!("of-all");
    views.follow(None, Some(&world.typed()));
    world.set["metadata"]["name"] = json!("of-some");
    world.change(json!({ "namespaceSelector": { "matchLabels": { "env": "prod" } } }));
    views.follow(None, Some(&world.typed()));
    let metadata = |labels: &Value| serde_json::from_value(json!({ "labels": labels })).unwrap();
    let woken = wake::by_namespace(&views, Some(&metadata(&old)), Some(&metadata(&new)));
    assert_eq!(woken.len(), expected);
}

// SS-73: a revision that somebody deletes is made again.
#[test]
fn a_revision_wakes_its_set() {
    let world = world(0, json!({}));
    let views = Views::default();
    let metadata = serde_json::from_value(world.revisions[0]["metadata"].clone()).unwrap();
    assert!(wake::by_revision(&views, Some(&metadata), None).is_empty());
    views.follow(None, Some(&world.typed()));
    assert_eq!(
        wake::by_revision(&views, Some(&metadata), None)[0].name,
        "log"
    );
}
