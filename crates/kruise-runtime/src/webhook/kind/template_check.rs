//! A pod template as the API server judges it: a dry-run creation of a core/v1 PodTemplate (DV-CS10).

use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use kruise_api::{
    resource::POD_TEMPLATES,
    validation::{FieldError, FieldErrorKind, FieldErrors},
};
use serde_json::{Value, json};

use crate::api::{
    client::ApiClient,
    error::{ApiError, StatusCause},
};

/// For this long an answer is waited for; without one the object passes.
const PATIENCE: Duration = Duration::from_secs(1);
const DELETION_COST: &str = "template.annotations[controller.kubernetes.io/pod-deletion-cost]";

/// Judges a PodTemplate. What can't be judged passes.
pub trait TemplateCheck: Send + Sync + 'static {
    /// What is wrong with the template, with paths as in the object that it is a part of.
    fn check<'a>(
        &'a self,
        namespace: &'a str,
        pod_template: &'a Value,
    ) -> BoxFuture<'a, FieldErrors>;
}

/// Lets every template pass.
pub struct NoTemplateCheck;

impl TemplateCheck for NoTemplateCheck {
    fn check<'a>(&'a self, _: &'a str, _: &'a Value) -> BoxFuture<'a, FieldErrors> {
        async { FieldErrors::new() }.boxed()
    }
}

/// Asks the API server, whether this process leads or not.
pub struct ServerTemplateCheck {
    /// Needs the right to create podtemplates.
    pub client: ApiClient,
    /// What the server refuses in PodTemplates, but the kind tolerates in its templates.
    pub tolerates: fn(&StatusCause) -> bool,
}

impl TemplateCheck for ServerTemplateCheck {
    fn check<'a>(
        &'a self,
        namespace: &'a str,
        pod_template: &'a Value,
    ) -> BoxFuture<'a, FieldErrors> {
        async move {
            let asked =
                self.client
                    .dry_run_create(&POD_TEMPLATES, namespace, pod_template, PATIENCE);
            match asked.await {
                Ok(()) => FieldErrors::new(),
                Err(ApiError::Invalid {
                    code: 422, causes, ..
                }) => refusals(&causes, self.tolerates),
                Err(error) => {
                    tracing::debug!(namespace, error = %error, "a pod template passes unjudged");
                    FieldErrors::new()
                }
            }
        }
        .boxed()
    }
}

/// The part of the server's refusal that counts: what it says about the template, less what is tolerated. A policy,
/// say, may refuse PodTemplates as well, but names no field of the template. Paths are those of `spec.template`.
pub fn refusals(causes: &[StatusCause], tolerates: fn(&StatusCause) -> bool) -> FieldErrors {
    causes
        .iter()
        .filter(|cause| cause.field.starts_with("template."))
        .filter(|cause| !tolerates(cause))
        .map(|cause| {
            FieldError::of_cause(
                &cause.reason,
                format!("spec.{}", cause.field),
                &cause.message,
            )
        })
        .collect()
}

/// The PodTemplate by which a workload's template is judged. `generate_name` is the prefix of a name that no object
/// ever gets.
#[must_use]
pub fn pod_template(generate_name: &str, template: Value) -> Value {
    let template = match template {
        Value::Object(_) => template,
        _ => json!({}),
    };
    json!({
        "apiVersion": "v1",
        "kind": "PodTemplate",
        "metadata": { "generateName": generate_name },
        "template": template,
    })
}

/// Whether what the server refuses in a PodTemplate is tolerated in the templates of workloads (CS-11, BJ-7).
#[must_use]
pub fn is_tolerated_in_workloads(cause: &StatusCause) -> bool {
    let StatusCause {
        reason,
        field,
        message,
    } = cause;
    let is_invalid = reason == FieldErrorKind::Invalid.reason();
    let selects = [
        "template.spec.affinity.",
        "template.spec.topologySpreadConstraints[",
    ]
    .iter()
    .any(|place| field.starts_with(place));
    field == DELETION_COST
        || (is_invalid && message.contains("is not positive integer multiple of hugepages-"))
        || (is_invalid && selects && message.contains("a valid label must be"))
}
