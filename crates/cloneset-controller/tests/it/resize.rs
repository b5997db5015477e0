//! Resizes in place that somebody refuses (DV-IP10).

use jiff::SignedDuration;
use serde_json::json;

use crate::world::{World, reasons, sized, spec, vertical_scaling};

/// Three pods, of which the first by name must not grow.
fn three_pods(policy: &str, grace_seconds: i32) -> (World, String) {
    let mut spec = spec(
        3,
        json!({
            "podUpdatePolicy": "InPlaceIfPossible",
            "maxUnavailable": 1,
            "inPlaceUpdateStrategy": { "gracePeriodSeconds": grace_seconds },
        }),
    );
    spec["template"] = sized("1", policy);
    let mut world = World::new(spec);
    world.gates.in_place = vertical_scaling();
    world.settle();
    let first = world.pods.keys().next().unwrap();
    world.policy.refuses_resize_of = Some(first.clone());
    (world, first)
}

fn grow(world: &mut World, cpu: &str, policy: &str) {
    let template = sized(cpu, policy);
    world.change(json!({ "spec": { "template": template } }));
}

fn limits(world: &World) -> Vec<String> {
    world
        .pods
        .values()
        .map(|pod| {
            let limits = &pod["spec"]["containers"][0]["resources"]["limits"];
            limits["cpu"].as_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn a_refused_resize_holds_its_pod_and_no_other() {
    for policy in ["NotRequired", "RestartContainer"] {
        let (mut world, first) = three_pods(policy, 0);
        let uids = world.uids();
        grow(&mut world, "64", policy);
        let last = world.settle();
        assert_eq!(reasons(&last), ["ResizeRefused"]);
        let message = last.waiting_on[0].to_string();
        assert!(
            message.contains(&first) && message.contains("too big"),
            "{message}"
        );
        assert_eq!(limits(&world), ["1", "64", "64"]);
        assert_eq!(world.uids(), uids, "nothing is recreated");
        // Also the one that was taken out of service for the restart is back.
        assert_eq!(world.status("availableReplicas"), json!(3));
        assert_eq!(world.refused_resizes(), 1);
    }
}

#[test]
fn a_refused_resize_is_tried_again_after_five_minutes_or_with_another_template() {
    let (mut world, _) = three_pods("NotRequired", 0);
    grow(&mut world, "64", "NotRequired");
    world.settle();
    // By then the status says so, and nothing else is looked at again.
    world.pass(SignedDuration::from_secs(20));
    let again = world.settle().requeue_after.expect("a look");
    assert!(again.as_secs() <= 300 && again.as_secs() > 200, "{again:?}");
    world.pass(SignedDuration::from_secs(180));
    world.settle();
    assert_eq!(world.refused_resizes(), 1);
    world.pass(SignedDuration::from_secs(100));
    world.settle();
    assert_eq!(world.refused_resizes(), 2);

    grow(&mut world, "32", "NotRequired");
    world.settle();
    assert_eq!(world.refused_resizes(), 3);
    world.policy.refuses_resize_of = None;
    grow(&mut world, "2", "NotRequired");
    world.settle();
    assert_eq!(limits(&world), ["2", "2", "2"]);
    assert_eq!(world.status("updatedAvailableReplicas"), json!(3));
}

// Which the dry run before can't know: the label names the new revision already, and the pod is not in service. It
// waits alone.
#[test]
fn a_resize_refused_after_the_grace_period_is_told_too() {
    let (mut world, first) = three_pods("RestartContainer", 2);
    world.policy.refuses_resize_of = None;
    world.change(
        json!({ "spec": { "updateStrategy": { "rollingUpdate": { "maxUnavailable": 3 } } } }),
    );
    grow(&mut world, "64", "RestartContainer");
    world.reconcile();
    world.reconcile();
    let annotations = world.pod(&first).metadata.annotations;
    assert!(annotations.contains_key("apps.kruise.io/inplace-update-grace"));
    world.policy.refuses_resize_of = Some(first);
    for _ in 0..10 {
        world.settle();
        world.pass(SignedDuration::from_secs(3));
    }
    let last = world.settle();
    assert_eq!(reasons(&last)[0], "ResizeRefused");
    assert_eq!(limits(&world), ["1", "64", "64"]);
    assert_eq!(world.refused_resizes(), 1);
}

#[test]
fn what_the_kubelet_does_not_grant_is_told_in_its_words() {
    let (mut world, first) = three_pods("NotRequired", 0);
    world.policy.refuses_resize_of = None;
    grow(&mut world, "64", "NotRequired");
    world.reconcile();
    world.reconcile();
    let (name, _) = world
        .pods
        .iter()
        .find(|(_, pod)| pod["metadata"]["labels"]["lifecycle.apps.kruise.io/state"] == "Updating")
        .unwrap();
    let infeasible = json!({ "type": "PodResizePending", "status": "True",
        "reason": "Infeasible", "message": "Node didn't have enough capacity: cpu" });
    world.pods.get_mut(&name).unwrap()["status"]["conditions"]
        .as_array_mut()
        .unwrap()
        .push(infeasible);
    let plan = world.reconcile();
    assert_eq!(reasons(&plan)[0], "ResizeRefused", "{plan:#?} {first}");
    assert_eq!(
        plan.waiting_on[0].to_string(),
        format!("pod {name} can't be given its resources in place: the kubelet says Infeasible")
    );
}

// DV-CS13, DV-IP10: one that is held for its update and then can't be resized gives its place to another, which keeps
// it: two pods that are sent for and back by turns would be written without end.
#[test]
fn a_refused_pod_gives_its_place_to_another_for_good() {
    let (mut world, first) = three_pods("NotRequired", 0);
    let hold = json!({ "labelsHandler": { "hold": "yes" } });
    for mut pod in world.pods.values_mut() {
        pod["metadata"]["labels"]["hold"] = json!("yes");
    }
    world.change(json!({ "spec": {
        "lifecycle": { "inPlaceUpdate": hold },
        "updateStrategy": { "rollingUpdate": { "partition": 2, "maxUnavailable": 3 } },
    } }));
    let mut bigger = sized("64", "NotRequired");
    bigger["metadata"]["labels"]["hold"] = json!("yes");
    // Whichever is held first is the one that is refused.
    world.policy.refuses_resize_of = None;
    world.change(json!({ "spec": { "template": bigger } }));
    world.settle();
    let state = "lifecycle.apps.kruise.io/state";
    let held: Vec<String> = world
        .pods
        .iter()
        .filter(|(_, pod)| pod["metadata"]["labels"][state] == "PreparingUpdate")
        .map(|(name, _)| name)
        .collect();
    assert_eq!(held.len(), 1, "{held:?} {first}");
    world.policy.refuses_resize_of = Some(held[0].clone());
    world.pods.get_mut(&held[0]).unwrap()["metadata"]["labels"]
        .as_object_mut()
        .unwrap()
        .remove("hold");
    // It settles, which a pod that is sent for and back does not.
    world.settle();
    assert_eq!(world.refused_resizes(), 1);
    let next = world
        .pods
        .iter()
        .filter(|(_, pod)| pod["metadata"]["labels"][state] == "PreparingUpdate");
    let next: Vec<String> = next.map(|(name, _)| name).collect();
    assert!(next.len() == 1 && next[0] != held[0], "{next:?} {held:?}");
}
