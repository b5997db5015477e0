//! The grace period between marking a pod not ready and changing it (IP-35 to IP-37).

use jiff::SignedDuration;
use serde_json::Value;

use super::{
    Options, Update, base64, batch,
    daemon::whole_seconds_up,
    patch::PodPatch,
    state::{InPlaceUpdateGrace, InPlaceUpdateState},
};
use crate::{
    meta::Time,
    pod::Pod,
    revision,
    well_known::{
        annotations::{INPLACE_UPDATE_GRACE, INPLACE_UPDATE_GRACE_LEGACY},
        labels::CONTROLLER_REVISION_HASH,
    },
};

/// How the grace period of a pod goes on.
pub(super) enum Grace {
    /// The period still runs.
    Running {
        /// Whole seconds that are left, at least 1.
        seconds: i64,
    },
    /// The period ends with this write, which applies the update or calls it off.
    Ends(Box<PodPatch>),
}

/// How the grace period of this pod goes on. `grace_text` is the grace annotation that the pod carries. An
/// error says what in the pod makes no sense.
pub(super) fn proceed(
    pod: &Pod,
    grace_text: &str,
    options: &Options,
    now: Time,
) -> Result<Grace, String> {
    let grace: InPlaceUpdateGrace = serde_json::from_str(grace_text)
        .map_err(|error| format!("annotation {INPLACE_UPDATE_GRACE} can't be read: {error}"))?;
    let state = InPlaceUpdateState::of(pod)
        .map_err(|error| format!("state of the update in place can't be read: {error}"))?
        .ok_or("in a grace period, but without state of an update in place")?;

    let mut patch = PodPatch::default();
    end(pod, &mut patch);
    let label = pod.metadata.labels.get(CONTROLLER_REVISION_HASH);
    if !label.is_some_and(|label| revision::label_names(label, &grace.revision)) {
        // Somebody has sent the pod to another revision since: this update is called off.
        return Ok(Grace::Ends(Box::new(patch)));
    }
    if let Some(seconds) = remaining(&state, grace.grace_seconds, now) {
        return Ok(Grace::Running { seconds });
    }
    let update = Update {
        metadata_patch: metadata_patch(&grace)?,
        images: grace.container_images,
        resources: grace.container_resources,
        ref_metadata: grace.container_ref_metadata,
    };
    batch::apply(pod, &update, state, options, now, &mut patch);
    Ok(Grace::Ends(Box::new(patch)))
}

/// Takes the grace annotation away, under either key.
pub(super) fn end(pod: &Pod, patch: &mut PodPatch) {
    patch.drop_annotation(pod, INPLACE_UPDATE_GRACE);
    patch.drop_annotation(pod, INPLACE_UPDATE_GRACE_LEGACY);
}

/// The patch of metadata that the annotation holds. Others wrap it as a patch of the whole pod.
pub(super) fn metadata_patch(grace: &InPlaceUpdateGrace) -> Result<Option<Value>, String> {
    if grace.meta_data_patch.is_empty() {
        return Ok(None);
    }
    let unreadable = || "metaDataPatch of the grace annotation can't be read".to_owned();
    let bytes = base64::decode(&grace.meta_data_patch).ok_or_else(unreadable)?;
    let patch: Value = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
    match patch {
        Value::Object(mut members) => match members.remove("metadata") {
            Some(metadata @ Value::Object(_)) => Ok(Some(metadata)),
            Some(_) => Err(unreadable()),
            None => Ok(Some(Value::Object(members))),
        },
        _ => Err(unreadable()),
    }
}

/// Whole seconds until the grace period is over, rounded up. None when the period is over.
fn remaining(state: &InPlaceUpdateState, grace_seconds: i32, now: Time) -> Option<i64> {
    let length = SignedDuration::from_secs(i64::from(grace_seconds));
    let end = state.update_timestamp?.checked_add(length).ok()?;
    let left = whole_seconds_up(end.duration_since(now));
    (left > 0).then_some(left)
}
