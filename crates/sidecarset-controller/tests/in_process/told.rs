//! What clients are told of SidecarSets, word for word.

use std::time::Duration;

use kruise_api::apps::v1beta1::SIDECARSETS;
use kruise_testkit::{golden, told, world::World};
use serde_json::{Value, json};

use crate::cluster::{SET, add_bare_pod, agent, becomes, change, cluster, story};

fn kept(name: &str, n_pods: usize, spec: Value, told_of: impl AsyncFnOnce(&mut World)) {
    story(41, async |world| {
        cluster(world, n_pods, spec).await;
        told_of(world).await;
        let told = told::about(&world.server, SIDECARSETS, SET);
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/in_process/told");
        golden::same_as(format!("{directory}/{name}.txt"), &told);
    });
}

#[test]
fn of_a_set_that_rolls_out() {
    kept("rolls_out", 3, json!({}), async |world| {
        change(world, json!({ "containers": agent("agent:2") }));
        becomes(world, "3 3 3 3").await;
        world.run_for(Duration::from_secs(30)).await;
    });
}

// SS-254, SS-A19
#[test]
fn of_a_set_that_is_held() {
    kept(
        "is_held",
        3,
        json!({ "updateStrategy": { "paused": true } }),
        async |world| {
            change(world, json!({ "containers": agent("agent:2") }));
            world.run_for(Duration::from_secs(30)).await;
            change(
                world,
                json!({ "updateStrategy": { "paused": false, "partition": 2 } }),
            );
            world.run_for(Duration::from_secs(30)).await;
            change(
                world,
                json!({ "updateStrategy": { "partition": 0 }, "containers": agent("agent:bad") }),
            );
            world.run_for(Duration::from_secs(60)).await;
            change(world, json!({ "updateStrategy": { "type": "NotUpdate" } }));
            world.run_for(Duration::from_secs(30)).await;
            change(
                world,
                json!({ "updateStrategy": { "type": "RollingUpdate", "maxUnavailable": "5" } }),
            );
            world.run_for(Duration::from_secs(30)).await;
        },
    );
}

// SS-A23
#[test]
fn of_a_set_whose_pods_can_not_be_updated() {
    kept("can_not_be_updated", 2, json!({}), async |world| {
        let env = json!([{ "name": "agent", "image": "agent:2", "env": [{ "name": "A", "value": "1" }] }]);
        change(world, json!({ "containers": env }));
        world.run_for(Duration::from_secs(60)).await;
    });
}

#[test]
fn of_pods_without_sidecars() {
    kept("pods_without_sidecars", 1, json!({}), async |world| {
        add_bare_pod(world, "bare-0");
        world.run_for(Duration::from_secs(30)).await;
        for index in 1..7 {
            add_bare_pod(world, &format!("bare-{index}"));
        }
        world.run_for(Duration::from_secs(60)).await;
    });
}
