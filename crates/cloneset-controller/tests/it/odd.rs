//! What nobody should write, and what others leave behind: nothing hangs, nothing panics, nothing is made
//! anew for it.

use cloneset_controller::plan::Step;
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, reasons, spec, template};

const META: &str = "apps.kruise.io/runtime-containers-meta";

fn in_place(policy: &str) -> Value {
    json!({ "podUpdatePolicy": policy, "maxUnavailable": "100%" })
}

// IP-133: null is absent, as in Go. The API server keeps it, since templates have no schema.
#[test]
fn null_in_a_template_is_absent() {
    let mut spec = spec(1, json!({}));
    spec["template"]["metadata"]["labels"]["empty"] = Value::Null;
    spec["template"]["metadata"]["name"] = Value::Null;
    spec["template"]["spec"]["nodeName"] = Value::Null;
    let mut world = World::new(spec);
    world.settle();
    assert_eq!(world.pods.len(), 1);
}

#[test]
fn a_template_that_is_none_is_named() {
    let mut spec = spec(1, json!({}));
    spec["template"]["spec"]["containers"] = json!("app");
    let mut world = World::new(spec);
    let plan = world.reconcile();
    assert!(plan.steps.is_empty());
    assert!(
        plan.waiting_on[0].to_string().contains("spec.template"),
        "{}",
        plan.waiting_on[0]
    );
}

// CS-88
#[test]
fn a_pod_in_an_unknown_state_is_left_alone() {
    let mut world = World::new(spec(2, in_place("InPlaceIfPossible")));
    world.settle();
    let first = world.pods.keys().next().unwrap();
    world.pods.get_mut(&first).unwrap()["metadata"]["labels"]["lifecycle.apps.kruise.io/state"] =
        json!("Elsewhere");
    world.set_image("acme/app:2");
    let plan = world.settle();
    assert_eq!(reasons(&plan), ["BrokenUpdateState"]);
    let mut images = world.images();
    images.sort();
    assert_eq!(images, ["acme/app:1", "acme/app:2"]);
}

#[test]
fn a_number_of_replicas_that_nobody_can_mean_costs_little() {
    let mut world = World::new(spec(i32::MAX, json!({})));
    world.reconcile();
    let plan = world.reconcile();
    let [Step::CreatePods { batches }] = &plan.steps[..] else {
        panic!("{plan:#?}")
    };
    assert_eq!(batches.iter().map(Vec::len).sum::<usize>(), 500);
}

// CS-53
#[test]
fn no_limit_at_all_lets_pods_go() {
    let mut world = World::new(spec(
        3,
        json!({ "maxUnavailable": i32::MAX, "maxSurge": i32::MAX }),
    ));
    world.settle();
    world.change(json!({ "spec": { "replicas": 1 } }));
    world.settle();
    assert_eq!(world.pods.len(), 1);
}

// IP-131: the same data under our name is used, whoever owns it and whatever its labels say.
#[test]
fn a_revision_with_edited_labels_still_serves() {
    let mut world = World::new(spec(1, in_place("InPlaceIfPossible")));
    world.settle();
    let uids = world.uids();
    world.set_image("acme/app:2");
    world.reconcile();
    for mut revision in world.revisions.values_mut().skip(1) {
        revision["metadata"]["labels"] = json!({});
    }
    let newest = world
        .revisions
        .values_mut()
        .max_by_key(|revision| revision["revision"].as_i64());
    newest.unwrap()["metadata"]["labels"] = json!({});
    world.settle();
    assert_eq!(world.images(), ["acme/app:2"]);
    assert_eq!(world.uids(), uids);
}

fn configured(value: &str, image: &str) -> Value {
    let mut template = template(image);
    template["metadata"]["annotations"] = json!({ "cfg": value });
    template["spec"]["containers"][0]["env"] = json!([{
        "name": "CFG",
        "valueFrom": { "fieldRef": { "fieldPath": "metadata.annotations['cfg']" } },
    }]);
    template
}

/// A pod whose image can't be pulled does not run and so has no report. Whether it can be mended in
/// place depends on who else is there.
// DV-IP12
#[rstest]
#[case::nobody_reports("InPlaceIfPossible", false, false)]
#[case::another_pod_is_reported("InPlaceIfPossible", true, true)]
#[case::nothing_else_is_allowed("InPlaceOnly", false, true)]
fn a_pod_that_does_not_run_is_mended(
    #[case] policy: &str,
    #[case] is_reported: bool,
    #[case] is_kept: bool,
) {
    let mut spec = spec(2, in_place(policy));
    spec["template"] = configured("1", "acme/app:1");
    let mut world = World::new(spec);
    world.settle();
    let pods: Vec<String> = world.pods.keys().collect();
    world.pods.get_mut(&pods[0]).unwrap()["status"]["phase"] = json!("Pending");
    let name = &pods[0];
    if is_reported {
        world.pods.get_mut(&pods[1]).unwrap()["metadata"]["annotations"][META] =
            json!(r#"{"containers":[]}"#);
    }
    world.change(json!({ "spec": { "template": configured("2", "acme/app:2") } }));
    world.reconcile();
    let plan = world.reconcile();
    let in_place = plan.steps.iter().any(|step| match step {
        Step::UpdatePodsInPlace { updates } => {
            updates.iter().any(|update| *name == update.pod.name)
        }
        _ => false,
    });
    let anew = plan.steps.iter().any(|step| match step {
        Step::MarkPodsForRecreate { patches } => {
            patches.iter().any(|patch| *name == patch.pod.name)
        }
        _ => false,
    });
    assert_eq!((in_place, anew), (is_kept, !is_kept), "{plan:#?}");
}
