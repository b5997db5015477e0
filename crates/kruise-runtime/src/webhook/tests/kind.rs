//! Admission by kind, for a kind of one version with rules of its own.

use std::sync::{Arc, Mutex};

use futures::future::{BoxFuture, FutureExt};
use kruise_api::{
    meta::ObjectMeta,
    object::CustomResource,
    validation::{FieldError, FieldErrors},
};
use rstest::rstest;
use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    tell::{
        metrics::Metrics, protection_counters::ProtectionLabels, protection_log::ProtectionLog,
    },
    webhook::{
        Operation,
        kind::{AdmittedKind, AdmittedVersion, Guard, NoTemplateCheck, TemplateCheck, mutate},
    },
};

#[derive(Serialize, Deserialize)]
struct Job {
    metadata: ObjectMeta,
    spec: JobSpec,
}

#[derive(Serialize, Deserialize)]
struct JobSpec {
    #[serde(skip_serializing_if = "Option::is_none")]
    parallelism: Option<i32>,
    #[serde(default)]
    template: Value,
}

impl CustomResource for Job {
    const GROUP: &'static str = "apps.kruise.io";
    const VERSION: &'static str = "v1alpha1";
    const API_VERSION: &'static str = "apps.kruise.io/v1alpha1";
    const KIND: &'static str = "Job";
    const PLURAL: &'static str = "jobs";
}

struct Jobs;

impl AdmittedKind for Jobs {
    type Versions = (Job,);
    type Gates = bool;
    /// The greatest parallelism.
    type Known = i32;

    fn invalid(operation: Operation) -> StatusCode {
        match operation {
            Operation::Create => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }
}

impl AdmittedVersion<Jobs> for Job {
    fn default_raw(&mut self, old: Option<&Self>, labels: &bool) {
        if *labels && old.is_none() {
            self.spec.template["labels"] = json!({ "job": "yes" });
        }
    }

    fn take_raw(&mut self) -> Vec<(&'static str, Value)> {
        vec![("template", self.spec.template.take())]
    }

    fn apply_defaults(&mut self) {
        self.spec.parallelism.get_or_insert(1);
    }

    fn unreadable(&self) -> Option<String> {
        let is_text = self.spec.template.is_string();
        is_text.then(|| "spec.template is a text".to_owned())
    }

    fn errors(&self, _: Option<&Self>, _: &str, most: &i32) -> FieldErrors {
        let mut errors = FieldErrors::new();
        if self.spec.parallelism.is_some_and(|now| now > *most) {
            errors.push(too_many());
        }
        errors
    }

    fn pod_template(&self) -> Option<Value> {
        Some(self.spec.template.clone())
    }

    fn protected(&self) -> Option<String> {
        let is_kept = self.metadata.labels.contains_key("keep");
        is_kept.then(|| "it is kept".to_owned())
    }
}

fn too_many() -> FieldError {
    FieldError::of_cause(
        "FieldValueInvalid",
        "spec.parallelism".to_owned(),
        "too many",
    )
}

/// Refuses every template, and remembers how many it saw.
#[derive(Clone, Default)]
struct Refusing(Arc<Mutex<usize>>);

impl TemplateCheck for Refusing {
    fn check<'a>(&'a self, _: &'a str, _: &'a Value) -> BoxFuture<'a, FieldErrors> {
        *self.0.lock().unwrap() += 1;
        async { [too_many()].into_iter().collect() }.boxed()
    }
}

fn job(spec: &Value) -> Value {
    json!({ "metadata": { "name": "a", "namespace": "ns" }, "spec": spec, "unknown": 1.5 })
}

fn asked(operation: &str, object: Option<&Value>, old: Option<&Value>) -> AdmissionRequest {
    asked_about("v1alpha1", "", operation, object, old)
}

fn asked_about(
    version: &str,
    subresource: &str,
    operation: &str,
    object: Option<&Value>,
    old: Option<&Value>,
) -> AdmissionRequest {
    let mut review = review(&json!(null));
    let request = &mut review["request"];
    request["kind"]["kind"] = json!("Job");
    request["name"] = json!("a");
    request["operation"] = json!(operation);
    request["resource"] =
        json!({ "group": "apps.kruise.io", "version": version, "resource": "jobs" });
    request["subResource"] = json!(subresource);
    request["userInfo"]["username"] = json!("alice");
    request["object"] = json!(object);
    request["oldObject"] = json!(old);
    AdmissionRequest::from_review(review.to_string().as_bytes()).unwrap()
}

fn validated_with(
    request: &AdmissionRequest,
    template_check: &dyn TemplateCheck,
    metrics: &Metrics,
) -> AdmissionResponse {
    let guard = Guard {
        deletion_protection: true,
        template_check,
        metrics,
        protection_log: &ProtectionLog::default(),
    };
    // Nothing here waits for anybody.
    let answer = guard.validate::<Jobs>(request, &5).now_or_never();
    answer.unwrap()
}

fn validated(request: &AdmissionRequest) -> AdmissionResponse {
    validated_with(request, &NoTemplateCheck, &Metrics::unregistered())
}

#[test]
fn defaults_are_a_patch_that_leaves_the_rest_as_it_came() {
    let object = job(&json!({ "template": { "more": 7 } }));
    let answer = mutate::<Jobs>(&asked("CREATE", Some(&object), None), &true);
    let mut changed = object;
    json_patch::patch(&mut changed, answer.operations()).unwrap();
    let template = json!({ "more": 7, "labels": { "job": "yes" } });
    assert_eq!(
        changed,
        job(&json!({ "template": template, "parallelism": 1 }))
    );

    let nothing = mutate::<Jobs>(&asked("UPDATE", Some(&changed), Some(&changed)), &true);
    assert!(nothing.operations().is_empty());
    let deletion = mutate::<Jobs>(&asked("DELETE", None, Some(&changed)), &true);
    assert!(deletion.is_allowed() && deletion.operations().is_empty());
}

// PF-211
#[rstest]
#[case::create("CREATE", 500)]
#[case::update("UPDATE", 422)]
fn what_is_wrong_is_answered_with_the_code_of_the_kind(#[case] operation: &str, #[case] code: u16) {
    let (good, bad) = (job(&json!({})), job(&json!({ "parallelism": 6 })));
    let old = (operation == "UPDATE").then_some(&good);
    let refused = validated(&asked(operation, Some(&bad), old));
    assert_eq!(refused.code().as_u16(), code);
    assert!(refused.message().contains("spec.parallelism"));
    assert!(validated(&asked(operation, Some(&good), old)).is_allowed());
}

// PF-211
#[test]
fn what_cant_be_read_is_answered_with_400() {
    for object in [job(&json!({ "template": "x" })), json!({ "spec": 1 })] {
        let refused = validated(&asked("CREATE", Some(&object), None));
        assert_eq!(refused.code(), StatusCode::BAD_REQUEST);
    }
}

// PF-213
#[test]
fn another_version_is_not_served_and_a_subresource_not_reviewed() {
    let bad = job(&json!({ "parallelism": 6 }));
    let foreign = asked_about("v1beta1", "", "CREATE", Some(&bad), None);
    for answer in [validated(&foreign), mutate::<Jobs>(&foreign, &true)] {
        assert_eq!(answer.code(), StatusCode::BAD_REQUEST);
        let message = "apps.kruise.io/v1beta1 jobs is not served here";
        assert_eq!(answer.message(), message);
    }
    let status = asked_about("v1alpha1", "status", "UPDATE", Some(&bad), Some(&bad));
    assert!(validated(&status).is_allowed());
    assert!(mutate::<Jobs>(&status, &true).operations().is_empty());
}

#[test]
fn only_a_new_template_that_is_not_wrong_otherwise_is_judged_by_the_server() {
    let server = Refusing::default();
    let answer = |operation, new: &Value, old| {
        let request = asked(operation, Some(new), old);
        validated_with(&request, &server, &Metrics::unregistered()).code()
    };
    let (one, two) = (
        job(&json!({ "template": { "n": 1 } })),
        job(&json!({ "template": { "n": 2 } })),
    );
    let wrong = job(&json!({ "template": { "n": 2 }, "parallelism": 6 }));
    assert_eq!(answer("CREATE", &one, None).as_u16(), 500);
    assert_eq!(answer("UPDATE", &two, Some(&one)).as_u16(), 422);
    assert_eq!(*server.0.lock().unwrap(), 2);
    assert_eq!(answer("UPDATE", &one, Some(&one)).as_u16(), 200);
    assert_eq!(answer("UPDATE", &wrong, Some(&one)).as_u16(), 422);
    assert_eq!(*server.0.lock().unwrap(), 2);
}

// DP-23
#[test]
fn a_protected_object_is_not_deleted_and_that_is_counted() {
    let metrics = Metrics::unregistered();
    let mut kept = job(&json!({}));
    kept["metadata"]["labels"] = json!({ "keep": "" });
    let answer = |old: &Value| {
        let request = asked("DELETE", None, Some(old));
        validated_with(&request, &NoTemplateCheck, &metrics)
    };
    assert_eq!(answer(&kept).code(), StatusCode::FORBIDDEN);
    assert_eq!(answer(&kept).message(), "it is kept");
    assert!(answer(&job(&json!({}))).is_allowed());
    let labels = ProtectionLabels {
        kind_namespace_name: "Job_ns_a".to_owned(),
        username: "alice".to_owned(),
    };
    let counter = metrics.workload_deletion_protection.get_or_create(&labels);
    assert_eq!(counter.get(), 2);
    // Of a collection, no request names the object.
    let mut of_collection = asked("DELETE", None, Some(&kept));
    of_collection.name = String::new();
    let answer = validated_with(&of_collection, &NoTemplateCheck, &metrics);
    assert_eq!(answer.code(), StatusCode::FORBIDDEN);
    assert_eq!(counter.get(), 3);
}
