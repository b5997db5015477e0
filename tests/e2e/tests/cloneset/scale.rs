//! How many pods are made and deleted, and what holds that back.

use e2e::{
    Namespace, eventually,
    namespace::{PATIENCE, in_place, name_of},
    pods::{REVISION, SPECIFIED_DELETE, gated, labelled, small},
    undisturbed,
    witness::Witness,
};
use kube::api::DeleteParams;
use serde_json::json;

// CS-S3, CS-51, CS-P9
#[tokio::test(flavor = "multi_thread")]
async fn scaling_out_waits_for_unavailable_pods() {
    let _guard = undisturbed().await;
    let test = Namespace::create("cap").await;
    test.create_clone_set("web", gated(3, in_place(json!("100%"))))
        .await
        .unwrap();
    let first = test.n_pods(3).await;
    test.open(&first[..2]).await;
    test.status_becomes("web", "availableReplicas", 2).await;

    let strategy = json!({ "maxUnavailable": 2 });
    test.patch(
        "web",
        json!({ "spec": { "replicas": 6, "scaleStrategy": strategy } }),
    )
    .await;
    let four = test.n_pods(4).await;
    test.decided("web").await;
    assert_eq!(test.n_pods(4).await, four, "one more is unavailable");
    eventually("an event", PATIENCE, || async {
        test.events("ScaleUpLimited").await.pop().ok_or("none")
    })
    .await;

    // None can be created now. Those that are there are updated all the same.
    test.relabel_template("web", "b").await;
    test.status_becomes("web", "updatedReplicas", 4).await;
    assert_eq!(test.status("web", "replicas").await, 4);

    for (unready, n_pods) in four.iter().filter(|pod| !first[..2].contains(pod)).zip(5..) {
        test.open(std::slice::from_ref(unready)).await;
        test.n_pods(n_pods).await;
    }
}

// CS-S13, CS-52, CS-66
#[tokio::test(flavor = "multi_thread")]
async fn scaling_in_under_a_partition_takes_old_and_new_pods() {
    let _guard = undisturbed().await;
    let test = Namespace::create("scalein").await;
    let mut strategy = in_place(json!("100%"));
    strategy["partition"] = json!(3);
    test.create_clone_set("web", small(6, strategy))
        .await
        .unwrap();
    test.status_becomes("web", "availableReplicas", 6).await;
    let old = test.status("web", "updateRevision").await;
    test.relabel_template("web", "b").await;
    test.status_becomes("web", "updatedAvailableReplicas", 3)
        .await;
    test.status_becomes("web", "availableReplicas", 6).await;
    let pods = test.active_pods().await;
    let olds = labelled(&pods, REVISION, old.as_str().unwrap());
    let news = labelled(&pods, "tier", "b");
    assert_eq!((olds.len(), news.len()), (3, 3));

    let terms = json!({ "partition": 2, "maxUnavailable": 1 });
    test.patch(
        "web",
        json!({ "spec": { "replicas": 4, "updateStrategy": { "rollingUpdate": terms } } }),
    )
    .await;
    test.n_pods(4).await;
    test.decided("web").await;
    let pods = test.active_pods().await;
    let olds_left = labelled(&pods, REVISION, old.as_str().unwrap());
    let news_left = labelled(&pods, "tier", "b");
    assert_eq!((olds_left.len(), news_left.len()), (2, 2));
    assert!(olds_left.is_subset(&olds), "none was moved");
    assert!(news_left.is_subset(&news), "none was moved or made");
}

// CS-S15, CS-55
#[tokio::test(flavor = "multi_thread")]
async fn a_pod_specified_for_deletion_waits_while_another_is_unavailable() {
    let _guard = undisturbed().await;
    let test = Namespace::create("specified").await;
    test.create_clone_set("web", gated(3, json!({ "maxUnavailable": 1 })))
        .await
        .unwrap();
    let pods = test.n_pods(3).await;
    test.open(&pods).await;
    test.status_becomes("web", "availableReplicas", 3).await;
    let witness = Witness::start(test.pod_api()).await;

    // Deleted first, then replaced.
    test.label_pod(&pods[0], SPECIFIED_DELETE, json!("")).await;
    let now = test
        .pods_when("replaced", |now| {
            now.len() == 3 && now.iter().all(|pod| name_of(pod) != pods[0])
        })
        .await;
    assert_eq!(witness.take_most_alive(), 3);

    // The new pod is not ready yet: the other one stays until it is.
    let new: Vec<String> = now.iter().map(name_of).collect();
    let new: Vec<String> = new.into_iter().filter(|pod| !pods.contains(pod)).collect();
    test.label_pod(&pods[1], SPECIFIED_DELETE, json!("yes"))
        .await;
    test.decided("web").await;
    assert!(
        test.facts().await.contains_key(&pods[1]),
        "stays while ready"
    );
    test.open(&new).await;
    test.pods_when("replaced", |now| {
        now.len() == 3 && now.iter().all(|pod| name_of(pod) != pods[1])
    })
    .await;

    // One that is not ready goes at once, limit or not.
    let unready = test.active_pods().await;
    let unready = unready.iter().find(|pod| !e2e::pods::is_ready(pod));
    let unready = name_of(unready.unwrap());
    test.label_pod(&unready, SPECIFIED_DELETE, json!("yes"))
        .await;
    test.pods_when("replaced", |now| {
        now.len() == 3 && now.iter().all(|pod| name_of(pod) != unready)
    })
    .await;
    assert!(test.facts().await.contains_key(&pods[2]), "nobody's wish");
}

// CS-S16, CS-64
#[tokio::test(flavor = "multi_thread")]
async fn surge_replaces_a_specified_pod_before_it_goes() {
    let _guard = undisturbed().await;
    let test = Namespace::create("specifiedsurge").await;
    let terms = json!({ "maxUnavailable": 1, "maxSurge": 1 });
    test.create_clone_set("web", gated(3, terms)).await.unwrap();
    let pods = test.n_pods(3).await;
    test.open(&pods[..2]).await;
    test.status_becomes("web", "availableReplicas", 2).await;

    test.label_pod(&pods[0], SPECIFIED_DELETE, json!("true"))
        .await;
    let four = test.n_pods(4).await;
    test.decided("web").await;
    assert_eq!(test.n_pods(4).await, four, "it waits for the extra pod");
    let extra: Vec<String> = four.into_iter().filter(|pod| !pods.contains(pod)).collect();
    test.open(&extra).await;
    let left = test.n_pods(3).await;
    assert!(!left.contains(&pods[0]));
    test.decided("web").await;
    assert_eq!(test.n_pods(3).await, left);
}

// CS-S32, CS-95
#[tokio::test(flavor = "multi_thread")]
async fn on_delete_leaves_updating_to_others() {
    let _guard = undisturbed().await;
    let test = Namespace::create("ondelete").await;
    let mut spec = small(3, json!(null));
    spec["updateStrategy"] = json!({ "type": "OnDelete" });
    test.create_clone_set("web", spec).await.unwrap();
    test.status_becomes("web", "availableReplicas", 3).await;
    let before = test.facts().await;

    test.relabel_template("web", "b").await;
    test.decided("web").await;
    assert_eq!(test.facts().await, before, "nothing changes");
    assert_eq!(test.status("web", "updatedReplicas").await, 0);

    let gone = before.keys().next().unwrap();
    test.pod_api()
        .delete(gone, &DeleteParams::default())
        .await
        .unwrap();
    test.status_becomes("web", "updatedAvailableReplicas", 1)
        .await;
    test.status_becomes("web", "replicas", 3).await;
    let new = labelled(&test.active_pods().await, "tier", "b");
    assert_eq!(new.len(), 1);

    // With no rollingUpdate a fifth of 2, rounded down, may be unavailable: fewer replicas make room.
    test.patch("web", json!({ "spec": { "replicas": 2 } }))
        .await;
    test.n_pods(2).await;
    let left = labelled(&test.active_pods().await, "tier", "b");
    assert_eq!(left, new, "an old pod goes first");
}

// CS-S35, CS-50
#[tokio::test(flavor = "multi_thread")]
async fn pods_that_prepare_for_deletion_can_be_left_out_of_the_count() {
    let _guard = undisturbed().await;
    let test = Namespace::create("exclude").await;
    let mut spec = small(3, json!({ "maxUnavailable": 1 }));
    spec["template"]["metadata"]["labels"]["hold"] = json!("yes");
    spec["lifecycle"] = json!({ "preDelete": { "labelsHandler": { "hold": "yes" } } });
    test.create_clone_set("web", spec).await.unwrap();
    test.status_becomes("web", "availableReplicas", 3).await;
    let held = test.n_pods(3).await[0].clone();
    test.label_pod(&held, SPECIFIED_DELETE, json!("true")).await;
    test.pod_in_state(&held, "PreparingDelete").await;
    test.decided("web").await;
    assert_eq!(test.active_pods().await.len(), 3, "it counts");

    test.patch(
        "web",
        json!({ "spec": { "scaleStrategy": { "excludePreparingDelete": true } } }),
    )
    .await;
    test.n_pods(4).await;
    test.status_becomes("web", "availableReplicas", 3).await;
    test.decided("web").await;
    assert!(test.n_pods(4).await.contains(&held));
}
