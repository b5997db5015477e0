//! What clients are told of CloneSets, word for word.

use kruise_api::apps::v1beta1::CLONESETS;
use kruise_testkit::{
    golden,
    server::{Fault, Rule},
    told,
};
use serde_json::json;

use crate::{
    cluster::{CONTROLLER, Cluster, NAME, play_seed},
    specs::{bad_image, image, in_place, spec},
};

fn kept(name: &str, story: impl AsyncFn(&mut Cluster<'_>)) {
    play_seed(21, &[], async |cluster| {
        story(cluster).await;
        let told = told::about(&cluster.world.server, CLONESETS, NAME);
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/in_process/told");
        golden::same_as(format!("{directory}/{name}.txt"), &told);
    });
}

#[test]
fn of_a_roll_out_in_place() {
    kept("in_place", async |cluster| {
        cluster.create(spec(2, in_place(json!(1)))).await;
        cluster.rolled_out().await;
        cluster.set_image(&image(2)).await;
        cluster.rolled_out().await;
    });
}

#[test]
fn of_a_roll_out_by_recreate() {
    kept("recreate", async |cluster| {
        let terms = json!({ "podUpdatePolicy": "ReCreate", "maxUnavailable": 1 });
        cluster.create(spec(2, terms)).await;
        cluster.rolled_out().await;
        cluster.set_image(&image(2)).await;
        cluster.rolled_out().await;
    });
}

#[test]
fn of_scaling() {
    kept("scaling", async |cluster| {
        cluster.create(spec(1, in_place(json!(1)))).await;
        cluster.rolled_out().await;
        cluster.scale(3).await;
        cluster.rolled_out().await;
        cluster.scale(2).await;
        cluster.n_pods(2).await;
        cluster.run_for(5).await;
    });
}

#[test]
fn of_what_holds_a_roll_out_back() {
    kept("held_back", async |cluster| {
        cluster.create(spec(2, in_place(json!(1)))).await;
        cluster.rolled_out().await;
        cluster.patch_terms(json!({ "paused": true })).await;
        cluster.set_image(&image(2)).await;
        cluster.waits_for("Paused").await;
        cluster
            .patch_terms(json!({ "paused": false, "partition": 1 }))
            .await;
        cluster.run_for(30).await;
        cluster.patch_terms(json!({ "partition": 0 })).await;
        cluster.rolled_out().await;
    });
}

#[test]
fn of_an_image_that_cannot_be_pulled() {
    kept("bad_image", async |cluster| {
        let mut spec = spec(2, in_place(json!(1)));
        spec["progressDeadlineSeconds"] = json!(30);
        cluster.create(spec).await;
        cluster.rolled_out().await;
        cluster.set_image(&bad_image()).await;
        cluster.run_for(90).await;
    });
}

#[test]
fn of_pods_that_are_refused() {
    kept("refused", async |cluster| {
        let rule = Rule::new(Fault::Forbidden, 1000)
            .of(CONTROLLER)
            .verbs(&["create"])
            .plurals(&["pods"]);
        cluster.world.server.faults().set(vec![rule]);
        cluster.create(spec(2, in_place(json!(1)))).await;
        cluster.run_for(10).await;
        cluster.world.server.faults().stop();
        cluster.rolled_out().await;
    });
}
