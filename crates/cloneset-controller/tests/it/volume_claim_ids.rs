//! Which ids, and with them which claims, new pods get.

use cloneset_controller::plan::Step;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    merge,
    volume_claims::{
        assert_one_claim_a_pod, first_pod, in_place, is_running, settled, with_claims,
    },
    world::remembered,
    world::{
        claims::{claim_template, claims_of, is_owned_by, is_terminating},
        reasons,
    },
};

// CS-58, CS-61: with reuse, claims without a pod are used first, and what is missing is made.
#[test]
fn left_over_claims_are_used_before_new_ids() {
    let mut world = settled(2, true);
    let pod = first_pod(&world);
    world.pods.remove(&pod);
    world.change(json!({ "spec": { "volumeClaimTemplates": [
        claim_template("data", "20Gi"), claim_template("logs", "1Gi"),
    ] } }));
    let data = world.claims.at(&format!("data-{pod}")).clone();
    world.settle();
    assert!(is_running(&world, &pod));
    assert_eq!(world.claims.at(&format!("data-{pod}")), data);
    assert_eq!(
        claims_of(&world.pods.at(&pod)),
        [format!("data-{pod}"), format!("logs-{pod}")]
    );
}

// CS-P19, CloneSet 7.1
#[rstest]
fn a_terminating_pvc_doesnt_stop_scale_out(#[values(false, true)] reuse: bool) {
    let mut world = settled(2, reuse);
    // Somebody holds it by a finalizer: it stays for ever.
    let mut stuck = Value::clone(&world.claims.values().next().unwrap());
    stuck["metadata"]["name"] = json!("data-web-zzzzz");
    stuck["metadata"]["uid"] = json!("stuck");
    stuck["metadata"]["labels"]["apps.kruise.io/cloneset-instance-id"] = json!("zzzzz");
    stuck["metadata"]["finalizers"] = json!(["example.com/never"]);
    world.claims.insert(stuck);
    world.delete_claim("data-web-zzzzz");
    world.change(json!({ "spec": { "replicas": 4 } }));
    for _ in 0..10 {
        world.reconcile();
        world.kubelets();
    }
    assert_eq!(world.pods.len(), 4);
    assert!(!world.pods.contains_key("web-zzzzz"));
    assert_eq!(world.status("availableReplicas"), json!(4));
}

// CS-77: of two claims one is terminating. The id waits for its end, and keeps the other claim.
#[test]
fn an_id_waits_for_the_end_of_its_terminating_claim() {
    let mut world = with_claims(1, true, in_place());
    world.change(json!({ "spec": { "volumeClaimTemplates": [
        claim_template("data", "20Gi"), claim_template("logs", "1Gi"),
    ] } }));
    world.settle();
    let pod = first_pod(&world);
    let (data, logs) = (format!("data-{pod}"), format!("logs-{pod}"));
    let kept = world.claims.at(&logs).clone();
    let old = world.claims.at(&data)["metadata"]["uid"].clone();
    world.delete_claim(&data);
    world.pods.remove(&pod);
    let plan = world.reconcile();
    assert!(plan.steps.is_empty(), "{plan:#?}");
    assert_eq!(reasons(&plan), ["ClaimsInUse"]);
    assert!(plan.waiting_on[0].to_string().contains(&data));
    world.settle();
    assert!(is_running(&world, &pod));
    assert_eq!(world.claims.at(&logs), kept);
    assert_ne!(world.claims.at(&data)["metadata"]["uid"], old);
}

// CS-S40 with reuse: the pod that was let go still uses its claim, and its name.
#[rstest]
fn a_released_pod_keeps_its_name_from_being_reused(#[values(false, true)] reuse: bool) {
    let mut world = settled(2, reuse);
    let pod = first_pod(&world);
    world.pods.get_mut(&pod).unwrap()["metadata"]["labels"]["app"] = json!("debug");
    world.settle();
    assert_eq!(world.pods.len(), 3);
    assert!(!is_owned_by(&world.pods.at(&pod), "set-uid"));
    assert_eq!(world.status("availableReplicas"), json!(2));
}

// CloneSet 7.1: the wanted name is somebody else's.
#[test]
fn a_claim_of_somebody_else_keeps_its_pod_from_being_created() {
    let mut world = settled(1, true);
    let pod = first_pod(&world);
    world.change(json!({ "spec": { "volumeClaimTemplates": [
        claim_template("data", "20Gi"), claim_template("logs", "1Gi"),
    ] } }));
    let name = format!("logs-{pod}");
    world
        .claims
        .insert(json!({ "metadata": { "name": name, "uid": "other" } }));
    world.pods.remove(&pod);
    for _ in 0..5 {
        world.reconcile();
    }
    assert!(world.pods.is_empty());
    assert_eq!(world.claims.at(&name)["metadata"]["uid"], "other");
    world.claims.remove(&name);
    world.settle();
    assert!(is_running(&world, &pod));
}

// CS-58: a label edited to what can't end a pod's name.
#[test]
fn an_id_that_no_pod_can_have_is_not_reused() {
    let mut world = settled(1, true);
    for mut claim in world.claims.values_mut() {
        claim["metadata"]["labels"]["apps.kruise.io/cloneset-instance-id"] = json!("A.b");
    }
    world.change(json!({ "spec": { "replicas": 2 } }));
    world.settle();
    assert_eq!(world.pods.len(), 2);
    assert!(!world.pods.contains_key("web-A.b"));
}

// CS-62: two pods with one id, by an edited label. The claims stay with the one that stays.
#[test]
fn a_claim_stays_while_a_pod_with_its_id_does() {
    let mut world = settled(2, true);
    let pods: Vec<String> = world.pods.keys().collect();
    let key = "apps.kruise.io/cloneset-instance-id";
    let id = world.pods.at(&pods[0])["metadata"]["labels"][key].clone();
    let labels = json!({ key: id, "apps.kruise.io/specified-delete": "true" });
    merge::merge(
        &mut world.pods.get_mut(&pods[1]).unwrap()["metadata"]["labels"],
        &labels,
    );
    world.change(json!({ "spec": { "replicas": 1 } }));
    world.settle();
    assert!(is_running(&world, &pods[0]));
    assert!(!is_terminating(
        &world.claims.at(&format!("data-{}", pods[0]))
    ));
}

// CS-58, CS-77: what is free goes before what is held.
#[test]
fn an_id_that_is_free_is_used_before_one_that_waits() {
    for first in [0, 1] {
        let mut world = settled(3, true);
        let pods: Vec<String> = world.pods.keys().collect();
        world.change(json!({ "spec": { "replicas": 2 } }));
        let (gone, going) = (&pods[first], &pods[1 - first]);
        world.pods.remove(gone);
        world.delete_pod(going);
        let plan = world.reconcile();
        let [Step::CreatePods { batches }] = &plan.steps[..] else {
            panic!("{plan:#?}")
        };
        assert_eq!(batches[0][0].name, *gone);
        assert!(reasons(&plan).is_empty());
    }
}

// CS-57, CS-77: an id that waits keeps its place among old and new pods.
#[test]
fn pods_under_a_partition_stay_as_many_while_one_waits() {
    let mut strategy = in_place();
    strategy["partition"] = json!(2);
    let mut world = with_claims(4, true, strategy);
    world.settle();
    world.set_image("acme/app:2");
    world.settle();
    let old_pod = world
        .pods
        .iter()
        .find(|(_, pod)| pod["spec"]["containers"][0]["image"] == "acme/app:1")
        .map(|(name, _)| name)
        .unwrap();
    world.delete_pod(&old_pod);
    world.change(json!({ "spec": { "replicas": 6 } }));
    world.settle();
    let mut images = world.images();
    images.sort();
    assert_eq!(images[..2], ["acme/app:1", "acme/app:1"]);
    assert!(images[2..].iter().all(|image| image == "acme/app:2"));
    assert_one_claim_a_pod(&world);
}

// CS-25, CS-61: a quota refuses pods. Their claims are made once, not made and deleted with each attempt, and
// updating still gets its turn.
#[test]
fn claims_of_pods_that_a_quota_refuses_are_kept_for_them() {
    let mut world = settled(2, false);
    world.policy.refuses_pods = true;
    world.change(json!({ "spec": { "replicas": 4 } }));
    world.reconcile();
    // The executor makes the claims before it is refused the pods.
    let asked: Vec<String> = world.memory.refused_ids.iter().cloned().collect();
    assert_eq!(asked.len(), 2, "{:?}", world.story());
    let made = world.claim_uids();
    assert!(made.len() > 2, "{made:?}");
    for _ in 0..5 {
        let plan = world.reconcile();
        assert!(
            matches!(plan.steps[..], [Step::CreatePods { .. }]),
            "the same creation again, and no clean-up: {plan:#?}"
        );
        let again: Vec<String> = world.memory.refused_ids.iter().cloned().collect();
        assert_eq!(again, asked);
        assert_eq!(world.claim_uids(), made);
        assert!(world.memory.scaling_failed);
    }
    world.policy.refuses_pods = false;
    world.settle();
    assert_eq!(world.status("availableReplicas"), json!(4));
    assert_one_claim_a_pod(&world);
    assert!(
        asked
            .iter()
            .all(|id| world.pods.contains_key(&format!("web-{id}")))
    );
}

// CS-74: a pod that is found live although no watch shows it keeps its claim, and holds up nothing.
#[test]
fn a_claim_whose_pod_is_only_not_seen_is_left_alone() {
    use cloneset_controller::memory::Found;

    let mut world = settled(2, false);
    let lost = first_pod(&world);
    world.pods.remove(&lost);
    let plan = world.reconcile_without_executing();
    assert!(
        matches!(plan.steps[..], [Step::DeleteOrphanClaims { .. }]),
        "{plan:#?}"
    );
    let claim = world.claims.at(&format!("data-{lost}"))["metadata"]["uid"].clone();
    let found = Found {
        claims_in_use: vec![(claim.as_str().unwrap().to_owned(), lost.clone())],
        ..Found::default()
    };
    let snapshot = world.snapshot();
    world.memory = remembered(&snapshot, &plan, found);
    let plan = world.reconcile_without_executing();
    assert!(
        matches!(plan.steps[..], [Step::CreatePods { .. }]),
        "scaling goes on: {plan:#?}"
    );
    // After a minute it is asked again.
    world.pass(jiff::SignedDuration::from_secs(61));
    let snapshot = world.snapshot();
    world.memory = remembered(&snapshot, &plan, Found::default());
    let plan = world.reconcile_without_executing();
    assert!(
        matches!(plan.steps[..], [Step::DeleteOrphanClaims { .. }]),
        "{plan:#?}"
    );
}
