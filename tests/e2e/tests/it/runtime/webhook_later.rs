//! Webhooks come and go; nothing that runs notices.

use e2e::{
    Namespace, PATIENCE, Test,
    cloneset::{in_place, spec},
    eventually,
    names::{CLONESET_CONTROLLER, CLONESETS},
    templates::image,
};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::runtime::controller;

/// What must not change: names of revisions, and pods with their restarts.
async fn facts(test: &Namespace) -> Value {
    let revisions: Vec<_> = test
        .revisions()
        .await
        .into_iter()
        .map(|revision| (revision.metadata.name, revision.revision))
        .collect();
    let pods: Vec<_> = test
        .pods()
        .facts()
        .await
        .into_iter()
        .map(|(name, pod)| (name, pod.uid, pod.restarts))
        .collect();
    json!([revisions, pods])
}

/// Writes the CloneSet so that a webhook that is there fills in every default, and waits until the
/// controller has seen it.
async fn touched(test: &Namespace, seconds: i64) -> Value {
    let sets = test.workload(CLONESETS);
    sets.patch("web", json!({ "spec": { "minReadySeconds": seconds } }))
        .await;
    sets.rolled_out("web").await
}

// PF-907, CS-6 to CS-9
#[tokio::test(flavor = "multi_thread")]
async fn installing_and_removing_the_webhook_changes_no_revision_and_restarts_no_pod() {
    let Some(test) = Test::that_disturbs(CLONESET_CONTROLLER)
        .begin_locally()
        .await
    else {
        return;
    };
    let sets = test.workload(CLONESETS);
    let without = controller(&test).without_webhooks().await;
    sets.create("web", spec(2, in_place(json!(1))))
        .await
        .unwrap();
    let bare = sets.rolled_out("web").await;
    assert_eq!(
        bare.pointer("/spec/template/spec/dnsPolicy"),
        None,
        "nobody has filled in defaults"
    );
    sets.set_app_image("web", &image(2)).await;
    sets.rolled_out("web").await;
    let before = facts(&test).await;

    drop(without);
    // The API server learns of a configuration after a moment.
    let dry_run = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    let other = json!({ "spec": { "template": { "metadata": { "annotations": { "a": "b" } } } } });
    eventually("the webhook fills in defaults", PATIENCE, || async {
        let answer = sets
            .api()
            .patch("web", &dry_run, &Patch::Merge(&other))
            .await;
        let spec = answer.map_err(|error| error.to_string())?.data["spec"].clone();
        match spec.pointer("/template/spec/restartPolicy") {
            Some(_) => Ok(()),
            None => Err(spec.to_string()),
        }
    })
    .await;
    // The template itself is written again, since it is defaulted only when it changes (CS-9).
    let mut template = bare["spec"]["template"].clone();
    template["spec"]["containers"][0]["image"] = json!(image(2));
    template["spec"]["terminationGracePeriodSeconds"] = json!(1);
    template["spec"]["dnsPolicy"] = json!("ClusterFirst");
    sets.patch("web", json!({ "spec": { "template": template } }))
        .await;
    let filled = touched(&test, 1).await;
    assert_eq!(
        filled.pointer("/spec/template/spec/restartPolicy"),
        Some(&json!("Always")),
        "the webhook fills in defaults"
    );
    assert_eq!(facts(&test).await, before);

    let _without = controller(&test).without_webhooks().await;
    touched(&test, 0).await;
    assert_eq!(facts(&test).await, before);
}
