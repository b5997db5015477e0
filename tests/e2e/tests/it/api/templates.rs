//! What CloneSet's admission relies on when it asks the API server about a pod template.

use e2e::Test;
use http::Request;
use k8s_openapi::api::core::v1::PodTemplate;
use kube::{Api, api::ListParams};
use serde_json::Value;

// DV-CS10: mistakes are told as causes, in these words and at these paths; a dry run stores nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_a_pod_template_names_every_mistake() {
    let test = Test::of_api_server().begin().await;
    let file = include_str!("../../../../cloneset-rules/pod-template.json");
    let file: Value = serde_json::from_str(file).unwrap();
    let path = format!("/api/v1/namespaces/{}/podtemplates?dryRun=All", test.name);
    let request = Request::post(path)
        .header("Content-Type", "application/json")
        .body(file["podTemplate"].to_string().into_bytes())
        .unwrap();
    let kube::Error::Api(status) = test.client.request::<Value>(request).await.unwrap_err() else {
        panic!("no status");
    };
    assert_eq!((status.code, status.reason.as_str()), (422, "Invalid"));
    let causes = &status.details.as_ref().unwrap().causes;
    for said in file["causes"].as_array().unwrap() {
        let text = |field: &str| said[field].as_str().unwrap();
        let is_said = causes.iter().any(|cause| {
            cause.reason == text("reason")
                && cause.field == text("field")
                && cause.message.starts_with(text("message"))
        });
        assert!(is_said, "{said} is not among {causes:#?}");
    }
    let stored = Api::<PodTemplate>::namespaced(test.client.clone(), &test.name)
        .list(&ListParams::default())
        .await
        .unwrap();
    assert!(stored.items.is_empty());
}
