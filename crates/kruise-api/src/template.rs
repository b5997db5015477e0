//! Pod templates inside of custom resources. They stay raw, so that fields which nobody here knows reach
//! the pods; this is the view for reading.

use serde::Deserialize;
use serde_json::Value;

use crate::{
    meta::{ObjectMeta, null_as_default},
    pod::PodSpec,
};

/// What is read of a pod template. Never written back in its place.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct PodTemplate {
    /// Metadata that pods get.
    #[serde(deserialize_with = "null_as_default")]
    pub metadata: ObjectMeta,
    /// What pods are to be.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: PodSpec,
}

impl PodTemplate {
    /// The view of a raw template.
    ///
    /// # Errors
    ///
    /// When a part that is read has another shape than in a pod template.
    pub fn view(template: &Value) -> Result<Self, serde_json::Error> {
        // Without one, what it lacks is for others to say.
        Option::deserialize(template).map(Option::unwrap_or_default)
    }
}
