//! Cold roll-outs, from the change of a SidecarSet to the last pod.

use std::time::Duration;

use kruise_api::{
    apps::v1beta1::SIDECARSETS,
    resource::{CONTROLLER_REVISIONS, PODS},
};
use rstest::rstest;
use serde_json::json;
use sidecarset_controller::NAME;

use crate::cluster::{
    add_pod, agent, annotation, becomes, change, cluster, counts, image, most_unready, pod_key,
    revisions, set_key, status, story, told, writes,
};

// SS-210 to SS-247, SS-270, SS-A17
#[test]
fn a_new_image_reaches_all_pods() {
    story(1, async |world| {
        cluster(
            world,
            6,
            json!({ "updateStrategy": { "maxUnavailable": 2 } }),
        )
        .await;
        let before = world.server.version();
        change(world, json!({ "containers": agent("agent:2") }));
        becomes(world, "6 6 6 6").await;
        for index in 0..6 {
            assert_eq!(
                image(&world.server, &format!("web-{index}"), "agent"),
                "agent:2"
            );
        }
        assert!(most_unready(&world.server, before) <= 2);
        assert_eq!(revisions(&world.server), [1, 2]);
        // A pod is two writes: the pod, and its condition.
        assert_eq!(writes(&world.server, "patch", "pods"), 12);
        let pod = world.server.get(PODS, &pod_key("web-0")).unwrap();
        let conditions = pod["status"]["conditions"].as_array().unwrap();
        let condition = conditions
            .iter()
            .find(|it| it["type"] == "SidecarSetUpgradable")
            .unwrap();
        assert_eq!(condition["message"], r#"{"log":true}"#);
    });
}

// SS-271: nothing is written while nothing happens.
#[test]
fn a_settled_set_is_left_alone() {
    story(2, async |world| {
        cluster(world, 2, json!({})).await;
        world.run_for(Duration::from_secs(30)).await;
        let before = world.server.version();
        world.run_for(Duration::from_secs(300)).await;
        let changes = world.server.changes_since(before).into_iter();
        let ours: Vec<_> = changes
            .filter(|change| change.by == NAME && change.resource.plural != "leases")
            .map(|change| (change.resource, change.at))
            .collect();
        assert_eq!(ours, []);
    });
}

// SS-A19, SS-210
#[test]
fn a_partition_and_a_pause_hold_a_roll_out() {
    story(3, async |world| {
        cluster(world, 4, json!({ "updateStrategy": { "partition": 3 } })).await;
        change(world, json!({ "containers": agent("agent:2") }));
        becomes(world, "4 1 4 1").await;
        world.run_for(Duration::from_secs(20)).await;
        assert_eq!(counts(&world.server), "4 1 4 1");
        let held = told(&world.server, "log", "Waiting");
        assert_eq!(
            held,
            ["spec.updateStrategy.partition keeps the other pods at their revision"]
        );
        change(
            world,
            json!({ "updateStrategy": { "partition": 0, "paused": true } }),
        );
        world.run_for(Duration::from_secs(20)).await;
        assert_eq!(counts(&world.server), "4 1 4 1");
        change(world, json!({ "updateStrategy": { "paused": false } }));
        becomes(world, "4 4 4 4").await;
    });
}

// SS-76, SS-78, SS-A39
#[test]
fn a_roll_back_finds_its_revision() {
    story(4, async |world| {
        cluster(world, 2, json!({ "revisionHistoryLimit": 2 })).await;
        let first = status(&world.server)["latestRevision"].clone();
        for image in ["agent:2", "agent:3"] {
            change(world, json!({ "containers": agent(image) }));
            becomes(world, "2 2 2 2").await;
        }
        world
            .until("two revisions", |server| revisions(server) == [2, 3])
            .await;
        change(world, json!({ "containers": agent("agent:2") }));
        becomes(world, "2 2 2 2").await;
        assert_eq!(revisions(&world.server), [3, 4]);
        assert_ne!(status(&world.server)["latestRevision"], first);
        assert_eq!(image(&world.server, "web-1", "agent"), "agent:2");
    });
}

// SS-73: what somebody deletes is made again.
#[test]
fn a_revision_that_is_deleted_is_made_again() {
    story(5, async |world| {
        cluster(world, 0, json!({})).await;
        let revision = world.server.list(CONTROLLER_REVISIONS)[0].clone();
        let name = revision["metadata"]["name"].as_str().unwrap();
        let key = kruise_api::resource::ObjectKey::new("kruise-system", name);
        world.server.delete("user", CONTROLLER_REVISIONS, &key);
        let is_new = |server: &kruise_testkit::server::ApiServer| {
            let all = server.list(CONTROLLER_REVISIONS);
            all.len() == 1 && all[0]["metadata"]["uid"] != revision["metadata"]["uid"]
        };
        world.until("made again", is_new).await;
    });
}

// SS-A23, SS-240
#[test]
fn pods_that_can_not_be_updated_are_told_of() {
    story(6, async |world| {
        cluster(world, 3, json!({})).await;
        let env = json!([{ "name": "agent", "image": "agent:2", "env": [{ "name": "A", "value": "1" }] }]);
        change(world, json!({ "containers": env }));
        becomes(world, "3 0 3 0").await;
        world.run_for(Duration::from_secs(60)).await;
        assert_eq!(told(&world.server, "log", "NotUpgradablePods").len(), 1);
        assert_eq!(image(&world.server, "web-0", "agent"), "agent:1");
        // One write a pod: its condition.
        assert_eq!(writes(&world.server, "patch", "pods"), 3);
        add_pod(world, "web-3");
        becomes(world, "4 1 4 1").await;
    });
}

// SS-285, SS-P6: an image that can't be pulled is superseded, and costs no further pod.
#[test]
fn a_bad_image_stops_the_roll_out_until_it_is_mended() {
    story(7, async |world| {
        cluster(world, 4, json!({})).await;
        change(world, json!({ "containers": agent("agent:bad") }));
        becomes(world, "4 1 3 0").await;
        world.run_for(Duration::from_secs(60)).await;
        assert_eq!(counts(&world.server), "4 1 3 0");
        change(world, json!({ "containers": agent("agent:3") }));
        becomes(world, "4 4 4 4").await;
    });
}

// SS-254, SS-A20: labels put later bring a pod in.
#[test]
fn a_pod_that_is_selected_later_is_updated() {
    story(8, async |world| {
        let selector = json!({ "matchLabels": { "canary": "true" } });
        cluster(
            world,
            3,
            json!({ "updateStrategy": { "selector": selector } }),
        )
        .await;
        change(world, json!({ "containers": agent("agent:2") }));
        becomes(world, "3 0 3 0").await;
        world.server.change("user", PODS, &pod_key("web-1"), |pod| {
            pod["metadata"]["labels"]["canary"] = json!("true");
        });
        becomes(world, "3 1 3 1").await;
        assert_eq!(image(&world.server, "web-1", "agent"), "agent:2");
    });
}

// A new process goes on where another one ended.
#[rstest]
#[case::early(2)]
#[case::later(5)]
#[case::late(9)]
fn a_roll_out_outlives_its_controller(#[case] seconds: u64) {
    story(9, async |world| {
        cluster(
            world,
            5,
            json!({ "updateStrategy": { "maxUnavailable": 2 } }),
        )
        .await;
        let before = world.server.version();
        change(world, json!({ "containers": agent("agent:2") }));
        for _ in 0..3 {
            world.run_for(Duration::from_secs(seconds)).await;
            world.kill(NAME).await;
            world.run_for(Duration::from_secs(3)).await;
            world.start(NAME);
        }
        becomes(world, "5 5 5 5").await;
        assert!(most_unready(&world.server, before) <= 2);
        let state = annotation(
            &world.server,
            "web-4",
            "kruise.io/sidecarset-inplace-update-state",
        );
        assert!(
            state.contains(r#""lastContainerStatuses":{"agent":{"imageID":"#),
            "{state}"
        );
    });
}

// SS-280: pods keep what they have, and a set of the same name begins anew.
#[test]
fn a_set_that_is_made_anew_takes_its_pods_on() {
    story(10, async |world| {
        cluster(world, 2, json!({})).await;
        let old = world.server.get(SIDECARSETS, &set_key()).unwrap();
        world.server.delete("user", SIDECARSETS, &set_key());
        world.run_for(Duration::from_secs(5)).await;
        let mut new = json!({ "apiVersion": "apps.kruise.io/v1beta1", "kind": "SidecarSet" });
        new["metadata"] = json!({ "name": "log" });
        new["spec"] = old["spec"].clone();
        world.server.put("user", SIDECARSETS, new);
        becomes(world, "2 2 2 2").await;
        world.server.collect_garbage();
        world
            .until("a revision of its own", |server| {
                let set = server.get(SIDECARSETS, &set_key()).unwrap();
                let all = server.list(CONTROLLER_REVISIONS);
                all.len() == 1
                    && all[0]["metadata"]["ownerReferences"][0]["uid"] == set["metadata"]["uid"]
            })
            .await;
    });
}
