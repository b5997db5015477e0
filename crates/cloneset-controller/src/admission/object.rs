//! What admission does to a CloneSet of either version (PF-213).

use http::StatusCode;
use kruise_api::{
    apps::{v1alpha1, v1beta1},
    kinds::cloneset::{
        CloneSetSpec, conversion, defaults,
        validation::{self, FindPod},
    },
    meta::ObjectMeta,
    object::CustomResource,
    validation::FieldErrors,
};
use kruise_runtime::webhook::{AdmissionRequest, AdmissionResponse};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A CloneSet of some version.
pub(super) trait AnyCloneSet: CustomResource + DeserializeOwned + Serialize {
    fn metadata(&self) -> &ObjectMeta;
    fn replicas(&self) -> Option<i32>;
    fn template(&self) -> &Value;
    fn template_mut(&mut self) -> &mut Value;
    fn claims(&self) -> &[Value];
    fn claims_mut(&mut self) -> &mut [Value];
    /// Takes the template and the claims out, of which nothing is unknown to the type.
    fn take_raw(&mut self) -> (Value, Option<Vec<Value>>);
    /// All defaults but those of the template and the claims.
    fn apply_defaults(&mut self);
    /// Writes the spec in the one form of those that mean the same in which it will be served.
    fn settle(&mut self);
    fn errors(&self, old: Option<&Self>, find_pod: FindPod<'_>) -> FieldErrors;
}

/// What both versions have in the same place.
macro_rules! parts {
    () => {
        fn metadata(&self) -> &ObjectMeta {
            &self.metadata
        }

        fn replicas(&self) -> Option<i32> {
            self.spec.replicas
        }

        fn template(&self) -> &Value {
            &self.spec.template
        }

        fn template_mut(&mut self) -> &mut Value {
            &mut self.spec.template
        }

        fn claims(&self) -> &[Value] {
            claims_of(&self.spec)
        }

        fn claims_mut(&mut self) -> &mut [Value] {
            let claims = self.spec.volume_claim_templates.as_deref_mut();
            claims.unwrap_or_default()
        }

        fn take_raw(&mut self) -> (Value, Option<Vec<Value>>) {
            let spec = &mut self.spec;
            (spec.template.take(), spec.volume_claim_templates.take())
        }
    };
}

fn claims_of<Scale, Update>(spec: &CloneSetSpec<Scale, Update>) -> &[Value] {
    spec.volume_claim_templates.as_deref().unwrap_or_default()
}

impl AnyCloneSet for v1alpha1::CloneSet {
    parts!();

    fn apply_defaults(&mut self) {
        defaults::fill_v1alpha1(&mut self.spec);
    }

    fn settle(&mut self) {
        conversion::settle_v1alpha1(&mut self.spec, &self.metadata);
    }

    fn errors(&self, old: Option<&Self>, find_pod: FindPod<'_>) -> FieldErrors {
        validation::validate_v1alpha1(self, old, find_pod)
    }
}

impl AnyCloneSet for v1beta1::CloneSet {
    parts!();

    fn apply_defaults(&mut self) {
        defaults::fill_v1beta1(&mut self.spec);
    }

    fn settle(&mut self) {
        conversion::settle_v1beta1(&mut self.spec);
    }

    // CS-20: pods are not looked for.
    fn errors(&self, old: Option<&Self>, _: FindPod<'_>) -> FieldErrors {
        validation::validate_v1beta1(self, old)
    }
}

/// The version that a request is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Version {
    V1alpha1,
    V1beta1,
}

/// That version, by the resource that matched; `None` for a subresource, which nobody reviews (CS-6).
///
/// # Errors
/// The refusal of any other resource (PF-213).
pub(super) fn version(request: &AdmissionRequest) -> Result<Option<Version>, AdmissionResponse> {
    let resource = &request.resource;
    let is_ours = resource.group == v1beta1::CloneSet::GROUP
        && resource.resource == v1beta1::CloneSet::PLURAL;
    let version = match resource.version.as_str() {
        v1alpha1::CloneSet::VERSION if is_ours => Version::V1alpha1,
        v1beta1::CloneSet::VERSION if is_ours => Version::V1beta1,
        _ => {
            let what = format!(
                "{}/{} {} is not served here",
                resource.group, resource.version, resource.resource
            );
            return Err(AdmissionResponse::deny(StatusCode::BAD_REQUEST, what));
        }
    };
    Ok(request.sub_resource.is_empty().then_some(version))
}
