//! The acceptance scenarios of the specification, and what they leave open: which steps a plan has.

use rstest::rstest;
use serde_json::{Value, json};

use crate::one_pod::{
    Does, End, IGNORE, IMAGE, KILL, OnePod, REQUEST, Run, Wait, pod, reasons, steps,
};
use sidecarterminator_controller::plan::Step;

fn never(main: Does) -> OnePod {
    pod("Never", &[("main", &[], main), ("side", &[KILL], Run)])
}

fn on_failure(main: Does) -> OnePod {
    pod("OnFailure", &[("main", &[], main), ("side", &[KILL], Run)])
}

// ST-A1
#[test]
fn a_sidecar_is_killed_by_a_request_that_the_pod_owns() {
    let plan = never(End(0)).plan();
    let [Step::CreateRequest { body, event }] = &plan.steps[..] else {
        panic!("{plan:#?}");
    };
    assert_eq!(
        *body,
        json!({
            "apiVersion": "apps.kruise.io/v1beta1", "kind": "ContainerRecreateRequest",
            "metadata": {
                "name": REQUEST, "namespace": "ns",
                "ownerReferences": [{
                    "apiVersion": "v1", "kind": "Pod", "name": "job", "uid": "u7",
                    "controller": true, "blockOwnerDeletion": true,
                }],
            },
            "spec": {
                "podName": "job", "containers": [{ "name": "side" }],
                "strategy": { "forceRecreate": true, "failurePolicy": "Ignore" },
            },
        })
    );
    assert!(!event.warning);
    assert_eq!(event.reason, "SidecarTerminator");
    assert_eq!(
        event.message,
        "Kruise SidecarTerminator is trying to terminate sidecar [side] using crr"
    );
}

// ST-4, ST-A2, ST-A3, ST-A4, ST-A12
#[rstest]
#[case::never_failed(never(End(3)), true)]
#[case::never_runs(never(Run), false)]
#[case::failed_and_tries_again(on_failure(End(3)), false)]
#[case::succeeded(on_failure(End(0)), true)]
#[case::waits_to_be_started_again(on_failure(Wait), false)]
#[case::one_of_two_runs(
    pod("OnFailure", &[("m1", &[], End(0)), ("m2", &[], Run), ("side", &[KILL], Run)]), false
)]
#[case::both_done(
    pod("OnFailure", &[("m1", &[], End(0)), ("m2", &[], End(0)), ("side", &[KILL], Run)]), true
)]
#[case::sidecar_waits(
    pod("Never", &[("main", &[], End(0)), ("side", &[KILL], Wait)]), true
)]
#[case::sidecar_has_ended(
    pod("Never", &[("main", &[], End(0)), ("side", &[KILL], End(1))]), false
)]
#[case::no_sidecar(pod("Never", &[("main", &[], End(0)), ("other", &[], Run)]), false)]
#[case::only_sidecars(pod("Never", &[("side", &[KILL], Run)]), true)]
fn sidecars_are_killed_when_the_others_are_done(#[case] mut pod: OnePod, #[case] is_killed: bool) {
    let plan = pod.plan();
    let expected: &[&str] = if is_killed { &["kill side"] } else { &[] };
    assert_eq!(steps(&plan), expected);
    assert_eq!(reasons(&plan), [""; 0]);
}

// ST-A3
#[test]
fn a_main_container_that_succeeds_in_the_end_ends_the_sidecar() {
    let mut pod = on_failure(End(3));
    assert_eq!(steps(&pod.plan()), [""; 0]);
    pod.does("main", Run);
    assert_eq!(steps(&pod.plan()), [""; 0]);
    pod.does("main", End(0));
    assert_eq!(steps(&pod.plan()), ["kill side"]);
}

// ST-A5
#[test]
fn a_sidecar_that_has_ended_is_not_killed() {
    let sides: &[_] = &[
        ("main", &[] as &[_], End(0)),
        ("a", &[KILL], End(0)),
        ("b", &[KILL], Run),
        ("c", &[KILL], Run),
    ];
    assert_eq!(steps(&pod("Never", sides).plan()), ["kill b c"]);
}

// ST-A11, ST-A12, ST-4
#[rstest]
#[case::started_again_anyhow(json!({ "spec": { "restartPolicy": "Always" } }), false)]
#[case::policy_by_default(json!({ "spec": { "restartPolicy": null } }), false)]
#[case::pending(json!({ "status": { "phase": "Pending" } }), false)]
#[case::on_its_way_out(json!({ "metadata": { "deletionTimestamp": "2026-01-10T10:00:00Z" } }), false)]
#[case::not_all_reported(json!({ "status": { "containerStatuses": [
    { "name": "main", "state": { "terminated": { "exitCode": 0 } } },
] } }), false)]
#[case::nothing_reported(json!({ "status": null }), false)]
#[case::unknown_phase(json!({ "status": { "phase": "Unknown" } }), true)]
#[case::final_phase(json!({ "status": { "phase": "Failed" } }), true)]
fn pods_that_are_not_due_are_left_alone(#[case] change: Value, #[case] is_due: bool) {
    let plan = never(End(0)).but(change).plan();
    assert_eq!(!plan.steps.is_empty(), is_due);
}

// ST-A7, ST-8
#[test]
fn on_a_virtual_node_the_image_is_switched_once() {
    let mut pod = pod(
        "Never",
        &[("main", &[], End(0)), ("side", &[KILL, IMAGE], Run)],
    );
    pod = pod.on_virtual_node();
    let plan = pod.plan();
    let [Step::SwitchImages { patch, event }] = &plan.steps[..] else {
        panic!("{plan:#?}");
    };
    assert_eq!(
        *patch,
        json!({
            "metadata": { "resourceVersion": "41" },
            "spec": { "containers": [{ "name": "side", "image": "exit:1" }] },
        })
    );
    let told =
        "Kruise SidecarTerminator is trying to terminate sidecar [side] using in-place update";
    assert_eq!(event.message, told);
    // Nothing changes any more, and it is told.
    pod.pod["spec"]["containers"][1]["image"] = json!("exit:1");
    let plan = pod.plan();
    assert_eq!(steps(&plan), [""; 0]);
    assert_eq!(plan.notes.events[0].message, told);
    assert_eq!(reasons(&plan), ["SidecarsNotEnded"]);
    pod.does("side", End(0));
    assert_eq!(pod.plan(), Default::default());
}

// ST-6, ST-A8: each kind of node knows one way.
#[rstest]
#[case::image_on_a_real_node(&[IMAGE], false, None)]
#[case::kill_on_a_virtual_node(&[KILL], true, None)]
#[case::ignoring_on_a_virtual_node(&[KILL, IGNORE], true, None)]
#[case::both_on_a_real_node(&[KILL, IMAGE], false, Some("kill side"))]
#[case::both_on_a_virtual_node(&[KILL, IMAGE], true, Some("switch side"))]
#[case::all_on_a_virtual_node(&[KILL, IGNORE, IMAGE], true, Some("switch side"))]
#[case::ignoring_alone_is_no_sidecar(&[IGNORE], false, None)]
fn a_sidecar_is_ended_in_the_way_of_its_node(
    #[case] env: &[(&str, &str)],
    #[case] is_virtual: bool,
    #[case] expected: Option<&str>,
) {
    let mut pod = pod("Never", &[("main", &[], End(0)), ("side", env, Run)]);
    if is_virtual {
        pod = pod.on_virtual_node();
    }
    let plan = pod.plan();
    assert_eq!(steps(&plan), Vec::from_iter(expected));
    // Who is left alone is named.
    let is_left = expected.is_none() && env != [IGNORE];
    assert_eq!(reasons(&plan) == ["SidecarsNotEnded"], is_left);
}

// ST-A9, ST-10, ST-P1, ST-P2: the phase is that of the main containers, and comes first.
#[rstest]
#[case::succeeded("Never", 0, "mark Succeeded")]
#[case::failed("Never", 1, "mark Failed")]
#[case::succeeded_on_failure("OnFailure", 0, "mark Succeeded")]
fn the_phase_is_decided_before_a_sidecar_is_killed_that_does_not_count(
    #[case] policy: &str,
    #[case] code: i32,
    #[case] mark: &str,
) {
    let containers: &[_] = &[
        ("main", &[] as &[_], End(code)),
        ("side", &[KILL, IGNORE], Run),
    ];
    let mut pod = pod(policy, containers);
    let plan = pod.plan();
    assert_eq!(steps(&plan), [mark, "kill side"]);
    let Step::MarkTerminated { patch } = &plan.steps[0] else {
        panic!("{plan:#?}");
    };
    assert_eq!(patch["metadata"]["resourceVersion"], "41");
    assert_eq!(
        patch["status"]["conditions"],
        json!([{
            "type": "SidecarTerminated", "status": "True",
            "lastTransitionTime": "2026-01-10T10:00:00Z", "message": "Terminated by Sidecar Terminator",
        }])
    );
    // It is marked once. A kill that was refused is tried again.
    let phase = patch["status"]["phase"].clone();
    let mut pod = pod.but(json!({ "status": { "phase": phase } }));
    assert_eq!(steps(&pod.plan()), ["kill side"]);
}

// ST-P1: nobody asked for it.
#[test]
fn the_phase_is_left_to_the_kubelet_otherwise() {
    let mut pod = never(End(0));
    assert_eq!(steps(&pod.plan()), ["kill side"]);
    pod.does("side", End(137));
    assert_eq!(pod.plan(), Default::default());
}

// ST-A10, ST-7, ST-13
#[test]
fn sidecars_that_count_end_before_the_phase_is_decided() {
    let containers: &[_] = &[
        ("main", &[] as &[_], End(0)),
        ("side-a", &[KILL], Run),
        ("side-b", &[KILL, IGNORE], Run),
    ];
    let mut pod = pod("Never", containers);
    assert_eq!(steps(&pod.plan()), ["kill side-a"]);
    let recorded = ("side-a", Some("containerd://side-a-1"));
    pod = pod.with_request("Recreating", &[recorded]);
    assert_eq!(steps(&pod.plan()), [""; 0]);
    pod.does("side-a", End(143));
    let plan = pod.plan();
    // One request for both: none is made for the second, which the kubelet stops.
    assert_eq!(steps(&plan), ["mark Succeeded"]);
    let mut pod = pod.but(json!({ "status": { "phase": "Succeeded" } }));
    assert_eq!(steps(&pod.plan()), [""; 0]);
    // Nor when the first one is done with.
    let mut pod = pod.with_request("Completed", &[recorded]);
    pod.pass(3600);
    assert_eq!(steps(&pod.plan()), [""; 0]);
    assert_eq!(reasons(&pod.plan()), ["PodsNotEnded"]);
}

// ST-A14
#[test]
fn without_its_node_a_pod_is_an_error() {
    let mut pod = never(End(0));
    pod.node = None;
    let error = pod.try_plan().unwrap_err();
    assert!(error.to_string().contains("\"n1\""), "{error}");
    // It is not asked about while nothing is due.
    pod.does("main", Run);
    assert_eq!(pod.try_plan(), Ok(Default::default()));
}
