//! Refreshing pods: what is due for each of them, whether they are updated or not (CS-97, CS-80).

use std::{collections::BTreeSet, time::Duration};

use kruise_api::{
    inplace::{self, PodWrite, Refresh, RefreshInput, lifecycle},
    pod::Pod,
    ranking, revision,
    well_known::{labels, lifecycle_states},
};

use kruise_plan::{
    Notes, PodPatch, PodRef, WaitReason,
    refused::RefusedResize,
    workload::{InPlace, may_be_updated, resize_pending},
};
use serde_json::json;

use super::{
    context::{Context, MAX_PODS},
    counts::Counts,
    in_place::in_place,
    spec::PodUpdatePolicy,
};

/// One patch a pod at most: conditions, lifecycle state and a missing label (CS-97, CS-80).
pub(super) fn refresh(context: &Context<'_>, counts: &Counts, notes: &mut Notes) -> Vec<PodPatch> {
    let going = preparing_to_go(context, counts);
    let refused = &context.snapshot.memory.refused_writes;
    let owned = context.snapshot.owned_pods();
    let mut patches = Vec::new();
    // Nothing is due for most pods, whatever is asked.
    for (pod, _) in context.known().filter(|(_, facts)| !facts.is_quiet) {
        if patches.len() == MAX_PODS {
            break;
        }
        if refused.hold_patches(&owned, pod) {
            continue;
        }
        let name = || pod.metadata.name.clone();
        let refreshed = inplace::refresh(&RefreshInput {
            pod,
            update_revision: wanted_revision(context, counts, &going, pod),
            pod_readiness_controller_live: context.snapshot.pod_readiness_controller_live,
            lifecycle: context.spec.lifecycle.as_ref(),
            options: context.snapshot.gates.in_place,
            now: context.snapshot.now,
        });
        match refreshed {
            Refresh::Patch {
                resize,
                subresource,
                patch,
            } => {
                if resize.is_some() && is_refused(context, pod, notes) {
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
                notes.wait(WaitReason::GracePeriod { pod: name() });
                notes.look_again(Duration::from_secs(
                    u64::try_from(seconds).unwrap_or(1).max(1),
                ));
            }
            Refresh::Broken { why } => {
                notes.wait(WaitReason::BrokenUpdateState { pod: name(), why });
            }
            Refresh::WaitContainers { .. } => notes.waiting_on.extend(resize_pending(pod)),
            Refresh::Nothing => {}
        }
        patches.extend(missing_template_hash(pod));
    }
    patches
}

/// The refusal of this pod's resize, and how long it stands (DV-IP10).
fn refusal<'a>(context: &'a Context<'_>, pod: &Pod) -> Option<(&'a RefusedResize, Duration)> {
    let snapshot = context.snapshot;
    let refusals = &snapshot.memory.refused_resizes;
    refusals.holding(&snapshot.owned_pods(), pod)
}

/// Whether the API server refused this pod's resize, and it is not time to ask again; the plan says so.
pub(super) fn is_refused(context: &Context<'_>, pod: &Pod, notes: &mut Notes) -> bool {
    let Some((refusal, left)) = refusal(context, pod) else {
        return false;
    };
    notes.wait(WaitReason::ResizeRefused {
        pod: pod.metadata.name.clone(),
        why: refusal.why.clone(),
    });
    notes.look_again(left);
    true
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
fn preparing_to_go<'a>(context: &'a Context<'_>, counts: &Counts) -> BTreeSet<&'a str> {
    if !context.facts.iter().any(|facts| facts.preparing_update) {
        return BTreeSet::new();
    }
    let target = target(context, counts);
    let pods: Vec<&Pod> = context.pods.iter().map(|pod| pod.as_ref()).collect();
    let mut preparing: Vec<usize> = (0..)
        .zip(context.known())
        .filter(|(_, (_, facts))| facts.preparing_update)
        .map(|(index, (pod, _))| (index, pod))
        .filter(|(_, pod)| context.is_updated(pod) == (counts.update_num < 0))
        .filter(|(_, pod)| is_candidate(context, pod, target))
        .map(|(index, _)| index)
        .collect();
    ranking::update_order(
        &pods,
        &mut preparing,
        context.spec.priority.as_ref(),
        context.spec.scatter.as_deref(),
    );
    let n_going = if context.spec.on_delete {
        0
    } else if context.spec.paused {
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
    context: &'a Context<'_>,
    counts: &Counts,
    going: &BTreeSet<&str>,
    pod: &'a Pod,
) -> &'a str {
    let revisions = &context.revisions;
    if !is_preparing_update(pod) {
        return &revisions.update;
    }
    if going.contains(pod.metadata.uid.as_str()) {
        return target(context, counts);
    }
    revisions
        .of_pod(pod)
        .map_or(&revisions.update, |known| &known.metadata.name)
}

/// The revision that pods are moved to.
fn target<'a>(context: &'a Context<'_>, counts: &Counts) -> &'a str {
    if counts.update_num < 0 {
        &context.revisions.current
    } else {
        &context.revisions.update
    }
}

/// Whether the pod is among those of which an update chooses. One that is left out there must not keep a place
/// here: another would get it there, and be sent back here, without end.
fn is_candidate(context: &Context<'_>, pod: &Pod, target: &str) -> bool {
    let is_impossible = || matches!(in_place(context, pod, target), InPlace::Impossible(_));
    may_be_updated(pod)
        && refusal(context, pod).is_none()
        && !(context.spec.policy == PodUpdatePolicy::InPlaceOnly && is_impossible())
}

fn is_preparing_update(pod: &Pod) -> bool {
    lifecycle::state(pod) == lifecycle_states::PREPARING_UPDATE
}
