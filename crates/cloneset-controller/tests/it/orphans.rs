//! Claims and history that are to outlive the CloneSet or its hold on a pod.

use cloneset_controller::plan::Step;
use rstest::rstest;
use serde_json::json;

use crate::{
    volume_claims::{first_pod, settled},
    world::{Edit, World, claims::is_terminating, in_place},
};

/// What garbage collection does to what is to be kept.
fn let_go(mut object: Edit<'_>) {
    object["metadata"]["ownerReferences"] = json!([]);
}

// DV-CS17: `--cascade=orphan` takes the CloneSet's reference off its pods and claims one after the other.
#[rstest]
#[case::pods_first(true, false)]
#[case::claims_first(false, true)]
#[case::nothing_yet(false, false)]
fn a_set_that_is_deleted_without_its_pods_leaves_them_their_claims(
    #[case] pods: bool,
    #[case] claims: bool,
) {
    let mut world = settled(2, false);
    world.terminate();
    if pods {
        world.pods.values_mut().for_each(let_go);
    }
    if claims {
        world.claims.values_mut().take(1).for_each(let_go);
    }
    for _ in 0..3 {
        let plan = world.reconcile();
        assert!(plan.steps.is_empty(), "{plan:#?}");
    }
    assert_eq!(world.claim_uids().len(), 2);
}

// DV-CS17: nor does it clean up after pods that are on their way out, or gone.
#[rstest]
#[case::gone(true)]
#[case::going(false)]
fn a_terminating_set_touches_no_claim(#[case] is_gone: bool) {
    let mut world = settled(2, false);
    world.terminate();
    let pod = first_pod(&world);
    if is_gone {
        world.pods.remove(&pod);
    } else {
        world.delete_pod(&pod);
    }
    let plan = world.reconcile();
    assert!(plan.steps.is_empty(), "{plan:#?}");
}

// DV-CS17: pods that are kept need their revisions' objects as long as anybody asks for them.
#[test]
fn a_terminating_set_trims_no_history() {
    let mut world = World::new(crate::world::spec(1, in_place(json!(1))));
    for version in 1..4 {
        world.set_image(&format!("acme/app:{version}"));
        world.settle();
    }
    world.edit_set()["spec"]["revisionHistoryLimit"] = json!(0);
    world.terminate();
    world.pods.values_mut().for_each(let_go);
    let plan = world.reconcile();
    assert!(plan.steps.is_empty(), "{plan:#?}");
}

// CS-28, DV-CS17: the pod is let go and runs on, with what it has written.
#[test]
fn a_released_pod_keeps_its_claim_until_it_is_gone() {
    let mut world = settled(2, false);
    let pod = first_pod(&world);
    let claim = format!("data-{pod}");
    world.pods.get_mut(&pod).unwrap()["metadata"]["labels"]["app"] = json!("debug");
    let last = world.settle();
    assert_eq!(world.pods.len(), 3);
    assert!(
        !is_terminating(&world.claims.at(&claim)),
        "{:?}",
        world.story()
    );
    // No event tells of the end of a pod that is not ours any more.
    assert!(last.requeue_after.is_some(), "{last:#?}");

    world.pods.remove(&pod);
    let plan = world.reconcile();
    let [Step::DeleteOrphanClaims { claims }] = &plan.steps[..] else {
        panic!("{plan:#?}")
    };
    assert_eq!(claims[0].claim.name, claim);
    world.settle();
    assert!(!world.claims.contains_key(&claim));
}
