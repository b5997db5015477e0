//! Reads objects of OpenKruise, whatever kind and version they are of, and says what they are:
//!
//! ```sh
//! cargo run --example read_any -- manifest.yaml
//! kubectl get cloneset web --output=json | cargo run --example read_any
//! ```
//!
//! A program that does this needs the types of one version only. Objects of other versions are converted first.

use std::io;

use anyhow::{Context, Result};
use kruise_api::{
    apps::{
        v1alpha1::{EphemeralJob, PodProbeMarker},
        v1beta1::{BroadcastJob, CloneSet},
    },
    conversion::{convert, stored_version},
    object::CustomResource,
    policy::v1beta1::PodUnavailableBudget,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

fn main() -> Result<()> {
    let text = match std::env::args().nth(1) {
        Some(path) => std::fs::read_to_string(&path).with_context(|| format!("read {path}"))?,
        None => io::read_to_string(io::stdin()).context("read the standard input")?,
    };
    // A text of YAML may have several documents. JSON is YAML with one.
    for document in serde_yaml_ng::Deserializer::from_str(&text) {
        let object = Value::deserialize(document).context("read a document")?;
        println!("{}", told(object)?);
    }
    Ok(())
}

/// A sentence about an object of any version of its kind.
fn told(object: Value) -> Result<String> {
    let word = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (word("apiVersion").to_owned(), word("kind").to_owned());
    let stored = stored_version(&api_version, &kind)
        .with_context(|| format!("{kind:?} of {api_version:?} is no kind of OpenKruise"))?;
    // Conversion to the version that an object has already would be an error.
    let object = if api_version == stored {
        object
    } else {
        convert(object, stored).context("convert the object")?
    };
    let told = match kind.as_str() {
        CloneSet::KIND => {
            let CloneSet {
                metadata,
                spec,
                status,
                ..
            } = typed(object)?;
            let (updated, replicas) = (status.updated_replicas, spec.replicas.unwrap_or(1));
            format!(
                "{}: {updated} of {replicas} pods are updated",
                metadata.name
            )
        }
        BroadcastJob::KIND => {
            let job: BroadcastJob = typed(object)?;
            let (done, nodes) = (job.status.succeeded, job.status.desired);
            format!("{}: done on {done} of {nodes} nodes", job.metadata.name)
        }
        EphemeralJob::KIND => {
            let job: EphemeralJob = typed(object)?;
            let (done, pods) = (job.status.succeeded, job.status.matched);
            format!("{}: done in {done} of {pods} pods", job.metadata.name)
        }
        PodProbeMarker::KIND => {
            let marker: PodProbeMarker = typed(object)?;
            let probes = marker.spec.probes.iter().map(|probe| probe.name.as_str());
            let probes = probes.collect::<Vec<_>>().join(", ");
            format!("{}: probes {probes}", marker.metadata.name)
        }
        PodUnavailableBudget::KIND => {
            let budget: PodUnavailableBudget = typed(object)?;
            let allowed = budget.status.unavailable_allowed;
            format!("{}: {allowed} more pods may go", budget.metadata.name)
        }
        // This program has nothing to say about the other kinds.
        _ => "read".to_owned(),
    };
    Ok(format!("{kind} {told} ({api_version}, stored as {stored})"))
}

/// The object as its type.
fn typed<T: CustomResource + DeserializeOwned>(object: Value) -> Result<T> {
    serde_json::from_value(object).with_context(|| format!("read a {}", T::KIND))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_of_every_version_are_told() -> Result<()> {
        let mut set = json!({
            "apiVersion": "apps.kruise.io/v1alpha1",
            "kind": "CloneSet",
            "metadata": { "name": "web" },
            "spec": { "replicas": 5, "updateStrategy": { "type": "InPlaceOnly" } },
            "status": { "updatedReplicas": 3 },
        });
        let expected = "CloneSet web: 3 of 5 pods are updated (apps.kruise.io/v1alpha1, stored as \
                        apps.kruise.io/v1beta1)";
        assert_eq!(told(set.clone())?, expected);

        set = convert(set, "apps.kruise.io/v1beta1")?;
        assert!(told(set)?.starts_with("CloneSet web: 3 of 5 pods are updated"));
        Ok(())
    }

    #[test]
    fn what_is_not_of_openkruise_is_an_error() {
        let pod = json!({ "apiVersion": "v1", "kind": "Pod" });
        let error = told(pod).err().map(|error| error.to_string());
        assert_eq!(
            error.as_deref(),
            Some("\"Pod\" of \"v1\" is no kind of OpenKruise")
        );
    }
}
