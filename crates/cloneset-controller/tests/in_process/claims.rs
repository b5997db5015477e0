//! Volume claims of pods that are deleted by others.

use std::collections::BTreeSet;

use kruise_api::resource::PERSISTENT_VOLUME_CLAIMS;
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, play},
    look::{name, names, uid},
    specs::{claim_template, in_place, spec, with_claims},
};

const HOLD: &str = "test.kruise.io/hold";

fn set(replicas: i32, reuse: bool) -> Value {
    with_claims(spec(replicas, in_place(json!(1))), reuse)
}

/// Waits until exactly the claims of these pods are there.
async fn claims_are_of(cluster: &mut Cluster<'_>, pods: &[String]) {
    let wanted: BTreeSet<String> = pods.iter().map(|pod| format!("data-{pod}")).collect();
    cluster
        .until("a claim for each pod, and no other", |cluster| {
            let there: BTreeSet<String> = names(&cluster.claims()).into_iter().collect();
            there == wanted
        })
        .await;
}

fn tells_of(event: &Value, words: &str) -> bool {
    event["message"]
        .as_str()
        .unwrap_or_default()
        .contains(words)
}

// CS-77, DV-CS6: a finalizer keeps the old pod, which holds back its own replacement, tells so, and nothing else.
#[test]
fn with_reuse_an_id_waits_for_the_old_pod_and_the_others_do_not() {
    play(async |cluster| {
        cluster.create(set(2, true)).await;
        cluster.rolled_out().await;
        let lost = cluster.names().remove(0);
        cluster.set_finalizers(&lost, &[HOLD]).await;
        cluster.delete_pod(&lost);
        cluster.scale(3).await;
        cluster.counts("availableReplicas", 2).await;
        let message = cluster.waits_for("ClaimsInUse").await;
        assert!(message.contains(&lost), "{message}");
        let told = cluster.events("FailedCreate");
        assert!(told.iter().any(|event| tells_of(event, &lost)), "{told:?}");

        cluster.set_finalizers(&lost, &[]).await;
        cluster.rolled_out().await;
        assert!(cluster.names().contains(&lost));
        cluster.settle().await;
        let waiting = crate::look::condition(&cluster.set(), "Waiting").clone();
        assert_eq!(waiting, Value::Null);
    });
}

// CS-S28, CS-74: deleted by somebody else, a pod takes its claim along.
#[test]
fn without_reuse_a_deleted_pod_takes_its_claim_along() {
    play(async |cluster| {
        cluster.create(set(2, false)).await;
        cluster.rolled_out().await;
        let lost = cluster.names().remove(0);
        cluster.set_finalizers(&lost, &[HOLD]).await;
        let lost_uid = uid(&cluster.pod(&lost));
        cluster.delete_pod(&lost);

        // The new pod does not wait for the old one, whose claim is its own by now.
        cluster
            .until("another pod", |cluster| {
                let pods = cluster.names();
                pods.len() == 2 && !pods.contains(&lost)
            })
            .await;
        cluster.rolled_out().await;
        let claim = cluster.get(PERSISTENT_VOLUME_CLAIMS, &format!("data-{lost}"));
        let owners = claim.unwrap()["metadata"]["ownerReferences"].clone();
        assert_eq!(owners.as_array().unwrap().len(), 1, "{owners}");
        assert_eq!(
            (&owners[0]["kind"], &owners[0]["uid"]),
            (&json!("Pod"), &json!(lost_uid))
        );

        cluster.set_finalizers(&lost, &[]).await;
        cluster.settle().await;
        let after = cluster.names();
        assert!(!after.contains(&lost), "another id: {after:?}");
        claims_are_of(cluster, &after).await;
    });
}

// CloneSet 7.1: the next pod of this id would need a claim whose name somebody else has.
#[test]
fn a_claim_of_somebody_else_is_named_and_left_alone() {
    play(async |cluster| {
        cluster.create(set(1, true)).await;
        cluster.rolled_out().await;
        let pod = cluster.names().remove(0);
        let mut foreign = claim_template("logs");
        foreign["metadata"] = json!({ "name": format!("logs-{pod}"), "namespace": "default" });
        let foreign = cluster
            .world
            .server
            .put("somebody", PERSISTENT_VOLUME_CLAIMS, foreign);
        let templates = json!([claim_template("data"), claim_template("logs")]);
        cluster
            .patch_spec(json!({ "volumeClaimTemplates": templates }))
            .await;
        cluster.delete_pod(&pod);
        cluster.settle().await;
        let told = cluster.events("FailedCreate");
        let event = told.iter().find(|event| {
            tells_of(event, &format!("logs-{pod}")) && tells_of(event, "somebody else")
        });
        let event = event.unwrap_or_else(|| panic!("{told:?}"));
        assert_eq!(event["type"], "Warning");
        assert_eq!(event["involvedObject"]["name"], "web", "names the object");
        assert_eq!(event["source"]["component"], cloneset_controller::NAME);
        assert_eq!(cluster.names(), Vec::<String>::new());

        cluster.delete(PERSISTENT_VOLUME_CLAIMS, &name(&foreign));
        cluster.rolled_out().await;
        assert_eq!(cluster.names(), std::slice::from_ref(&pod));
        let made = cluster.get(PERSISTENT_VOLUME_CLAIMS, &name(&foreign));
        assert_ne!(made.map(|made| uid(&made)), Some(uid(&foreign)));
    });
}
