//! Pods move to another template.

use std::time::Duration;

use e2e::{
    Namespace, eventually, hold_for,
    namespace::{PATIENCE, image, in_place, label, name_of, spec, uids},
    undisturbed,
};
use serde_json::{Value, json};

// CS-S9, IP-S1, IP-S2
#[tokio::test(flavor = "multi_thread")]
async fn a_new_image_restarts_one_container_in_place() {
    let _guard = undisturbed().await;
    let test = Namespace::create("inplace").await;
    test.create_clone_set("web", spec(6, in_place(json!(2))))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let before = test.facts().await;

    test.set_app_image("web", &image(2)).await;
    let set = test.rolled_out("web").await;

    let after = test.facts().await;
    assert_eq!(after.len(), 6);
    for (name, was) in &before {
        let is = &after[name];
        assert_eq!(
            (&is.uid, &is.ip, &is.node),
            (&was.uid, &was.ip, &was.node),
            "{name}"
        );
        assert_eq!(
            (is.restarts["app"], is.restarts["sidecar"]),
            (1, 0),
            "{name}"
        );
        assert_eq!(is.images["app"], image(2));
        assert_eq!(is.images["sidecar"], image(1));
    }
    for pod in test.active_pods().await {
        let state =
            &pod.metadata.annotations.clone().unwrap()["apps.kruise.io/inplace-update-state"];
        let state: Value = serde_json::from_str(state).unwrap();
        assert_eq!(state["revision"], set["status"]["updateRevision"], "IP-17");
        assert_eq!(state["updateImages"], json!(true));
        assert!(
            state["lastContainerStatuses"]["app"]["imageID"].is_string(),
            "IP-27: {state}"
        );
        assert_eq!(
            state["containerBatchesRecord"].as_array().unwrap().len(),
            1,
            "IP-32"
        );
        assert_eq!(label(&pod, "lifecycle.apps.kruise.io/state"), "Normal");
        assert_eq!(
            json!(label(&pod, "controller-revision-hash")),
            set["status"]["updateRevision"]
        );
    }
    eventually("6 events", PATIENCE, || async {
        match test.event_count("SuccessfulUpdatePodInPlace").await {
            6 => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

// CS-86: never more unavailable than allowed, seen from outside all the way.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_in_place_keeps_to_max_unavailable() {
    let _guard = undisturbed().await;
    let test = Namespace::create("bound").await;
    test.create_clone_set("web", spec(4, in_place(json!(1))))
        .await
        .unwrap();
    test.rolled_out("web").await;
    test.set_app_image("web", &image(2)).await;
    eventually("rolled out", PATIENCE, || {
        let test = &test;
        async move {
            let ready = test
                .active_pods()
                .await
                .iter()
                .filter(|pod| is_ready(pod))
                .count();
            let set = test.clone_set("web").await;
            let done = set["status"]["updatedAvailableReplicas"] == json!(4)
                && set["status"]["currentRevision"] == set["status"]["updateRevision"]
                && set["status"]["observedGeneration"] == set["metadata"]["generation"];
            assert!(ready >= 3, "{ready} of 4 pods are ready, 3 must be");
            if done { Ok(ready) } else { Err(ready) }
        }
    })
    .await;
}

fn is_ready(pod: &k8s_openapi::api::core::v1::Pod) -> bool {
    pod.status
        .as_ref()
        .and_then(|status| status.conditions.as_ref())
        .is_some_and(|conditions| {
            conditions
                .iter()
                .any(|condition| condition.type_ == "Ready" && condition.status == "True")
        })
}

// CS-S8
#[tokio::test(flavor = "multi_thread")]
async fn recreate_makes_every_pod_anew() {
    let _guard = undisturbed().await;
    let test = Namespace::create("recreate").await;
    let strategy = json!({ "podUpdatePolicy": "ReCreate", "maxUnavailable": 2 });
    test.create_clone_set("web", spec(4, strategy))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let before = uids(&test.facts().await);
    test.set_app_image("web", &image(2)).await;
    test.rolled_out("web").await;
    let facts = test.facts().await;
    assert!(before.is_disjoint(&uids(&facts)), "every pod is a new one");
    for is in facts.values() {
        assert_eq!(is.images["app"], image(2));
    }
    eventually("each pod is marked once", PATIENCE, || async {
        match test.event_count("SuccessfulUpdatePodReCreate").await {
            4 => Ok(()),
            marked => Err(marked),
        }
    })
    .await;
}

// IP-S21: an env value can't change in place.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_possible_in_place_is_recreated() {
    let _guard = undisturbed().await;
    let test = Namespace::create("fallback").await;
    test.create_clone_set("web", spec(2, in_place(json!(1))))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let before = uids(&test.facts().await);
    let mut set = test.clone_set("web").await;
    let containers = set.pointer_mut("/spec/template/spec/containers").unwrap();
    containers[0]["env"] = json!([{ "name": "MODE", "value": "new" }]);
    let containers = containers.clone();
    test.patch(
        "web",
        json!({ "spec": { "template": { "spec": { "containers": containers } } } }),
    )
    .await;
    test.rolled_out("web").await;
    assert!(before.is_disjoint(&uids(&test.facts().await)));
}

// CS-90: InPlaceOnly leaves such pods alone and says why.
#[tokio::test(flavor = "multi_thread")]
async fn in_place_only_never_recreates() {
    let _guard = undisturbed().await;
    let test = Namespace::create("inplaceonly").await;
    let strategy = json!({ "podUpdatePolicy": "InPlaceOnly", "maxUnavailable": 1 });
    test.create_clone_set("web", spec(2, strategy))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let before = test.facts().await;
    let mut set = test.clone_set("web").await;
    let containers = set.pointer_mut("/spec/template/spec/containers").unwrap();
    containers[0]["env"] = json!([{ "name": "MODE", "value": "new" }]);
    let containers = containers.clone();
    test.patch(
        "web",
        json!({ "spec": { "template": { "spec": { "containers": containers } } } }),
    )
    .await;
    let message = test.waits_for("web", "NotInPlace").await;
    assert!(message.contains("env"), "names what differs: {message}");
    assert_eq!(test.facts().await, before);
}

// IP-8, IP-S5: a label of the template is delivered without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn template_metadata_changes_without_a_restart() {
    let _guard = undisturbed().await;
    let test = Namespace::create("metadata").await;
    test.create_clone_set("web", spec(2, in_place(json!(1))))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let before = test.facts().await;
    let labels = json!({ "app": "web", "tier": "b" });
    test.patch(
        "web",
        json!({ "spec": { "template": { "metadata": { "labels": labels } } } }),
    )
    .await;
    test.rolled_out("web").await;
    assert_eq!(test.facts().await, before, "same pods, no restarts");
    for pod in test.active_pods().await {
        assert_eq!(label(&pod, "tier"), "b");
    }
}

// CS-S10, CS-S12
#[tokio::test(flavor = "multi_thread")]
async fn the_partition_keeps_pods_at_the_old_revision() {
    let _guard = undisturbed().await;
    let test = Namespace::create("partition").await;
    let mut strategy = in_place(json!("100%"));
    strategy["partition"] = json!(3);
    test.create_clone_set("web", spec(5, strategy))
        .await
        .unwrap();
    test.status_becomes("web", "availableReplicas", 5).await;
    let old = test.clone_set("web").await["status"]["updateRevision"].clone();
    let before = uids(&test.facts().await);

    test.set_app_image("web", &image(2)).await;
    test.status_becomes("web", "updatedAvailableReplicas", 2)
        .await;
    let set = test.clone_set("web").await;
    assert_eq!(set["status"]["expectedUpdatedReplicas"], json!(2));
    assert_eq!(set["status"]["currentRevision"], old, "not promoted");
    test.waits_for("web", "PartitionReached").await;
    hold_for(
        "only two pods are updated",
        Duration::from_secs(3),
        || async {
            let set = test.clone_set("web").await;
            if set["status"]["updatedReplicas"] == json!(2) {
                Ok(())
            } else {
                Err(set)
            }
        },
    )
    .await;

    // Scaling out under the partition keeps its numbers: 3 old, the rest new.
    test.patch("web", json!({ "spec": { "replicas": 7 } }))
        .await;
    test.status_becomes("web", "availableReplicas", 7).await;
    assert_eq!(
        test.clone_set("web").await["status"]["updatedReplicas"],
        json!(4)
    );

    test.patch(
        "web",
        json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": 0 } } } }),
    )
    .await;
    test.rolled_out("web").await;
    assert!(before.is_subset(&uids(&test.facts().await)), "all in place");
}

// CS-S26, IP-135
#[tokio::test(flavor = "multi_thread")]
async fn going_back_to_an_earlier_template_reuses_its_revision() {
    let _guard = undisturbed().await;
    let test = Namespace::create("rollback").await;
    let mut spec = spec(2, in_place(json!("100%")));
    // Characters that Go escapes: the server refuses to renumber a revision that holds them bare.
    spec["template"]["metadata"]["annotations"] = json!({ "note": "a<b>&c" });
    test.create_clone_set("web", spec).await.unwrap();
    let first = test.rolled_out("web").await["status"]["updateRevision"].clone();
    let before = uids(&test.facts().await);
    test.set_app_image("web", &image(2)).await;
    test.rolled_out("web").await;
    test.set_app_image("web", &image(1)).await;
    let set = test.rolled_out("web").await;
    assert_eq!(set["status"]["updateRevision"], first);
    let revisions = test.revisions().await;
    assert_eq!(
        revisions
            .iter()
            .map(|revision| revision.revision)
            .collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(uids(&test.facts().await), before);
}

// CS-86, IP-53: stops at maxUnavailable, says why, goes on when corrected.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_pulled_stops_the_roll_out_until_corrected() {
    let _guard = undisturbed().await;
    let test = Namespace::create("badimage").await;
    test.create_clone_set("web", spec(5, in_place(json!(2))))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let before = test.facts().await;

    test.set_app_image("web", &image(404)).await;
    let message = test.waits_for("web", "MaxUnavailableReached").await;
    assert!(
        message.contains("ImagePullBackOff"),
        "says what the pod waits for: {message}"
    );
    hold_for(
        "no third pod is touched",
        Duration::from_secs(5),
        || async {
            let touched: Vec<_> = test
                .facts()
                .await
                .into_iter()
                .filter(|(_, facts)| facts.images["app"] == image(404))
                .map(|(name, _)| name)
                .collect();
            if touched.len() == 2 {
                Ok(())
            } else {
                Err(touched)
            }
        },
    )
    .await;

    test.set_app_image("web", &image(3)).await;
    test.rolled_out("web").await;
    let after = test.facts().await;
    for (name, was) in &before {
        assert_eq!(
            (&after[name].uid, &after[name].ip),
            (&was.uid, &was.ip),
            "{name}"
        );
        assert_eq!(after[name].images["app"], image(3));
    }
    test.stops_waiting("web").await;
}

// CS-94: paused updates nothing, and scaling goes on.
#[tokio::test(flavor = "multi_thread")]
async fn paused_stops_updates_and_not_scaling() {
    let _guard = undisturbed().await;
    let test = Namespace::create("paused").await;
    let mut strategy = in_place(json!("100%"));
    strategy["paused"] = json!(true);
    test.create_clone_set("web", spec(2, strategy))
        .await
        .unwrap();
    test.rolled_out("web").await;
    let old: Vec<String> = test.active_pods().await.iter().map(name_of).collect();
    test.set_app_image("web", &image(2)).await;
    test.patch("web", json!({ "spec": { "replicas": 3 } }))
        .await;
    test.status_becomes("web", "availableReplicas", 3).await;
    test.waits_for("web", "Paused").await;
    let facts = test.facts().await;
    assert!(old.iter().all(|name| facts[name].images["app"] == image(1)));
    test.patch(
        "web",
        json!({ "spec": { "updateStrategy": { "rollingUpdate": { "paused": false } } } }),
    )
    .await;
    test.rolled_out("web").await;
}
