//! Deletion protection: what only a real cluster shows of it, how its API server asks and what its own controllers do then.
//! What is judged and counted is proved in process, by crates/deletion-protection-webhook/tests.

mod definitions;
mod namespaces;
mod outage;
mod samples;
mod workloads;

use e2e::{
    Deployable, Test, Workload,
    names::{DELETION_PROTECTION_WEBHOOK, PROTECTION},
};
use kube::api::DeleteParams;
use serde_json::{Value, json};

fn of_webhook() -> e2e::Plan {
    Test::of(DELETION_PROTECTION_WEBHOOK)
}

/// A refused request: its code and its message.
type Refused = (u16, String);

fn refused(error: kube::Error) -> Refused {
    match error {
        kube::Error::Api(status) => (status.code, status.message),
        other => panic!("{other:?}"),
    }
}

/// Deletes an object of the test's namespace, if that is allowed.
async fn delete(objects: &Workload, name: &str) -> Result<(), Refused> {
    delete_with(objects, name, &DeleteParams::default()).await
}

async fn delete_with(objects: &Workload, name: &str, params: &DeleteParams) -> Result<(), Refused> {
    let deleted = objects.api().delete(name, params).await;
    deleted.map(drop).map_err(refused)
}

/// Labels an object, or takes its label off.
async fn label(objects: &Workload, name: &str, value: Option<&str>) {
    let patch = json!({ "metadata": { "labels": { PROTECTION: value } } });
    objects.patch(name, patch).await;
}

/// Creates an object that is labelled.
async fn create(objects: &Workload, name: &str, value: &str, spec: Value) {
    let mut object = objects.object(name, spec);
    object["metadata"]["labels"] = json!({ PROTECTION: value });
    objects.create_whole(object).await.unwrap();
}

/// What the webhook of this name answers, in the words of the label's value.
fn forbidden(webhook: &str, words: &str) -> Result<(), Refused> {
    let why = format!("forbidden by ResourcesProtectionDeletion for {PROTECTION}={words}");
    denied(webhook, &why)
}

fn denied(webhook: &str, why: &str) -> Result<(), Refused> {
    Err((
        403,
        format!("admission webhook \"{webhook}\" denied the request: {why}"),
    ))
}

/// How often all replicas together have counted, in series with this beginning.
async fn counted(test: &Test, beginning: &str) -> u64 {
    let webhook = Deployable::of(&test.client, DELETION_PROTECTION_WEBHOOK);
    let mut sum = 0;
    for replica in webhook.replicas().await.unwrap() {
        let name = replica.metadata.name.unwrap();
        let metrics = webhook.metrics(&name).await.unwrap();
        let series = metrics.lines().filter(|line| line.starts_with(beginning));
        let values = series.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
        sum += values.sum::<u64>();
    }
    sum
}
