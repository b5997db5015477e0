//! What is due next for a pod, whether it is being updated or not (IP-34 to IP-44, CS-97).

use serde_json::Value;

use super::{
    Options, batch,
    completion::{Completion, applied_batches_run, completion},
    conditions::{self, Wanted},
    grace::{self, Grace},
    lifecycle,
    patch::PodPatch,
    pending, restart,
    state::{self, InPlaceUpdateState},
};
use crate::{
    meta::Time,
    pod::Pod,
    revision,
    spec_parts::Lifecycle,
    well_known::{
        annotations::INPLACE_UPDATE_STATE,
        conditions::{IN_PLACE_UPDATE_READY, KRUISE_POD_READY},
        labels::CONTROLLER_REVISION_HASH,
        lifecycle_states::{NORMAL, PREPARING_NORMAL, PREPARING_UPDATE, UPDATED, UPDATING},
    },
};

/// What is due next for a pod.
#[derive(Debug, Clone, PartialEq)]
pub enum Refresh {
    /// Nothing is due.
    Nothing,
    /// One write is due, or two.
    Patch {
        /// Strategic merge patch of `pods/resize`, to be sent first. `patch` then follows the version that
        /// the server returns.
        resize: Option<Value>,
        /// The subresource that `patch` goes to; none for the pod itself.
        subresource: Option<&'static str>,
        /// Strategic merge patch, refused by the server for another version of the pod.
        patch: Value,
    },
    /// Nothing is due until the grace period is over.
    WaitGrace {
        /// Time left, in whole seconds, at least 1.
        seconds: i64,
    },
    /// Nothing is due until containers have changed.
    WaitContainers {
        /// What is missing.
        why: String,
    },
    /// The library's annotations on the pod make no sense. Only an edit of the pod or another update helps.
    Broken {
        /// What makes no sense.
        why: String,
    },
}

/// What the decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct RefreshInput<'a> {
    /// The pod.
    pub pod: &'a Pod,
    /// Name of the revision that pods shall be at.
    pub update_revision: &'a str,
    /// Whether another process sets the first `KruisePodReady`.
    pub pod_readiness_controller_live: bool,
    /// The workload's hooks.
    pub lifecycle: Option<&'a Lifecycle>,
    /// What the library may do.
    pub options: Options,
    /// The present time.
    pub now: Time,
}

/// What is due next for this pod: the end of a grace period, the next batch of containers, or one
/// patch of `pods/status` with all conditions and the lifecycle state that are due together.
///
/// A new pod gets its first conditions when its node's kubelet has reported on it. The state Normal comes
/// with them, so that a creation costs one further write.
#[must_use]
pub fn refresh(input: &RefreshInput<'_>) -> Refresh {
    let pod = input.pod;
    if let Some(text) = state::grace_text(pod).filter(|text| !text.is_empty()) {
        return match grace::proceed(pod, text, &input.options, input.now) {
            Ok(Grace::Running { seconds }) => Refresh::WaitGrace { seconds },
            Ok(Grace::Ends(patch)) => change_of_pod(pod, *patch),
            Err(why) => Refresh::Broken { why },
        };
    }
    let state = match InPlaceUpdateState::of(pod) {
        Ok(state) => state,
        Err(error) => {
            return Refresh::Broken {
                why: format!("state of the update in place can't be read: {error}"),
            };
        }
    };
    let waiting_for = match &state {
        Some(state) => match containers(pod, state, &input.options) {
            Containers::Done => None,
            Containers::Wait(why) => Some(why),
            Containers::NextBatch => return next_batch(input, state),
        },
        None => None,
    };

    let mut patch = PodPatch::default();
    let crashed = state
        .as_ref()
        .filter(|_| waiting_for.is_some())
        .and_then(|state| restart::with_crashed(pod, state));
    if let Some(state) = crashed {
        patch.annotation(INPLACE_UPDATE_STATE, &state.to_json());
    }
    if waiting_for.is_none() {
        patch.conditions.extend(back_in_service(pod, input.now));
    }
    if !input.pod_readiness_controller_live {
        patch
            .conditions
            .extend(first_kruise_pod_ready(pod, input.now));
    }
    if let Some(next) = next_state(input) {
        // A refresh moves pods only to states in which no hook holds them not ready.
        lifecycle::go_to(&mut patch, pod, next, false, input.now);
    }
    match waiting_for {
        _ if !patch.is_empty() => Refresh::Patch {
            resize: None,
            subresource: Some("status"),
            patch: patch.for_version_of(pod),
        },
        Some(why) => Refresh::WaitContainers { why },
        None => Refresh::Nothing,
    }
}

enum Containers {
    Done,
    Wait(String),
    NextBatch,
}

fn containers(pod: &Pod, state: &InPlaceUpdateState, options: &Options) -> Containers {
    if let Err(why) = applied_batches_run(pod, state, options) {
        return Containers::Wait(why);
    }
    if !state.has_pending() {
        return Containers::Done;
    }
    let required = state
        .pre_check_before_next
        .iter()
        .flat_map(|check| check.containers_required_ready.iter());
    for name in required {
        if !pod
            .container_status(name)
            .is_some_and(|status| status.ready)
        {
            return Containers::Wait(format!("container {name} is not ready"));
        }
    }
    Containers::NextBatch
}

fn next_batch(input: &RefreshInput<'_>, state: &InPlaceUpdateState) -> Refresh {
    let pod = input.pod;
    let update = pending::of_state(state.clone());
    let mut patch = PodPatch::default();
    batch::apply(
        pod,
        &update,
        state.clone(),
        &input.options,
        input.now,
        &mut patch,
    );
    change_of_pod(pod, patch)
}

/// A patch of the pod itself, with the resize that goes first if there is one.
fn change_of_pod(pod: &Pod, mut patch: PodPatch) -> Refresh {
    Refresh::Patch {
        resize: patch.take_resize(pod),
        subresource: None,
        patch: patch.for_version_of(pod),
    }
}

/// The condition `InPlaceUpdateReady`, True and without reason and message, unless the pod has it like that
/// already.
fn back_in_service(pod: &Pod, now: Time) -> Option<Value> {
    let is_due = pod.has_readiness_gate(IN_PLACE_UPDATE_READY)
        && match pod.condition(IN_PLACE_UPDATE_READY) {
            Some(present) => {
                present.status != "True"
                    || !present.reason.is_empty()
                    || !present.message.is_empty()
            }
            None => pod.is_reported(),
        };
    let wanted = Wanted {
        type_: IN_PLACE_UPDATE_READY,
        status: "True",
        reason: "",
        message: "",
    };
    is_due.then(|| conditions::replace(pod, wanted, now))
}

/// The pod's first condition `KruisePodReady`, which otherwise only the pod-readiness controller sets
/// (DV-D7).
fn first_kruise_pod_ready(pod: &Pod, now: Time) -> Option<Value> {
    let is_due = pod.has_readiness_gate(KRUISE_POD_READY)
        && pod.condition(KRUISE_POD_READY).is_none()
        && !pod.metadata.is_terminating()
        && pod.is_reported();
    let wanted = Wanted {
        type_: KRUISE_POD_READY,
        status: "True",
        reason: "",
        message: "",
    };
    is_due.then(|| conditions::replace(pod, wanted, now))
}

/// The lifecycle state that the pod goes to, if it is to leave its present one (CS-97).
fn next_state(input: &RefreshInput<'_>) -> Option<&'static str> {
    let pod = input.pod;
    let hook = input
        .lifecycle
        .and_then(|lifecycle| lifecycle.in_place_update.as_ref());
    // A missing hook never counts as complete. So if only other hooks are configured, the pod passes
    // through Updated.
    let after_update = || {
        let held = input.lifecycle.is_some() && !lifecycle::all_hooked(hook, pod);
        if held { UPDATED } else { NORMAL }
    };
    match lifecycle::state(pod) {
        PREPARING_NORMAL => {
            let pre_normal = input
                .lifecycle
                .and_then(|lifecycle| lifecycle.pre_normal.as_ref());
            let free = match pre_normal {
                Some(_) => lifecycle::all_hooked(pre_normal, pod),
                None => pod.is_reported(),
            };
            free.then_some(NORMAL)
        }
        PREPARING_UPDATE => pod
            .metadata
            .labels
            .get(CONTROLLER_REVISION_HASH)
            .filter(|label| revision::label_names(label, input.update_revision))
            .map(|_| after_update()),
        UPDATING => match completion(pod, &input.options) {
            Completion::NotUpdating | Completion::Complete => Some(after_update()),
            Completion::Waiting { .. } => None,
        },
        UPDATED => (hook.is_none() || lifecycle::all_hooked(hook, pod)).then_some(NORMAL),
        _ => None,
    }
}
