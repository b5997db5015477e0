//! The deadline of progress.

use jiff::Timestamp;
use kruise_api::apps::v1beta1::CLONESETS;
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, NAME, play},
    look::{condition, is_ready, name},
    specs::gated,
};

const DEADLINE: i64 = 300;

async fn becomes(cluster: &mut Cluster<'_>, reason: &str) {
    cluster
        .until(&format!("Progressing: {reason}"), |cluster| {
            condition(&cluster.set(), "Progressing")["reason"] == reason
        })
        .await;
}

fn updated_at(condition: &Value) -> Timestamp {
    condition["lastUpdateTime"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn unready(cluster: &Cluster<'_>) -> Vec<String> {
    let pods = cluster.pods();
    let unready = pods.iter().filter(|pod| !is_ready(pod));
    unready.map(name).collect()
}

// CS-S39, CS-120 to CS-122, DV-CS8
#[test]
fn the_deadline_runs_from_the_last_progress() {
    play(async |cluster| {
        let since = cluster.now();
        let terms = json!({ "podUpdatePolicy": "ReCreate", "maxUnavailable": 1 });
        let mut spec = gated(2, terms);
        spec["progressDeadlineSeconds"] = json!(DEADLINE);
        cluster.create(spec).await;

        // It never gets ready; told, that stops nothing.
        becomes(cluster, "ProgressDeadlineExceeded").await;
        cluster.scale(3).await;
        let pods = cluster.n_pods(3).await;
        cluster.open(&pods).await;
        becomes(cluster, "CloneSetAvailable").await;

        // Available for longer than the deadline when the template changes.
        cluster.run_for(u64::try_from(DEADLINE).unwrap() + 60).await;
        cluster.relabel_template("b").await;
        becomes(cluster, "ProgressDeadlineExceeded").await;
        for n_updated in 1..=3 {
            // Those that were opened may be made anew at once.
            cluster
                .until("a pod that isn't ready", |cluster| {
                    !unready(cluster).is_empty()
                })
                .await;
            let unready = unready(cluster);
            cluster.open(&unready).await;
            cluster.counts("updatedAvailableReplicas", n_updated).await;
        }
        becomes(cluster, "CloneSetAvailable").await;
        cluster.settle().await;

        let notes = cluster.story_of(CLONESETS, NAME, since, |set| {
            condition(set, "Progressing").clone()
        });
        let notes: Vec<Value> = notes.into_iter().filter(|note| !note.is_null()).collect();
        for pair in notes.windows(2) {
            let [before, after] = pair else { panic!() };
            if after["reason"] == "ProgressDeadlineExceeded" {
                assert_eq!(before["reason"], "CloneSetUpdated", "{notes:#?}");
                let waited = updated_at(after).duration_since(updated_at(before));
                // To the second, without anything happening.
                let late = waited.as_secs() - DEADLINE;
                assert!((0..=1).contains(&late), "{before} {after}");
                assert_eq!(after["status"], "False");
            } else {
                assert_eq!(after["status"], "True");
            }
        }
        let mut story: Vec<&str> = notes
            .iter()
            .map(|note| note["reason"].as_str().unwrap())
            .collect();
        story.dedup();
        let (moves, exceeded, settled) = (
            "CloneSetUpdated",
            "ProgressDeadlineExceeded",
            "CloneSetAvailable",
        );
        assert_eq!(story[..2], [moves, exceeded], "{story:?}");
        // However it moves on: it has taken too long.
        assert!(
            story.ends_with(&[settled, moves, exceeded, settled]),
            "{story:?}"
        );
    });
}
