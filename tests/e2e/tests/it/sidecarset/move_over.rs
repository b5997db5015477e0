//! Pods that OpenKruise has injected, as the specification says that they look.

use e2e::{
    sidecar_sets::{HASH, HASH_WITHOUT_IMAGE, INJECTED, WORKING},
    templates::image,
};
use serde_json::{Value, json};

use super::{agent, create, of_sidecarset, pod, sidecar};

// SS-71, SS-136, SS-211, SS-243: pods of today's form and of the old one are taken over as they run.
#[tokio::test(flavor = "multi_thread")]
async fn injected_pods_are_taken_over_as_they_are() {
    let test = of_sidecarset().begin().await;
    let set = agent(&test, json!({})).await;
    let stored = set.get().await;
    let hash = |key: &str| {
        stored["metadata"]["annotations"][key]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let entry = |key: &str| {
        let entry = json!({
            "updateTimestamp": "2025-01-01T00:00:00Z", "hash": hash(key), "sidecarSetName": set.name,
            "sidecarList": ["agent"], "controllerRevision": "of-before",
        });
        json!({ set.name.as_str(): entry }).to_string()
    };
    let old = |key: &str| json!({ set.name.as_str(): hash(key) }).to_string();
    for (name, whole, without_image) in [
        ("today", entry(HASH), entry(HASH_WITHOUT_IMAGE)),
        ("before", old(HASH), old(HASH_WITHOUT_IMAGE)),
    ] {
        let mut agent = sidecar("agent");
        agent["env"] = json!([{ "name": "IS_INJECTED", "value": "true" }]);
        let app = e2e::templates::container("app", &image(1));
        let change = json!({
            "metadata": { "annotations": {
                INJECTED: set.name, HASH: whole, HASH_WITHOUT_IMAGE: without_image,
            } },
            "spec": { "containers": [agent, app] },
        });
        let asked = pod(name, change);
        let created = create(&test, &asked).await.unwrap();
        assert_eq!(created.metadata.annotations, asked.metadata.annotations);
    }
    set.counts([2, 2, 2, 2]).await;
    let before = test.pods().facts().await;
    assert!(before.values().all(|facts| facts.restarts["agent"] == 0));
    set.set_image("agent", &image(2)).await;
    set.counts([2, 2, 2, 2]).await;
    for (name, facts) in test.pods().facts().await {
        assert_eq!(facts.uid, before[&name].uid);
        assert_eq!(
            [facts.restarts["agent"], facts.restarts["app"]],
            [1, 0],
            "{name}"
        );
    }
    // The old form has become today's.
    let migrated = test.pods().get("before").await;
    let annotations = migrated.metadata.annotations.unwrap();
    for key in [HASH, HASH_WITHOUT_IMAGE] {
        let hashes: Value = serde_json::from_str(&annotations[key]).unwrap();
        assert_eq!(hashes[&set.name]["sidecarSetName"], json!(set.name));
    }
}

// SS-250 to SS-253: an upgrade that OpenKruise has begun is brought to its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_hot_upgrade_that_was_begun_is_ended() {
    let test = of_sidecarset().begin().await;
    let mut mesh = sidecar("mesh");
    mesh["image"] = json!(image(2));
    mesh["upgradeStrategy"] =
        json!({ "upgradeType": "HotUpgrade", "hotUpgradeEmptyImage": image(3) });
    let set = agent(&test, json!({ "containers": [mesh] })).await;
    let stored = set.get().await;
    let entry = |key: &str| {
        let hash = &stored["metadata"]["annotations"][key];
        let entry = json!({
            "updateTimestamp": "2025-01-01T00:00:00Z", "hash": hash, "sidecarSetName": set.name,
            "sidecarList": ["mesh"],
        });
        json!({ set.name.as_str(): entry }).to_string()
    };
    let twin = |name: &str, tag: u32| {
        let mut twin = e2e::templates::container(name, &image(tag));
        twin["env"] = json!([{ "name": "IS_INJECTED", "value": "true" }]);
        twin
    };
    let app = e2e::templates::container("app", &image(1));
    // The second runs the new image already; the first still has the old one.
    let change = json!({
        "metadata": { "annotations": {
            INJECTED: set.name, HASH: entry(HASH), HASH_WITHOUT_IMAGE: entry(HASH_WITHOUT_IMAGE),
            WORKING: json!({ "mesh": "mesh-2" }).to_string(),
            "version.sidecarset.kruise.io/mesh-1": "1", "versionalt.sidecarset.kruise.io/mesh-1": "8801",
            "version.sidecarset.kruise.io/mesh-2": "8801", "versionalt.sidecarset.kruise.io/mesh-2": "1",
        } },
        "spec": { "containers": [twin("mesh-1", 1), twin("mesh-2", 2), app] },
    });
    create(&test, &pod("web-0", change)).await.unwrap();
    set.counts([1, 1, 1, 1]).await;
    let facts = test.pods().facts().await;
    let facts = &facts["web-0"];
    assert_eq!(facts.images["mesh-1"], image(3));
    let restarts = ["mesh-1", "mesh-2", "app"].map(|name| facts.restarts[name]);
    assert_eq!(restarts, [1, 0, 0]);
}
