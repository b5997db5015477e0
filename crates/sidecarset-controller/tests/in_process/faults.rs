//! Roll-outs while calls fail, and while watches lose events.

use std::time::Duration;

use kruise_api::resource::PODS;
use kruise_testkit::server::{Fault, Rule};
use rstest::rstest;
use serde_json::json;
use sidecarset_controller::NAME;

use crate::cluster::{
    agent, becomes, change, cluster, counts, image, mesh, most_unready, pod_key, story, told,
};

// SS-241, SS-290, DV-SS7: what is refused ends the round, and is tried again.
#[test]
fn a_refused_update_is_tried_again() {
    story(31, async |world| {
        cluster(world, 3, json!({})).await;
        let rule = Rule::new(Fault::Forbidden, 1000)
            .of(NAME)
            .verbs(&["patch"])
            .plurals(&["pods"]);
        world.server.faults().set(vec![rule]);
        change(world, json!({ "containers": agent("agent:2") }));
        world.run_for(Duration::from_secs(60)).await;
        assert_eq!(counts(&world.server), "3 0 3 0");
        world.server.faults().stop();
        becomes(world, "3 3 3 3").await;
    });
}

// SS-253
#[test]
fn a_refused_reset_is_told_on_the_pod() {
    story(32, async |world| {
        cluster(world, 1, json!({ "containers": mesh("mesh:1") })).await;
        change(world, json!({ "containers": mesh("mesh:2") }));
        world
            .until("the new one", |server| {
                image(server, "web-0", "mesh-2") == "mesh:2"
            })
            .await;
        let rule = Rule::new(Fault::Forbidden, 1000)
            .of(NAME)
            .verbs(&["patch"])
            .plurals(&["pods"]);
        world.server.faults().set(vec![rule]);
        world
            .until("told", |server| {
                !told(server, "web-0", "ResetContainerFailed").is_empty()
            })
            .await;
        let words = told(&world.server, "web-0", "ResetContainerFailed");
        let begin = "reset sidecar container image empty failed: patch Pod shop/web-0";
        assert!(words[0].starts_with(begin), "{words:?}");
        world.server.faults().stop();
        becomes(world, "1 1 1 1").await;
    });
}

// SS-241, SS-210: whatever becomes of an answer, no more pods are touched than may be unavailable.
#[rstest]
#[case::timed_out(Fault::TimeoutAfter)]
#[case::lost(Fault::AnswerLost)]
#[case::never_arrived(Fault::ResetBefore)]
#[case::conflict(Fault::Conflict)]
#[case::internal(Fault::Internal)]
fn calls_that_fail_now_and_then_only_delay(#[case] fault: Fault) {
    story(33, async |world| {
        cluster(world, 4, json!({})).await;
        let before = world.server.version();
        let rule = Rule::new(fault, 300)
            .of(NAME)
            .verbs(&["patch", "create"])
            .plurals(&["pods", "sidecarsets", "controllerrevisions"]);
        world.server.faults().set(vec![rule]);
        change(world, json!({ "containers": agent("agent:2") }));
        becomes(world, "4 4 4 4").await;
        assert!(most_unready(&world.server, before) <= 1);
    });
}

// Decision 3: a pod whose end of the update nobody heard of is read live.
#[test]
fn lost_events_only_delay() {
    story(34, async |world| {
        cluster(world, 3, json!({})).await;
        let rule = Rule::new(Fault::EventLost, 500)
            .of(NAME)
            .verbs(&["watch"])
            .plurals(&["pods"]);
        world.server.faults().set(vec![rule]);
        change(world, json!({ "containers": agent("agent:2") }));
        world
            .until("all images", |server| {
                (0..3).all(|index| image(server, &format!("web-{index}"), "agent") == "agent:2")
            })
            .await;
        world.server.faults().stop();
        becomes(world, "3 3 3 3").await;
    });
}

// SS-281, SS-P1
#[test]
fn a_pod_that_goes_in_the_middle_holds_nobody_back() {
    story(35, async |world| {
        cluster(world, 3, json!({})).await;
        change(world, json!({ "containers": agent("agent:2") }));
        world
            .until("one updated", |server| !counts(server).starts_with("3 0"))
            .await;
        for name in ["web-0", "web-1"] {
            world.server.delete("user", PODS, &pod_key(name));
        }
        becomes(world, "1 1 1 1").await;
    });
}
