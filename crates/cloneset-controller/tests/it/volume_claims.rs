//! Volume claims: made with their pods, kept by them, and gone or used again after them.

use std::collections::BTreeSet;

use cloneset_controller::{gates::Gates, plan::Step};
use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    merge,
    world::{
        World,
        claims::{claim_template, claims_of, is_terminating},
        reasons, spec,
    },
};

pub(crate) fn with_claims(replicas: i32, reuse: bool, rolling_update: Value) -> World {
    let mut spec = spec(replicas, rolling_update);
    spec["volumeClaimTemplates"] = json!([claim_template("data", "20Gi")]);
    spec["scaleStrategy"] = json!({ "enablePVCReuse": reuse });
    World::new(spec)
}

pub(crate) fn settled(replicas: i32, reuse: bool) -> World {
    let mut world = with_claims(replicas, reuse, in_place());
    world.settle();
    world
}

pub(crate) fn in_place() -> Value {
    json!({ "podUpdatePolicy": "InPlaceIfPossible", "maxUnavailable": "100%" })
}

pub(crate) fn first_pod(world: &World) -> String {
    world.pods.keys().next().unwrap()
}

pub(crate) fn is_running(world: &World, pod: &str) -> bool {
    world
        .pods
        .get(pod)
        .is_some_and(|pod| !is_terminating(&pod) && pod["status"]["phase"] == "Running")
}

fn set_storage(world: &mut World, storage: &str) {
    world.change(json!({ "spec": { "volumeClaimTemplates": [claim_template("data", storage)] } }));
}

fn storage_of(world: &World, claim: &str) -> Value {
    world.claims.at(claim)["spec"]["resources"]["requests"]["storage"].clone()
}

/// Each pod mounts a claim of its own for each template, and no claim is left over.
pub(crate) fn assert_one_claim_a_pod(world: &World) {
    let mounted: BTreeSet<String> = world
        .pods
        .values()
        .flat_map(|pod| claims_of(&pod))
        .collect();
    let there: BTreeSet<String> = world.claims.keys().collect();
    assert_eq!(mounted, there);
    assert_eq!(mounted.len(), world.pods.len());
}

// CS-71, CS-30
#[test]
fn a_claim_is_made_from_its_template() {
    let mut template = claim_template("data", "20Gi");
    template["metadata"]["labels"] = json!({ "tier": "fast", "app": "other" });
    template["metadata"]["annotations"] = json!({ "note": "x" });
    template["metadata"]["finalizers"] = json!(["example.com/never"]);
    let mut world = with_claims(1, false, in_place());
    world.edit_set()["spec"]["volumeClaimTemplates"] = json!([template]);
    world.settle();
    let pod = first_pod(&world);
    let pod = world.pods.at(&pod);
    let id = &pod["metadata"]["labels"]["apps.kruise.io/cloneset-instance-id"];
    let claim = world.claims.at(&format!(
        "data-{}",
        pod["metadata"]["name"].as_str().unwrap()
    ));
    assert_eq!(claim["metadata"]["namespace"], "ns");
    assert_eq!(
        claim["metadata"]["labels"],
        json!({ "tier": "fast", "app": "web", "apps.kruise.io/cloneset-instance-id": id })
    );
    assert_eq!(claim["metadata"]["annotations"], json!({ "note": "x" }));
    // The server's own.
    let protection = json!(["kubernetes.io/pvc-protection"]);
    assert_eq!(claim["metadata"]["finalizers"], protection);
    assert_eq!(
        claim["metadata"]["ownerReferences"],
        json!([{
            "apiVersion": "apps.kruise.io/v1beta1", "kind": "CloneSet", "name": "web",
            "uid": "set-uid", "controller": true, "blockOwnerDeletion": true,
        }])
    );
    for field in ["accessModes", "resources"] {
        assert_eq!(claim["spec"][field], template["spec"][field]);
    }
}

// CS-72
#[test]
fn claims_are_the_first_volumes_and_replace_those_of_their_names() {
    let mut spec = spec(1, in_place());
    spec["volumeClaimTemplates"] =
        json!([claim_template("logs", "1Gi"), claim_template("data", "1Gi")]);
    spec["template"]["spec"]["volumes"] = json!([
        { "name": "cache", "emptyDir": {} },
        { "name": "data", "emptyDir": {} },
    ]);
    let mut world = World::new(spec);
    world.settle();
    let pod = first_pod(&world);
    assert_eq!(
        world.pods.at(&pod)["spec"]["volumes"],
        json!([
            { "name": "logs", "persistentVolumeClaim": { "claimName": format!("logs-{pod}") } },
            { "name": "data", "persistentVolumeClaim": { "claimName": format!("data-{pod}") } },
            { "name": "cache", "emptyDir": {} },
        ])
    );
}

#[test]
fn without_templates_nothing_is_asked_of_claims() {
    let mut world = World::new(spec(3, in_place()));
    world.settle();
    assert!(world.claims.is_empty());
    let plan = world.reconcile();
    assert_eq!((plan.steps.len(), plan.status), (0, None));
}

#[rstest]
fn a_settled_set_with_claims_plans_nothing(#[values(false, true)] reuse: bool) {
    let mut world = settled(3, reuse);
    let plan = world.reconcile();
    assert_eq!((plan.steps.len(), plan.status), (0, None));
    assert_one_claim_a_pod(&world);
}

// CS-62, CS-76
#[rstest]
fn scale_in_deletes_the_claims_of_the_pods(#[values(false, true)] reuse: bool) {
    let mut world = settled(3, reuse);
    world.change(json!({ "spec": { "replicas": 1 } }));
    let plan = world.reconcile();
    let steps: Vec<_> = plan.steps.iter().map(short).collect();
    assert_eq!(steps, ["pods 2, claims 2"]);
    world.settle();
    assert_one_claim_a_pod(&world);
    assert_eq!(world.claims.len(), 1);
}

fn short(step: &Step) -> String {
    match step {
        Step::DeletePods { pods, claims } => format!(
            "pods {}, claims {}",
            pods.len(),
            claims.values().flatten().count()
        ),
        other => format!("{other:?}"),
    }
}

// CS-76
#[rstest]
fn recreate_gives_new_claims_and_in_place_keeps_them(#[values(false, true)] reuse: bool) {
    let mut world = settled(3, reuse);
    let before = world.claim_uids();
    world.set_image("acme/app:2");
    world.settle();
    assert_eq!(world.claim_uids(), before);

    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": {
        "podUpdatePolicy": "ReCreate" } } } }));
    world.set_image("acme/app:3");
    world.settle();
    let after = world.claim_uids();
    assert!(after.iter().all(|claim| !before.contains(claim)));
    assert_one_claim_a_pod(&world);
}

// CS-S27, CS-75, CS-77, DV-CS6
#[test]
fn reuse_on_the_pod_comes_back_with_its_name_and_claims_when_the_old_one_is_gone() {
    let mut world = settled(3, true);
    let (pod, claims) = (first_pod(&world), world.claim_uids());
    world.delete_pod(&pod);
    world.change(json!({ "spec": { "replicas": 4 } }));

    let plan = world.reconcile();
    let [Step::CreatePods { batches }] = &plan.steps[..] else {
        panic!("{plan:#?}")
    };
    let created: Vec<_> = batches.iter().flatten().collect();
    assert_eq!(created.len(), 1, "the other missing pod");
    assert_ne!(created[0].name, pod);
    assert_eq!(reasons(&plan), ["ClaimsInUse"]);
    assert!(plan.waiting_on[0].to_string().contains(&pod));
    let told: Vec<_> = plan.events.iter().map(|event| event.reason).collect();
    assert_eq!(told, ["FailedCreate"]);

    // Nothing more for it as long as the old pod is there, and told once.
    let waiting = world.reconcile();
    assert!(waiting.steps.is_empty(), "{waiting:#?}");
    assert_eq!(reasons(&waiting), ["ClaimsInUse"]);
    assert!(waiting.events.is_empty());

    world.settle();
    assert!(is_running(&world, &pod));
    let now = world.claim_uids();
    assert!(claims.iter().all(|claim| now.contains(claim)), "{now:?}");
    assert_one_claim_a_pod(&world);
}

// CloneSet 7.1: evicted, reuse on.
#[test]
fn an_evicted_pod_with_reuse_holds_back_its_replacement_only() {
    let mut world = settled(3, true);
    let pod = first_pod(&world);
    let claims = world.claim_uids();
    world.pods.get_mut(&pod).unwrap()["status"]["phase"] = json!("Failed");
    let plan = world.settle();
    assert_eq!(reasons(&plan), ["ClaimsInUse"]);
    assert_eq!(world.pods.len(), 3);

    world.change(json!({ "spec": { "replicas": 5 } }));
    let plan = world.settle();
    assert_eq!(world.pods.len(), 5, "other creations go on");
    assert_eq!(reasons(&plan), ["ClaimsInUse"]);
    // It is told in the status when it has held for long enough.
    world.pass(SignedDuration::from_secs(11));
    world.settle();
    assert_eq!(world.condition("Waiting").unwrap()["reason"], "ClaimsInUse");

    world.pods.remove(&pod);
    world.settle();
    assert!(is_running(&world, &pod));
    assert_eq!(world.pods.len(), 5);
    assert!(
        claims
            .iter()
            .all(|claim| world.claim_uids().contains(claim))
    );
    assert!(world.condition("Waiting").is_none());
}

// CS-S28, CS-74
#[test]
fn reuse_off_the_claim_goes_to_the_terminating_pod_and_the_new_pod_has_another() {
    let mut world = settled(2, false);
    let pod = first_pod(&world);
    let claim = format!("data-{pod}");
    let uid = world.pods.at(&pod)["metadata"]["uid"].clone();
    world.delete_pod(&pod);

    let plan = world.reconcile();
    let [Step::MoveClaims { moves }] = &plan.steps[..] else {
        panic!("{plan:#?}")
    };
    assert_eq!(moves.len(), 1);
    assert_eq!(
        world.claims.at(&claim)["metadata"]["ownerReferences"],
        json!([{
            "apiVersion": "v1", "kind": "Pod", "name": pod, "uid": uid,
            "controller": true, "blockOwnerDeletion": true,
        }])
    );
    let plan = world.reconcile();
    assert!(
        matches!(&plan.steps[..], [Step::CreatePods { .. }]),
        "replaced at once: {plan:#?}"
    );
    world.settle();
    assert!(!world.pods.contains_key(&pod));
    assert!(!world.claims.contains_key(&claim));
    assert_one_claim_a_pod(&world);
}

// CS-74: what has no pod is deleted, with or without a label.
#[rstest]
#[case::of_a_pod_that_is_gone(true)]
#[case::without_a_label(false)]
fn reuse_off_claims_without_a_pod_are_deleted(#[case] labelled: bool) {
    let mut world = settled(2, false);
    let pod = first_pod(&world);
    let mut claim = Value::clone(&world.claims.at(&format!("data-{pod}")));
    claim["metadata"]["name"] = json!("data-web-zzzzz");
    claim["metadata"]["uid"] = json!("left-over");
    claim["metadata"]["labels"] = match labelled {
        true => json!({ "apps.kruise.io/cloneset-instance-id": "zzzzz" }),
        false => json!({}),
    };
    world.claims.insert(claim);
    let plan = world.reconcile();
    let [Step::DeleteOrphanClaims { claims }] = &plan.steps[..] else {
        panic!("{plan:#?}")
    };
    assert_eq!(claims[0].claim.uid, "left-over");
    assert_eq!(claims[0].pod.as_deref(), labelled.then_some("web-zzzzz"));
    world.settle();
    assert_one_claim_a_pod(&world);
}

// CS-74: no label is no id, also where a pod has none either.
#[test]
fn reuse_off_a_claim_and_a_pod_without_labels_do_not_belong_together() {
    let mut world = settled(1, false);
    let pod = first_pod(&world);
    let claim = format!("data-{pod}");
    for object in [world.pods.get_mut(&pod), world.claims.get_mut(&claim)] {
        object.unwrap()["metadata"]["labels"]
            .as_object_mut()
            .unwrap()
            .remove("apps.kruise.io/cloneset-instance-id");
    }
    let plan = world.reconcile();
    assert!(
        matches!(&plan.steps[..], [Step::DeleteOrphanClaims { .. }]),
        "{plan:#?}"
    );
}

// Ours, beside CS-74: a pod is known by its name, too.
#[rstest]
#[case::no_label(json!({}))]
#[case::another_label(json!({ "apps.kruise.io/cloneset-instance-id": "zzzzz" }))]
fn reuse_off_a_pod_keeps_its_claim_whatever_its_label_says(#[case] labels: Value) {
    let mut world = settled(2, false);
    let (claims, pod) = (world.claim_uids(), first_pod(&world));
    let mut changed = json!({ "apps.kruise.io/cloneset-instance-id": null });
    merge::merge(&mut changed, &labels);
    merge::merge(
        &mut world.pods.get_mut(&pod).unwrap()["metadata"]["labels"],
        &changed,
    );
    world.settle();
    assert_eq!(world.claim_uids(), claims);
}

// CS-75: reuse is off where nothing is said.
#[rstest]
#[case::no_strategy(json!(null))]
#[case::no_field(json!({ "podsToDelete": [] }))]
fn without_a_word_reuse_is_off(#[case] strategy: Value) {
    let mut world = settled(1, false);
    world.edit_set()["spec"]["scaleStrategy"] = strategy;
    let pod = first_pod(&world);
    world.pods.remove(&pod);
    world.settle();
    assert!(!world.pods.contains_key(&pod));
    assert_one_claim_a_pod(&world);
}

// CS-S29, CS-37, CS-78
#[test]
fn other_claim_templates_alone_change_no_pod_and_count_for_new_ones() {
    let mut world = settled(2, false);
    let (uids, revisions) = (world.uids(), world.revisions.all());
    set_storage(&mut world, "40Gi");
    world.settle();
    assert_eq!(world.uids(), uids);
    assert_eq!(world.revisions.all(), revisions, "not even its annotation");

    world.change(json!({ "spec": { "replicas": 3 } }));
    world.settle();
    let mut sizes: Vec<_> = world
        .claims
        .keys()
        .map(|claim| storage_of(&world, &claim))
        .collect();
    sizes.sort_by_key(Value::to_string);
    assert_eq!(sizes, ["20Gi", "20Gi", "40Gi"]);
}

// CS-S29, CS-78, IP-11
#[rstest]
#[case::gate_off(false, "InPlaceIfPossible", "20Gi")]
#[case::gate_on(true, "InPlaceIfPossible", "40Gi")]
#[case::in_place_only_ignores_it(true, "InPlaceOnly", "20Gi")]
fn other_claim_templates_and_another_image(
    #[case] gate: bool,
    #[case] policy: &str,
    #[case] storage: &str,
) {
    let strategy = json!({ "podUpdatePolicy": policy, "maxUnavailable": 1 });
    let mut world = with_claims(2, true, strategy);
    world.gates = Gates {
        recreate_for_claims: gate,
        ..Gates::default()
    };
    world.settle();
    let uids = world.uids();
    set_storage(&mut world, "40Gi");
    world.set_image("acme/app:2");
    world.settle();
    assert!(world.images().iter().all(|image| image == "acme/app:2"));
    assert_eq!(world.uids() == uids, storage == "20Gi");
    for claim in world.claims.keys() {
        assert_eq!(storage_of(&world, &claim), storage);
    }
    assert_one_claim_a_pod(&world);
}

// IP-11: a hash that is missing on either side is no objection.
#[test]
fn a_revision_without_a_claim_hash_allows_an_update_in_place() {
    let mut world = settled(1, false);
    world.gates.recreate_for_claims = true;
    for mut revision in world.revisions.values_mut() {
        revision["metadata"]["annotations"] = json!({});
    }
    let uids = world.uids();
    set_storage(&mut world, "40Gi");
    world.set_image("acme/app:2");
    world.settle();
    assert_eq!(world.uids(), uids);
}

// CS-74: switching reuse off cleans up, switching it on keeps.
#[test]
fn reuse_can_be_switched() {
    let mut world = settled(2, true);
    let reuse = |on: bool| json!({ "spec": { "scaleStrategy": { "enablePVCReuse": on } } });
    let pod = first_pod(&world);
    world.change(json!({ "spec": { "replicas": 1 } }));
    world.pods.remove(&pod);
    world.settle();
    assert_eq!(world.claims.len(), 2, "its claim waits for a next pod");
    world.change(reuse(false));
    world.settle();
    assert_one_claim_a_pod(&world);
}
