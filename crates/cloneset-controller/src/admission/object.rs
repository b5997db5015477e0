//! What stays raw of a CloneSet, in either version.

use kruise_api::apps::{common::CloneSetSpec, v1alpha1, v1beta1};
use serde_json::Value;

/// What stays raw of a CloneSet of some version.
pub(super) trait AnyCloneSet {
    fn template(&self) -> &Value;
    fn template_mut(&mut self) -> &mut Value;
    fn claims(&self) -> &[Value];
    fn claims_mut(&mut self) -> &mut [Value];
}

/// What both versions have in the same place.
macro_rules! raw_parts {
    ($type:ty) => {
        impl AnyCloneSet for $type {
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
        }
    };
}

raw_parts!(v1alpha1::CloneSet);
raw_parts!(v1beta1::CloneSet);

fn claims_of<Scale, Update>(spec: &CloneSetSpec<Scale, Update>) -> &[Value] {
    spec.volume_claim_templates.as_deref().unwrap_or_default()
}
