//! It runs, leads, and reports what it has seen.

use e2e::{
    PATIENCE, Test, eventually,
    names::{SIDECAR_SETS, SIDECARSET_CONTROLLER},
    stand_in::StandIn,
};
use kube::api::{DynamicObject, PostParams};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_is_reported() {
    let test = Test::of(SIDECARSET_CONTROLLER).begin().await;
    let sidecar_sets = StandIn::install(&test, SIDECAR_SETS).await.api(&test);
    let sidecar_set: DynamicObject = serde_json::from_value(json!({
        "apiVersion": SIDECAR_SETS.api_version(),
        "kind": SIDECAR_SETS.kind,
        "metadata": { "name": test.name },
        "spec": {},
    }))
    .unwrap();
    sidecar_sets
        .create(&PostParams::default(), &sidecar_set)
        .await
        .unwrap();
    eventually("its generation is reported", PATIENCE, || async {
        let sidecar_set = sidecar_sets
            .get(&test.name)
            .await
            .map_err(|error| error.to_string())?;
        let reported = sidecar_set.data.pointer("/status/observedGeneration");
        match reported.and_then(serde_json::Value::as_i64) {
            Some(generation) if Some(generation) == sidecar_set.metadata.generation => Ok(()),
            reported => Err(format!("{reported:?}")),
        }
    })
    .await;
}
