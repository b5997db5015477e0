use base64::{Engine, engine::general_purpose::STANDARD};
use futures::future::{BoxFuture, FutureExt};
use http::{Method, StatusCode, header};
use serde_json::{Value, json};

use super::*;
use crate::webhook::{Admission, Cause, Operation};

fn patched(answered: &Answered) -> Value {
    let review = answered.json();
    assert_eq!(review["response"]["patchType"], "JSONPatch");
    let patch = review["response"]["patch"].as_str().unwrap();
    serde_json::from_slice(&STANDARD.decode(patch).unwrap()).unwrap()
}

#[tokio::test]
async fn allowed_is_200_without_a_patch() {
    let service = admitting(|_| AdmissionResponse::allow());
    let answered = post(&service, "/a?timeout=10s", &review(&json!({}))).await;
    assert_eq!(answered.code, StatusCode::OK);
    assert_eq!(answered.headers[header::CONTENT_TYPE], "application/json");
    assert_eq!(
        answered.body,
        concat!(
            r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","#,
            r#""response":{"uid":"u1","allowed":true,"status":{"code":200}}}"#
        )
    );
}

#[tokio::test]
async fn a_refusal_says_which_fields_are_wrong() {
    let service = admitting(|_| {
        AdmissionResponse::deny(StatusCode::UNPROCESSABLE_ENTITY, "spec.replicas: negative")
            .with_reason("Invalid")
            .with_causes(vec![Cause {
                reason: "FieldValueInvalid",
                field: "spec.replicas".to_owned(),
                message: "negative".to_owned(),
            }])
            .warn("spec.paused is old")
    });
    let answered = post(&service, "/a", &review(&json!({}))).await;
    assert_eq!(answered.code, StatusCode::OK);
    let expected = json!({
        "uid": "u1",
        "allowed": false,
        "status": {
            "code": 422,
            "reason": "Invalid",
            "message": "spec.replicas: negative",
            "details": { "causes": [
                { "reason": "FieldValueInvalid", "field": "spec.replicas", "message": "negative" },
            ] },
        },
        "warnings": ["spec.paused is old"],
    });
    assert_eq!(answered.json()["response"], expected);
}

// The webhook's failurePolicy decides, as for one that can't be reached. client-go asks again because of Retry-After.
#[tokio::test]
async fn what_can_not_be_decided_gets_no_review() {
    let service = admitting(|_| AdmissionResponse::unanswered("not all SidecarSets are known"));
    let answered = post(&service, "/a", &review(&json!({}))).await;
    assert_eq!(answered.code, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answered.headers[header::RETRY_AFTER], "1");
    assert_eq!(
        answered.body,
        "this can't be decided now: not all SidecarSets are known\n"
    );
    let response = AdmissionResponse::unanswered("why");
    assert!(!response.is_allowed() && response.operations().is_empty());
    assert_eq!(
        (response.code(), response.message()),
        (StatusCode::SERVICE_UNAVAILABLE, "why")
    );
}

#[tokio::test]
async fn a_change_is_a_patch_that_leaves_alone_what_it_doesnt_know() {
    let service = admitting(|request| {
        let mut object: Value = request.object().unwrap();
        object["spec"]["replicas"] = json!(1);
        object["metadata"]["annotations"]["a/b~c"] = json!("x");
        AdmissionResponse::change(request, &object)
    });
    let object = json!({
        "metadata": { "annotations": { "-": "kept" } },
        "spec": { "fromTheFuture": { "a": null } },
    });
    let answered = post(&service, "/a", &review(&object)).await;
    let expected = json!([
        { "op": "add", "path": "/metadata/annotations/a~1b~0c", "value": "x" },
        { "op": "add", "path": "/spec/replicas", "value": 1 },
    ]);
    assert_eq!(patched(&answered), expected);
}

#[tokio::test]
async fn no_difference_is_no_patch() {
    let service = admitting(|request| {
        let object: Value = request.object().unwrap();
        AdmissionResponse::change(request, &object)
    });
    let answered = post(&service, "/a", &review(&json!({ "spec": { "b": 1.0 } }))).await;
    assert_eq!(answered.json()["response"].get("patch"), None);
}

#[tokio::test]
async fn a_type_that_knows_little_changes_only_that() {
    #[derive(serde::Deserialize, serde::Serialize)]
    struct Known {
        #[serde(default)]
        replicas: i32,
        #[serde(default)]
        paused: bool,
    }
    let service = admitting(|request| {
        let mut known: Known = request.object().unwrap();
        let before = serde_json::to_value(&known).unwrap();
        known.replicas = 3;
        let after = serde_json::to_value(&known).unwrap();
        AdmissionResponse::change_known(request, &before, &after)
    });
    let answered = post(&service, "/a", &review(&json!({ "other": [1] }))).await;
    let expected = json!([{ "op": "add", "path": "/replicas", "value": 3 }]);
    assert_eq!(patched(&answered), expected);
}

#[tokio::test]
async fn an_undecodable_object_is_refused_with_400() {
    let service = admitting(|request| match request.object::<Vec<String>>() {
        Ok(_) => AdmissionResponse::allow(),
        Err(error) => error.into(),
    });
    for (object, message) in [
        (json!({}), "object can't be read: invalid type: map"),
        (json!(null), "the request has no object"),
    ] {
        let answered = post(&service, "/a", &review(&object)).await;
        let response = &answered.json()["response"];
        assert_eq!(response["allowed"], false);
        assert_eq!(response["status"]["code"], 400);
        let found = response["status"]["message"].as_str().unwrap();
        assert!(found.starts_with(message), "{found}");
    }
}

#[test]
fn a_request_is_read_as_the_api_server_sends_it() {
    let mut review = review(&json!(null));
    let more = json!({
        "operation": "DELETE",
        "subResource": "eviction",
        "requestKind": { "group": "policy", "version": "v1", "kind": "Eviction" },
        "requestResource": { "group": "", "version": "v1", "resource": "pods" },
        "requestSubResource": "eviction",
        "name": "p",
        "userInfo": {
            "username": "system:serviceaccount:ns:robot",
            "groups": ["a", "b"],
            "extra": { "k": ["v"] },
        },
        "oldObject": { "metadata": { "name": "p" } },
        "dryRun": true,
        "options": { "propagationPolicy": "Background" },
    });
    let fields = review["request"].as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    let request = AdmissionRequest::from_review(review.to_string().as_bytes()).unwrap();
    assert_eq!(request.operation, Operation::Delete);
    assert_eq!(request.sub_resource, "eviction");
    assert_eq!(request.request_kind.as_ref().unwrap().kind, "Eviction");
    assert_eq!((&*request.namespace, &*request.name), ("ns", "p"));
    assert_eq!(request.user_info.username, "system:serviceaccount:ns:robot");
    assert_eq!(request.user_info.groups, ["a", "b"]);
    assert_eq!(request.user_info.extra["k"], ["v"]);
    assert!(request.dry_run);
    assert!(request.object::<Value>().is_err());
    let old: Value = request.old_object().unwrap();
    assert_eq!(old["metadata"]["name"], "p");
    let options: Value = request.options().unwrap();
    assert_eq!(options["propagationPolicy"], "Background");
}

#[test]
fn objects_stay_as_they_were_sent() {
    let review = review(&json!("PLACE")).to_string();
    let object = r#"{ "b":1.50, "a" : 12345678901234567890123 }"#;
    let review = review.replace(r#""PLACE""#, object);
    let request = AdmissionRequest::from_review(review.as_bytes()).unwrap();
    assert_eq!(request.raw_object.unwrap().get(), object);
}

#[rstest::rstest]
#[case::not_json("{", "the review can't be read: EOF")]
#[case::empty("", "the review can't be read: EOF")]
#[case::something_else(
    "{}",
    "admission.k8s.io/v1 AdmissionReview is answered here, not \" \""
)]
#[case::null("null", "the review can't be read")]
#[case::old_version(
    r#"{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview"}"#,
    "admission.k8s.io/v1 AdmissionReview is answered here, not \"admission.k8s.io/v1beta1 AdmissionReview\""
)]
#[case::other_kind(
    r#"{"apiVersion":"admission.k8s.io/v1","kind":"ConversionReview"}"#,
    "admission.k8s.io/v1 AdmissionReview is answered here, not \"admission.k8s.io/v1 ConversionReview\""
)]
#[case::no_request(
    r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{}}"#,
    "the review has no request"
)]
#[case::request_without_uid(
    r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{}}"#,
    "the review can't be read: missing field `uid`"
)]
#[tokio::test]
async fn what_isnt_a_review_is_400(#[case] body: &'static str, #[case] text: &str) {
    let service = admitting(|_| AdmissionResponse::allow());
    let answered = call(&service, request("/a", body)).await;
    assert_eq!(answered.code, StatusCode::BAD_REQUEST);
    assert!(answered.body.starts_with(text), "{}", answered.body);
}

#[rstest::rstest]
#[case::path(Method::POST, "/b", Some("application/json"), 404)]
#[case::path_below(Method::POST, "/a/", Some("application/json"), 404)]
#[case::no_converter(Method::POST, "/convert", Some("application/json"), 404)]
#[case::method(Method::GET, "/a", None, 405)]
#[case::method_with_body(Method::PUT, "/a", Some("application/json"), 405)]
#[case::content_type(Method::POST, "/a", Some("application/yaml"), 415)]
#[case::protobuf(Method::POST, "/a", Some("application/vnd.kubernetes.protobuf"), 415)]
#[case::no_content_type(Method::POST, "/a", None, 415)]
#[case::charset(Method::POST, "/a", Some("Application/JSON; charset=utf-8"), 200)]
#[case::health(Method::GET, "/healthz", None, 200)]
#[tokio::test]
async fn requests_that_get_no_review(
    #[case] method: Method,
    #[case] path: &str,
    #[case] content_type: Option<&str>,
    #[case] code: u16,
) {
    let service = admitting(|_| AdmissionResponse::allow());
    let mut request = request(path, review(&json!({})).to_string());
    *request.method_mut() = method;
    request.headers_mut().clear();
    if let Some(content_type) = content_type {
        let value = content_type.parse().unwrap();
        request.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    let answered = call(&service, request).await;
    assert_eq!(answered.code.as_u16(), code, "{}", answered.body);
    let allow = answered.headers.get(header::ALLOW);
    assert_eq!(allow.is_some(), code == 405);
}

#[tokio::test]
async fn the_health_answer_is_empty() {
    let service = service(Routes::default());
    let answered = call(&service, request("/healthz", "")).await;
    assert_eq!((answered.code, &*answered.body), (StatusCode::OK, ""));
}

/// Asks somebody before it decides.
struct Asks;

impl Admission for Asks {
    fn admit<'a>(&'a self, request: &'a AdmissionRequest) -> BoxFuture<'a, AdmissionResponse> {
        async move {
            tokio::task::yield_now().await;
            assert!(request.name != "boom", "boom in async");
            AdmissionResponse::deny(StatusCode::FORBIDDEN, "asked")
        }
        .boxed()
    }
}

#[tokio::test]
async fn a_handler_may_wait_for_something() {
    let service = service(Routes::default().admission("/a", Asks));
    let answered = post(&service, "/a", &review(&json!({}))).await;
    assert_eq!(answered.json()["response"]["status"]["message"], "asked");
}

#[tokio::test]
async fn a_panic_fails_its_own_request_only() {
    let metrics = WebhookMetrics::default();
    let routes = Routes::default()
        .admission("/a", |request: &AdmissionRequest| {
            assert!(request.name != "boom", "boom");
            AdmissionResponse::allow()
        })
        .admission("/b", Asks);
    let service = WebhookService::new(routes, Limits::default(), metrics.clone()).unwrap();
    let mut bad = review(&json!({}));
    bad["request"]["name"] = json!("boom");
    for path in ["/a", "/b"] {
        let answered = post(&service, path, &bad).await;
        assert_eq!(answered.code, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(answered.body, "the handler panicked\n");
        let answered = post(&service, path, &review(&json!({}))).await;
        assert_eq!(answered.code, StatusCode::OK);
    }
    assert_eq!(metrics.panics.get(), 2);
}

#[test]
fn two_webhooks_at_one_path_are_an_error() {
    let allow = |_: &AdmissionRequest| AdmissionResponse::allow();
    let routes = Routes::default().admission("/a", allow);
    let routes = routes.admission("/b", allow).admission("/a", allow);
    let error = WebhookService::new(routes, Limits::default(), WebhookMetrics::default())
        .err()
        .unwrap();
    assert_eq!(error.to_string(), "two webhooks are served at /a");
}
