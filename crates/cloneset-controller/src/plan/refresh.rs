//! Refreshing pods: what is due for each of them, whether they are updated or not (CS-97, CS-80).

use std::{collections::BTreeSet, time::Duration};

use kruise_api::{
    inplace::{self, PodWrite, Refresh, RefreshInput, lifecycle},
    pod::Pod,
    ranking, revision,
    well_known::{annotations, labels, lifecycle_states},
};
use serde_json::json;

use super::{
    Counts, Plan, PodPatch, PodRef,
    in_place::{InPlace, in_place},
    scale::{Input, MAX_PODS},
    spec::PodUpdatePolicy,
};
use crate::{refused::RefusedResize, wait::WaitReason};

/// The kubelet's condition, with reason `Deferred` or `Infeasible`.
const RESIZE_PENDING: &str = "PodResizePending";

/// One patch a pod at most: conditions, lifecycle state and a missing label (CS-97, CS-80).
pub(super) fn refresh(input: &Input<'_>, counts: &Counts, plan: &mut Plan) -> Vec<PodPatch> {
    let going = preparing_to_go(input, counts);
    let memory = &input.snapshot.memory;
    let mut patches = Vec::new();
    // Nothing is due for most pods, whatever is asked.
    for (pod, _) in input.known().filter(|(_, facts)| !facts.is_quiet) {
        if patches.len() == MAX_PODS {
            break;
        }
        if memory.refused_writes.hold_patches(input.snapshot, pod) {
            continue;
        }
        let name = || pod.metadata.name.clone();
        let refreshed = inplace::refresh(&RefreshInput {
            pod,
            update_revision: wanted_revision(input, counts, &going, pod),
            pod_readiness_controller_live: input.snapshot.pod_readiness_controller_live,
            lifecycle: input.spec.lifecycle.as_ref(),
            options: input.snapshot.gates.in_place,
            now: input.snapshot.now,
        });
        match refreshed {
            Refresh::Patch {
                resize,
                subresource,
                patch,
            } => {
                if resize.is_some() && is_refused(input, pod, plan) {
                    continue;
                }
                let resize = resize.map(|patch| PodWrite {
                    subresource: Some("resize"),
                    patch,
                });
                let last = PodWrite { subresource, patch };
                patches.push(PodPatch {
                    pod: PodRef::of(pod),
                    writes: resize.into_iter().chain([last]).collect(),
                });
                continue;
            }
            Refresh::WaitGrace { seconds } => {
                plan.waiting_on
                    .push(WaitReason::GracePeriod { pod: name() });
                plan.look_again(Duration::from_secs(
                    u64::try_from(seconds).unwrap_or(1).max(1),
                ));
            }
            Refresh::Broken { why } => {
                plan.waiting_on
                    .push(WaitReason::BrokenUpdateState { pod: name(), why });
            }
            Refresh::WaitContainers { .. } => plan.waiting_on.extend(resize_pending(pod)),
            Refresh::Nothing => {}
        }
        patches.extend(missing_template_hash(pod));
    }
    patches
}

/// The refusal of this pod's resize, and how long it stands (DV-IP10).
fn refusal<'a>(input: &'a Input<'_>, pod: &Pod) -> Option<(&'a RefusedResize, Duration)> {
    let refusals = &input.snapshot.memory.refused_resizes;
    let refusal = refusals.get(&pod.metadata.uid)?;
    Some((refusal, refusal.holds_for(input.snapshot, pod)?))
}

/// Whether the API server refused this pod's resize, and it is not time to ask again; the plan says so.
pub(super) fn is_refused(input: &Input<'_>, pod: &Pod, plan: &mut Plan) -> bool {
    let Some((refusal, left)) = refusal(input, pod) else {
        return false;
    };
    plan.waiting_on.push(WaitReason::ResizeRefused {
        pod: pod.metadata.name.clone(),
        why: refusal.why.clone(),
    });
    plan.look_again(left);
    true
}

/// The kubelet has the new resources before it, and does not grant them: not now, or never on this node.
fn resize_pending(pod: &Pod) -> Option<WaitReason> {
    let condition = pod.condition(RESIZE_PENDING)?;
    (condition.status == "True").then(|| WaitReason::ResizeRefused {
        pod: pod.metadata.name.clone(),
        // Not its message, whose figures change with other pods.
        why: format!("the kubelet says {}", condition.reason),
    })
}

/// CS-80
fn missing_template_hash(pod: &Pod) -> Option<PodPatch> {
    if pod.metadata.labels.contains_key(labels::POD_TEMPLATE_HASH) {
        return None;
    }
    let hash = pod.metadata.labels.get(labels::CONTROLLER_REVISION_HASH)?;
    let metadata = json!({
        "uid": pod.metadata.uid,
        "labels": { labels::POD_TEMPLATE_HASH: revision::short_hash(hash) },
    });
    Some(PodPatch::of(pod, json!({ "metadata": metadata })))
}

/// UIDs of the pods in state PreparingUpdate that are still to go to the other revision: the first in the
/// order of updates, as many as partition and replicas ask for. While updates are paused all of them wait.
fn preparing_to_go<'a>(input: &'a Input<'_>, counts: &Counts) -> BTreeSet<&'a str> {
    if !input.facts.iter().any(|facts| facts.preparing_update) {
        return BTreeSet::new();
    }
    let target = target(input, counts);
    let pods: Vec<&Pod> = input.pods.iter().map(|pod| pod.as_ref()).collect();
    let mut preparing: Vec<usize> = (0..)
        .zip(input.known())
        .filter(|(_, (_, facts))| facts.preparing_update)
        .map(|(index, (pod, _))| (index, pod))
        .filter(|(_, pod)| input.is_updated(pod) == (counts.update_num < 0))
        .filter(|(_, pod)| is_candidate(input, pod, target))
        .map(|(index, _)| index)
        .collect();
    ranking::update_order(
        &pods,
        &mut preparing,
        input.spec.priority.as_ref(),
        input.spec.scatter.as_deref(),
    );
    let n_going = if input.spec.on_delete {
        0
    } else if input.spec.paused {
        preparing.len()
    } else {
        usize::try_from(counts.update_num.unsigned_abs()).unwrap_or(usize::MAX)
    };
    preparing
        .into_iter()
        .take(n_going)
        .filter_map(|index| pods.get(index))
        .map(|pod| pod.metadata.uid.as_str())
        .collect()
}

/// The revision at which the pod shall be. One that waits in state PreparingUpdate and is no longer asked to
/// go anywhere shall be where it is, and comes back into service as after a roll-back (DV-CS13).
fn wanted_revision<'a>(
    input: &'a Input<'_>,
    counts: &Counts,
    going: &BTreeSet<&str>,
    pod: &'a Pod,
) -> &'a str {
    let revisions = &input.revisions;
    if !is_preparing_update(pod) {
        return &revisions.update;
    }
    if going.contains(pod.metadata.uid.as_str()) {
        return target(input, counts);
    }
    revisions
        .of_pod(pod)
        .map_or(&revisions.update, |known| &known.metadata.name)
}

/// The revision that pods are moved to.
fn target<'a>(input: &'a Input<'_>, counts: &Counts) -> &'a str {
    if counts.update_num < 0 {
        &input.revisions.current
    } else {
        &input.revisions.update
    }
}

/// Whether the pod is among those of which an update chooses. One that is left out there must not keep a place
/// here: another would get it there, and be sent back here, without end.
fn is_candidate(input: &Input<'_>, pod: &Pod, target: &str) -> bool {
    let is_impossible = || matches!(in_place(input, pod, target), InPlace::Impossible(_));
    may_be_updated(pod)
        && refusal(input, pod).is_none()
        && !(input.spec.policy == PodUpdatePolicy::InPlaceOnly && is_impossible())
}

/// CS-82
pub(super) fn may_be_updated(pod: &Pod) -> bool {
    match lifecycle::state(pod) {
        lifecycle_states::PREPARING_DELETE => false,
        lifecycle_states::UPDATED => true,
        _ => ![
            annotations::INPLACE_UPDATE_GRACE,
            annotations::INPLACE_UPDATE_GRACE_LEGACY,
        ]
        .iter()
        .any(|key| pod.metadata.annotations.contains_key(key)),
    }
}

fn is_preparing_update(pod: &Pod) -> bool {
    lifecycle::state(pod) == lifecycle_states::PREPARING_UPDATE
}
