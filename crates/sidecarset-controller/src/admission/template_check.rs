//! Where the API server is asked about containers and volumes, and how its answer reads (SS-53).

use futures::future::{BoxFuture, FutureExt};
use kruise_api::{kinds::sidecarset::template::error_of_spec, validation::FieldErrors};
use kruise_runtime::webhook::kind::TemplateCheck;
use serde_json::Value;

/// Has the PodTemplate of a SidecarSet, which is in no namespace itself, judged in this one. Errors name fields of the
/// SidecarSet.
pub struct JudgedIn<Check> {
    /// The namespace.
    pub namespace: String,
    /// Who judges.
    pub check: Check,
}

impl<Check: TemplateCheck> TemplateCheck for JudgedIn<Check> {
    fn check<'a>(&'a self, _: &'a str, pod_template: &'a Value) -> BoxFuture<'a, FieldErrors> {
        async move {
            let errors = self.check.check(&self.namespace, pod_template).await;
            errors.into_iter().map(error_of_spec).collect()
        }
        .boxed()
    }
}
