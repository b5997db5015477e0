//! The pod template as the API server judges it: a dry-run creation of a core/v1 PodTemplate (DV-CS10).

use std::time::Duration;

use futures::future::{BoxFuture, FutureExt};
use kruise_api::{
    resource::POD_TEMPLATES,
    validation::{FieldError, FieldErrorKind, FieldErrors},
};
use kruise_runtime::{ApiClient, ApiError, StatusCause};
use serde_json::{Map, Value, json};

/// For this long an answer is waited for; without one the object passes.
const PATIENCE: Duration = Duration::from_secs(1);
/// Prefix of the objects' names, which no object ever gets.
const GENERATE_NAME: &str = "kruise-cloneset-";
const DELETION_COST: &str = "template.annotations[controller.kubernetes.io/pod-deletion-cost]";

/// Judges a PodTemplate. What can't be judged passes.
pub trait TemplateCheck: Send + Sync + 'static {
    /// What is wrong with it, with paths as in a CloneSet.
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
                }) => refusals(&causes),
                Err(error) => {
                    tracing::debug!(namespace, error = %error, "a pod template passes unjudged");
                    FieldErrors::new()
                }
            }
        }
        .boxed()
    }
}

/// The PodTemplate to be judged: the template, with a volume for each claim template, so that containers
/// may mount them and no volume has the same name (CS-11).
pub(super) fn pod_template(template: &Value, claims: &[Value]) -> Value {
    let mut template = match template {
        Value::Object(members) => members.clone(),
        _ => Map::new(),
    };
    if !claims.is_empty() {
        let spec = template.entry("spec").or_insert(Value::Null);
        if spec.is_null() {
            *spec = json!({});
        }
        add_volumes(spec, claims);
    }
    json!({
        "apiVersion": "v1",
        "kind": "PodTemplate",
        "metadata": { "generateName": GENERATE_NAME },
        "template": template,
    })
}

fn add_volumes(spec: &mut Value, claims: &[Value]) {
    let Some(spec) = spec.as_object_mut() else {
        return;
    };
    let volumes = spec.entry("volumes").or_insert(Value::Null);
    if volumes.is_null() {
        *volumes = json!([]);
    }
    if let Some(volumes) = volumes.as_array_mut() {
        volumes.extend(claims.iter().map(|claim| {
            let name = claim.pointer("/metadata/name").unwrap_or(&Value::Null);
            json!({ "name": name, "persistentVolumeClaim": { "claimName": name } })
        }));
    }
}

/// What of the server's refusal counts: what it says about the template, less what is tolerated in
/// CloneSets (CS-11). Whatever else may refuse PodTemplates, a policy say, names no field of it.
pub fn refusals(causes: &[StatusCause]) -> FieldErrors {
    causes
        .iter()
        .filter(|cause| cause.field.starts_with("template."))
        .filter(|cause| !is_tolerated(cause))
        .map(|cause| {
            FieldError::of_cause(
                &cause.reason,
                format!("spec.{}", cause.field),
                &cause.message,
            )
        })
        .collect()
}

fn is_tolerated(cause: &StatusCause) -> bool {
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
