//! Two containers that take turns.

use e2e::{
    sidecar_sets::{SidecarSet, WORKING, annotation, containers},
    templates::image,
};
use serde_json::{Value, json};

use super::{create_ready, of_sidecarset};

/// The image of the container that is idle.
fn idle() -> String {
    image(3)
}

async fn mesh(test: &e2e::Test) -> SidecarSet {
    let mut mesh = super::sidecar("mesh");
    mesh["upgradeStrategy"] =
        json!({ "upgradeType": "HotUpgrade", "hotUpgradeEmptyImage": idle() });
    SidecarSet::create(test, "set", json!({ "containers": [mesh] })).await
}

// SS-A15, SS-A16: the new one starts beside the old one, which becomes idle.
#[tokio::test(flavor = "multi_thread")]
async fn the_idle_container_takes_over() {
    let test = of_sidecarset().begin().await;
    let set = mesh(&test).await;
    create_ready(&test, 1).await;
    let pod = test.pods().get("web-0").await;
    assert_eq!(containers(&pod), ["mesh-1", "mesh-2", "app"]);
    set.counts([1, 1, 1, 1]).await;
    let before = test.pods().facts().await;
    assert_eq!(images(&before["web-0"]), [image(1), idle()]);
    set.set_image("mesh", &image(2)).await;
    set.counts([1, 1, 1, 1]).await;
    let after = test.pods().facts().await;
    let (was, is) = (&before["web-0"], &after["web-0"]);
    assert_eq!(images(is), [idle(), image(2)]);
    assert_eq!((&is.uid, is.restarts["app"]), (&was.uid, 0));
    // Each was restarted once: the first when the second was ready.
    assert_eq!([is.restarts["mesh-1"], is.restarts["mesh-2"]], [1, 1]);
    let pod = test.pods().get("web-0").await;
    let working: Value = serde_json::from_str(annotation(&pod, WORKING)).unwrap();
    assert_eq!(working, json!({ "mesh": "mesh-2" }));
    assert_eq!(version(&pod, "version", "mesh-1"), "0");
    assert_eq!(version(&pod, "versionalt", "mesh-2"), "0");
    test.told("ResetContainerSucceed", 1).await;
}

// SS-A43, SS-255, DV-SS6: the old one works on, whatever becomes of the new one.
#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_fails_is_taken_back() {
    let test = of_sidecarset().begin().await;
    let set = mesh(&test).await;
    create_ready(&test, 1).await;
    set.counts([1, 1, 1, 1]).await;
    set.set_image("mesh", "registry.local/demo:missing").await;
    set.counts([1, 1, 0, 0]).await;
    set.set_image("mesh", &image(1)).await;
    set.counts([1, 1, 1, 1]).await;
    let facts = test.pods().facts().await;
    let facts = &facts["web-0"];
    assert_eq!(images(facts), [image(1), idle()]);
    assert_eq!([facts.restarts["app"], facts.restarts["mesh-1"]], [0, 0]);
}

fn images(facts: &e2e::PodFacts) -> [String; 2] {
    ["mesh-1", "mesh-2"].map(|name| facts.images[name].clone())
}

fn version<'a>(pod: &'a k8s_openapi::api::core::v1::Pod, kind: &str, container: &str) -> &'a str {
    annotation(pod, &format!("{kind}.sidecarset.kruise.io/{container}"))
}
