//! Events that the watch of pods loses, in process: what a job waits for is read live now and then.

use std::time::Duration;

use broadcastjob_controller::NAME;
use kruise_api::{
    apps::v1beta1::BROADCASTJOBS,
    resource::{ObjectKey, PODS},
};
use kruise_testkit::{
    server::{Fault, Rule},
    world::play,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::in_process::{USER, add_node, cluster, counts, create, job, key, phase, struck};

// BJ-33, BJ-35: whatever else the job waits for, and says first.
#[rstest]
#[case::an_unreadable_template(json!({ "tolerations": "all" }))]
#[case::a_named_node(json!({ "nodeName": "n2" }))]
fn a_job_that_a_person_has_to_correct_fails_with_its_pod(#[case] template: Value) {
    play(31, async |world| {
        cluster(world);
        create(world, job("0@900s", json!({}))).await;
        world
            .until("three pods", |server| counts(server) == "3 3 0 0")
            .await;
        world.server.change(USER, BROADCASTJOBS, &key(), |job| {
            json_patch::merge(&mut job["spec"]["template"]["spec"], &template);
        });
        add_node(&world.server, "n4");
        world.run_for(Duration::from_secs(20)).await;
        assert_eq!(world.server.list(PODS).len(), 3);

        let rule = Rule::new(Fault::EventLost, 1000)
            .of(NAME)
            .verbs(&["watch"])
            .plurals(&["pods"]);
        world.server.faults().set(vec![rule]);
        let pod = world.server.list(PODS)[0].clone();
        let pod = ObjectKey::new("default", pod["metadata"]["name"].as_str().unwrap());
        world.server.change(USER, PODS, &pod, |pod| {
            pod["status"]["phase"] = json!("Failed");
        });
        let a_look = Duration::from_secs(60);
        let fails = world
            .within(a_look, |server| phase(server) == "failed")
            .await;
        assert!(fails && struck(&world.server, "event_lost"));
    });
}
