//! Adding and taking away pods (CS-55 to CS-67).

use std::{collections::BTreeMap, sync::Arc};

use kruise_api::{inplace::lifecycle, pod::Pod, ranking, well_known::lifecycle_states};
use kruise_plan::{Event, Notes, PodPatch, Turn, WaitReason};
use serde_json::Value;

use super::{
    context::{Context, MAX_PODS},
    counts::Counts,
    new_pod::{PodsOf, new_pod},
    step::Step,
    volume_claims,
};
use crate::{
    known_pods::PodFacts,
    snapshot::{Snapshot, pod_name},
};

/// Pods are added or taken away, if their number is not as wanted.
pub(super) fn plan(context: &Context<'_>, notes: &mut Notes) -> Turn<Step> {
    let snapshot = context.snapshot;
    let refused = &snapshot.memory.refused_writes;
    let holds = refused.hold_deletions(&snapshot.owned_pods());
    let regretted = if holds { Vec::new() } else { regret(context) };
    if !regretted.is_empty() {
        return Turn::of(vec![Step::PatchPods { patches: regretted }]);
    }
    let counts = context.counts(|facts| context.counts_as_updated(facts));
    if counts.scale_up > counts.scale_up_limit {
        notes.wait(WaitReason::ScaleUpLimited);
        notes.events.push(Event::warning(
            "ScaleUpLimited",
            format!(
                "spec.scaleStrategy.maxUnavailable allows {} of {} pods to be created now",
                counts.scale_up_limit, counts.scale_up
            ),
        ));
    }
    if counts.scale_up > 0 {
        let may_go_first = !holds && is_held_up(context, &counts);
        if may_go_first && let AskedFor::Acts(steps) = delete_asked_for(context, &counts, notes) {
            return Turn::Acts(steps);
        }
        return Turn::of(scale_out(context, &counts, notes).into_iter().collect());
    }
    if holds {
        return Turn::GoesOn;
    }
    match delete_asked_for(context, &counts, notes) {
        AskedFor::Acts(steps) => Turn::Acts(steps),
        AskedFor::Nobody if counts.scale_down > 0 => {
            let chosen = choose(context, &counts);
            let mut ready_left = counts.delete_ready_limit;
            let allowed = within_limit(context, &chosen, &mut ready_left);
            if allowed.len() < chosen.len() {
                notes.wait(WaitReason::DeletionLimited);
            }
            delete(context, &allowed, notes)
        }
        AskedFor::Nobody | AskedFor::Waits => Turn::GoesOn,
    }
}

/// Whether pods are missing that can't be created now: what holds them up may be the pods that are to go, a full
/// quota or a cap on unavailable pods (DV-CS16). A cap of 0 is meant to stay, and nothing would take their place.
fn is_held_up(context: &Context<'_>, counts: &Counts) -> bool {
    let is_capped = counts.scale_up_limit == 0 && context.spec.scale_cap > 0;
    is_capped || context.snapshot.memory.scaling_failed
}

/// What becomes of the pods whose deletion was asked for.
enum AskedFor {
    /// There are none.
    Nobody,
    /// None can go now.
    Waits,
    Acts(Vec<Step>),
}

/// CS-55, steps 5 and 6
fn delete_asked_for(context: &Context<'_>, counts: &Counts, notes: &mut Notes) -> AskedFor {
    let preparing: Vec<_> = context
        .known()
        .filter(|(_, facts)| facts.preparing_delete)
        .map(|(pod, _)| pod)
        .collect();
    if let Turn::Acts(steps) = delete(context, &preparing, notes) {
        return AskedFor::Acts(steps);
    }
    let mut ready_left = counts.delete_ready_limit;
    let specified: Vec<_> = context
        .known()
        .filter(|(pod, facts)| context.is_specified(pod, facts) && !facts.preparing_delete)
        .map(|(pod, _)| pod)
        .collect();
    let allowed = within_limit(context, &specified, &mut ready_left);
    if allowed.len() < specified.len() {
        notes.wait(WaitReason::DeletionLimited);
    }
    match delete(context, &allowed, notes) {
        Turn::Acts(steps) => AskedFor::Acts(steps),
        Turn::GoesOn if specified.is_empty() && preparing.is_empty() => AskedFor::Nobody,
        Turn::GoesOn => AskedFor::Waits,
    }
}

/// Pods that wait for their deletion although they are wanted again (CS-56).
fn regret(context: &Context<'_>) -> Vec<PodPatch> {
    let marks_not_ready = context.spec.lifecycle.as_ref().is_some_and(|lifecycle| {
        [&lifecycle.pre_delete, &lifecycle.in_place_update]
            .into_iter()
            .flatten()
            .any(lifecycle::marks_not_ready)
    });
    if marks_not_ready {
        return Vec::new();
    }
    let is_going =
        |pod: &Pod, facts: &PodFacts| facts.preparing_delete || context.is_specified(pod, facts);
    let n_going = context
        .known()
        .filter(|(pod, facts)| is_going(pod, facts))
        .count();
    let wanted = i64::from(context.spec.replicas) - as_i64(context.pods.len()) + as_i64(n_going);
    context
        .known()
        .filter(|(pod, facts)| facts.preparing_delete && !context.is_specified(pod, facts))
        .take(usize::try_from(wanted).unwrap_or(0))
        .filter_map(|(pod, _)| {
            let state = lifecycle_states::PREPARING_NORMAL;
            PodPatch::transition(pod, state, None, context.snapshot.now)
        })
        .take(MAX_PODS)
        .collect()
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// CS-57: the smallest ids go to pods at the current revision. CS-60: batches double. CS-77: an id that no
/// pod can have yet keeps its place, and the other pods are created.
fn scale_out(context: &Context<'_>, counts: &Counts, notes: &mut Notes) -> Option<Step> {
    let count = usize::try_from(counts.scale_up_limit)
        .unwrap_or(0)
        .min(MAX_PODS);
    let n_old = usize::try_from(counts.scale_up_old).unwrap_or(0).min(count);
    let revisions = context.revisions;
    let update_template = revisions.update_template(&context.snapshot.set.spec.template);
    let update = PodsOf::revision(&revisions.update, &update_template);
    let current = revisions
        .current_template()
        .filter(|_| n_old > 0 && !revisions.are_the_same())
        .map(|template| PodsOf::revision(&revisions.current, template));
    let ids = volume_claims::next_ids(context.snapshot, context.spec, context.claims, count);
    hold_back(context, &ids, notes);
    let mut pods = ids
        .iter()
        .enumerate()
        .filter(|(_, next)| next.held.is_none())
        .map(|(index, next)| {
            let revision = match &current {
                Some(current) if index < n_old => current,
                _ => &update,
            };
            new_pod(context.snapshot, context.claims, revision, &next.id)
        })
        .peekable();
    let mut batches = Vec::new();
    let mut size = 1;
    while pods.peek().is_some() {
        batches.push(pods.by_ref().take(size).collect());
        size *= 2;
    }
    (!batches.is_empty()).then_some(Step::CreatePods { batches })
}

/// Tells of the first pod that waits for the end of an earlier one (CS-77).
fn hold_back(context: &Context<'_>, ids: &[volume_claims::NextId], notes: &mut Notes) {
    let Some((id, why)) = ids
        .iter()
        .find_map(|next| Some((&next.id, next.held.as_ref()?)))
    else {
        return;
    };
    let reason = WaitReason::ClaimsInUse {
        pod: pod_name(&context.snapshot.set.metadata, id),
        why: why.clone(),
    };
    let waiting = &context.snapshot.memory.waiting;
    if waiting.as_ref().is_none_or(|(last, _)| *last != reason) {
        let event = Event::warning("FailedCreate", reason.to_string());
        notes.events.push(event);
    }
    notes.wait(reason);
}

/// Deletes the pods that no hook holds, and asks for the hook of the others (CS-62).
fn delete(context: &Context<'_>, pods: &[&Arc<Pod>], notes: &mut Notes) -> Turn<Step> {
    let hook = context
        .spec
        .lifecycle
        .as_ref()
        .and_then(|lifecycle| lifecycle.pre_delete.as_ref());
    let mut deletions = Vec::new();
    let mut transitions = Vec::new();
    for pod in pods {
        if deletions.len() + transitions.len() == MAX_PODS {
            break;
        }
        if !lifecycle::hooked(hook, pod) {
            deletions.push(pod.as_ref());
            continue;
        }
        notes.wait(WaitReason::Hook {
            pod: pod.metadata.name.clone(),
            hook: "preDelete",
        });
        // Also in that state already, the pod is held not ready again if it no longer is.
        let state = lifecycle_states::PREPARING_DELETE;
        let now = context.snapshot.now;
        transitions.extend(PodPatch::transition(pod, state, hook, now));
    }
    let transitions = (!transitions.is_empty()).then_some(Step::PatchPods {
        patches: transitions,
    });
    let deletions = volume_claims::deletions(context.snapshot, context.claims, &deletions);
    Turn::of(transitions.into_iter().chain(deletions).collect())
}

/// Pods that are not ready, and ready ones while the limit lasts, in order (CS-55).
fn within_limit<'a>(
    context: &Context<'_>,
    pods: &[&'a Arc<Pod>],
    ready_left: &mut i32,
) -> Vec<&'a Arc<Pod>> {
    pods.iter()
        .filter(|pod| {
            if !context.is_ready(pod) {
                return true;
            }
            *ready_left -= 1;
            *ready_left >= 0
        })
        .copied()
        .collect()
}

/// CS-66
fn choose<'a>(context: &Context<'a>, counts: &Counts) -> Vec<&'a Arc<Pod>> {
    let (mut new, mut old) = (Vec::new(), Vec::new());
    for (pod, facts) in context.known() {
        if context.counts_as_updated(facts) {
            new.push(pod);
        } else {
            old.push(pod);
        }
    }
    let n_down = usize::try_from(counts.scale_down).unwrap_or(0);
    let n_old = usize::try_from(counts.scale_down_old)
        .unwrap_or(0)
        .min(n_down);
    let mut chosen = take_first(context, old, n_old);
    chosen.extend(take_first(context, new, n_down - n_old));
    chosen
}

/// The first pods in the order of CS-67.
fn take_first<'a>(
    context: &Context<'_>,
    candidates: Vec<&'a Arc<Pod>>,
    count: usize,
) -> Vec<&'a Arc<Pod>> {
    if count >= candidates.len() {
        return candidates;
    }
    let by_uid: BTreeMap<&str, &Arc<Pod>> = candidates
        .iter()
        .map(|pod| (pod.metadata.uid.as_str(), *pod))
        .collect();
    let mut order: Vec<&Pod> = candidates.iter().map(|pod| pod.as_ref()).collect();
    let keys = topology_keys(&context.snapshot.set.spec.template);
    let spread = if keys.is_empty() {
        ranking::Spread::SameNode
    } else {
        ranking::Spread::Topology {
            nodes: &context.snapshot.nodes,
            keys: &keys,
        }
    };
    ranking::deletion_order(&mut order, &spread, &|pod| context.is_available(pod));
    order
        .into_iter()
        .take(count)
        .filter_map(|chosen| by_uid.get(chosen.metadata.uid.as_str()).copied())
        .collect()
}

/// Whether the plan looks at the labels of nodes: it takes pods away, by rank, and the template spreads
/// them (CS-70).
#[must_use]
pub fn needs_nodes(snapshot: &Snapshot) -> bool {
    let spec = &snapshot.set.spec;
    let wanted = usize::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0);
    !topology_keys(&spec.template).is_empty() && snapshot.active_pods().count() > wanted
}

/// The topology key of each constraint of the template.
fn topology_keys(template: &Value) -> Vec<String> {
    template
        .pointer("/spec/topologySpreadConstraints")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|constraint| constraint.get("topologyKey")?.as_str())
        .map(str::to_owned)
        .collect()
}
