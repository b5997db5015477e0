//! Hot upgrade, step by step (SS-250 to SS-255).

use std::time::Duration;

use serde_json::json;

use crate::cluster::{annotation, becomes, change, cluster, image, mesh, story, told};

fn images(world: &kruise_testkit::world::World) -> [String; 2] {
    ["mesh-1", "mesh-2"].map(|twin| image(&world.server, "web-0", twin))
}

const WORKING: &str = "kruise.io/sidecarset-working-hotupgrade-container";

// SS-A16
#[test]
fn the_new_twin_takes_over_before_the_old_one_goes() {
    story(21, async |world| {
        cluster(world, 1, json!({ "containers": mesh("mesh:1") })).await;
        assert_eq!(images(world), ["mesh:1", "idle:1"]);
        change(world, json!({ "containers": mesh("mesh:2") }));
        world
            .until("the new one", |server| {
                image(server, "web-0", "mesh-2") == "mesh:2"
            })
            .await;
        assert_eq!(image(&world.server, "web-0", "mesh-1"), "mesh:1");
        assert_eq!(
            annotation(&world.server, "web-0", WORKING),
            r#"{"mesh":"mesh-2"}"#
        );
        becomes(world, "1 1 1 1").await;
        assert_eq!(images(world), ["idle:1", "mesh:2"]);
        let version = |key: &str| annotation(&world.server, "web-0", key);
        assert_eq!(version("version.sidecarset.kruise.io/mesh-1"), "0");
        assert_eq!(version("versionalt.sidecarset.kruise.io/mesh-2"), "0");
        assert_eq!(
            version("version.sidecarset.kruise.io/mesh-2"),
            version("versionalt.sidecarset.kruise.io/mesh-1")
        );
        let told = told(&world.server, "web-0", "ResetContainerSucceed");
        assert_eq!(told, ["reset sidecar container image empty successfully"]);
    });
}

// SS-A43, SS-255, DV-SS6
#[test]
fn a_failing_upgrade_is_taken_back() {
    story(22, async |world| {
        cluster(world, 1, json!({ "containers": mesh("mesh:1") })).await;
        change(world, json!({ "containers": mesh("mesh:bad") }));
        world
            .until("the new one", |server| {
                image(server, "web-0", "mesh-2") == "mesh:bad"
            })
            .await;
        world.run_for(Duration::from_secs(30)).await;
        assert_eq!(images(world), ["mesh:1", "mesh:bad"]);
        change(world, json!({ "containers": mesh("mesh:1") }));
        becomes(world, "1 1 1 1").await;
        assert_eq!(images(world), ["mesh:1", "idle:1"]);
        assert_eq!(
            annotation(&world.server, "web-0", WORKING),
            r#"{"mesh":"mesh-1"}"#
        );
    });
}

// SS-229, SS-251: one pod after the other, each to its end.
#[test]
fn several_pods_are_upgraded_hot() {
    story(23, async |world| {
        cluster(world, 3, json!({ "containers": mesh("mesh:1") })).await;
        for image in ["mesh:2", "mesh:3"] {
            change(world, json!({ "containers": mesh(image) }));
            becomes(world, "3 3 3 3").await;
        }
        assert_eq!(images(world), ["mesh:3", "idle:1"]);
        assert_eq!(
            annotation(&world.server, "web-0", WORKING),
            r#"{"mesh":"mesh-1"}"#
        );
    });
}
