//! What an update of a pod changes (PB-33, PB-34).

use kruise_api::{
    budget::{Operation, is_pure_resize},
    meta::ObjectMeta,
    well_known::labels::UNAVAILABLE_POD_PREFIX,
};
use kruise_runtime::webhook::{AdmissionRequest, UnreadableObject};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// A pod whose spec is not decoded yet.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawPod {
    pub(super) metadata: ObjectMeta,
    spec: Option<Box<RawValue>>,
}

/// The operation that an update is, if it is one that counts; otherwise `None` (PB-33.2, PB-33.4).
///
/// # Errors
/// When a pod can't be read.
pub(super) fn operation(
    request: &AdmissionRequest,
    old: &RawPod,
    new: &RawPod,
) -> Result<Option<Operation>, UnreadableObject> {
    let adds_label = is_unavailable(&new.metadata) && !is_unavailable(&old.metadata);
    // The same text is the same spec. Only another text has to be looked at.
    let same_text = text(old) == text(new);
    if !adds_label && (same_text || same_spec(old, new)) {
        return Ok(None);
    }
    let (old, new): (Value, Value) = (request.old_object()?, request.object()?);
    Ok(Some(if is_pure_resize(&old, &new) {
        Operation::Resize
    } else {
        Operation::Update
    }))
}

fn text(pod: &RawPod) -> Option<&str> {
    pod.spec.as_deref().map(RawValue::get)
}

fn same_spec(old: &RawPod, new: &RawPod) -> bool {
    let spec = |pod: &RawPod| text(pod).map(serde_json::from_str::<Value>)?.ok();
    spec(old) == spec(new)
}

fn is_unavailable(pod: &ObjectMeta) -> bool {
    let mut keys = pod.labels.keys();
    keys.any(|key| key.as_str().starts_with(UNAVAILABLE_POD_PREFIX))
}
