//! The checker finds what is wrong with plans that are wrong.

use rstest::rstest;
use serde_json::{Value, json};
use sidecarset_controller::{
    check::violations,
    plan::{Plan, PodMark, Step, plan},
};

use crate::world::{World, agent, mesh, updated, world};

/// A plan that updates all three pods, which may all be unavailable.
fn good() -> (World, Plan) {
    let mut world = world(3, json!({ "updateStrategy": { "maxUnavailable": 3 } }));
    world.change(json!({ "containers": agent("agent:2") }));
    world.reconcile();
    let plan = plan(&world.snapshot());
    assert_eq!(updated(&plan).len(), 3);
    (world, plan)
}

#[track_caller]
fn finds(world: &World, plan: &Plan, words: &str) {
    let found = violations(&world.snapshot(), plan);
    assert!(found.iter().any(|it| it.contains(words)), "{found:?}");
}

/// The patch of the first pod that the plan updates.
fn first_patch(plan: &mut Plan) -> &mut Value {
    let mut steps = plan.steps.iter_mut();
    let patch = steps.find_map(|step| match step {
        Step::UpdatePods { pods } => Some(&mut pods[0].patch),
        _ => None,
    });
    patch.unwrap()
}

// SS-228, SS-229, SS-220, SS-210: what the set says now forbids what was planned.
#[rstest]
#[case::max_unavailable(json!({ "maxUnavailable": 2 }), "maxUnavailable is 2")]
#[case::partition(json!({ "partition": 1 }), "partition keeps 1")]
#[case::selector(json!({ "selector": { "matchLabels": { "a": "b" } } }), "not selected")]
#[case::paused(json!({ "paused": true }), "nothing is to be updated")]
#[case::not_update(json!({ "type": "NotUpdate" }), "nothing is to be updated")]
fn too_many_updates_are_found(#[case] strategy: Value, #[case] words: &str) {
    let (mut world, plan) = good();
    assert_eq!(violations(&world.snapshot(), &plan), Vec::<String>::new());
    json_patch::merge(&mut world.set["spec"]["updateStrategy"], &strategy);
    finds(&world, &plan, words);
}

// SS-242 to SS-246
#[rstest]
#[case::other_image(json!({ "spec": { "containers": [{ "name": "agent", "image": "x" }] } }), "not the SidecarSet's")]
#[case::main(json!({ "spec": { "containers": [{ "name": "main", "image": "agent:2" }] } }), "not the SidecarSet's")]
#[case::environment(json!({ "spec": { "containers": [{ "name": "agent", "image": "agent:2", "env": [] }] } }), "more than an image")]
#[case::node(json!({ "spec": { "nodeName": "n2" } }), "nodeName of pod")]
#[case::labels(json!({ "metadata": { "labels": {} } }), "labels of pod")]
#[case::annotation(json!({ "metadata": { "annotations": { "a": "b" } } }), "annotation a of pod")]
#[case::version(json!({ "metadata": { "resourceVersion": null } }), "whatever version is there")]
#[case::uid(json!({ "metadata": { "uid": "other" } }), "whatever version is there")]
fn what_must_not_change_is_found(#[case] change: Value, #[case] words: &str) {
    let (world, mut plan) = good();
    json_patch::merge(first_patch(&mut plan), &change);
    finds(&world, &plan, words);
}

// SS-204, SS-211, SS-221
#[rstest]
#[case::gone(json!({ "metadata": { "deletionTimestamp": "2026-01-10T09:00:00Z" } }), "not one of the SidecarSet's")]
#[case::not_listed(json!({ "metadata": { "annotations": { "kruise.io/sidecarset-injected-list": null } } }), "not one of the SidecarSet's")]
#[case::not_upgradable(json!({ "metadata": { "annotations": { "kruise.io/sidecarset-hash-without-image": null } } }), "must not be now")]
fn pods_that_must_not_be_touched_are_found(#[case] change: Value, #[case] words: &str) {
    let (mut world, plan) = good();
    json_patch::merge(world.pods.get_mut("web-0").unwrap(), &change);
    finds(&world, &plan, words);
}

#[test]
fn a_pod_that_is_updated_twice_is_found() {
    let (world, mut plan) = good();
    let twice = plan.steps.last().unwrap().clone();
    plan.steps.push(twice);
    finds(&world, &plan, "changed twice");
}

#[test]
fn a_plan_for_one_on_its_way_out_is_found() {
    let (mut world, plan) = good();
    world.set["metadata"]["deletionTimestamp"] = json!("2026-01-10T09:00:00Z");
    finds(&world, &plan, "on its way out");
}

// SS-271
#[rstest]
#[case::no_news(json!({ "status": {} }), "what it says")]
#[case::version(json!({ "metadata": { "resourceVersion": "1" } }), "whatever version is there")]
fn a_wrong_status_is_found(#[case] change: Value, #[case] words: &str) {
    let (world, mut plan) = good();
    let Step::PatchStatus { patch } = &mut plan.steps[0] else {
        panic!("{plan:?}");
    };
    for (key, value) in change.as_object().unwrap() {
        patch[key] = value.clone();
    }
    finds(&world, &plan, words);
}

// SS-73, SS-78
#[test]
fn a_revision_that_is_needed_or_of_others_is_found() {
    let mut world = world(0, json!({}));
    world.add_pod("web-0");
    let name = world.revisions[0]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    let uid = world.revisions[0]["metadata"]["uid"]
        .as_str()
        .unwrap()
        .to_owned();
    let plan = Plan {
        steps: vec![Step::DeleteRevision { name, uid }],
        ..Plan::default()
    };
    finds(&world, &plan, "a pod is at it");
    world.revisions[0]["metadata"]["ownerReferences"][0]["uid"] = json!("other");
    finds(&world, &plan, "of somebody else");
}

// SS-210
#[test]
fn steps_in_another_order_are_found() {
    let (world, mut plan) = good();
    plan.steps.reverse();
    finds(&world, &plan, "order of SS-210");
    let body = json!({ "metadata": { "namespace": "shop" } });
    plan.steps.insert(0, Step::CreateRevision { body });
    finds(&world, &plan, "before the spec is registered");
    finds(&world, &plan, "created elsewhere");
}

// SS-247
#[test]
fn another_condition_is_found() {
    let (world, mut plan) = good();
    let Some(Step::UpdatePods { pods }) = plan.steps.last() else {
        panic!("{plan:?}");
    };
    let mut patch = pods[0].mark.clone().unwrap();
    patch["status"]["conditions"][0]["type"] = json!("Ready");
    let pod = pods[0].pod.clone();
    plan.steps = vec![Step::MarkPods {
        marks: vec![PodMark { pod, patch }],
    }];
    finds(&world, &plan, "marked with something else");
}

// SS-253
#[test]
fn a_reset_of_the_working_twin_is_found() {
    let mut world = world(1, json!({ "containers": mesh("mesh:1") }));
    world.change(json!({ "containers": mesh("mesh:2") }));
    world.settle();
    world.run("web-0");
    let mut plan = plan(&world.snapshot());
    let Some(Step::ResetPods { pods }) = plan.steps.last_mut() else {
        panic!("{plan:?}");
    };
    pods[0].patch["spec"]["containers"][0]["name"] = json!("mesh-2");
    finds(&world, &plan, "that works");
}
