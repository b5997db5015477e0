//! How far a roll-out goes: partitions, pauses, percentages, surges, and pods that are not available.

use kruise_api::resource::PODS;
use serde_json::{Value, json};

use crate::{
    cluster::play,
    look::{SPECIFIED_DELETE, is_ready, label, labelled, name, uids},
    specs::{gated, image, in_place, spec},
};

// CS-S10, CS-S12
#[test]
fn the_partition_keeps_pods_at_the_old_revision() {
    play(async |cluster| {
        let mut terms = in_place(json!("100%"));
        terms["partition"] = json!(3);
        cluster.create(spec(5, terms)).await;
        cluster.counts("availableReplicas", 5).await;
        let old = cluster.status("updateRevision");
        let before = uids(&cluster.pods());

        cluster.set_image(&image(2)).await;
        cluster.counts("updatedAvailableReplicas", 2).await;
        cluster.waits_for("PartitionReached").await;
        cluster.settle().await;
        assert_eq!(cluster.counter("updatedReplicas"), 2);
        assert_eq!(cluster.counter("expectedUpdatedReplicas"), 2);
        assert_eq!(cluster.status("currentRevision"), old, "not promoted");

        // Scaling out under the partition keeps its numbers: 3 old, the rest new.
        cluster.scale(7).await;
        cluster.counts("availableReplicas", 7).await;
        assert_eq!(cluster.counter("updatedReplicas"), 4);
        cluster.patch_terms(json!({ "partition": 0 })).await;
        cluster.rolled_out().await;
        assert!(before.is_subset(&uids(&cluster.pods())), "all in place");
    });
}

// CS-94: paused updates nothing, and scaling goes on.
#[test]
fn paused_stops_updates_and_not_scaling() {
    play(async |cluster| {
        let mut terms = in_place(json!("100%"));
        terms["paused"] = json!(true);
        cluster.create(spec(2, terms)).await;
        cluster.rolled_out().await;
        let old = cluster.names();
        cluster.set_image(&image(2)).await;
        cluster.scale(3).await;
        cluster.counts("availableReplicas", 3).await;
        cluster.waits_for("Paused").await;
        cluster.settle().await;
        assert_eq!(cluster.pods_with_image(&image(1)), old.len());
        cluster.patch_terms(json!({ "paused": false })).await;
        cluster.rolled_out().await;
    });
}

// CS-S11, CS-43, CS-P11
#[test]
fn a_partition_in_percent_leaves_one_pod_to_update_below_all() {
    for (replicas, partition, updated) in
        [(3, "99%", 1), (3, "1%", 2), (1, "50%", 0), (2, "100%", 0)]
    {
        play(async |cluster| {
            let mut terms = in_place(json!("100%"));
            terms["partition"] = json!(partition);
            cluster.create(spec(replicas, terms)).await;
            cluster
                .counts("availableReplicas", i64::from(replicas))
                .await;
            cluster.relabel_template("b").await;
            cluster.settle().await;
            for field in [
                "updatedReplicas",
                "updatedAvailableReplicas",
                "expectedUpdatedReplicas",
            ] {
                assert_eq!(cluster.counter(field), updated, "{field} of {partition}");
            }
            assert_ne!(
                cluster.status("currentRevision"),
                cluster.status("updateRevision")
            );
        });
    }
}

// CS-S22, CS-86, CS-P12
#[test]
fn updated_pods_that_are_unavailable_stop_the_roll_out() {
    play(async |cluster| {
        let mut terms = in_place(json!("100%"));
        terms["partition"] = json!(2);
        cluster.create(gated(5, terms)).await;
        let pods = cluster.n_pods(5).await;
        cluster.open(&pods).await;
        cluster.counts("availableReplicas", 5).await;
        cluster.relabel_template("b").await;
        cluster.counts("updatedAvailableReplicas", 3).await;
        let new = labelled(&cluster.pods(), "tier", "b");
        let new: Vec<String> = new.into_iter().collect();
        cluster.close(&new).await;
        cluster.counts("availableReplicas", 2).await;

        cluster
            .patch_terms(json!({ "partition": 0, "maxUnavailable": 2 }))
            .await;
        cluster.settle().await;
        assert_eq!(
            cluster.counter("expectedUpdatedReplicas"),
            5,
            "two are to be moved"
        );
        assert_eq!(cluster.counter("updatedReplicas"), 3, "and neither is");

        // Nor is one that is not available itself (CS-P12).
        let old: Vec<String> = pods.into_iter().filter(|pod| !new.contains(pod)).collect();
        cluster.close(&old).await;
        cluster.settle().await;
        assert_eq!(cluster.counter("updatedReplicas"), 3);

        // Two may be unavailable: with one of them left, there is room for one.
        cluster.open(&old).await;
        cluster.open(&new[..2]).await;
        cluster.counts("updatedReplicas", 5).await;
    });
}

// CS-S14, CS-63, CS-18
#[test]
fn with_surge_a_pod_goes_when_another_has_taken_its_place() {
    play(async |cluster| {
        let terms = json!({ "maxUnavailable": 0, "maxSurge": 1 });
        cluster.create(gated(3, terms)).await;
        let old = cluster.n_pods(3).await;
        cluster.open(&old).await;
        cluster.counts("availableReplicas", 3).await;
        let since = cluster.now();

        cluster.relabel_template("b").await;
        let mut marked = Vec::new();
        for n_new in 1..=3 {
            cluster
                .until("a pod is made first", |cluster| {
                    let pods = cluster.pods();
                    pods.len() == 4 && labelled(&pods, "tier", "b").len() == n_new
                })
                .await;
            cluster.settle().await;
            assert_eq!(cluster.pods().len(), 4);
            marked = old
                .iter()
                .filter(|pod| {
                    let story = cluster.story_of(PODS, pod, since, |pod| {
                        label(pod, SPECIFIED_DELETE).to_owned()
                    });
                    story.contains(&"true".to_owned())
                })
                .collect();
            assert_eq!(
                marked.len(),
                n_new - 1,
                "none goes before the new one is available"
            );
            let pods = cluster.pods();
            let unready = pods.iter().find(|pod| !is_ready(pod)).map(name);
            cluster.open(&[unready.unwrap()]).await;
        }
        cluster.rolled_out().await;
        assert_eq!(marked.len(), 2, "the last one leaves by scaling in");
        assert_eq!(labelled(&cluster.pods(), "tier", "b").len(), 3);
        cluster.settle().await;
        assert_eq!(cluster.event_count("SuccessfulUpdatePodReCreate"), 2);
        let mut alive = 3;
        for change in cluster.changes(since, PODS) {
            let lives = |pod: &Value| pod["metadata"].get("deletionTimestamp").is_none();
            let before = change.before.is_some_and(|pod| lives(&pod));
            let after = change.after.is_some_and(|pod| lives(&pod));
            alive += i32::from(after) - i32::from(before);
            assert!((3..=4).contains(&alive), "{alive} at once");
        }
    });
}

// CS-S32, CS-95
#[test]
fn on_delete_leaves_updating_to_others() {
    play(async |cluster| {
        let mut spec = spec(3, Value::Null);
        spec["updateStrategy"] = json!({ "type": "OnDelete" });
        cluster.create(spec).await;
        cluster.counts("availableReplicas", 3).await;
        let before = cluster.pods();

        cluster.relabel_template("b").await;
        cluster.settle().await;
        assert_eq!(uids(&cluster.pods()), uids(&before), "nothing changes");
        assert_eq!(cluster.counter("updatedReplicas"), 0);

        cluster.delete_pod(&name(&before[0]));
        cluster.counts("updatedAvailableReplicas", 1).await;
        cluster.counts("replicas", 3).await;
        let new = labelled(&cluster.pods(), "tier", "b");
        assert_eq!(new.len(), 1);

        // With no rollingUpdate a fifth of 2, rounded down, may be unavailable: fewer replicas make room.
        cluster.scale(2).await;
        cluster.n_pods(2).await;
        let left = labelled(&cluster.pods(), "tier", "b");
        assert_eq!(left, new, "an old pod goes first");
    });
}
