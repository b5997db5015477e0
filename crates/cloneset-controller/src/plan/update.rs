//! Moving pods to another revision (CS-79 to CS-92).

use std::{sync::Arc, time::Duration};

use kruise_api::{
    inplace::{self, lifecycle},
    pod::Pod,
    ranking, specified_delete,
    well_known::lifecycle_states,
};
use kruise_plan::{
    InPlaceUpdate, Notes, PodPatch, PodRef, Turn, WaitReason,
    workload::{InPlace, why_unavailable},
};
use serde_json::Value;

use super::{
    budget::{ASK_AGAIN_AFTER, Budgets},
    context::{Context, MAX_PODS},
    counts::Counts,
    in_place::{in_place, is_any_impossible},
    refresh::{is_refused, refresh},
    spec::PodUpdatePolicy,
    step::Step,
};
use crate::known_pods::PodFacts;

/// What holds pods at their revision while it is true.
const PAUSED: &str = "spec.updateStrategy.rollingUpdate.paused";

/// Pods are refreshed; when there is nothing to refresh, pods at another revision are moved.
pub(super) fn plan(context: &Context<'_>, notes: &mut Notes) -> Turn<Step> {
    let is_updated = |facts: &PodFacts| facts.is_at(&context.revisions.update);
    let counts = context.counts(is_updated);
    let patches = refresh(context, &counts, notes);
    if !patches.is_empty() {
        return Turn::of(vec![Step::PatchPods { patches }]);
    }
    let n_behind = context
        .facts
        .iter()
        .filter(|facts| !is_updated(facts))
        .count();
    let holds_back = if context.spec.on_delete {
        Some((n_behind > 0).then_some(WaitReason::OnDelete))
    } else if context.spec.paused {
        Some((n_behind > 0).then_some(WaitReason::Paused { field: PAUSED }))
    } else if counts.update_num == 0 {
        let is_kept = n_behind > 0 && context.spec.partition > 0;
        Some(is_kept.then_some(WaitReason::PartitionReached))
    } else {
        None
    };
    if let Some(reason) = holds_back {
        notes.waiting_on.extend(reason);
        return Turn::GoesOn;
    }
    // What was refused is told already, and asked again by one pod (DV-CS19).
    let snapshot = context.snapshot;
    let refused = &snapshot.memory.refused_writes;
    if refused.hold_updates(&snapshot.owned_pods()) {
        return Turn::GoesOn;
    }
    Turn::of(update(context, &counts, notes))
}

/// What becomes of one candidate.
enum Move {
    InPlace(Box<inplace::Update>),
    Hold(Option<PodPatch>),
    Wait(WaitReason),
    AwaitDaemon(Duration),
    Recreate,
}

impl Move {
    /// Whether the pod's budget is asked first (CS-87): also where a hook still holds the pod. What is left alone
    /// for another reason costs nothing.
    fn asks_budget(&self) -> bool {
        match self {
            Self::InPlace(_)
            | Self::Hold(_)
            | Self::Wait(WaitReason::Hook { .. })
            | Self::Recreate => true,
            Self::Wait(_) | Self::AwaitDaemon(_) => false,
        }
    }

    /// Whether it costs this pod a write.
    fn writes_to(&self, pod: &Pod) -> bool {
        match self {
            Self::InPlace(_) => true,
            Self::Hold(patch) => patch.is_some(),
            Self::Recreate => mark_for_recreate(pod).is_some(),
            Self::Wait(_) | Self::AwaitDaemon(_) => false,
        }
    }
}

fn update(context: &Context<'_>, counts: &Counts, notes: &mut Notes) -> Vec<Step> {
    let forward = counts.update_num > 0;
    let target = if forward {
        &context.revisions.update
    } else {
        &context.revisions.current
    };
    let mut candidates: Vec<usize> = (0..)
        .zip(context.facts)
        .filter(|(_, facts)| facts.is_at(&context.revisions.update) != forward)
        .filter(|(_, facts)| facts.may_be_updated)
        .map(|(index, _)| index)
        .collect();
    let room = Room::of(context, target, counts.update_max_unavailable);
    let leaves_out = context.spec.policy == PodUpdatePolicy::InPlaceOnly && {
        let known = candidates
            .iter()
            .filter_map(|index| context.known_at(*index));
        is_any_impossible(context, known, target)
    };
    // Where nobody can be chosen, the order shows only in the reasons that name pods. In a roll-out of ten thousand
    // pods most passes are like that.
    let is_told_of = leaves_out || !context.snapshot.memory.refused_resizes.is_empty();
    if is_told_of || !room.is_used_up() {
        let pods: Vec<&Pod> = context.pods.iter().map(|pod| pod.as_ref()).collect();
        ranking::update_order(
            &pods,
            &mut candidates,
            context.spec.priority.as_ref(),
            context.spec.scatter.as_deref(),
        );
    }
    let mut candidates: Vec<&Arc<Pod>> = candidates
        .into_iter()
        .filter_map(|index| context.pods.get(index).copied())
        .collect();
    candidates.retain(|pod| !is_refused(context, pod, notes));
    if leaves_out {
        leave_out_impossible(context, target, &mut candidates, notes);
    }
    candidates.truncate(usize::try_from(counts.update_num.abs()).unwrap_or(0));
    let taken = room.take(context, &candidates);
    let mut budgets = Budgets::of(context.snapshot);
    let mut moves = Vec::new();
    let mut refusal = None;
    let mut n_written = 0;
    for pod in &taken {
        if n_written == MAX_PODS {
            break;
        }
        let next = decide(context, pod, target);
        if next.asks_budget()
            && let Err(reason) = budgets.ask(pod)
        {
            refusal = Some(reason);
            break;
        }
        n_written += usize::from(next.writes_to(pod));
        moves.push((*pod, next));
    }
    if let Some(reason) = refusal {
        notes.wait(reason);
        notes.look_again(ASK_AGAIN_AFTER);
    } else if taken.len() < candidates.len() {
        notes.wait(limit_reached(context, taken.first().copied()));
    }
    let mut steps: Vec<Step> = trial(context, &moves, target).into_iter().collect();
    steps.extend(budgets.step());

    let mut updates = Vec::new();
    let mut holds = Vec::new();
    let mut recreates = Vec::new();
    for (pod, next) in moves {
        match next {
            Move::InPlace(update) => {
                updates.push(start(
                    context,
                    pod,
                    &update,
                    target,
                    context.spec.grace_seconds,
                ));
            }
            Move::Hold(patch) => holds.extend(patch),
            Move::Wait(reason) => notes.wait(reason),
            Move::AwaitDaemon(left) => {
                notes.wait(WaitReason::NodeDaemon {
                    pod: pod.metadata.name.clone(),
                });
                notes.look_again(left);
            }
            Move::Recreate => recreates.extend(mark_for_recreate(pod)),
        }
    }
    if !holds.is_empty() {
        steps.push(Step::PatchPods { patches: holds });
    }
    if !updates.is_empty() {
        steps.push(Step::UpdatePodsInPlace { updates });
        if context.spec.grace_seconds > 0 {
            let seconds = u64::try_from(context.spec.grace_seconds).unwrap_or(1);
            notes.look_again(Duration::from_secs(seconds));
        }
    }
    if !recreates.is_empty() {
        steps.push(Step::MarkPodsForRecreate { patches: recreates });
    }
    steps
}

/// How many pods may become unavailable (CS-86).
struct Room {
    /// Unavailable pods that are allowed.
    limit: usize,
    /// Unavailable pods at the target revision that are allowed, however many others are missing or broken (DV-CS16).
    at_least: usize,
    n_unavailable: usize,
    n_unavailable_target: usize,
}

impl Room {
    fn of(context: &Context<'_>, target: &str, max_unavailable: i32) -> Self {
        let mut room = Self {
            limit: usize::try_from(max_unavailable).unwrap_or(0),
            at_least: usize::try_from(context.spec.max_unavailable.max(1)).unwrap_or(1),
            n_unavailable: 0,
            n_unavailable_target: 0,
        };
        for (_, facts) in context.unavailable() {
            room.n_unavailable += 1;
            room.n_unavailable_target += usize::from(facts.is_at(target));
        }
        room
    }

    /// Whether no pod may be taken, whichever it is.
    fn is_used_up(&self) -> bool {
        self.n_unavailable_target >= self.limit.max(self.at_least)
    }

    /// CS-86: at most as many unavailable pods as allowed, at the target revision and altogether. One that is not
    /// ready as it is may be updated while fewer than `maxUnavailable` pods, or one, are unavailable at the target
    /// revision, however many others are missing or broken: it may be the cure. It does not wait for pods before it
    /// that have to stay (DV-CS16).
    fn take<'a>(mut self, context: &Context<'_>, candidates: &[&'a Arc<Pod>]) -> Vec<&'a Arc<Pod>> {
        let mut taken = Vec::new();
        for pod in candidates {
            if self.is_used_up() {
                break;
            }
            let available = context.is_available(pod);
            let must_stay = available && self.n_unavailable >= self.limit;
            if must_stay || (context.is_ready(pod) && self.n_unavailable_target >= self.limit) {
                continue;
            }
            self.n_unavailable += usize::from(available);
            self.n_unavailable_target += 1;
            taken.push(*pod);
        }
        taken
    }
}

/// CS-90: what can't be updated in place must not block the others.
fn leave_out_impossible(
    context: &Context<'_>,
    target: &str,
    candidates: &mut Vec<&Arc<Pod>>,
    notes: &mut Notes,
) {
    candidates.retain(|pod| match in_place(context, pod, target) {
        InPlace::Possible(_) | InPlace::AwaitDaemon(_) => true,
        InPlace::Impossible(why) => {
            notes.wait(WaitReason::NotInPlace {
                pod: pod.metadata.name.clone(),
                why: why.to_string(),
            });
            false
        }
    });
}

/// CS-88
fn decide(context: &Context<'_>, pod: &Pod, target: &str) -> Move {
    if context.spec.policy == PodUpdatePolicy::ReCreate {
        return Move::Recreate;
    }
    let update = match in_place(context, pod, target) {
        InPlace::Possible(update) => update,
        InPlace::AwaitDaemon(left) => return Move::AwaitDaemon(left),
        InPlace::Impossible(_) => return Move::Recreate,
    };
    let hook = context
        .spec
        .lifecycle
        .as_ref()
        .and_then(|lifecycle| lifecycle.in_place_update.as_ref());
    let hooked = lifecycle::hooked(hook, pod);
    let wait = || {
        Move::Wait(WaitReason::Hook {
            pod: pod.metadata.name.clone(),
            hook: "inPlaceUpdate",
        })
    };
    let preparing = lifecycle_states::PREPARING_UPDATE;
    match lifecycle::state(pod) {
        "" | lifecycle_states::PREPARING_NORMAL | lifecycle_states::NORMAL if hooked => Move::Hold(
            PodPatch::transition(pod, preparing, hook, context.snapshot.now),
        ),
        lifecycle_states::PREPARING_UPDATE if hooked => wait(),
        lifecycle_states::UPDATED => match hook {
            Some(hook) => {
                let now = context.snapshot.now;
                let writes = lifecycle::transition_with_handler(pod, preparing, hook, now);
                Move::Hold(PodPatch::with_writes(pod, writes))
            }
            None => wait(),
        },
        ""
        | lifecycle_states::PREPARING_NORMAL
        | lifecycle_states::NORMAL
        | lifecycle_states::PREPARING_UPDATE
        | lifecycle_states::UPDATING => Move::InPlace(update),
        unknown => Move::Wait(WaitReason::BrokenUpdateState {
            pod: pod.metadata.name.clone(),
            why: format!("its state {unknown:?} is none of a pod's life, so it is left alone"),
        }),
    }
}

fn start(
    context: &Context<'_>,
    pod: &Arc<Pod>,
    update: &inplace::Update,
    target: &str,
    grace_seconds: i32,
) -> InPlaceUpdate {
    let now = context.snapshot.now;
    let gates = &context.snapshot.gates;
    let not_ready = inplace::must_become_unready(pod, update, &gates.in_place)
        .then(|| inplace::not_ready_patch(pod, now));
    let data = context.revisions.data(target);
    let writes = inplace::start(
        pod,
        update,
        &inplace::Start {
            revision: target,
            target: data.unwrap_or(&Value::Null),
            workload: inplace::Workload::CloneSet {
                short_label: gates.short_hash,
            },
            grace_seconds,
            options: gates.in_place,
            now,
        },
    );
    InPlaceUpdate {
        pod: PodRef::of(pod),
        seen: Arc::clone(pod),
        not_ready,
        resize: writes.resize,
        start: writes.pod,
        revision: target.to_owned(),
    }
}

/// The first pod that would go out of service, as a question to the API server, unless it has let another one
/// have this revision (DV-IP15).
fn trial(context: &Context<'_>, moves: &[(&Arc<Pod>, Move)], target: &str) -> Option<Step> {
    if (context.snapshot.memory).is_taken(context.snapshot.set.metadata.generation, target) {
        return None;
    }
    let update = moves.iter().find_map(|(pod, next)| match next {
        Move::InPlace(update) => Some(start(context, pod, update, target, 0)),
        // Held for its hook first, and maybe out of service by then.
        Move::Hold(Some(_)) => match in_place(context, pod, target) {
            InPlace::Possible(update) => Some(start(context, pod, &update, target, 0)),
            InPlace::AwaitDaemon(_) | InPlace::Impossible(_) => None,
        },
        _ => None,
    })?;
    Some(Step::TryUpdate {
        update: Box::new(InPlaceUpdate {
            not_ready: None,
            ..update
        }),
    })
}

/// CS-91; the pod itself is deleted by scaling, under its limits.
fn mark_for_recreate(pod: &Pod) -> Option<PodPatch> {
    specified_delete::mark_patch(pod, "true").map(|patch| PodPatch::of(pod, patch))
}

/// Who uses the limit up: a pod that is unavailable, or the first that this plan makes so. Neither
/// means that the limit is 0, which no roll-out gets past by itself.
fn limit_reached(context: &Context<'_>, taken: Option<&Arc<Pod>>) -> WaitReason {
    let reached = |pod: &Pod, why| WaitReason::MaxUnavailableReached {
        pod: pod.metadata.name.clone(),
        why,
    };
    if let Some((pod, _)) = context.unavailable().next() {
        return reached(pod, why_unavailable(pod, &context.snapshot.gates.in_place));
    }
    if let Some(pod) = taken {
        return reached(pod, "is being updated".to_owned());
    }
    WaitReason::InvalidSpec {
        field: "spec.updateStrategy.rollingUpdate.maxUnavailable".to_owned(),
        why: "resolves to 0, and maxSurge leaves no room, so no pod can be updated".to_owned(),
    }
}
