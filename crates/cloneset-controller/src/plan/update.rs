//! Refreshing pods and moving them to another revision (CS-79 to CS-92).

use std::{sync::Arc, time::Duration};

use kruise_api::{
    inplace::{self, DaemonReport, NotInPlace, PodWrite, Refresh, RefreshInput, lifecycle},
    pod::Pod,
    ranking, revision, specified_delete,
    well_known::{annotations, labels, lifecycle_states},
};
use serde_json::{Value, json};

use super::{
    Counts, InPlaceUpdate, Phase, Plan, PodPatch, PodRef, Step,
    budget::{ASK_AGAIN_AFTER, Budgets},
    explain::why_unavailable,
    revision::is_at,
    scale::{Input, transition, with_writes},
    spec::{PodUpdatePolicy, Spec},
};
use crate::{
    snapshot::{ControllerRevision, Snapshot},
    wait::WaitReason,
};

/// The kubelet's condition, with reason `Deferred` or `Infeasible`.
const RESIZE_PENDING: &str = "PodResizePending";

pub(super) fn plan(input: &Input<'_>, plan: &mut Plan) {
    plan.phase = Phase::Update;
    let patches = refresh(input, plan);
    if !patches.is_empty() {
        plan.steps.push(Step::PatchPods { patches });
        return;
    }
    let n_behind = input
        .pods
        .iter()
        .filter(|pod| !input.is_updated(pod))
        .count();
    if input.spec.on_delete {
        if n_behind > 0 {
            plan.waiting_on.push(WaitReason::OnDelete);
        }
        return;
    }
    if input.spec.paused {
        if n_behind > 0 {
            plan.waiting_on.push(WaitReason::Paused);
        }
        return;
    }
    let counts = input.counts(|pod| input.is_updated(pod));
    if counts.update_num == 0 {
        if n_behind > 0 && input.spec.partition > 0 {
            plan.waiting_on.push(WaitReason::PartitionReached);
        }
        return;
    }
    update(input, &counts, plan);
}

/// One patch a pod at most: conditions, lifecycle state and a missing label (CS-97, CS-80).
fn refresh(input: &Input<'_>, plan: &mut Plan) -> Vec<PodPatch> {
    let mut patches = Vec::new();
    for pod in input.pods {
        let name = || pod.metadata.name.clone();
        let refreshed = inplace::refresh(&RefreshInput {
            pod,
            update_revision: &input.revisions.update,
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

/// Whether the API server refused this pod's resize, and it is not time to ask again (DV-IP10).
fn is_refused(input: &Input<'_>, pod: &Pod, plan: &mut Plan) -> bool {
    let refusals = &input.snapshot.memory.refused_resizes;
    let Some(refusal) = refusals.get(&pod.metadata.uid) else {
        return false;
    };
    let Some(left) = refusal.holds_for(input.snapshot, pod) else {
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
        why: format!("{}: {}", condition.reason, condition.message),
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
}

fn update(input: &Input<'_>, counts: &Counts, plan: &mut Plan) {
    let forward = counts.update_num > 0;
    let target = if forward {
        &input.revisions.update
    } else {
        &input.revisions.current
    };
    let pods: Vec<&Pod> = input.pods.iter().map(AsRef::as_ref).collect();
    let mut candidates: Vec<usize> = pods
        .iter()
        .enumerate()
        .filter(|(_, pod)| is_at(pod, &input.revisions.update) != forward)
        .filter(|(_, pod)| may_be_updated(pod))
        .map(|(index, _)| index)
        .collect();
    ranking::update_order(
        &pods,
        &mut candidates,
        input.spec.priority.as_ref(),
        input.spec.scatter.as_deref(),
    );
    let mut candidates: Vec<&Arc<Pod>> = candidates
        .into_iter()
        .filter_map(|index| input.pods.get(index))
        .collect();
    candidates.retain(|pod| !is_refused(input, pod, plan));
    if input.spec.policy == PodUpdatePolicy::InPlaceOnly {
        leave_out_impossible(input, target, &mut candidates, plan);
    }
    candidates.truncate(usize::try_from(counts.update_num.abs()).unwrap_or(0));
    let taken = within_limit(input, target, counts.update_max_unavailable, &candidates);
    let mut budgets = Budgets::of(input.snapshot);
    let mut moves = Vec::new();
    let mut refusal = None;
    for pod in &taken {
        let next = decide(input, pod, target);
        if next.asks_budget()
            && let Err(reason) = budgets.ask(pod)
        {
            refusal = Some(reason);
            break;
        }
        moves.push((*pod, next));
    }
    if let Some(reason) = refusal {
        plan.waiting_on.push(reason);
        plan.look_again(ASK_AGAIN_AFTER);
    } else if taken.len() < candidates.len() {
        plan.waiting_on
            .push(limit_reached(input, taken.first().copied()));
    }
    plan.steps.extend(budgets.step());

    let mut updates = Vec::new();
    let mut holds = Vec::new();
    let mut recreates = Vec::new();
    for (pod, next) in moves {
        match next {
            Move::InPlace(update) => updates.push(start(input, pod, &update, target)),
            Move::Hold(patch) => holds.extend(patch),
            Move::Wait(reason) => plan.waiting_on.push(reason),
            Move::AwaitDaemon(left) => {
                plan.waiting_on.push(WaitReason::NodeDaemon {
                    pod: pod.metadata.name.clone(),
                });
                plan.look_again(left);
            }
            Move::Recreate => recreates.extend(mark_for_recreate(pod)),
        }
    }
    if !holds.is_empty() {
        plan.steps.push(Step::PatchPods { patches: holds });
    }
    if !updates.is_empty() {
        plan.steps.push(Step::UpdatePodsInPlace { updates });
        if input.spec.grace_seconds > 0 {
            let seconds = u64::try_from(input.spec.grace_seconds).unwrap_or(1);
            plan.look_again(Duration::from_secs(seconds));
        }
    }
    if !recreates.is_empty() {
        plan.steps
            .push(Step::MarkPodsForRecreate { patches: recreates });
    }
}

/// CS-82
fn may_be_updated(pod: &Pod) -> bool {
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

/// CS-86: at most as many unavailable pods as allowed, at the target revision and altogether.
fn within_limit<'a>(
    input: &Input<'_>,
    target: &str,
    max_unavailable: i32,
    candidates: &[&'a Arc<Pod>],
) -> Vec<&'a Arc<Pod>> {
    let limit = usize::try_from(max_unavailable).unwrap_or(0);
    let unavailable_pods = || input.pods.iter().filter(|pod| !input.is_available(pod));
    let mut n_unavailable = unavailable_pods().count();
    let n_unavailable_target = unavailable_pods().filter(|pod| is_at(pod, target)).count();
    let mut taken = Vec::new();
    for pod in candidates {
        let available = input.is_available(pod);
        if n_unavailable_target + taken.len() >= limit || (available && n_unavailable >= limit) {
            break;
        }
        if available {
            n_unavailable += 1;
        }
        taken.push(*pod);
    }
    taken
}

/// CS-90: what can't be updated in place must not block the others.
fn leave_out_impossible(
    input: &Input<'_>,
    target: &str,
    candidates: &mut Vec<&Arc<Pod>>,
    plan: &mut Plan,
) {
    candidates.retain(|pod| match in_place(input, pod, target) {
        InPlace::Possible(_) | InPlace::AwaitDaemon(_) => true,
        InPlace::Impossible(why) => {
            plan.waiting_on.push(WaitReason::NotInPlace {
                pod: pod.metadata.name.clone(),
                why: why.to_string(),
            });
            false
        }
    });
}

/// Whether a pod can be updated in place.
enum InPlace {
    Possible(Box<inplace::Update>),
    /// It is known in this time, or earlier.
    AwaitDaemon(Duration),
    Impossible(NotInPlace),
}

fn in_place(input: &Input<'_>, pod: &Pod, target: &str) -> InPlace {
    let update = match calculate(input, pod, target) {
        Ok(update) => Box::new(update),
        Err(why) => return InPlace::Impossible(why),
    };
    if !update.changes_environment() {
        return InPlace::Possible(update);
    }
    // DV-IP12
    match inplace::daemon_report(pod, input.snapshot.now) {
        DaemonReport::Counted => InPlace::Possible(update),
        DaemonReport::NotYet if daemon_may_come(input) => InPlace::Possible(update),
        DaemonReport::Awaited { seconds } => InPlace::AwaitDaemon(Duration::from_secs(
            u64::try_from(seconds).unwrap_or(1).max(1),
        )),
        DaemonReport::NotYet | DaemonReport::Missing => InPlace::Impossible(NotInPlace {
            path: "/metadata".to_owned(),
            why: "a container reads what changes through its environment, and no node daemon is \
                  there to restart it"
                .to_owned(),
        }),
    }
}

/// For a pod that does not run yet: a daemon reports other pods, or nothing but an update in place may
/// mend it. Otherwise it is made anew, which restarts nothing that runs.
fn daemon_may_come(input: &Input<'_>) -> bool {
    let is_reported =
        |pod: &Arc<Pod>| inplace::daemon_report(pod, input.snapshot.now) == DaemonReport::Counted;
    input.spec.policy == PodUpdatePolicy::InPlaceOnly || input.pods.iter().any(is_reported)
}

fn calculate(input: &Input<'_>, pod: &Pod, target: &str) -> Result<inplace::Update, NotInPlace> {
    let gone = |which: &str| NotInPlace {
        path: String::new(),
        why: format!("its {which} revision is no longer in the history"),
    };
    let old = input.revisions.of_pod(pod).ok_or_else(|| gone("present"))?;
    let new = input
        .revisions
        .named(target)
        .ok_or_else(|| gone("target"))?;
    between(input.snapshot, input.spec, old, new)
}

/// What changes from one revision to another, if that is possible in place.
pub(super) fn between(
    snapshot: &Snapshot,
    spec: &Spec,
    old: &ControllerRevision,
    new: &ControllerRevision,
) -> Result<inplace::Update, NotInPlace> {
    let gates = &snapshot.gates;
    // CS-78
    if gates.recreate_for_claims
        && spec.policy != PodUpdatePolicy::InPlaceOnly
        && inplace::claim_templates_object(&old.metadata.annotations, &new.metadata.annotations)
    {
        return Err(NotInPlace {
            path: String::new(),
            why: "the volume claim templates have changed".to_owned(),
        });
    }
    inplace::calculate(&old.data, &new.data, &gates.in_place)
}

/// CS-88
fn decide(input: &Input<'_>, pod: &Pod, target: &str) -> Move {
    if input.spec.policy == PodUpdatePolicy::ReCreate {
        return Move::Recreate;
    }
    let update = match in_place(input, pod, target) {
        InPlace::Possible(update) => update,
        InPlace::AwaitDaemon(left) => return Move::AwaitDaemon(left),
        InPlace::Impossible(_) => return Move::Recreate,
    };
    let hook = input
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
        "" | lifecycle_states::PREPARING_NORMAL | lifecycle_states::NORMAL if hooked => {
            Move::Hold(transition(pod, preparing, hook, input.snapshot))
        }
        lifecycle_states::PREPARING_UPDATE if hooked => wait(),
        lifecycle_states::UPDATED => match hook {
            Some(hook) => {
                let now = input.snapshot.now;
                let writes = lifecycle::transition_with_handler(pod, preparing, hook, now);
                Move::Hold(with_writes(pod, writes))
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

fn start(input: &Input<'_>, pod: &Pod, update: &inplace::Update, target: &str) -> InPlaceUpdate {
    let now = input.snapshot.now;
    let gates = &input.snapshot.gates;
    let not_ready = inplace::must_become_unready(pod, update, &gates.in_place)
        .then(|| inplace::not_ready_patch(pod, now));
    let data = input.revisions.named(target).map(|target| &target.data);
    let writes = inplace::start(
        pod,
        update,
        &inplace::Start {
            revision: target,
            target: data.unwrap_or(&Value::Null),
            workload: inplace::Workload::CloneSet {
                short_label: gates.short_hash,
            },
            grace_seconds: input.spec.grace_seconds,
            options: gates.in_place,
            now,
        },
    );
    InPlaceUpdate {
        pod: PodRef::of(pod),
        not_ready,
        resize: writes.resize,
        start: writes.pod,
        revision: target.to_owned(),
    }
}

/// CS-91; the pod itself is deleted by scaling, under its limits.
fn mark_for_recreate(pod: &Pod) -> Option<PodPatch> {
    specified_delete::mark_patch(pod, "true").map(|patch| PodPatch::of(pod, patch))
}

/// Who uses the limit up: a pod that is unavailable, or the first that this plan makes so. Neither
/// means that the limit is 0, which no roll-out gets past by itself.
fn limit_reached(input: &Input<'_>, taken: Option<&Arc<Pod>>) -> WaitReason {
    let reached = |pod: &Pod, why| WaitReason::MaxUnavailableReached {
        pod: pod.metadata.name.clone(),
        why,
    };
    if let Some(pod) = input.pods.iter().find(|pod| !input.is_available(pod)) {
        return reached(pod, why_unavailable(pod, &input.snapshot.gates.in_place));
    }
    if let Some(pod) = taken {
        return reached(pod, "is being updated".to_owned());
    }
    WaitReason::InvalidSpec {
        field: "spec.updateStrategy.rollingUpdate.maxUnavailable".to_owned(),
        why: "resolves to 0, and maxSurge leaves no room, so no pod can be updated".to_owned(),
    }
}
