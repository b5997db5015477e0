//! Further scenarios of the behaviour contract, and gates that change the planner's mind.

use cloneset_controller::plan::{Plan, Step};
use kruise_plan::WaitReason;
use serde_json::{Value, json};

use crate::world::{World, claims::is_terminating, in_place, reasons, settled, spec, template};

const STATE: &str = "lifecycle.apps.kruise.io/state";
const REVISION: &str = "controller-revision-hash";
const SPECIFIED_DELETE: &str = "apps.kruise.io/specified-delete";
const DRAIN: &str = "acme.io/drain";

fn names(world: &World) -> Vec<String> {
    world.pods.keys().collect()
}

fn label(world: &mut World, pod: &str, key: &str, value: &str) {
    world.pods.get_mut(pod).unwrap()["metadata"]["labels"][key] = json!(value);
}

fn labels(world: &World, key: &str) -> Vec<String> {
    let labels = world.pods.values();
    labels
        .map(|pod| {
            pod["metadata"]["labels"][key]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

/// Closes a readiness gate of a pod, so that it is not ready until it is opened.
fn set_ready(world: &mut World, pod: &str, ready: bool) {
    let mut pod = world.pods.get_mut(pod).unwrap();
    pod["spec"]["readinessGates"]
        .as_array_mut()
        .unwrap()
        .retain(|gate| gate["conditionType"] != "acme.io/open");
    if !ready {
        let gates = pod["spec"]["readinessGates"].as_array_mut().unwrap();
        gates.push(json!({ "conditionType": "acme.io/open" }));
    }
    let status = if ready { "True" } else { "False" };
    let conditions = pod["status"]["conditions"].as_array_mut().unwrap();
    for condition in conditions {
        if condition["type"] == "Ready" {
            condition["status"] = json!(status);
        }
    }
}

// CS-S16, CS-49, CS-64
#[test]
fn surge_replaces_a_specified_pod_before_it_goes() {
    let mut world = settled(5, json!({ "maxUnavailable": 1, "maxSurge": 1 }));
    let before = names(&world);
    set_ready(&mut world, &before[0], false);
    label(&mut world, &before[1], SPECIFIED_DELETE, "true");
    let plan = world.reconcile();
    let [Step::CreatePods { batches }] = &plan.steps[..] else {
        panic!("{plan:#?}")
    };
    assert_eq!(batches.iter().flatten().count(), 1);
    let waiting = world.reconcile();
    assert!(waiting.steps.is_empty(), "{waiting:#?}");
    assert_eq!(reasons(&waiting), ["DeletionLimited"]);
    world.settle();
    assert_eq!(world.pods.len(), 5);
    assert!(!world.pods.contains_key(&before[1]));
    assert!(world.pods.contains_key(&before[0]), "nobody's wish");
}

fn with_hook(replicas: i32, hook: Value) -> World {
    let mut spec = spec(replicas, in_place(json!(1)));
    spec["template"]["metadata"]["finalizers"] = json!([DRAIN]);
    spec["lifecycle"] = hook;
    let mut world = World::new(spec);
    world.settle();
    world
}

fn finalizers(world: &mut World, finalizers: Value) {
    for mut pod in world.pods.values_mut() {
        pod["metadata"]["finalizers"] = finalizers.clone();
    }
}

// CS-S19, CS-56
#[test]
fn a_marked_pod_does_not_come_back() {
    let hook = json!({ "finalizersHandler": [DRAIN], "markPodNotReady": true });
    let mut world = with_hook(2, json!({ "preDelete": hook }));
    let before = names(&world);
    world.change(json!({ "spec": { "replicas": 1 } }));
    world.settle();
    let going = labels(&world, STATE)
        .iter()
        .position(|state| state == "PreparingDelete")
        .unwrap();
    world.change(json!({ "spec": { "replicas": 2 } }));
    world.settle();
    assert_eq!(labels(&world, STATE)[going], "PreparingDelete");
    assert_eq!(world.status("availableReplicas"), json!(1));
    assert_eq!(names(&world), before, "it is still counted");
    finalizers(&mut world, json!([]));
    world.settle();
    assert_eq!(world.pods.len(), 2);
    assert!(!world.pods.contains_key(&before[going]));
}

// CS-S20, CS-88, CS-97
#[test]
fn an_update_waits_for_its_hook_before_and_after() {
    let hook = json!({ "finalizersHandler": [DRAIN] });
    let mut world = with_hook(1, json!({ "inPlaceUpdate": hook }));
    world.set_image("acme/app:2");
    assert_eq!(reasons(&world.settle()), ["Hook"]);
    assert_eq!(labels(&world, STATE), ["PreparingUpdate"]);
    assert_eq!(world.images(), ["acme/app:1"]);
    finalizers(&mut world, json!([]));
    world.settle();
    assert_eq!(labels(&world, STATE), ["Updated"]);
    assert_eq!(world.images(), ["acme/app:2"]);
    assert_eq!(world.status("availableReplicas"), json!(0));

    world.set_image("acme/app:3");
    world.settle();
    assert_eq!(labels(&world, STATE), ["PreparingUpdate"]);
    let pod = world.pods.values().next().unwrap();
    assert_eq!(pod["metadata"]["finalizers"], json!([DRAIN]), "put back");
    finalizers(&mut world, json!([]));
    world.settle();
    finalizers(&mut world, json!([DRAIN]));
    world.settle();
    assert_eq!(labels(&world, STATE), ["Normal"]);
    assert_eq!(world.images(), ["acme/app:3"]);
}

// CS-S23, CS-86
#[test]
fn unavailable_pods_are_updated_first_and_ready_ones_not_at_all() {
    let mut world = settled(10, in_place(json!(2)));
    let pods = names(&world);
    let unready = [pods[3].clone(), pods[7].clone()];
    for pod in &unready {
        set_ready(&mut world, pod, false);
    }
    world.set_image("acme/app:2");
    world.reconcile();
    let plan = world.reconcile();
    let [.., Step::UpdatePodsInPlace { updates }] = &plan.steps[..] else {
        panic!("{plan:#?}")
    };
    let updated: Vec<&String> = updates.iter().map(|update| &update.pod.name).collect();
    assert_eq!(updated, [&unready[0], &unready[1]]);
    assert_eq!(reasons(&plan), ["MaxUnavailableReached"]);
}

// CS-S30, CS-90, DV-CS7
#[test]
fn in_place_only_updates_those_that_can_be() {
    let mut terms = in_place(json!("100%"));
    terms["podUpdatePolicy"] = json!("InPlaceOnly");
    let mut world = settled(2, terms);
    let first = names(&world);
    let mut with_env = template("acme/app:1");
    with_env["spec"]["containers"][0]["env"] = json!([{ "name": "MODE", "value": "new" }]);
    let partition = |partition: i32| json!({ "rollingUpdate": { "partition": partition } });
    world.change(json!({ "spec": {
        "replicas": 5, "template": with_env, "updateStrategy": partition(2),
    } }));
    world.settle();
    let uids = world.uids();
    assert_eq!(world.condition("FailedUpdate"), None);

    world.change(json!({ "spec": {
        "template": template("acme/app:2"), "updateStrategy": partition(0),
    } }));
    let plan = world.settle();
    assert_eq!(reasons(&plan), ["NotInPlace"; 3]);
    assert_eq!(world.uids(), uids);
    for (name, image) in names(&world).iter().zip(world.images()) {
        let expected = if first.contains(name) {
            "acme/app:2"
        } else {
            "acme/app:1"
        };
        assert_eq!(image, expected, "{name}");
    }
    let failed = world.condition("FailedUpdate").unwrap();
    assert_eq!(failed["status"], "True");
    assert!(failed["message"].as_str().unwrap().contains("/env"));
}

// CS-S35, CS-50
#[test]
fn pods_that_prepare_for_deletion_can_be_left_out_of_the_count() {
    for by_flag in [false, true] {
        let mut world = with_hook(5, json!({ "preDelete": { "finalizersHandler": [DRAIN] } }));
        let held = names(&world)[0].clone();
        label(&mut world, &held, SPECIFIED_DELETE, "true");
        world.settle();
        assert_eq!(world.pods.len(), 5, "it counts");
        if by_flag {
            world.gates.exclude_preparing_delete = true;
        } else {
            let strategy = json!({ "excludePreparingDelete": true });
            world.change(json!({ "spec": { "scaleStrategy": strategy } }));
        }
        world.settle();
        assert_eq!(world.pods.len(), 6);
        assert_eq!(world.status("availableReplicas"), json!(5));
        assert!(world.pods.contains_key(&held));
    }
}

/// Whether every pod patch of a plan carries the version that was read.
fn is_guarded(plan: &Plan) -> bool {
    let [Step::PatchPods { patches }] = &plan.steps[..] else {
        panic!("{plan:#?}")
    };
    let writes: Vec<_> = patches.iter().flat_map(|patch| &patch.writes).collect();
    !writes.is_empty()
        && writes
            .iter()
            .all(|write| write.patch.pointer("/metadata/resourceVersion").is_some())
}

// IP-S33, IP-42, DV-D10: True is written only for the version that was looked at. What a conflict leads to is in the
// end-to-end test of conflicts.
#[test]
fn readiness_is_written_only_for_the_version_that_was_read() {
    let mut world = settled(1, in_place(json!(1)));
    world.set_image("acme/app:2");
    world.reconcile();
    world.reconcile();
    // Its container was restarted.
    assert!(world.kubelets());
    let plan = world.reconcile();
    assert!(is_guarded(&plan));
    world.settle();
    assert_eq!(world.status("updatedAvailableReplicas"), json!(1));
}

// CS-39: gate CloneSetShortHash, and that switching it moves no pod.
#[test]
fn the_short_hash_gate_shortens_the_label_of_new_pods() {
    let mut world = settled(1, in_place(json!(1)));
    let before = names(&world);
    let revision = world.status("updateRevision").as_str().unwrap().to_owned();
    let short = revision.rsplit('-').next().unwrap().to_owned();
    assert_eq!(labels(&world, REVISION), std::slice::from_ref(&revision));

    world.gates.short_hash = true;
    world.change(json!({ "spec": { "replicas": 2 } }));
    world.settle();
    assert_eq!(world.status("updatedReplicas"), json!(2), "both are at it");
    for (pod, label) in names(&world).iter().zip(labels(&world, REVISION)) {
        let is_old = before.contains(pod);
        assert_eq!(
            label,
            if is_old {
                revision.clone()
            } else {
                short.clone()
            }
        );
    }
    assert_eq!(labels(&world, "pod-template-hash"), vec![short; 2]);
    let uids = world.uids();

    world.set_image("acme/app:2");
    world.settle();
    assert_eq!(world.uids(), uids);
    let revision = world.status("updateRevision").as_str().unwrap().to_owned();
    let short = revision.rsplit('-').next().unwrap().to_owned();
    assert_eq!(labels(&world, REVISION), vec![short; 2]);
    assert_eq!(world.status("updatedAvailableReplicas"), json!(2));
}

/// Three old pods, of which one prepares for its update; then one fewer is wanted, one of them old.
fn scaled_in_while_one_prepares(gate: bool) -> bool {
    let hook = json!({ "finalizersHandler": [DRAIN] });
    let mut world = with_hook(3, json!({ "inPlaceUpdate": hook }));
    world.gates.preparing_update_as_update = gate;
    world.set_image("acme/app:2");
    world.settle();
    let states = labels(&world, STATE);
    let preparing = states.iter().position(|state| state == "PreparingUpdate");
    let preparing = names(&world)[preparing.unwrap()].clone();
    world.change(json!({ "spec": { "replicas": 2,
        "updateStrategy": { "rollingUpdate": { "partition": 1 } } } }));
    world.settle();
    // Nobody drains it.
    let mut pods = world.pods.values_mut();
    pods.find(|pod| is_terminating(pod)).unwrap()["metadata"]["finalizers"] = json!([]);
    drop(pods);
    world.settle();
    assert_eq!(world.pods.len(), 2);
    world.pods.contains_key(&preparing)
}

// CS-46: gate PreparingUpdateAsUpdate
#[test]
fn a_pod_that_prepares_for_its_update_counts_as_updated_with_the_gate() {
    assert!(
        !scaled_in_while_one_prepares(false),
        "the old one that is unavailable goes"
    );
    assert!(scaled_in_while_one_prepares(true), "an old one goes");
}

// CS-83, CS-90: where nobody may be taken any more, the order shows in the reasons alone.
#[test]
fn in_place_only_names_pods_in_the_order_of_updates_also_when_nobody_may_be_taken() {
    let mut terms = in_place(json!(1));
    terms["podUpdatePolicy"] = json!("InPlaceOnly");
    terms["priorityStrategy"] = json!({ "orderPriority": [{ "orderedKey": "rank" }] });
    let mut world = settled(4, terms);
    let pods = names(&world);
    for (name, rank) in pods.iter().zip(["2", "4", "1", "3"]) {
        label(&mut world, name, "rank", rank);
    }
    let mut impossible = template("acme/app:2");
    impossible["spec"]["hostNetwork"] = json!(true);
    world.change(json!({ "spec": { "template": impossible } }));
    world.reconcile();
    let named = |world: &World| {
        let plan = world.reconcile_without_executing();
        assert_eq!(plan.steps, []);
        let named = plan.waiting_on.iter().map(|reason| match reason {
            WaitReason::NotInPlace { pod, .. } => pods.iter().position(|name| name == pod),
            _ => None,
        });
        named.collect::<Option<Vec<_>>>()
    };
    assert_eq!(named(&world), Some(vec![1, 3, 0, 2]));

    // One that is at the new revision, and not ready, uses the limit up.
    let update = world.status("updateRevision");
    label(&mut world, &pods[2], REVISION, update.as_str().unwrap());
    set_ready(&mut world, &pods[2], false);
    assert_eq!(named(&world), Some(vec![1, 3, 0]));
}
