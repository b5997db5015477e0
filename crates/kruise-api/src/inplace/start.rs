//! The writes with which an update in place begins (IP-14 to IP-22).

use serde_json::Value;

use super::{
    Options, Update, base64, batch,
    conditions::{self, Wanted},
    grace, lifecycle, metadata,
    patch::PodPatch,
    pending,
    state::{InPlaceUpdateGrace, InPlaceUpdateState},
};
use crate::{
    meta::{Time, whole_seconds},
    pod::Pod,
    revision,
    well_known::{
        annotations,
        conditions::{IN_PLACE_UPDATE_READY, START_IN_PLACE_UPDATE},
        labels, lifecycle_states,
    },
};

/// Whose pod it is: kinds of workloads mark their pods differently (IP-13, IP-17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// The revision label has the revision's full name or its short form, and the label `pod-template-hash`
    /// its short form. The lifecycle state becomes Updating.
    CloneSet {
        /// Feature gate `CloneSetShortHash`: the revision label has the short form.
        short_label: bool,
    },
    /// The revision label has the revision's full name. The lifecycle state becomes Updating on pods that
    /// have a state.
    StatefulSet,
    /// The revision label has the revision's hash, which is all of its name that is given here. The pod
    /// gets no lifecycle state.
    DaemonSet,
}

/// The terms on which an update begins.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Whose pod it is.
    pub workload: Workload,
    /// The revision that the pod goes to: its full name, for a DaemonSet its hash.
    pub revision: &'a str,
    /// Data of that revision.
    pub target: &'a Value,
    /// Seconds between marking the pod not ready and changing it. The change is made at once when this is
    /// not positive.
    pub grace_seconds: i32,
    /// What the library may do.
    pub options: Options,
    /// The present time.
    pub now: Time,
}

/// The writes with which an update begins, after the pod was marked not ready if it must be. They are sent
/// in this order, and the second follows the version that the first returned.
#[derive(Debug, Clone, PartialEq)]
pub struct StartWrites {
    /// Strategic merge patch of `pods/resize`.
    pub resize: Option<Value>,
    /// Strategic merge patch of the pod.
    pub pod: Value,
}

/// Whether the pod is taken out of service while it is updated (IP-16). It is if it has the readiness gate,
/// unless nothing but resources changes and no container is restarted for that.
#[must_use]
pub fn must_become_unready(pod: &Pod, update: &Update, options: &Options) -> bool {
    pod.has_readiness_gate(IN_PLACE_UPDATE_READY)
        && !(options.vertical_scaling && only_resizes(pod, update))
}

fn only_resizes(pod: &Pod, update: &Update) -> bool {
    // What waits in the pod is started with the rest (IP-22).
    let waiting = pending::waiting(pod);
    let parts = [update, &waiting];
    let resized = || parts.iter().flat_map(|part| &part.resources);
    parts
        .iter()
        .all(|part| part.images.is_empty() && part.ref_metadata.is_empty())
        && resized().next().is_some()
        && !resized().any(|(name, resources)| {
            pod.container(name)
                .is_some_and(|container| resources.restart(container))
        })
}

/// Strategic merge patch of `pods/status` that takes a pod out of service before it is updated.
///
/// The patch has no member `status` when the pod is out of service already. Even then it has to be sent: by
/// taking it the server confirms that the pod is as it was read.
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
    patch
        .conditions
        .extend(conditions::ready_after(pod, IN_PLACE_UPDATE_READY, now));
    patch.for_version_of(pod)
}

/// The writes with which a pod's update begins: revision labels, lifecycle state, the library's own state
/// and, unless there is a grace period first, the change itself. What an earlier update ordered and has not
/// applied yet is taken along (IP-22).
#[must_use]
pub fn start(pod: &Pod, update: &Update, start: &Start<'_>) -> StartWrites {
    let whole = pending::with_pending(pod, update, start.target);
    let mut patch = PodPatch::default();
    mark(pod, start, &mut patch);
    patch.drop_annotation(pod, annotations::INPLACE_UPDATE_STATE_LEGACY);
    grace::end(pod, &mut patch);

    let state = InPlaceUpdateState {
        revision: start.revision.to_owned(),
        update_timestamp: Some(whole_seconds(start.now)),
        update_env_from_metadata: whole.changes_environment(),
        update_resources: !whole.resources.is_empty(),
        update_images: !whole.images.is_empty(),
        ..InPlaceUpdateState::default()
    };
    if start.grace_seconds > 0 {
        patch.annotation(annotations::INPLACE_UPDATE_STATE, &state.to_json());
        patch.annotation(
            annotations::INPLACE_UPDATE_GRACE,
            &stored(whole, start).to_json(),
        );
    } else {
        batch::apply(pod, &whole, state, &start.options, start.now, &mut patch);
    }
    StartWrites {
        resize: patch.take_resize(pod),
        pod: patch.for_version_of(pod),
    }
}

fn mark(pod: &Pod, start: &Start<'_>, patch: &mut PodPatch) {
    let short = revision::short_hash(start.revision);
    let (label, has_state) = match start.workload {
        Workload::CloneSet { short_label } => {
            patch.label(labels::POD_TEMPLATE_HASH, short);
            (if short_label { short } else { start.revision }, true)
        }
        Workload::StatefulSet => (start.revision, !lifecycle::state(pod).is_empty()),
        Workload::DaemonSet => (start.revision, false),
    };
    patch.label(labels::CONTROLLER_REVISION_HASH, label);
    if has_state {
        lifecycle::set_state(patch, lifecycle_states::UPDATING, start.now);
    }
}

fn stored(whole: Update, start: &Start<'_>) -> InPlaceUpdateGrace {
    let update_env_from_metadata = whole.changes_environment();
    let Update {
        images,
        resources,
        ref_metadata,
        metadata_patch,
    } = whole;
    InPlaceUpdateGrace {
        revision: start.revision.to_owned(),
        container_images: images,
        container_ref_metadata: ref_metadata,
        container_resources: resources,
        meta_data_patch: metadata_patch
            .map(|patch| base64::encode(&metadata::bytes(&patch)))
            .unwrap_or_default(),
        update_env_from_metadata,
        grace_seconds: start.grace_seconds,
    }
}
