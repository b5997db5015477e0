//! Creates a CloneSet and waits until its roll-out is over. An example of kruise-api with the `kube` client:
//!
//! ```sh
//! cargo run --package roll-out -- web nginx:1.29
//! ```
//!
//! kruise-api knows no client. kube's `Object` puts its spec and status together with kube's own metadata.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use kruise_api::{
    apps::v1beta1::{CLONESETS, CloneSetSpec, CloneSetStatus},
    meta::{LabelSelector, StringMap},
};
use kube::{
    Api, Client,
    api::{ApiResource, GroupVersionKind, Object, PostParams},
};
use serde_json::json;

#[cfg(test)]
mod tests;

/// For this long a roll-out is waited for.
const PATIENCE: Duration = Duration::from_secs(300);
/// Time from one look to the next.
const PERIOD: Duration = Duration::from_secs(1);

/// A CloneSet with which kube can do all that it can do with its own types.
type CloneSet = Object<CloneSetSpec, CloneSetStatus>;

#[tokio::main]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(name), Some(image)) = (args.next(), args.next()) else {
        bail!("usage: roll-out NAME IMAGE");
    };
    let client = Client::try_default()
        .await
        .context("find out which cluster is meant")?;
    roll_out(client, &name, &image).await
}

/// Creates the CloneSet and waits, in the namespace of the client's configuration.
async fn roll_out(client: Client, name: &str, image: &str) -> Result<()> {
    let kind = kind();
    let clonesets: Api<CloneSet> = Api::default_namespaced_with(client, &kind);
    let cloneset = CloneSet::new(name, &kind, spec(name, image));
    clonesets
        .create(&PostParams::default(), &cloneset)
        .await
        .with_context(|| format!("create CloneSet {name}"))?;
    tokio::time::timeout(PATIENCE, until_rolled_out(&clonesets, name))
        .await
        .with_context(|| format!("CloneSet {name} is not rolled out after {PATIENCE:?}"))?
}

/// How the API is asked about CloneSets.
fn kind() -> ApiResource {
    let kind = GroupVersionKind::gvk(CLONESETS.group, CLONESETS.version, CLONESETS.kind);
    ApiResource::from_gvk_with_plural(&kind, CLONESETS.plural)
}

/// Three pods of this image. The template is JSON, as kruise-api keeps all templates: a field that Kubernetes adds
/// later isn't lost.
fn spec(name: &str, image: &str) -> CloneSetSpec {
    let labels = StringMap::from([("app".to_owned(), name.to_owned())]);
    CloneSetSpec {
        replicas: Some(3),
        template: json!({
            "metadata": { "labels": labels },
            "spec": { "containers": [{ "name": "app", "image": image }] },
        }),
        selector: LabelSelector {
            match_labels: Some(labels),
            ..LabelSelector::default()
        },
        ..CloneSetSpec::default()
    }
}

/// Looks now and then, which does for one object and a short time. A program that follows many objects watches them.
async fn until_rolled_out(clonesets: &Api<CloneSet>, name: &str) -> Result<()> {
    loop {
        let cloneset = clonesets
            .get(name)
            .await
            .with_context(|| format!("read CloneSet {name}"))?;
        if is_rolled_out(&cloneset) {
            println!("{name} is rolled out");
            return Ok(());
        }
        if let Some(status) = &cloneset.status {
            let available = status.updated_available_replicas;
            println!("{name}: {available} updated pods are available");
        }
        tokio::time::sleep(PERIOD).await;
    }
}

/// Whether all pods are made from the present template, and available.
fn is_rolled_out(cloneset: &CloneSet) -> bool {
    let Some(status) = &cloneset.status else {
        return false;
    };
    let replicas = cloneset.spec.replicas.unwrap_or(1);
    // A status about an earlier spec says nothing about this one.
    status.observed_generation == cloneset.metadata.generation
        && status.replicas == replicas
        && status.updated_available_replicas == replicas
}
