//! What clients are told of jobs, word for word.

use std::time::Duration;

use broadcastjob_controller::NAME;
use kruise_api::apps::v1beta1::BROADCASTJOBS;
use kruise_testkit::{
    golden,
    server::{Fault, Rule},
    told,
    world::{World, play},
};
use serde_json::{Value, json};

use crate::in_process::{becomes, cluster, create, job, key};

async fn created(world: &mut World, exits: &str, spec: Value) {
    cluster(world);
    create(world, job(exits, spec)).await;
}

fn change(world: &World, spec: Value) {
    world.server.change("user", BROADCASTJOBS, &key(), |job| {
        json_patch::merge(&mut job["spec"], &spec);
    });
}

fn kept(name: &str, story: impl AsyncFnOnce(&mut World)) {
    play(21, async |world| {
        story(world).await;
        let told = told::about(&world.server, BROADCASTJOBS, "scan");
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/told");
        golden::same_as(format!("{directory}/{name}.txt"), &told);
    });
}

// BJ-S1, BJ-S2
#[test]
fn of_a_job_that_completes() {
    kept("completes", async |world| {
        created(world, "0@2s", json!({})).await;
        becomes(world, "completed").await;
        world.run_for(Duration::from_secs(5)).await;
    });
}

// BJ-S7: two events "failed pod is found".
#[test]
fn of_a_job_that_fails_with_a_pod() {
    kept("fails", async |world| {
        created(world, "1@2s", json!({ "parallelism": 1 })).await;
        becomes(world, "failed").await;
        world.run_for(Duration::from_secs(5)).await;
    });
}

// BJ-S6
#[test]
fn of_a_job_that_is_late() {
    kept("is_late", async |world| {
        let policy = json!({ "completionPolicy": { "activeDeadlineSeconds": 10 } });
        created(world, "0@60s", policy).await;
        becomes(world, "failed").await;
        world.run_for(Duration::from_secs(5)).await;
    });
}

// BJ-S9, BJ-S10: paused by a failed pod, and by its user.
#[test]
fn of_a_job_that_pauses() {
    kept("pauses", async |world| {
        let spec = json!({ "parallelism": 1, "failurePolicy": { "type": "Pause" } });
        created(world, "1@2s", spec).await;
        becomes(world, "paused").await;
        change(world, json!({ "failurePolicy": { "type": "Continue" } }));
        becomes(world, "running").await;
        change(world, json!({ "paused": true }));
        becomes(world, "paused").await;
        world.run_for(Duration::from_secs(5)).await;
        change(world, json!({ "paused": false }));
        becomes(world, "completed").await;
        world.run_for(Duration::from_secs(5)).await;
    });
}

// BJ-S19, BJ-S29: what the API server refuses, and what can't be understood.
#[test]
fn of_a_job_that_gets_nowhere() {
    kept("gets_nowhere", async |world| {
        created(world, "0@2s", json!({ "parallelism": "abc" })).await;
        world.run_for(Duration::from_secs(5)).await;
        let rule = Rule::new(Fault::Forbidden, 1000)
            .of(NAME)
            .verbs(&["create"])
            .plurals(&["pods"]);
        world.server.faults().set(vec![rule]);
        change(world, json!({ "parallelism": 1 }));
        world.run_for(Duration::from_secs(5)).await;
    });
}
