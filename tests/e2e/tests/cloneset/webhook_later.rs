//! Webhooks come and go; nothing that runs notices.

use e2e::{
    Namespace, disturbing, eventually,
    local::WithoutWebhooks,
    namespace::{PATIENCE, image, in_place, spec},
};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams},
};
use serde_json::{Value, json};

/// What must not change: names of revisions, and pods with their restarts.
async fn facts(test: &Namespace) -> Value {
    let revisions: Vec<_> = test
        .revisions()
        .await
        .into_iter()
        .map(|revision| (revision.metadata.name, revision.revision))
        .collect();
    let pods: Vec<_> = test
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
    test.patch("web", json!({ "spec": { "minReadySeconds": seconds } }))
        .await;
    test.rolled_out("web").await
}

// PF-907, CS-6 to CS-9
#[tokio::test(flavor = "multi_thread")]
async fn installing_and_removing_the_webhook_changes_no_revision_and_restarts_no_pod() {
    let _alone = disturbing().await;
    let test = Namespace::create("webhooklater").await;
    if !test
        .cluster
        .is_local("installing_and_removing_the_webhook_changes_no_revision_and_restarts_no_pod")
    {
        return;
    }
    let without = WithoutWebhooks::new(test.client.clone()).await;
    test.create_clone_set("web", spec(2, in_place(json!(1))))
        .await
        .unwrap();
    let bare = test.rolled_out("web").await;
    assert_eq!(
        bare.pointer("/spec/template/spec/dnsPolicy"),
        None,
        "nobody has filled in defaults"
    );
    test.set_app_image("web", &image(2)).await;
    test.rolled_out("web").await;
    let before = facts(&test).await;

    drop(without);
    // The API server learns of a configuration after a moment.
    let sets: Api<DynamicObject> = test.clone_sets();
    let dry_run = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    let other = json!({ "spec": { "template": { "metadata": { "annotations": { "a": "b" } } } } });
    eventually("the webhook fills in defaults", PATIENCE, || async {
        let answer = sets.patch("web", &dry_run, &Patch::Merge(&other)).await;
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
    test.patch("web", json!({ "spec": { "template": template } }))
        .await;
    let filled = touched(&test, 1).await;
    assert_eq!(
        filled.pointer("/spec/template/spec/restartPolicy"),
        Some(&json!("Always")),
        "the webhook fills in defaults"
    );
    assert_eq!(facts(&test).await, before);

    let _without = WithoutWebhooks::new(test.client.clone()).await;
    touched(&test, 0).await;
    assert_eq!(facts(&test).await, before);
}
