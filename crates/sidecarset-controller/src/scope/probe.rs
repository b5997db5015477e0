//! How it is found out which configuration the API server uses: it is asked to create a Lease, as a dry run, that the entry of
//! one configuration alone has refused. The API server puts a configuration into use as a whole, so who refuses this Lease
//! covers the SidecarSets for which the configuration was written.
//!
//! It is a Lease since every deployable may create these, for its leader. The right to create pods here would be the right to
//! run as any other deployable.

use std::time::Duration;

use http::StatusCode;
use kruise_api::{resource::LEASES, well_known::webhooks::PROBE_NAME_PREFIX};
use kruise_runtime::{
    ApiClient, ApiError,
    webhook::{AdmissionRequest, AdmissionResponse},
};
use serde_json::{Value, json};

use super::configuration::probe_name;

/// What the API server's answer says.
#[derive(Debug)]
pub(crate) enum Told {
    /// It uses the configuration, or a later one.
    InUse,
    /// It doesn't yet.
    NotYet,
    /// Nothing: somebody else refused the Lease, or there was no answer.
    Nothing(ApiError),
}

/// Asks whether the API server uses the configuration of this number.
pub(crate) async fn ask(
    client: &ApiClient,
    namespace: &str,
    number: u64,
    patience: Duration,
) -> Told {
    let lease = lease(namespace, number);
    match client
        .dry_run_create(&LEASES, namespace, &lease, patience)
        .await
    {
        Ok(()) => Told::NotYet,
        Err(error) if error.message().contains(&refusal(&probe_name(number))) => Told::InUse,
        Err(error) => Told::Nothing(error),
    }
}

/// Refuses probes, and nothing else: where match conditions are dropped every Lease of the namespace comes here.
pub(crate) fn refuse(request: &AdmissionRequest) -> AdmissionResponse {
    let name = request.name.as_str();
    if request.dry_run && name.starts_with(PROBE_NAME_PREFIX) {
        AdmissionResponse::deny(StatusCode::FORBIDDEN, refusal(name))
    } else {
        AdmissionResponse::allow()
    }
}

fn refusal(name: &str) -> String {
    format!("configuration {name} is in use")
}

fn lease(namespace: &str, number: u64) -> Value {
    json!({
        "apiVersion": LEASES.api_version(),
        "kind": LEASES.kind,
        "metadata": { "namespace": namespace, "name": probe_name(number) },
    })
}
