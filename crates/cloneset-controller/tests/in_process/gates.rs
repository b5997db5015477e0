//! What feature gates change.

use std::collections::BTreeSet;

use kruise_api::resource::{ObjectKey, Resource};
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, play, play_with},
    look::{REVISION, image_of, label, labelled, name, restarts, state, uids},
    specs::{image, in_place, spec},
};

const BUDGETS: Resource = Resource {
    group: "policy.kruise.io",
    version: "v1beta1",
    plural: "podunavailablebudgets",
    kind: "PodUnavailableBudget",
    namespaced: true,
};
const JOBS: Resource = Resource {
    group: "apps.kruise.io",
    version: "v1beta1",
    plural: "imagepulljobs",
    kind: "ImagePullJob",
    namespaced: true,
};

/// Installs a kind whose objects are taken as they are.
fn install(cluster: &Cluster<'_>, kind: Resource) {
    cluster.world.server.install(json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{}.{}", kind.plural, kind.group) },
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": { "kind": kind.kind, "plural": kind.plural },
            "versions": [{
                "name": kind.version, "served": true, "storage": true,
                "subresources": { "status": {} },
                "schema": { "openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                } },
            }],
        },
    }));
}

// CS-39: gate CloneSetShortHash.
#[test]
fn a_short_hash_labels_new_pods() {
    play_with(
        &["--feature-gates=CloneSetShortHash=true"],
        async |cluster| {
            cluster.create(spec(2, in_place(json!(1)))).await;
            cluster.rolled_out().await;
            let before = uids(&cluster.pods());
            for _ in 0..2 {
                let revision = cluster.status("updateRevision");
                let short = revision
                    .as_str()
                    .unwrap()
                    .rsplit('-')
                    .next()
                    .unwrap()
                    .to_owned();
                let pods = cluster.pods();
                assert_eq!(labelled(&pods, REVISION, &short).len(), 2);
                assert_eq!(labelled(&pods, "pod-template-hash", &short).len(), 2);
                cluster.set_image(&image(2)).await;
                cluster.rolled_out().await;
            }
            assert_eq!(uids(&cluster.pods()), before, "in place");
        },
    );
}

/// Two of three pods are updated, and then none should be. How many are.
async fn updated_after_raising_the_partition(cluster: &mut Cluster<'_>) -> i64 {
    let mut terms = in_place(json!(1));
    terms["partition"] = json!(1);
    cluster.create(spec(3, terms)).await;
    cluster.counts("availableReplicas", 3).await;
    let before = uids(&cluster.pods());
    cluster.relabel_template("b").await;
    cluster.counts("updatedAvailableReplicas", 2).await;
    cluster.counts("availableReplicas", 3).await;
    cluster.patch_terms(json!({ "partition": 3 })).await;
    cluster.settle().await;
    assert_eq!(uids(&cluster.pods()), before, "in place");
    let updated = labelled(&cluster.pods(), "tier", "b").len();
    assert_eq!(
        cluster.counter("updatedReplicas"),
        i64::try_from(updated).unwrap()
    );
    cluster.counter("updatedReplicas")
}

// CS-S25, CS-48, CS-81, CS-93: gate CloneSetPartitionRollback
#[test]
fn a_raised_partition_rolls_back_with_the_gate_alone() {
    play(async |cluster| {
        assert_eq!(updated_after_raising_the_partition(cluster).await, 2);
    });
    play_with(
        &["--feature-gates=CloneSetPartitionRollback=true"],
        async |cluster| {
            assert_eq!(updated_after_raising_the_partition(cluster).await, 0);
        },
    );
}

/// Of three old pods one prepares for its update; then one pod less is wanted, and one old one. Whether it stays.
async fn stays_while_it_prepares(cluster: &mut Cluster<'_>) -> bool {
    let mut spec = spec(3, in_place(json!(1)));
    spec["template"]["metadata"]["labels"]["hold"] = json!("yes");
    spec["lifecycle"] = json!({ "inPlaceUpdate": { "labelsHandler": { "hold": "yes" } } });
    cluster.create(spec).await;
    cluster.rolled_out().await;
    cluster.relabel_template("b").await;
    cluster.settle().await;
    let pods = cluster.pods();
    let preparing = pods.iter().filter(|pod| state(pod) == "PreparingUpdate");
    let preparing: Vec<String> = preparing.map(name).collect();
    assert_eq!(preparing.len(), 1);
    let terms = json!({ "rollingUpdate": { "partition": 1 } });
    cluster
        .patch_spec(json!({ "replicas": 2, "updateStrategy": terms }))
        .await;
    cluster.n_pods(2).await.contains(&preparing[0])
}

// CS-46: gate PreparingUpdateAsUpdate
#[test]
fn a_pod_that_prepares_counts_as_updated_with_the_gate_alone() {
    play(async |cluster| {
        let stays = stays_while_it_prepares(cluster).await;
        assert!(!stays, "it is old like the others, and not available");
    });
    play_with(
        &["--feature-gates=PreparingUpdateAsUpdate=true"],
        async |cluster| {
            assert!(stays_while_it_prepares(cluster).await, "an old one goes");
        },
    );
}

// CS-S38, IP-S20, CS-100: gate PreDownloadImageForInPlaceUpdate
#[test]
fn image_pull_jobs_are_asked_for_where_the_kind_exists() {
    play_with(
        &["--feature-gates=PreDownloadImageForInPlaceUpdate=true"],
        async |cluster| {
            cluster.create(spec(4, in_place(json!(1)))).await;
            cluster.rolled_out().await;
            cluster.set_image(&image(2)).await;
            cluster.rolled_out().await;

            // It comes later, and nothing has to be started again.
            install(cluster, JOBS);
            cluster.settle().await;
            cluster.patch_terms(json!({ "partition": 3 })).await;
            cluster.set_image(&image(3)).await;
            cluster.counts("updatedAvailableReplicas", 1).await;
            let made = cluster.list(JOBS);
            let [job] = &made[..] else {
                panic!("{made:#?}")
            };
            let revision = cluster.status("updateRevision");
            assert_eq!(name(job), format!("{}-app", revision.as_str().unwrap()));
            assert_eq!(job["spec"]["image"], json!(image(3)));
            assert_eq!(job["spec"]["parallelism"], 1);
            assert_eq!(job["spec"]["pullPolicy"]["timeoutSeconds"], 300);
            let newest = cluster.revisions().pop().unwrap();
            assert_eq!(
                label(&newest, "apps.kruise.io/pre-predownload-created"),
                "true"
            );

            cluster.patch_terms(json!({ "partition": 0 })).await;
            cluster.rolled_out().await;
            cluster.settle().await;
            assert_eq!(
                cluster.list(JOBS),
                Vec::<Value>::new(),
                "the job is taken away"
            );
            assert_eq!(cluster.event_count("CreatedImagePullJob"), 1);
        },
    );
}

/// Pods that have the new image, and restarted for it once and no more.
fn updated(cluster: &Cluster<'_>) -> BTreeSet<String> {
    let pods = cluster.pods();
    assert!(
        pods.iter().all(|pod| restarts(pod) <= 1),
        "each is updated once"
    );
    let updated = pods.iter().filter(|pod| image_of(pod) == image(2));
    updated.map(name).collect()
}

fn allow(cluster: &Cluster<'_>, allowed: i64) {
    let key = ObjectKey::new("default", "shop");
    cluster
        .world
        .server
        .change("budget", BUDGETS, &key, |budget| {
            budget["status"]["unavailableAllowed"] = json!(allowed);
        });
}

/// What is left of the budget, and the pods that have paid.
fn left(cluster: &Cluster<'_>) -> (i64, BTreeSet<String>) {
    let status = cluster.get(BUDGETS, "shop").unwrap()["status"].clone();
    let paid = status["unavailablePods"].as_object();
    let paid = paid.into_iter().flat_map(|entries| entries.keys().cloned());
    (
        status["unavailableAllowed"].as_i64().unwrap(),
        paid.collect(),
    )
}

// CS-87, CS-26; PB-62, PF-921, PB-S41: gate PodUnavailableBudgetUpdateGate
#[test]
fn a_roll_out_goes_as_far_as_its_budget_pays() {
    play_with(
        &["--feature-gates=PodUnavailableBudgetUpdateGate=true"],
        async |cluster| {
            install(cluster, BUDGETS);
            cluster.world.server.put(
            "budget",
            BUDGETS,
            json!({
                "apiVersion": "policy.kruise.io/v1beta1", "kind": "PodUnavailableBudget",
                "metadata": { "name": "shop", "namespace": "default" },
                "spec": { "selector": { "matchLabels": { "app": "web" } }, "maxUnavailable": 1 },
                "status": {
                    "totalReplicas": 4, "desiredAvailable": 3, "currentAvailable": 4,
                    "unavailableAllowed": 1,
                },
            }),
        );
            let mut set = spec(4, in_place(json!("100%")));
            // What the pod webhook would write.
            set["template"]["metadata"]["annotations"] =
                json!({ "pub.kruise.io/related-pub": "shop" });
            cluster.create(set).await;
            cluster.rolled_out().await;
            cluster.settle().await;

            cluster.set_image(&image(2)).await;
            let message = cluster.waits_for("BudgetRefused").await;
            assert!(message.contains("PodUnavailableBudget shop"), "{message}");
            assert!(message.contains("status.unavailableAllowed"), "{message}");
            cluster.settle().await;
            let first = updated(cluster);
            assert_eq!(first.len(), 1, "{first:?}");
            assert_eq!(left(cluster), (0, first.clone()));

            allow(cluster, 2);
            cluster.settle().await;
            let three = updated(cluster);
            assert!(three.len() == 3 && three.is_superset(&first), "{three:?}");
            assert_eq!(left(cluster), (0, three));

            cluster.delete(BUDGETS, "shop");
            cluster.rolled_out().await;
            assert_eq!(updated(cluster).len(), 4);
        },
    );
}
