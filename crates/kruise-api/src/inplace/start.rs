//! The writes with which an update in place begins (IP-14 to IP-22).

use serde_json::Value;

use super::{
    Update, base64, batch,
    calculate::metadata_patch_bytes,
    conditions::{self, Wanted},
    grace, lifecycle,
    patch::PodPatch,
    pending::{self, Whole},
    state::{InPlaceUpdateGrace, InPlaceUpdateState, whole_seconds},
};
use crate::{
    meta::Time,
    pod::Pod,
    revision,
    well_known::{
        annotations,
        conditions::{IN_PLACE_UPDATE_READY, START_IN_PLACE_UPDATE},
        labels, lifecycle_states,
    },
};

/// The terms on which an update begins.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Full name of the revision that the pod goes to.
    pub revision: &'a str,
    /// Whether the label `controller-revision-hash` gets the short form only.
    pub short_label: bool,
    /// Seconds between marking the pod not ready and changing it. None at all when not positive.
    pub grace_seconds: i32,
    /// The time.
    pub now: Time,
}

/// Whether the pod is taken out of service while it is updated: when it has the readiness gate.
#[must_use]
pub fn must_become_unready(pod: &Pod) -> bool {
    pod.has_readiness_gate(IN_PLACE_UPDATE_READY)
}

/// Strategic merge patch of `pods/status` that takes a pod out of service before it is updated.
///
/// It has no member `status` when the pod is out of service already. It is worth sending even so: the
/// server then confirms that the pod is what it was taken for.
#[must_use]
pub fn not_ready_patch(pod: &Pod, now: Time) -> Value {
    let wanted = Wanted {
        type_: IN_PLACE_UPDATE_READY,
        status: "False",
        reason: START_IN_PLACE_UPDATE,
        message: "",
    };
    let mut patch = PodPatch::default();
    patch.conditions.extend(conditions::set(pod, wanted, now));
    patch.conditions.extend(conditions::ready_after(
        pod,
        IN_PLACE_UPDATE_READY,
        "False",
        now,
    ));
    patch.for_version_of(pod)
}

/// Strategic merge patch of the pod with which its update begins: revision labels, lifecycle state and
/// the library's own state; and the change itself, unless there is a grace period first. What an
/// earlier update ordered and has not applied yet is taken along.
#[must_use]
pub fn start_patch(pod: &Pod, update: &Update, start: &Start<'_>) -> Value {
    let whole = pending::with_pending(pod, update);
    let short = revision::short_hash(start.revision);
    let mut patch = PodPatch::default();
    patch.label(
        labels::CONTROLLER_REVISION_HASH,
        if start.short_label {
            short
        } else {
            start.revision
        },
    );
    patch.label(labels::POD_TEMPLATE_HASH, short);
    let (state_label, timestamp) = lifecycle::state_members(lifecycle_states::UPDATING, start.now);
    patch.labels.extend(state_label);
    patch.annotations.extend(timestamp);
    patch.drop_annotation(pod, annotations::INPLACE_UPDATE_STATE_LEGACY);
    grace::end(pod, &mut patch);

    let state = InPlaceUpdateState {
        revision: start.revision.to_owned(),
        update_timestamp: Some(whole_seconds(start.now)),
        update_env_from_metadata: whole.env_from_metadata,
        update_images: !whole.items.images.is_empty(),
        ..InPlaceUpdateState::default()
    };
    if start.grace_seconds > 0 {
        patch.annotation(annotations::INPLACE_UPDATE_STATE, &state.to_json());
        patch.annotation(
            annotations::INPLACE_UPDATE_GRACE,
            &stored(whole, start).to_json(),
        );
    } else {
        batch::apply(pod, &whole.items, state, start.now, &mut patch);
        if let Some(metadata) = &whole.metadata_patch {
            patch.metadata(metadata);
        }
    }
    patch.for_version_of(pod)
}

fn stored(whole: Whole, start: &Start<'_>) -> InPlaceUpdateGrace {
    let Whole {
        items,
        metadata_patch,
        env_from_metadata,
    } = whole;
    InPlaceUpdateGrace {
        revision: start.revision.to_owned(),
        container_images: items.images,
        container_ref_metadata: items.ref_metadata,
        meta_data_patch: metadata_patch
            .map(|patch| base64::encode(&metadata_patch_bytes(&patch)))
            .unwrap_or_default(),
        update_env_from_metadata: env_from_metadata,
        grace_seconds: start.grace_seconds,
        ..InPlaceUpdateGrace::default()
    }
}
