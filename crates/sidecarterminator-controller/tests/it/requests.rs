//! What is done about a request that is there already.

use std::time::Duration;

use crate::one_pod::{End, IGNORE, KILL, OnePod, Run, pod, reasons, steps};
use kruise_plan::WaitReason;
use rstest::rstest;
use serde_json::json;

const RECORDED: (&str, Option<&str>) = ("side", Some("containerd://side-1"));
const EARLIER: (&str, Option<&str>) = ("side", Some("containerd://side-0"));
const UNRECORDED: (&str, Option<&str>) = ("side", None);
const MINUTE: Option<Duration> = Some(Duration::from_secs(60));

fn due() -> OnePod {
    pod("Never", &[("main", &[], End(0)), ("side", &[KILL], Run)])
}

// ST-9, ST-A6
#[rstest]
#[case::new("")]
#[case::pending("Pending")]
#[case::under_way("Recreating")]
#[case::a_phase_of_containers("Failed")]
fn a_request_that_has_not_ended_is_waited_for(#[case] phase: &str) {
    let mut pod = due().with_request(phase, &[RECORDED]);
    for _ in 0..3 {
        let plan = pod.plan();
        assert_eq!((steps(&plan), &plan.notes.events), (vec![], &vec![]));
        assert_eq!(plan.notes.look_again, MINUTE);
        let [WaitReason::PodsNotEnded { pod: named, why }] = &plan.notes.waiting_on[..] else {
            panic!("{:?}", plan.notes);
        };
        assert_eq!(named, "job");
        assert_eq!(
            why,
            "ContainerRecreateRequest sidecar-termination-u7 has not ended"
        );
        pod.pass(60);
    }
}

// ST-A6, DV-ST1: the kubelet is given time to report what was stopped.
#[rstest]
#[case::recorded(RECORDED)]
#[case::never_seen_by_a_webhook(UNRECORDED)]
fn a_request_that_ended_in_vain_is_replaced(#[case] target: (&str, Option<&str>)) {
    let mut pod = due().with_request("Completed", &[target]);
    let plan = pod.plan();
    assert_eq!(steps(&plan), [""; 0]);
    assert_eq!(plan.notes.look_again, Some(Duration::from_secs(10)));
    assert_eq!(reasons(&plan), ["PodsNotEnded"]);
    pod.pass(9);
    assert_eq!(steps(&pod.plan()), [""; 0]);
    pod.pass(1);
    let taken_away = ["take away sidecar-termination-u7 r1"];
    assert_eq!(steps(&pod.plan()), taken_away);
    // It was not taken away after all.
    pod.pass(60);
    assert_eq!(steps(&pod.plan()), taken_away);
    pod.request = None;
    assert_eq!(steps(&pod.plan()), ["kill side"]);
    assert_eq!(pod.memory.in_vain, None);
    // The next one gets its time as well.
    let mut pod = pod.with_request("Completed", &[target]);
    assert_eq!(steps(&pod.plan()), [""; 0]);
}

// ST-9
#[test]
fn what_was_stopped_in_the_end_is_not_stopped_again() {
    let mut pod = due().with_request("Completed", &[RECORDED]);
    assert_eq!(steps(&pod.plan()), [""; 0]);
    pod.pass(5);
    pod.does("side", End(0));
    assert_eq!(pod.plan(), Default::default());
}

// ST-9: another run of the container is none of its business.
#[test]
fn a_request_that_stopped_what_it_was_made_for_stays() {
    let mut pod = due().with_request("Completed", &[EARLIER]);
    for _ in 0..3 {
        let plan = pod.plan();
        assert_eq!((steps(&plan), plan.notes.look_again), (vec![], MINUTE));
        pod.pass(60);
    }
}

// A restarted process gives the kubelet its time anew, and does the same.
#[test]
fn a_process_that_remembers_nothing_takes_longer() {
    let mut pod = due().with_request("Completed", &[RECORDED]);
    pod.plan();
    pod.pass(10);
    pod.memory = Default::default();
    assert_eq!(steps(&pod.plan()), [""; 0]);
    pod.pass(10);
    assert_eq!(steps(&pod.plan()).len(), 1);
}

#[test]
fn a_request_on_its_way_out_is_waited_for() {
    let mut pod = due().with_request("Completed", &[RECORDED]);
    let request = pod.request.as_mut().unwrap();
    request["metadata"]["deletionTimestamp"] = json!("2026-01-10T10:00:00Z");
    for _ in 0..2 {
        let plan = pod.plan();
        assert_eq!(steps(&plan), [""; 0]);
        assert!(
            plan.notes.waiting_on[0]
                .to_string()
                .ends_with("is being deleted")
        );
        pod.pass(60);
    }
}

// PF-903: told once, and it goes on when the kind is there.
#[test]
fn without_the_kind_pods_wait_and_say_why() {
    let mut pod = due();
    pod.is_installed = false;
    let plan = pod.plan();
    assert_eq!(reasons(&plan), ["KindNotInstalled"]);
    assert_eq!(plan.notes.events.len(), 1);
    assert!(plan.notes.events[0].warning);
    assert!(
        plan.notes.events[0]
            .message
            .contains("ContainerRecreateRequest")
    );
    assert!(plan.notes.look_again.unwrap() <= Duration::from_secs(60));
    pod.pass(10);
    let plan = pod.plan();
    assert_eq!((steps(&plan), plan.notes.events), (vec![], vec![]));
    pod.is_installed = true;
    assert_eq!(steps(&pod.plan()), ["kill side"]);
    assert_eq!(pod.memory.told, []);
}

// ST-10, PF-903: what needs no request is done.
#[test]
fn without_the_kind_the_phase_is_decided() {
    let containers: &[_] = &[
        ("main", &[] as &[_], End(1)),
        ("side", &[KILL, IGNORE], Run),
    ];
    let mut pod = pod("Never", containers);
    pod.is_installed = false;
    let plan = pod.plan();
    assert_eq!(
        (steps(&plan), reasons(&plan)),
        (vec!["mark Failed".to_owned()], vec!["KindNotInstalled"])
    );
}
