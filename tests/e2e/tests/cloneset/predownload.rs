//! Images pulled ahead of an update in place. Nobody pulls here: the kind stands in for a deployable that
//! does not exist yet, and what is shown is what it would be asked for.

use e2e::{
    Namespace, disturbing, eventually,
    local::StoodDown,
    namespace::{PATIENCE, image, in_place, spec},
    proxy::Proxy,
    stand_in::StandIn,
};
use kube::api::{DynamicObject, ListParams};
use serde_json::{Value, json};

// CS-S38, IP-S20, CS-100
#[tokio::test(flavor = "multi_thread")]
async fn image_pull_jobs_are_asked_for_where_the_kind_exists() {
    let _alone = disturbing().await;
    let test = Namespace::create("predownload").await;
    if !test
        .cluster
        .is_local("image_pull_jobs_are_asked_for_where_the_kind_exists")
    {
        return;
    }
    let deployed = StoodDown::new(test.client.clone()).await;
    let proxy = Proxy::start(test.cluster.config().await, 1).await;
    let only = format!("--namespace={}", test.name);
    let flags = [
        only.as_str(),
        "--feature-gates=PreDownloadImageForInPlaceUpdate=true",
    ];

    StandIn::is_gone(&test, "imagepulljobs.apps.kruise.io").await;
    let mut controller = deployed.start_locally(&proxy.url, &flags).await;
    test.create_clone_set("web", spec(4, in_place(json!(1))))
        .await
        .unwrap();
    test.rolled_out("web").await;
    test.set_app_image("web", &image(2)).await;
    test.rolled_out("web").await;
    controller.still_runs();
    assert_eq!(marks(&test).await, [json!({}), json!({})], "no such kind");
    drop(controller);

    let jobs = StandIn::install(&test, "apps.kruise.io", "imagepulljobs", "ImagePullJob").await;
    let _controller = deployed.start_locally(&proxy.url, &flags).await;
    let partition = |partition| json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": partition } } } });
    test.patch("web", partition(3)).await;
    test.set_app_image("web", &image(3)).await;
    test.status_becomes("web", "updatedAvailableReplicas", 1)
        .await;
    let list = || async {
        jobs.api(&test)
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
    };
    let made: Vec<DynamicObject> = list().await;
    let [job] = &made[..] else {
        panic!("{made:#?}")
    };
    let set = test.clone_set("web").await;
    let revision = set["status"]["updateRevision"].as_str().unwrap();
    assert_eq!(
        job.metadata.name.as_deref(),
        Some(&*format!("{revision}-app"))
    );
    assert_eq!(job.data["spec"]["image"], json!(image(3)));
    assert_eq!(job.data["spec"]["parallelism"], json!(1));
    assert_eq!(job.data["spec"]["pullPolicy"]["timeoutSeconds"], json!(300));
    assert_eq!(
        marks(&test).await.last(),
        Some(&json!({ "apps.kruise.io/pre-predownload-created": "true" }))
    );
    eventually("an event tells of it", PATIENCE, || async {
        match test.event_count("CreatedImagePullJob").await {
            1 => Ok(()),
            count => Err(count),
        }
    })
    .await;

    test.patch("web", partition(0)).await;
    test.rolled_out("web").await;
    eventually("the job is taken away", PATIENCE, || async {
        let left = list().await;
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
}

/// The marks about this on each revision, oldest first.
async fn marks(test: &Namespace) -> Vec<Value> {
    let revisions = test.revisions().await;
    let marks = revisions.into_iter().map(|revision| {
        let labels = revision.metadata.labels.unwrap_or_default();
        let marks = labels
            .into_iter()
            .filter(|(key, _)| key.contains("predownload"));
        json!(marks.collect::<std::collections::BTreeMap<_, _>>())
    });
    marks.collect()
}
