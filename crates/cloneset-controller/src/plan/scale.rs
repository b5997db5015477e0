//! Adding and taking away pods (CS-55 to CS-67).

use std::{collections::BTreeMap, sync::Arc};

use kruise_api::{
    apps::v1beta1::LifecycleHook,
    availability,
    inplace::{PodWrite, lifecycle},
    pod::Pod,
    ranking,
    well_known::lifecycle_states,
};
use serde_json::Value;

use super::{
    Counts, Event, Phase, Plan, PodPatch, PodRef, Revisions, Spec, Step,
    counts::PodClass,
    known_pods::PodFacts,
    new_pod::{PodsOf, new_pod},
    revision::is_at,
    volume_claims,
};
use crate::{
    snapshot::{Snapshot, pod_name},
    wait::WaitReason,
};

/// What scaling and updating plan from.
pub(super) struct Input<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) spec: &'a Spec,
    pub(super) revisions: &'a Revisions,
    /// Claimed active pods, by name.
    pub(super) pods: &'a [&'a Arc<Pod>],
    /// What is to be known of each of them.
    pub(super) facts: &'a [&'a PodFacts],
    /// Listed volume claims (CS-73, CS-74).
    pub(super) claims: &'a volume_claims::Listed<'a>,
}

impl<'a> Input<'a> {
    /// Each pod with what is to be known of it.
    pub(super) fn known(&self) -> impl Iterator<Item = (&'a Arc<Pod>, &'a PodFacts)> {
        let facts = self.facts.iter().copied();
        self.pods.iter().copied().zip(facts)
    }

    /// One of them.
    pub(super) fn known_at(&self, index: usize) -> Option<(&'a Arc<Pod>, &'a PodFacts)> {
        Some((self.pods.get(index)?, self.facts.get(index)?))
    }

    /// Those that are not available.
    pub(super) fn unavailable(&self) -> impl Iterator<Item = (&'a Arc<Pod>, &'a PodFacts)> {
        let (seconds, now) = (self.spec.min_ready_seconds, self.snapshot.now);
        self.known()
            .filter(move |(pod, facts)| !facts.is_available(pod, seconds, now))
    }

    /// The arithmetic; `is_new` says which pods count as updated.
    pub(super) fn counts(&self, is_new: impl Fn(&PodFacts) -> bool) -> Counts {
        let (seconds, now) = (self.spec.min_ready_seconds, self.snapshot.now);
        let classes: Vec<PodClass> = self
            .known()
            .map(|(pod, facts)| PodClass {
                is_new: is_new(facts),
                preparing_delete: facts.preparing_delete,
                specified: self.is_specified(pod, facts),
                available: facts.is_available(pod, seconds, now),
            })
            .collect();
        Counts::of(
            self.spec,
            &classes,
            self.revisions.are_the_same(),
            self.snapshot.gates.partition_rollback,
            self.snapshot.gates.exclude_preparing_delete,
        )
    }

    pub(super) fn is_available(&self, pod: &Pod) -> bool {
        availability::is_available(pod, self.spec.min_ready_seconds, self.snapshot.now)
    }

    pub(super) fn is_updated(&self, pod: &Pod) -> bool {
        is_at(pod, &self.revisions.update)
    }

    /// CS-46
    fn counts_as_updated(&self, facts: &PodFacts) -> bool {
        facts.is_at(&self.revisions.update)
            || (self.snapshot.gates.preparing_update_as_update && facts.preparing_update)
    }

    /// CS-45
    fn is_specified(&self, pod: &Pod, facts: &PodFacts) -> bool {
        facts.is_marked
            || (!self.spec.pods_to_delete.is_empty() && self.spec.is_specified_for_deletion(pod))
    }

    /// Ready for the limits of deletion: available but for minReadySeconds (CS-44).
    pub(super) fn is_ready(&self, pod: &Pod) -> bool {
        availability::is_available(pod, 0, self.snapshot.now)
    }
}

pub(super) fn plan(input: &Input<'_>, plan: &mut Plan) {
    plan.phase = Phase::Scale;
    let holds = input
        .snapshot
        .memory
        .refused_writes
        .hold_deletions(input.snapshot);
    let regretted = if holds { Vec::new() } else { regret(input) };
    if !regretted.is_empty() {
        plan.steps.push(Step::PatchPods { patches: regretted });
        return;
    }
    let counts = input.counts(|facts| input.counts_as_updated(facts));
    if counts.scale_up > counts.scale_up_limit {
        plan.waiting_on.push(WaitReason::ScaleUpLimited);
        plan.events.push(Event {
            warning: true,
            reason: "ScaleUpLimited",
            message: format!(
                "spec.scaleStrategy.maxUnavailable allows {} of {} pods to be created now",
                counts.scale_up_limit, counts.scale_up
            ),
        });
    }
    if counts.scale_up > 0 {
        let may_go_first = !holds && is_held_up(input, &counts);
        if !(may_go_first && delete_asked_for(input, &counts, plan) == AskedFor::Acts) {
            scale_out(input, &counts, plan);
        }
        return;
    }
    if holds {
        return;
    }
    if delete_asked_for(input, &counts, plan) == AskedFor::None && counts.scale_down > 0 {
        let chosen = choose(input, &counts);
        let mut ready_left = counts.delete_ready_limit;
        let allowed = within_limit(input, &chosen, &mut ready_left);
        if allowed.len() < chosen.len() {
            plan.waiting_on.push(WaitReason::DeletionLimited);
        }
        delete(input, &allowed, plan);
    }
}

/// Whether pods are missing that can't be created now: what holds them up may be the pods that are to go, a full
/// quota or a cap on unavailable pods (DV-CS16). A cap of 0 is meant to stay, and nothing would take their place.
fn is_held_up(input: &Input<'_>, counts: &Counts) -> bool {
    let is_capped = counts.scale_up_limit == 0 && input.spec.scale_cap > 0;
    is_capped || input.snapshot.memory.scaling_failed
}

/// What becomes of the pods whose deletion was asked for.
#[derive(PartialEq, Eq)]
enum AskedFor {
    /// There are none.
    None,
    /// None can go now.
    Waits,
    Acts,
}

/// CS-55, steps 5 and 6
fn delete_asked_for(input: &Input<'_>, counts: &Counts, plan: &mut Plan) -> AskedFor {
    let preparing: Vec<_> = input
        .known()
        .filter(|(_, facts)| facts.preparing_delete)
        .map(|(pod, _)| pod)
        .collect();
    if delete(input, &preparing, plan) {
        return AskedFor::Acts;
    }
    let mut ready_left = counts.delete_ready_limit;
    let specified: Vec<_> = input
        .known()
        .filter(|(pod, facts)| input.is_specified(pod, facts) && !facts.preparing_delete)
        .map(|(pod, _)| pod)
        .collect();
    let allowed = within_limit(input, &specified, &mut ready_left);
    if allowed.len() < specified.len() {
        plan.waiting_on.push(WaitReason::DeletionLimited);
    }
    if delete(input, &allowed, plan) {
        return AskedFor::Acts;
    }
    if specified.is_empty() && preparing.is_empty() {
        AskedFor::None
    } else {
        AskedFor::Waits
    }
}

/// Pods that wait for their deletion although they are wanted again (CS-56).
fn regret(input: &Input<'_>) -> Vec<PodPatch> {
    let marks_not_ready = input.spec.lifecycle.as_ref().is_some_and(|lifecycle| {
        [&lifecycle.pre_delete, &lifecycle.in_place_update]
            .into_iter()
            .flatten()
            .any(lifecycle::marks_not_ready)
    });
    if marks_not_ready {
        return Vec::new();
    }
    let is_going =
        |pod: &Pod, facts: &PodFacts| facts.preparing_delete || input.is_specified(pod, facts);
    let n_going = input
        .known()
        .filter(|(pod, facts)| is_going(pod, facts))
        .count();
    let wanted = i64::from(input.spec.replicas) - as_i64(input.pods.len()) + as_i64(n_going);
    input
        .known()
        .filter(|(pod, facts)| facts.preparing_delete && !input.is_specified(pod, facts))
        .take(usize::try_from(wanted).unwrap_or(0))
        .filter_map(|(pod, _)| {
            transition(
                pod,
                lifecycle_states::PREPARING_NORMAL,
                None,
                input.snapshot,
            )
        })
        .take(MAX_PODS)
        .collect()
}

fn as_i64(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Moves a pod to another lifecycle state, and holds it not ready if `hook` wants that (IP-66). None
/// when it is there and held.
pub(super) fn transition(
    pod: &Pod,
    state: &str,
    hook: Option<&LifecycleHook>,
    snapshot: &Snapshot,
) -> Option<PodPatch> {
    let marks = hook.is_some_and(lifecycle::marks_not_ready);
    with_writes(pod, lifecycle::transition(pod, state, marks, snapshot.now))
}

pub(super) fn with_writes(pod: &Pod, writes: Vec<PodWrite>) -> Option<PodPatch> {
    (!writes.is_empty()).then(|| PodPatch {
        pod: PodRef::of(pod),
        writes,
    })
}

/// Pods that one pass creates, deletes or changes. The next pass follows at once and goes on where this one ended,
/// so that a number of replicas that nobody can mean costs neither memory nor a worker; and `paused`, another
/// template or the end of the lease is seen before the rest is done. With the default limits that is the burst, or
/// three seconds of updates.
pub(super) const MAX_PODS: usize = 500;

/// CS-57: the smallest ids go to pods at the current revision. CS-60: batches double. CS-77: an id that no
/// pod can have yet keeps its place, and the other pods are created.
fn scale_out(input: &Input<'_>, counts: &Counts, plan: &mut Plan) {
    let count = usize::try_from(counts.scale_up_limit)
        .unwrap_or(0)
        .min(MAX_PODS);
    let n_old = usize::try_from(counts.scale_up_old).unwrap_or(0).min(count);
    let revisions = input.revisions;
    let update_template = revisions.update_template(input.snapshot);
    let update = PodsOf::revision(&revisions.update, &update_template);
    let current = revisions
        .current_template()
        .filter(|_| n_old > 0 && !revisions.are_the_same())
        .map(|template| PodsOf::revision(&revisions.current, template));
    let ids = volume_claims::next_ids(input.snapshot, input.spec, input.claims, count);
    hold_back(input, &ids, plan);
    let mut pods = ids
        .iter()
        .enumerate()
        .filter(|(_, next)| next.held.is_none())
        .map(|(index, next)| {
            let revision = match &current {
                Some(current) if index < n_old => current,
                _ => &update,
            };
            new_pod(input.snapshot, input.claims, revision, &next.id)
        })
        .peekable();
    let mut batches = Vec::new();
    let mut size = 1;
    while pods.peek().is_some() {
        batches.push(pods.by_ref().take(size).collect());
        size *= 2;
    }
    if !batches.is_empty() {
        plan.steps.push(Step::CreatePods { batches });
    }
}

/// Tells of the first pod that waits for the end of an earlier one (CS-77).
fn hold_back(input: &Input<'_>, ids: &[volume_claims::NextId], plan: &mut Plan) {
    let Some((id, why)) = ids
        .iter()
        .find_map(|next| Some((&next.id, next.held.as_ref()?)))
    else {
        return;
    };
    let reason = WaitReason::ClaimsInUse {
        pod: pod_name(&input.snapshot.set.metadata, id),
        why: why.clone(),
    };
    let waiting = &input.snapshot.memory.waiting;
    if waiting.as_ref().is_none_or(|(last, _)| *last != reason) {
        plan.events.push(Event {
            warning: true,
            reason: "FailedCreate",
            message: reason.to_string(),
        });
    }
    plan.waiting_on.push(reason);
}

/// Deletes the pods that no hook holds, and asks for the hook of the others (CS-62).
/// Whether anything is done.
fn delete(input: &Input<'_>, pods: &[&Arc<Pod>], plan: &mut Plan) -> bool {
    let hook = input
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
        plan.waiting_on.push(WaitReason::Hook {
            pod: pod.metadata.name.clone(),
            hook: "preDelete",
        });
        // Also in that state already, the pod is held not ready again if it no longer is.
        transitions.extend(transition(
            pod,
            lifecycle_states::PREPARING_DELETE,
            hook,
            input.snapshot,
        ));
    }
    let acts = !(deletions.is_empty() && transitions.is_empty());
    if !transitions.is_empty() {
        plan.steps.push(Step::PatchPods {
            patches: transitions,
        });
    }
    let deletions = volume_claims::deletions(input.snapshot, input.claims, &deletions);
    plan.steps.extend(deletions);
    acts
}

/// Pods that are not ready, and ready ones while the limit lasts, in order (CS-55).
fn within_limit<'a>(
    input: &Input<'_>,
    pods: &[&'a Arc<Pod>],
    ready_left: &mut i32,
) -> Vec<&'a Arc<Pod>> {
    pods.iter()
        .filter(|pod| {
            if !input.is_ready(pod) {
                return true;
            }
            *ready_left -= 1;
            *ready_left >= 0
        })
        .copied()
        .collect()
}

/// CS-66
fn choose<'a>(input: &Input<'a>, counts: &Counts) -> Vec<&'a Arc<Pod>> {
    let (mut new, mut old) = (Vec::new(), Vec::new());
    for (pod, facts) in input.known() {
        if input.counts_as_updated(facts) {
            new.push(pod);
        } else {
            old.push(pod);
        }
    }
    let n_down = usize::try_from(counts.scale_down).unwrap_or(0);
    let n_old = usize::try_from(counts.scale_down_old)
        .unwrap_or(0)
        .min(n_down);
    let mut chosen = take_first(input, old, n_old);
    chosen.extend(take_first(input, new, n_down - n_old));
    chosen
}

/// The first pods in the order of CS-67.
fn take_first<'a>(
    input: &Input<'_>,
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
    let keys = topology_keys(&input.snapshot.set.spec.template);
    let spread = if keys.is_empty() {
        ranking::Spread::SameNode
    } else {
        ranking::Spread::Topology {
            nodes: &input.snapshot.nodes,
            keys: &keys,
        }
    };
    ranking::deletion_order(&mut order, &spread, &|pod| input.is_available(pod));
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
