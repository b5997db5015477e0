//! New images in pods that run.

use e2e::{
    PATIENCE, eventually,
    pods::condition,
    sidecar_sets::{HASH, annotation},
    templates::image,
};
use serde_json::{Value, json};

use super::{agent, create_ready, of_sidecarset};

// SS-242, SS-244, SS-A17: the sidecar is restarted by its kubelet, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_image_restarts_the_sidecar_alone() {
    let test = of_sidecarset().begin().await;
    let set = agent(&test, json!({ "updateStrategy": { "maxUnavailable": 2 } })).await;
    create_ready(&test, 3).await;
    set.counts([3, 3, 3, 3]).await;
    let before = test.pods().facts().await;
    set.set_image("agent", &image(2)).await;
    set.counts([3, 3, 3, 3]).await;
    let after = test.pods().facts().await;
    for (name, facts) in &after {
        let was = &before[name];
        assert_eq!(
            (&facts.uid, &facts.ip, &facts.node),
            (&was.uid, &was.ip, &was.node)
        );
        assert_eq!(facts.restarts["app"], 0, "{name}");
        assert_eq!(facts.restarts["agent"], 1, "{name}");
        assert_eq!(facts.images["agent"], image(2));
    }
}

// SS-A19, SS-A23, SS-240, SS-247: pods that can't be updated say so, and so does an event.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_more_than_an_image_is_told_and_not_done() {
    let test = of_sidecarset().begin().await;
    let set = agent(&test, json!({})).await;
    create_ready(&test, 1).await;
    set.counts([1, 1, 1, 1]).await;
    let before = test.pods().facts().await;
    let mut changed = e2e::templates::container("agent", &image(2));
    changed["env"] = json!([{ "name": "LEVEL", "value": "debug" }]);
    set.patch(json!({ "containers": [changed] })).await;
    let condition = eventually("the pod is not upgradable", PATIENCE, || async {
        let pod = test.pods().get("web-0").await;
        let found = condition(&pod, "SidecarSetUpgradable").cloned();
        match found {
            Some(found) if found.status == "False" => Ok(found),
            other => Err(other),
        }
    })
    .await;
    assert_eq!(condition.reason.as_deref(), Some("UpdateImmutableField"));
    let message: Value = serde_json::from_str(&condition.message.unwrap()).unwrap();
    assert_eq!(message, json!({ set.name.as_str(): false }));
    set.counts([1, 0, 1, 0]).await;
    assert_eq!(test.pods().facts().await, before);
    // A new pod has the new container.
    super::create(&test, &super::pod("web-1", json!({})))
        .await
        .unwrap();
    let pod = test.pods().get("web-1").await;
    let hashes: Value = serde_json::from_str(annotation(&pod, HASH)).unwrap();
    assert_eq!(
        hashes[&set.name]["hash"],
        set.get().await["metadata"]["annotations"][HASH]
    );
}

// SS-285, SS-P6: an image that can't be pulled holds the roll-out, and a corrected one goes on, at no charge.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_image_is_corrected() {
    let test = of_sidecarset().begin().await;
    let set = agent(&test, json!({})).await;
    create_ready(&test, 2).await;
    set.counts([2, 2, 2, 2]).await;
    set.set_image("agent", "registry.local/demo:missing").await;
    set.counts([2, 1, 1, 0]).await;
    set.set_image("agent", &image(2)).await;
    set.counts([2, 2, 2, 2]).await;
    for (name, facts) in test.pods().facts().await {
        assert_eq!(facts.restarts["app"], 0, "{name}");
    }
}
