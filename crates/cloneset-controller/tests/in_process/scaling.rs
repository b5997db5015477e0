//! How many pods are made and deleted, and which.

use serde_json::json;

use crate::{
    cluster::play,
    look::SPECIFIED_DELETE,
    specs::{gated, in_place, spec},
};

// CS-S17, CS-65
#[test]
fn pods_to_delete_go_first_and_leave_the_list() {
    play(async |cluster| {
        cluster.create(spec(3, json!({}))).await;
        cluster.rolled_out().await;
        let victim = cluster.names()[1].clone();
        let strategy = json!({ "podsToDelete": [victim] });
        cluster
            .patch_spec(json!({ "replicas": 2, "scaleStrategy": strategy }))
            .await;
        cluster.rolled_out().await;
        assert!(!cluster.names().contains(&victim));
        cluster.settle().await;
        assert_eq!(cluster.pods().len(), 2);
        let strategy = cluster.set()["spec"]["scaleStrategy"].clone();
        assert_eq!(strategy.get("podsToDelete"), None, "the list is empty");
    });
}

// CS-S3, CS-51, CS-P9
#[test]
fn scaling_out_waits_for_unavailable_pods() {
    play(async |cluster| {
        cluster.create(gated(3, in_place(json!("100%")))).await;
        let first = cluster.n_pods(3).await;
        cluster.open(&first[..2]).await;
        cluster.counts("availableReplicas", 2).await;
        let strategy = json!({ "maxUnavailable": 2 });
        cluster
            .patch_spec(json!({ "replicas": 6, "scaleStrategy": strategy }))
            .await;
        let four = cluster.n_pods(4).await;
        cluster.settle().await;
        assert_eq!(cluster.names(), four, "one more is unavailable");
        assert!(!cluster.events("ScaleUpLimited").is_empty());

        // None can be created now. Those that are there are updated all the same.
        cluster.relabel_template("b").await;
        cluster.counts("updatedReplicas", 4).await;
        assert_eq!(cluster.counter("replicas"), 4);
        for (unready, n_pods) in four.iter().filter(|pod| !first[..2].contains(pod)).zip(5..) {
            cluster.open(std::slice::from_ref(unready)).await;
            cluster.n_pods(n_pods).await;
        }
    });
}

// CS-S15, CS-55
#[test]
fn a_pod_specified_for_deletion_waits_while_another_is_unavailable() {
    play(async |cluster| {
        cluster
            .create(gated(3, json!({ "maxUnavailable": 1 })))
            .await;
        let pods = cluster.n_pods(3).await;
        cluster.open(&pods).await;
        cluster.counts("availableReplicas", 3).await;

        // Deleted first, then replaced.
        cluster
            .label_pod(&pods[0], SPECIFIED_DELETE, json!(""))
            .await;
        cluster
            .until("replaced", |cluster| {
                let names = cluster.names();
                names.len() == 3 && !names.contains(&pods[0])
            })
            .await;
        let new: Vec<String> = cluster.names();
        let new: Vec<String> = new.into_iter().filter(|pod| !pods.contains(pod)).collect();

        // The new pod is not ready yet: the other one stays until it is.
        cluster
            .label_pod(&pods[1], SPECIFIED_DELETE, json!("yes"))
            .await;
        cluster.settle().await;
        assert!(cluster.names().contains(&pods[1]), "stays while ready");
        cluster.open(&new).await;
        cluster
            .until("replaced", |cluster| {
                let names = cluster.names();
                names.len() == 3 && !names.contains(&pods[1])
            })
            .await;

        // One that is not ready goes at once, limit or not.
        let known = [pods.clone(), new].concat();
        let unready = cluster.names().into_iter().find(|pod| !known.contains(pod));
        let unready = unready.unwrap();
        cluster
            .label_pod(&unready, SPECIFIED_DELETE, json!("yes"))
            .await;
        cluster
            .until("replaced", |cluster| {
                let names = cluster.names();
                names.len() == 3 && !names.contains(&unready)
            })
            .await;
        assert!(cluster.names().contains(&pods[2]), "nobody's wish");
    });
}
