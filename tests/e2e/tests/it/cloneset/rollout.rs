//! Pods move to another template.

use e2e::{
    PATIENCE, Test,
    cloneset::{in_place, small, spec},
    eventually,
    names::{CLONESET_CONTROLLER, CLONESETS, REVISION, STATE, UPDATE_STATE},
    pods::{label, uids},
    templates::image,
};
use serde_json::{Value, json};

// CS-S9, IP-S1, IP-S2
#[tokio::test(flavor = "multi_thread")]
async fn a_new_image_restarts_one_container_in_place() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    sets.create("web", spec(4, in_place(json!(2))))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    let before = test.pods().facts().await;

    sets.set_app_image("web", &image(2)).await;
    let set = sets.rolled_out("web").await;

    let after = test.pods().facts().await;
    assert_eq!(after.len(), 4);
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
    for pod in test.pods().active().await {
        let state = &pod.metadata.annotations.clone().unwrap()[UPDATE_STATE];
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
        assert_eq!(label(&pod, STATE), "Normal");
        assert_eq!(
            json!(label(&pod, REVISION)),
            set["status"]["updateRevision"]
        );
    }
    eventually("4 events", PATIENCE, || async {
        match test.event_count("SuccessfulUpdatePodInPlace").await {
            4 => Ok(()),
            other => Err(other),
        }
    })
    .await;
}

// CS-S8
#[tokio::test(flavor = "multi_thread")]
async fn recreate_makes_every_pod_anew() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let strategy = json!({ "podUpdatePolicy": "ReCreate", "maxUnavailable": 2 });
    sets.create("web", small(4, strategy)).await.unwrap();
    sets.rolled_out("web").await;
    let before = uids(&test.pods().facts().await);
    sets.set_app_image("web", &image(2)).await;
    sets.rolled_out("web").await;
    let facts = test.pods().facts().await;
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

// IP-8, IP-S5: a label of the template is delivered without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn template_metadata_changes_without_a_restart() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    sets.create("web", spec(2, in_place(json!(1))))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    let before = test.pods().facts().await;
    sets.relabel_template("web", "b").await;
    sets.rolled_out("web").await;
    assert_eq!(test.pods().facts().await, before, "same pods, no restarts");
    for pod in test.pods().active().await {
        assert_eq!(label(&pod, "tier"), "b");
    }
}

// CS-S26, IP-135
#[tokio::test(flavor = "multi_thread")]
async fn going_back_to_an_earlier_template_reuses_its_revision() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    let mut spec = small(1, in_place(json!("100%")));
    // Characters that Go escapes: the server refuses to renumber a revision that holds them bare.
    spec["template"]["metadata"]["annotations"] = json!({ "note": "a<b>&c" });
    sets.create("web", spec).await.unwrap();
    let first = sets.rolled_out("web").await["status"]["updateRevision"].clone();
    let before = uids(&test.pods().facts().await);
    sets.set_app_image("web", &image(2)).await;
    sets.rolled_out("web").await;
    sets.set_app_image("web", &image(1)).await;
    let set = sets.rolled_out("web").await;
    assert_eq!(set["status"]["updateRevision"], first);
    let revisions = test.revisions().await;
    assert_eq!(
        revisions
            .iter()
            .map(|revision| revision.revision)
            .collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(uids(&test.pods().facts().await), before);
}

// CS-86, IP-53: stops at maxUnavailable, says why, goes on when corrected.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_pulled_stops_the_roll_out_until_corrected() {
    let test = Test::of(CLONESET_CONTROLLER).begin().await;
    let sets = test.workload(CLONESETS);
    sets.create("web", spec(4, in_place(json!(2))))
        .await
        .unwrap();
    sets.rolled_out("web").await;
    let before = test.pods().facts().await;

    sets.set_app_image("web", &image(404)).await;
    let message = sets.waits_for("web", "MaxUnavailableReached").await;
    assert!(
        message.contains("ImagePullBackOff"),
        "says what the pod waits for: {message}"
    );
    sets.decided("web").await;
    let touched = test.pods().facts().await;
    let touched = touched
        .values()
        .filter(|pod| pod.images["app"] == image(404));
    assert_eq!(touched.count(), 2, "no third pod is touched");

    sets.set_app_image("web", &image(3)).await;
    sets.rolled_out("web").await;
    let after = test.pods().facts().await;
    for (name, was) in &before {
        assert_eq!(
            (&after[name].uid, &after[name].ip),
            (&was.uid, &was.ip),
            "{name}"
        );
        assert_eq!(after[name].images["app"], image(3));
    }
    sets.stops_waiting("web").await;
}
