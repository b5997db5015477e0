//! How it is found out which configuration the API server uses: it is asked to create a pod, as a dry run, that the entry of
//! one configuration alone has refused. The API server puts a configuration into use as a whole, so who refuses this pod
//! covers the SidecarSets for which the configuration was written.

use std::time::Duration;

use http::StatusCode;
use kruise_api::{resource::PODS, well_known::webhooks::PROBE_NAME_PREFIX};
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
    /// Nothing: somebody else refused the pod, or there was no answer.
    Nothing(ApiError),
}

/// Asks whether the API server uses the configuration of this number.
pub(crate) async fn ask(
    client: &ApiClient,
    namespace: &str,
    number: u64,
    patience: Duration,
) -> Told {
    let pod = pod(namespace, number);
    match client
        .dry_run_create(&PODS, namespace, &pod, patience)
        .await
    {
        Ok(()) => Told::NotYet,
        Err(error) if error.message().contains(&refusal(&probe_name(number))) => Told::InUse,
        Err(error) => Told::Nothing(error),
    }
}

/// Refuses probes, and nothing else: where match conditions are dropped every pod of the namespace comes here.
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

/// A pod that no policy has anything against.
fn pod(namespace: &str, number: u64) -> Value {
    let little = json!({ "cpu": "1m", "memory": "1Mi" });
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "namespace": namespace, "name": probe_name(number) },
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {
                "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" },
            },
            "containers": [{
                "name": "probe",
                "image": "sidecarset-scope.invalid/probe:never-pulled",
                "resources": { "requests": little, "limits": little },
                "securityContext": {
                    "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                    "capabilities": { "drop": ["ALL"] },
                },
            }],
        },
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn asked(name: &str, dry_run: bool) -> AdmissionResponse {
        let pods = json!({ "group": "", "version": "v1", "resource": "pods" });
        let request = json!({
            "uid": "u", "operation": "CREATE", "namespace": "kruise-system", "name": name, "dryRun": dry_run,
            "kind": { "group": "", "version": "v1", "kind": "Pod" }, "resource": pods,
        });
        let review = json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request,
        });
        let request = AdmissionRequest::from_review(review.to_string().as_bytes());
        refuse(&request.unwrap())
    }

    #[test]
    fn a_probe_is_refused_and_the_refusal_has_its_number() {
        let refused = asked("sidecarset-scope-7", true);
        assert_eq!(refused.code(), StatusCode::FORBIDDEN);
        assert_eq!(
            refused.message(),
            "configuration sidecarset-scope-7 is in use"
        );
    }

    // Where match conditions are dropped, the controller's own pods come here.
    #[rstest]
    #[case::a_pod_that_is_created("sidecarset-scope-7", false)]
    #[case::another_pod("sidecarset-controller-0", true)]
    #[case::a_name_to_be_generated("", false)]
    fn no_other_pod_is_refused(#[case] name: &str, #[case] dry_run: bool) {
        assert!(asked(name, dry_run).is_allowed());
    }

    // 7 must not be taken for 70.
    #[test]
    fn a_refusal_is_that_of_one_number_alone() {
        assert!(!refusal(&probe_name(70)).contains(&refusal(&probe_name(7))));
    }
}
