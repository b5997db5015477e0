//! It runs, leads, and reports what it has seen.

use e2e::{
    Namespace, eventually,
    namespace::PATIENCE,
    stand_in::{Kind, StandIn},
    undisturbed,
};
use kube::api::{DynamicObject, PostParams};
use serde_json::json;

const KIND: Kind = Kind {
    group: "apps.kruise.io",
    version: "v1beta1",
    plural: "broadcastjobs",
    kind: "BroadcastJob",
    namespaced: true,
};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_is_reported() {
    let _undisturbed = undisturbed().await;
    let test = Namespace::create("broadcastjob").await;
    let broadcast_jobs = StandIn::install_kind(&test, KIND).await.api(&test);
    let broadcast_job: DynamicObject = serde_json::from_value(json!({
        "apiVersion": format!("{}/{}", KIND.group, KIND.version),
        "kind": KIND.kind,
        "metadata": { "name": test.name },
        "spec": {},
    }))
    .unwrap();
    broadcast_jobs
        .create(&PostParams::default(), &broadcast_job)
        .await
        .unwrap();
    eventually("its generation is reported", PATIENCE, || async {
        let broadcast_job = broadcast_jobs
            .get(&test.name)
            .await
            .map_err(|error| error.to_string())?;
        let reported = broadcast_job.data.pointer("/status/observedGeneration");
        match reported.and_then(serde_json::Value::as_i64) {
            Some(generation) if Some(generation) == broadcast_job.metadata.generation => Ok(()),
            reported => Err(format!("{reported:?}")),
        }
    })
    .await;
}
