//! Admission from the request to the answer, without a server.

use broadcastjob_controller::{
    admission::{Validator, mutate},
    gates::Gates,
};
use futures::future::{BoxFuture, FutureExt};
use kruise_api::validation::{FieldError, FieldErrors, FieldPath};
use kruise_plan::workload::Filled;
use kruise_runtime::{
    Metrics, ProtectionLog,
    webhook::{
        Admission, AdmissionRequest, AdmissionResponse,
        kind::{NoTemplateCheck, TemplateCheck},
    },
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::template;

fn job(version: &str, spec: Value) -> Value {
    let mut job = json!({
        "apiVersion": format!("apps.kruise.io/{version}"),
        "kind": "BroadcastJob",
        "metadata": { "name": "scan", "namespace": "ns", "uid": "job-uid" },
        "spec": { "template": template() },
    });
    json_patch::merge(&mut job["spec"], &spec);
    job
}

fn request(operation: &str, object: Option<&Value>, old: Option<&Value>) -> AdmissionRequest {
    let any = object.or(old).unwrap();
    let version = any["apiVersion"].as_str().unwrap().rsplit('/').next();
    let resource =
        json!({ "group": "apps.kruise.io", "version": version, "resource": "broadcastjobs" });
    let review = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "review", "operation": operation, "namespace": "ns", "name": "scan",
        "kind": { "group": "apps.kruise.io", "version": version, "kind": "BroadcastJob" },
        "resource": resource, "userInfo": { "username": "alice" }, "object": object, "oldObject": old,
    } });
    AdmissionRequest::from_review(review.to_string().as_bytes()).unwrap()
}

fn validator(template_check: impl TemplateCheck) -> Validator {
    Validator {
        template_check: Box::new(template_check),
        metrics: Metrics::unregistered(),
        protection_log: ProtectionLog::default(),
    }
}

fn answered(validator: &Validator, request: &AdmissionRequest) -> AdmissionResponse {
    // Nothing here waits for anybody.
    validator.admit(request).now_or_never().unwrap()
}

fn judged(request: &AdmissionRequest) -> AdmissionResponse {
    answered(&validator(NoTemplateCheck), request)
}

fn code(answer: &AdmissionResponse) -> u16 {
    answer.code().as_u16()
}

/// The object after the patch of the answer.
fn patched(object: &Value, request: &AdmissionRequest, gates: &Gates) -> Value {
    let answer = mutate(request, gates);
    assert!(answer.is_allowed(), "{}", answer.message());
    let mut object = object.clone();
    json_patch::patch(&mut object, answer.operations()).unwrap();
    object
}

fn created(object: &Value, gates: &Gates) -> Value {
    patched(object, &request("CREATE", Some(object), None), gates)
}

// BJ-1, BJ-2, PF-213: in either version.
#[rstest]
#[case("v1alpha1")]
#[case("v1beta1")]
fn what_is_left_open_is_filled_in(#[case] version: &str) {
    let object = created(&job(version, json!({})), &Gates::default());
    let spec = &object["spec"];
    assert_eq!(spec["parallelism"], 2_147_483_647);
    assert_eq!(spec["completionPolicy"], json!({ "type": "Always" }));
    assert_eq!(spec["failurePolicy"], json!({ "type": "FailFast" }));
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["containers"][0]["imagePullPolicy"], "Always");
    assert_eq!(pod["restartPolicy"], "Never");
    assert_eq!(object["apiVersion"], format!("apps.kruise.io/{version}"));
    // Applied again, it is as it is stored.
    assert_eq!(created(&object, &Gates::default()), object);
}

// BJ-2
#[test]
fn templates_get_no_defaults_with_the_gate() {
    let gates = Gates {
        filled: Filled::Nothing,
        ..Gates::default()
    };
    let object = created(&job("v1beta1", json!({})), &gates);
    assert_eq!(object["spec"]["template"], template());
    assert_eq!(object["spec"]["failurePolicy"]["type"], "FailFast");
}

// BJ-2: a template that is stored without defaults stays so until it is changed.
#[rstest]
#[case::unchanged(json!({ "paused": true }), false)]
#[case::changed(json!({ "template": { "metadata": { "labels": { "app": "other" } } } }), true)]
fn templates_get_defaults_when_they_change(#[case] change: Value, #[case] filled: bool) {
    let old = job("v1beta1", json!({}));
    let new = job("v1beta1", change);
    let object = patched(
        &new,
        &request("UPDATE", Some(&new), Some(&old)),
        &Gates::default(),
    );
    let policy = &object["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"];
    assert_eq!(!policy.is_null(), filled);
}

// BJ-S29, PF-211: 500, on create and on update.
#[rstest]
#[case::no_restart_policy(json!({ "template": { "spec": { "restartPolicy": null } } }))]
#[case::label(json!({ "template": { "metadata": { "labels": { "broadcastjob-name": "x" } } } }))]
#[case::never_with_ttl(json!({ "completionPolicy": { "type": "Never", "ttlSecondsAfterFinished": 10 } }))]
fn what_is_invalid_is_refused(#[values("v1alpha1", "v1beta1")] version: &str, #[case] spec: Value) {
    let (old, new) = (job(version, json!({})), job(version, spec));
    for request in [
        request("CREATE", Some(&new), None),
        request("UPDATE", Some(&new), Some(&old)),
    ] {
        let answer = judged(&request);
        assert!(!answer.is_allowed());
        assert_eq!(code(&answer), 500);
    }
}

// BJ-S29, BJ-3
#[rstest]
#[case("a.b".to_owned(), 500)]
#[case("n".repeat(64), 500)]
#[case("n".repeat(63), 200)]
fn names_are_judged(#[case] name: String, #[case] expected: u16) {
    let mut object = job("v1beta1", json!({}));
    object["metadata"]["name"] = json!(name);
    assert_eq!(
        code(&judged(&request("CREATE", Some(&object), None))),
        expected
    );
}

// BJ-8
#[test]
fn what_means_nothing_is_accepted() {
    let spec = json!({ "parallelism": "abc", "failurePolicy": { "type": "Later" } });
    let object = job("v1alpha1", spec);
    assert!(judged(&request("CREATE", Some(&object), None)).is_allowed());
}

// BJ-3: every field may change, the template too.
#[test]
fn everything_may_change() {
    let old = job("v1beta1", json!({}));
    let spec = json!({
        "parallelism": 1, "completionPolicy": { "type": "Never" }, "failurePolicy": { "type": "Pause" },
        "template": { "spec": { "restartPolicy": "OnFailure", "containers": [{ "name": "b", "image": "b" }] } },
    });
    let new = job("v1beta1", spec);
    assert!(judged(&request("UPDATE", Some(&new), Some(&old))).is_allowed());
}

// PF-211: undecodable.
#[rstest]
#[case(json!({ "paused": "yes" }))]
#[case(json!({ "template": { "metadata": { "labels": 1 } } }))]
fn what_can_not_be_read_is_refused(#[case] spec: Value) {
    let object = job("v1beta1", spec);
    let request = request("CREATE", Some(&object), None);
    assert_eq!(code(&judged(&request)), 400);
}

// DP: no BroadcastJob is protected.
#[test]
fn a_job_may_be_deleted() {
    let mut object = job("v1beta1", json!({}));
    object["metadata"]["labels"] = json!({ "policy.kruise.io/delete-protection": "Always" });
    assert!(judged(&request("DELETE", None, Some(&object))).is_allowed());
}

/// Refuses every template that it is asked about.
struct Refuses;

impl TemplateCheck for Refuses {
    fn check<'a>(&'a self, _: &'a str, pod_template: &'a Value) -> BoxFuture<'a, FieldErrors> {
        assert_eq!(pod_template["kind"], "PodTemplate");
        assert_eq!(
            pod_template["template"]["metadata"]["labels"]["app"],
            "scan"
        );
        let path = FieldPath::new("spec.template.spec.containers[0].image");
        let errors = [FieldError::required(&path, "")].into_iter().collect();
        async { errors }.boxed()
    }
}

// BJ-7, DV-CS10
#[test]
fn the_server_judges_new_templates() {
    let (old, new) = (
        job("v1beta1", json!({})),
        job("v1beta1", json!({ "paused": true })),
    );
    let validator = validator(Refuses);
    let create = request("CREATE", Some(&new), None);
    assert_eq!(code(&answered(&validator, &create)), 500);
    let update = request("UPDATE", Some(&new), Some(&old));
    assert!(answered(&validator, &update).is_allowed());
}
