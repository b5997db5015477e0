//! Pods that others made, or let go.

use kruise_api::{apps::v1beta1::CLONESETS, resource::PODS};
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, NAME, play},
    look::{REVISION, condition, image_of, manager, name},
    specs::{image, in_place, spec, with_claims},
};

/// A pod that fits the CloneSet and names it as owner, but not as the one that manages it.
fn put_orphan(cluster: &Cluster<'_>) -> String {
    let set = cluster.set();
    let mut pod = set["spec"]["template"].clone();
    pod["metadata"]["labels"]["apps.kruise.io/cloneset-instance-id"] = json!("hand2");
    pod["metadata"]["labels"][REVISION] = set["status"]["updateRevision"].clone();
    pod["metadata"]["name"] = json!("web-hand2");
    pod["metadata"]["namespace"] = json!("default");
    pod["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "apps.kruise.io/v1beta1", "kind": "CloneSet", "name": NAME,
        "uid": set["metadata"]["uid"],
    }]);
    name(&cluster.world.server.put("somebody", PODS, pod))
}

// CS-S40, CS-28, CS-29, CS-74, DV-CS17
#[test]
fn a_pod_that_stops_matching_is_released() {
    play(async |cluster| {
        cluster.create(with_claims(spec(2, json!({})), false)).await;
        cluster.rolled_out().await;
        let released = cluster.names().remove(0);
        cluster.label_pod(&released, "app", json!("other")).await;
        cluster.n_pods(3).await;
        cluster.rolled_out().await;
        assert_eq!(manager(&cluster.pod(&released)), None);

        cluster.label_pod(&released, "app", json!("web")).await;
        cluster.settle().await;
        assert_eq!(
            manager(&cluster.pod(&released)),
            None,
            "it is not taken back"
        );
        assert_eq!(cluster.pods().len(), 3);
        let claims = cluster.claims();
        assert_eq!(claims.len(), 3, "it keeps its claim");
        let goes = |claim: &Value| claim["metadata"].get("deletionTimestamp").is_some();
        assert!(!claims.iter().any(goes));
    });
}

// IP-S32, IP-16, IP-42, CS-28: it has no readiness gate, so there is nothing to say about it.
#[test]
fn an_adopted_pod_without_the_gate_is_updated_without_conditions() {
    play(async |cluster| {
        cluster.create(spec(1, in_place(json!("100%")))).await;
        cluster.rolled_out().await;
        // One more is wanted, and may not be made.
        let none = json!({ "maxUnavailable": 0 });
        cluster
            .patch_spec(json!({ "replicas": 2, "scaleStrategy": none }))
            .await;
        cluster.settle().await;
        let since = cluster.now();
        let orphan = put_orphan(cluster);
        cluster.rolled_out().await;
        assert_eq!(manager(&cluster.pod(&orphan)), Some(NAME.to_owned()));

        cluster.set_image(&image(2)).await;
        cluster.rolled_out().await;
        assert_eq!(image_of(&cluster.pod(&orphan)), image(2));
        let told = |pod: &Value| condition(pod, "InPlaceUpdateReady").clone();
        let story = cluster.story_of(PODS, &orphan, since, told);
        assert_eq!(story, [Value::Null]);
    });
}

// IP-S40, CS-28, CS-23
#[test]
fn a_set_that_is_being_deleted_neither_adopts_nor_releases() {
    play(async |cluster| {
        cluster.create(spec(1, json!({}))).await;
        cluster.rolled_out().await;
        let ours = cluster.names().remove(0);
        let hold = json!({ "metadata": { "finalizers": ["test.kruise.io/hold"] } });
        cluster.patch(hold).await;
        cluster.delete(CLONESETS, NAME);
        cluster.settle().await;

        let orphan = put_orphan(cluster);
        cluster.label_pod(&ours, "app", json!("other")).await;
        cluster.settle().await;
        assert_eq!(manager(&cluster.pod(&orphan)), None, "not adopted");
        assert_eq!(
            manager(&cluster.pod(&ours)),
            Some(NAME.to_owned()),
            "not released"
        );
    });
}
