//! The plan checker itself: a rule that finds nothing in a bad plan proves nothing in any test.

use std::{collections::BTreeMap, sync::Arc};

use cloneset_controller::{
    check::violations,
    plan::{BudgetPatch, ClaimMove, ClaimRef, NewPod, Plan, Step, plan},
    snapshot::Snapshot,
};
use kruise_api::inplace::PodWrite;
use kruise_plan::{InPlaceUpdate, PodPatch, PodRef};
use serde_json::{Value, json};

use crate::world::{World, claims::claim_template, spec};

fn settled() -> (World, Snapshot, Vec<PodRef>) {
    let mut world = World::new(spec(4, json!({ "maxUnavailable": 1 })));
    world.settle();
    let snapshot = world.snapshot();
    let pods = snapshot
        .pods
        .iter()
        .map(|pod| PodRef {
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
        })
        .collect();
    (world, snapshot, pods)
}

fn with(steps: Vec<Step>) -> Plan {
    Plan {
        steps,
        ..Plan::default()
    }
}

fn create(names: &[&str]) -> Step {
    let pods = names.iter().map(|name| NewPod {
        name: (*name).to_owned(),
        claims: Vec::new(),
        metadata: json!({}),
        spec: json!({}).into(),
    });
    Step::CreatePods {
        batches: vec![pods.collect()],
    }
}

fn delete_pods(pods: Vec<PodRef>) -> Step {
    Step::DeletePods {
        pods,
        claims: BTreeMap::new(),
    }
}

fn update(pod: &PodRef) -> InPlaceUpdate {
    InPlaceUpdate {
        pod: pod.clone(),
        seen: Arc::default(),
        not_ready: None,
        resize: None,
        start: json!({}),
        revision: "web-new".to_owned(),
    }
}

#[track_caller]
fn finds(snapshot: &Snapshot, plan: &Plan, words: &str) {
    let found = violations(snapshot, plan);
    assert!(
        found.iter().any(|violation| violation.contains(words)),
        "{found:?}"
    );
}

#[test]
fn a_good_plan_is_good() {
    let (_, snapshot, _) = settled();
    assert_eq!(
        violations(&snapshot, &plan(&snapshot)),
        Vec::<String>::new()
    );
}

#[test]
fn strangers_and_pods_on_their_way_out() {
    let (mut world, snapshot, pods) = settled();
    let stranger = PodRef {
        name: "other".to_owned(),
        uid: "other".to_owned(),
    };
    finds(
        &snapshot,
        &with(vec![delete_pods(vec![stranger])]),
        "not in the snapshot",
    );

    {
        let mut pod = world.pods.get_mut(&pods[0].name).unwrap();
        pod["metadata"]["deletionTimestamp"] = json!("2026-01-10T08:00:00Z");
        pod["status"]["phase"] = json!("Failed");
    }
    let patch = PodPatch {
        pod: pods[0].clone(),
        writes: Vec::new(),
    };
    let step = Step::PatchPods {
        patches: vec![patch],
    };
    let plan = with(vec![step]);
    finds(&world.snapshot(), &plan, "is terminating");
    finds(&world.snapshot(), &plan, "is finished");

    // Asking is of no use either.
    let update = Box::new(update(&pods[0]));
    let plan = with(vec![Step::TryUpdate { update }]);
    finds(&world.snapshot(), &plan, "is terminating");
}

#[test]
fn one_pod_twice() {
    let (_, snapshot, pods) = settled();
    let updates = vec![update(&pods[0]), update(&pods[0])];
    finds(
        &snapshot,
        &with(vec![Step::UpdatePodsInPlace { updates }]),
        "touched twice",
    );
}

#[test]
fn names_that_exist_and_too_many_pods() {
    let (_, snapshot, pods) = settled();
    finds(
        &snapshot,
        &with(vec![create(&[&pods[0].name])]),
        "already there",
    );
    finds(
        &snapshot,
        &with(vec![create(&["web-aaaaa"])]),
        "more than replicas",
    );
}

#[test]
fn creating_and_deleting_at_once() {
    let (_, snapshot, pods) = settled();
    let steps = vec![create(&["web-aaaaa"]), delete_pods(vec![pods[0].clone()])];
    finds(&snapshot, &with(steps), "creates and deletes");
}

#[test]
fn too_many_ready_pods_taken() {
    let (_, snapshot, pods) = settled();
    let two = vec![pods[0].clone(), pods[1].clone()];
    finds(&snapshot, &with(vec![delete_pods(two)]), "must stay");
    let updates = vec![update(&pods[0]), update(&pods[1])];
    finds(
        &snapshot,
        &with(vec![Step::UpdatePodsInPlace { updates }]),
        "must stay",
    );
}

#[test]
fn the_partition_broken() {
    let (mut world, _, pods) = settled();
    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": 4 } } } }));
    let step = Step::UpdatePodsInPlace {
        updates: vec![update(&pods[0])],
    };
    finds(&world.snapshot(), &with(vec![step]), "the partition keeps");
}

#[test]
fn pods_of_a_terminating_or_mismatched_set() {
    let (mut world, _, pods) = settled();
    let delete = with(vec![delete_pods(vec![pods[0].clone()])]);
    world.change(json!({ "spec": { "template": { "metadata": { "labels": { "app": "x" } } } } }));
    finds(&world.snapshot(), &delete, "does not match");
    world.terminate();
    finds(&world.snapshot(), &delete, "terminating CloneSet");
}

#[test]
fn silence() {
    let (mut world, _, _) = settled();
    world.change(json!({ "spec": { "replicas": 5 } }));
    finds(&world.snapshot(), &Plan::default(), "no reason is given");
}

fn with_claims(reuse: bool) -> (World, Snapshot) {
    let mut spec = spec(3, json!({ "maxUnavailable": "100%" }));
    spec["volumeClaimTemplates"] = json!([claim_template("data", "1Gi")]);
    spec["scaleStrategy"] = json!({ "enablePVCReuse": reuse });
    let mut world = World::new(spec);
    world.settle();
    let snapshot = world.snapshot();
    (world, snapshot)
}

fn claim_of(snapshot: &Snapshot, index: usize) -> ClaimRef {
    let metadata = &snapshot.claims[index].metadata;
    ClaimRef {
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
    }
}

fn pod_of(snapshot: &Snapshot, index: usize) -> PodRef {
    let metadata = &snapshot.pods.iter().nth(index).unwrap().metadata;
    PodRef {
        name: metadata.name.clone(),
        uid: metadata.uid.clone(),
    }
}

fn delete_claims(claims: Vec<ClaimRef>) -> Step {
    Step::DeletePods {
        pods: Vec::new(),
        claims: BTreeMap::from([(String::new(), claims)]),
    }
}

fn move_claim(claim: ClaimRef, pod: PodRef) -> Step {
    let moved = ClaimMove {
        claim,
        pod,
        patch: json!({}),
    };
    Step::MoveClaims { moves: vec![moved] }
}

#[test]
fn claims_of_others_twice_and_on_their_way_out() {
    let (mut world, snapshot) = with_claims(false);
    let other = ClaimRef {
        name: "other".to_owned(),
        uid: "other".to_owned(),
    };
    let plan = with(vec![delete_claims(vec![other])]);
    finds(&snapshot, &plan, "claim other is not in the snapshot");

    let claim = claim_of(&snapshot, 0);
    let plan = with(vec![delete_claims(vec![claim.clone(), claim.clone()])]);
    finds(&snapshot, &plan, "touched twice");

    let plan = with(vec![delete_claims(vec![claim.clone()])]);
    world.delete_claim(&claim.name);
    finds(&world.snapshot(), &plan, "terminating already");

    let mut foreign = snapshot.clone();
    let mut moved = (*foreign.claims[0]).clone();
    moved.metadata.owner_references.clear();
    foreign.claims[0] = moved.into();
    finds(&foreign, &plan, "is not ours");
}

// CS-74, CS-76
#[test]
fn claims_of_pods_that_stay() {
    let (_, snapshot) = with_claims(false);
    let claim = claim_of(&snapshot, 0);
    let plan = with(vec![delete_claims(vec![claim.clone()])]);
    finds(&snapshot, &plan, "its pod web-");

    // In place, too.
    let updated = Step::UpdatePodsInPlace {
        updates: vec![update(&pod_of(&snapshot, 0))],
    };
    let plan = with(vec![updated, delete_claims(vec![claim.clone()])]);
    finds(&snapshot, &plan, "stays");

    let plan = with(vec![move_claim(claim, pod_of(&snapshot, 0))]);
    finds(&snapshot, &plan, "not on its way out");
}

#[test]
fn a_claim_given_to_the_pod_of_another() {
    let (mut world, snapshot) = with_claims(false);
    let (claim, pod) = (claim_of(&snapshot, 0), pod_of(&snapshot, 1));
    world.delete_pod(&pod.name);
    let plan = with(vec![move_claim(claim, pod)]);
    finds(&world.snapshot(), &plan, "not its pod");
}

// CS-76
#[test]
fn a_claim_that_outlives_its_pod() {
    let (_, snapshot) = with_claims(true);
    let step = delete_pods(vec![pod_of(&snapshot, 0)]);
    finds(&snapshot, &with(vec![step]), "outlives its pod");
}

/// The creation that the planner itself asks for, changed.
fn creation(world: &mut World, change: impl FnOnce(&mut NewPod)) -> (Snapshot, Plan) {
    world.change(json!({ "spec": { "replicas": 4 } }));
    let snapshot = world.snapshot();
    let mut plan = plan(&snapshot);
    let Step::CreatePods { batches } = &mut plan.steps[0] else {
        panic!("{plan:#?}")
    };
    change(&mut batches[0][0]);
    (snapshot, plan)
}

// CS-58, CS-74, CS-77
#[test]
fn ids_that_are_still_somebodys() {
    for (reuse, words) in [(false, "its id is reused"), (true, "still a pod's")] {
        let (mut world, snapshot) = with_claims(reuse);
        let pod = pod_of(&snapshot, 0).name;
        let id = pod.strip_prefix("web-").unwrap().to_owned();
        let (snapshot, plan) = creation(&mut world, |pod| {
            pod.metadata["labels"]["apps.kruise.io/cloneset-instance-id"] = json!(id);
        });
        finds(&snapshot, &plan, words);
    }
}

// CS-71, CS-72
#[test]
fn a_pod_and_claims_that_do_not_agree() {
    type Change = fn(&mut NewPod);
    let changes: [(&str, Change); 5] = [
        ("has no volume of claim", |pod| {
            std::sync::Arc::make_mut(&mut pod.spec)["volumes"] = json!([]);
        }),
        ("is there: false, is made: false", |pod| {
            pod.claims.clear();
        }),
        ("is not of pod", |pod| {
            pod.claims[0].name = "data-web-other".to_owned();
        }),
        ("is not of pod", |pod| {
            pod.claims[0].body["metadata"]["labels"] = json!({});
        }),
        ("is not made ours", |pod| {
            pod.claims[0].body["metadata"]["ownerReferences"] = json!([]);
        }),
    ];
    for (words, change) in changes {
        let (mut world, _) = with_claims(false);
        let (snapshot, plan) = creation(&mut world, change);
        finds(&snapshot, &plan, words);
    }
}

#[test]
fn a_name_that_a_pod_of_another_has() {
    let (_, mut snapshot, _) = settled();
    snapshot.taken_names.insert("web-aaaaa".to_owned());
    finds(
        &snapshot,
        &with(vec![create(&["web-aaaaa"])]),
        "already there",
    );
}

/// One of four ready pods may be updated.
fn with_budget() -> (World, Vec<PodRef>) {
    let (mut world, _, pods) = settled();
    world.budgets.insert(json!({
        "metadata": { "name": "shop", "uid": "b" },
        "status": { "desiredAvailable": 3, "unavailableAllowed": 1 },
    }));
    for mut pod in world.pods.values_mut() {
        pod["metadata"]["annotations"]["pub.kruise.io/related-pub"] = json!("shop");
    }
    world.edit_set()["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"] = json!("100%");
    (world, pods)
}

/// Charges budget `shop` for these pods, and says that so much is left.
fn charge(pods: &[PodRef], left: i32, version: &str) -> Step {
    let entries: Value = pods
        .iter()
        .map(|pod| (pod.name.clone(), json!("2026-01-10T08:00:00Z")))
        .collect();
    Step::SpendBudgets {
        patches: vec![BudgetPatch {
            budget: "shop".to_owned(),
            patch: json!({
                "metadata": { "uid": "b", "resourceVersion": version },
                "status": { "unavailableAllowed": left, "unavailablePods": entries },
            }),
        }],
    }
}

// CS-87
#[test]
fn more_pods_than_a_budget_pays_for() {
    let (world, pods) = with_budget();
    let snapshot = world.snapshot();
    let version = &*snapshot.budgets[0].metadata.resource_version;
    let in_place = |pods: &[PodRef]| Step::UpdatePodsInPlace {
        updates: pods.iter().map(update).collect(),
    };
    let recreate = |pods: &[PodRef]| Step::MarkPodsForRecreate {
        patches: pods
            .iter()
            .map(|pod| PodPatch {
                pod: pod.clone(),
                writes: Vec::new(),
            })
            .collect(),
    };
    let good = with(vec![charge(&pods[..1], 0, version), in_place(&pods[..1])]);
    assert_eq!(violations(&snapshot, &good), Vec::<String>::new());

    for updates in [in_place(&pods[..1]), recreate(&pods[..1])] {
        finds(&snapshot, &with(vec![updates.clone()]), "not charged");
        let too_late = with(vec![updates, charge(&pods[..1], 0, version)]);
        finds(&snapshot, &too_late, "not charged");
    }
    // A pod that is prepared for its update is paid for then; what else is patched costs nothing.
    let prepare = |state: &str| {
        let patch =
            json!({ "metadata": { "labels": { "lifecycle.apps.kruise.io/state": state } } });
        let write = PodWrite {
            subresource: None,
            patch,
        };
        Step::PatchPods {
            patches: vec![PodPatch {
                pod: pods[0].clone(),
                writes: vec![write],
            }],
        }
    };
    let unpaid = with(vec![prepare("PreparingUpdate")]);
    finds(&snapshot, &unpaid, "not charged");
    for good in [
        vec![charge(&pods[..1], 0, version), prepare("PreparingUpdate")],
        vec![prepare("Normal")],
    ] {
        assert_eq!(violations(&snapshot, &with(good)), Vec::<String>::new());
    }
    let too_many = with(vec![charge(&pods[..2], -1, version), in_place(&pods[..2])]);
    finds(
        &snapshot,
        &too_many,
        "2 ready pods are updated, budget shop allows 1",
    );
    finds(&snapshot, &too_many, "charged 2 of 1");
    let cheated = with(vec![charge(&pods[..1], 1, version), in_place(&pods[..1])]);
    finds(&snapshot, &cheated, "charged 1 of 1");
    let unguarded = with(vec![charge(&pods[..1], 0, ""), in_place(&pods[..1])]);
    finds(&snapshot, &unguarded, "without its version");
}
