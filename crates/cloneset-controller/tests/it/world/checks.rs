//! A pass in which something goes wrong that no test wants does not pass unnoticed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kruise_testkit::server::{Fault, Rule};
use rstest::rstest;
use serde_json::json;

use super::{World, process::CONTROLLER, spec};

// Of an answer that is lost the server knows no code, and while there is a policy not every refusal is the policy's.
#[rstest]
#[case::lost(Fault::AnswerLost)]
#[case::reset(Fault::ResetBefore)]
#[case::internal(Fault::Internal)]
#[case::forbidden(Fault::Forbidden)]
fn what_goes_wrong_ends_a_test(#[case] fault: Fault, #[values(false, true)] policy: bool) {
    let mut world = World::new(spec(1, json!({})));
    world.policy.refuses_deletions = policy;
    let creations = Rule::new(fault, 1000)
        .of(CONTROLLER)
        .verbs(&["create"])
        .plurals(&["pods"]);
    world
        .cluster
        .on(|server| server.faults().set(vec![creations]));
    // The revision comes before the pod.
    let mut passes = (0..3).map(|_| catch_unwind(AssertUnwindSafe(|| world.reconcile())));
    assert!(passes.any(|ended| ended.is_err()));
}
