//! The checker sees what is wrong with a plan, whoever made it.

use rstest::rstest;
use serde_json::{Value, json};
use sidecarterminator_controller::{
    check,
    plan::{Plan, Step, plan},
};

use crate::one_pod::{Does, End, IGNORE, IMAGE, KILL, OnePod, Run, pod};

fn with(side: &[(&str, &str)], main: Does) -> OnePod {
    pod("Never", &[("main", &[], main), ("side", side, Run)])
}

/// The violations of a plan that is made for one pod and carried out for another.
fn of_plan_for(made_for: &OnePod, looked_at: &OnePod) -> Vec<String> {
    let plan = plan(&made_for.snapshot()).unwrap();
    check::violations(&looked_at.snapshot(), &plan)
}

fn says(found: &[String], words: &str) -> bool {
    found.iter().any(|found| found.contains(words))
}

#[rstest]
#[case::main_runs(with(&[KILL], End(0)), with(&[KILL], Run), "main containers are not done")]
#[case::pending(
    with(&[KILL], End(0)),
    with(&[KILL], End(0)).but(json!({ "status": { "phase": "Pending" } })),
    "the pod is pending"
)]
#[case::leaves(
    with(&[KILL], End(0)),
    with(&[KILL], End(0)).but(json!({ "metadata": { "deletionTimestamp": "2026-01-10T10:00:00Z" } })),
    "on its way out"
)]
#[case::another_pod(
    with(&[KILL], End(0)),
    with(&[KILL], End(0)).but(json!({ "metadata": { "uid": "u8" } })),
    "/metadata/name of the request is wrong"
)]
#[case::unasked(with(&[KILL], End(0)), with(&[IMAGE], End(0)), "killed unasked")]
#[case::virtual_node(
    with(&[KILL], End(0)), with(&[KILL], End(0)).on_virtual_node(), "where no node daemon runs"
)]
#[case::real_node(
    with(&[KILL, IMAGE], End(0)).on_virtual_node(), with(&[KILL, IMAGE], End(0)), "where a node daemon runs"
)]
#[case::another_image(
    with(&[IMAGE], End(0)).on_virtual_node(),
    with(&[(IMAGE.0, "exit:2")], End(0)).on_virtual_node(),
    "an image that it is not to get"
)]
#[case::phase_unasked(with(&[KILL, IGNORE], End(0)), with(&[KILL], End(0)), "nobody asked for it")]
#[case::wrong_phase(with(&[KILL, IGNORE], End(0)), with(&[KILL, IGNORE], End(1)), "not that of the main")]
#[case::final_phase(
    with(&[KILL, IGNORE], End(0)),
    with(&[KILL, IGNORE], End(0)).but(json!({ "status": { "phase": "Failed" } })),
    "a final phase is left"
)]
#[case::newer_version(
    with(&[KILL, IGNORE], End(0)),
    with(&[KILL, IGNORE], End(0)).but(json!({ "metadata": { "resourceVersion": "42" } })),
    "whatever version is there"
)]
#[case::kill_before_the_phase(
    with(&[KILL], End(0)), with(&[KILL, IGNORE], End(0)), "before the phase is decided"
)]
#[case::request_is_there(
    with(&[KILL], End(0)), with(&[KILL], End(0)).with_request("", &[("side", None)]), "there may be one"
)]
#[case::nothing_without_a_reason(with(&[KILL], Run), with(&[KILL], End(0)), "nobody knows why")]
fn a_plan_for_another_state_is_wrong(
    #[case] made_for: OnePod,
    #[case] looked_at: OnePod,
    #[case] words: &str,
) {
    let found = of_plan_for(&made_for, &looked_at);
    assert!(says(&found, words), "{found:?}");
    assert_eq!(of_plan_for(&made_for, &made_for), Vec::<String>::new());
}

// DV-ST1
#[test]
fn a_request_is_not_taken_away_that_may_do_its_work() {
    let recorded: &[_] = &[("side", Some("containerd://side-1"))];
    let plan = Plan {
        steps: vec![Step::DeleteRequest {
            name: "sidecar-termination-u7".to_owned(),
            uid: "r1".to_owned(),
        }],
        ..Plan::default()
    };
    for phase in ["", "Recreating"] {
        let pod = with(&[KILL], End(0)).with_request(phase, recorded);
        let found = check::violations(&pod.snapshot(), &plan);
        assert!(says(&found, "may do its work"), "{found:?}");
    }
    let mut pod = with(&[KILL], End(0)).with_request("Completed", recorded);
    let found = check::violations(&pod.snapshot(), &plan);
    assert!(says(&found, "at first sight"), "{found:?}");
    pod.plan();
    assert_eq!(
        check::violations(&pod.snapshot(), &plan),
        Vec::<String>::new()
    );
}

#[test]
fn a_patch_that_changes_more_than_images_is_wrong() {
    let pod = with(&[IMAGE], End(0)).on_virtual_node();
    let mut plan = plan(&pod.snapshot()).unwrap();
    let Step::SwitchImages { patch, .. } = &mut plan.steps[0] else {
        panic!("{plan:#?}");
    };
    patch["spec"]["containers"][0]["command"] = Value::from("true");
    let found = check::violations(&pod.snapshot(), &plan);
    assert!(says(&found, "more than the image"), "{found:?}");
}
