//! What is remembered after a pass: what the plan and its execution have told, which no watch tells.

use kruise_plan::{WaitReason, lines, refused::Asked};
use kruise_runtime::{StageError, chain};

use crate::{
    memory::{Found, Memory},
    plan::{Phase, Plan, Step},
    snapshot::Snapshot,
};

/// How the writes of a plan ended.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    /// What was found out on the way.
    pub found: Found,
    /// Whether there was an error of any kind.
    pub failed: bool,
    /// The error in words, if a person has to know of it.
    pub message: Option<String>,
    /// Whether the API server said that the namespace is being deleted.
    pub namespace_terminates: bool,
}

impl Ending {
    /// With this error, if with any, and what was found out on the way.
    #[must_use]
    pub fn of(error: Option<&StageError>, found: Found) -> Self {
        let told = error.filter(|error| !error.is_lost_race());
        Self {
            found,
            failed: error.is_some(),
            message: told.map(|error| chain(error)),
            namespace_terminates: error.is_some_and(StageError::namespace_is_terminating),
        }
    }
}

/// What is known after a pass of what was known before it.
#[must_use]
pub fn after(snapshot: &Snapshot, plan: &Plan, ending: Ending) -> Memory {
    let Ending {
        found,
        failed,
        message,
        namespace_terminates,
    } = ending;
    let mut memory = snapshot.memory.clone();
    memory.namespace_terminates |= namespace_terminates;
    note_waiting(&mut memory, snapshot, plan);
    note_scaling(&mut memory, snapshot, plan, message.is_some());
    let resize_refused = !found.refused_resizes.is_empty();
    note_updating(
        &mut memory,
        snapshot,
        plan,
        !failed && !resize_refused,
        message.is_some() || resize_refused,
    );
    note_found(&mut memory, snapshot, plan, found);
    match plan.phase {
        Phase::Prepare | Phase::Trim => {}
        Phase::Scale => memory.failed_scale = message.or(memory.failed_scale),
        Phase::Update => memory.failed_update = message.or(memory.failed_update),
    }
    memory
}

fn note_waiting(memory: &mut Memory, snapshot: &Snapshot, plan: &Plan) {
    let acts = !plan.steps.is_empty();
    memory.logged = lines::remembered(&memory.logged, &plan.waiting_on, acts);
    let since = |reason: &WaitReason| match memory.waiting.take() {
        Some((last, since)) if last == *reason => (last, since),
        _ => (reason.clone(), snapshot.now),
    };
    memory.waiting = plan.waiting_on.first().map(since);
}

/// Notes what was found; what has changed since, or is old, is forgotten.
fn note_found(memory: &mut Memory, snapshot: &Snapshot, plan: &Plan, found: Found) {
    let Found {
        refused_resizes,
        refused_writes,
        claims_in_use,
        unmarked,
        failed_trim,
    } = found;
    let stands = |at: &_| snapshot.now.duration_since(*at) < Memory::STANDS_FOR;
    memory.claims_in_use.retain(|_, (_, at)| stands(at));
    for (uid, pod) in claims_in_use {
        memory.claims_in_use.insert(uid, (pod, snapshot.now));
    }
    memory.unmarked = unmarked
        .map(|revision| (revision, snapshot.now))
        .or(memory.unmarked.take())
        .filter(|(_, at)| stands(at));
    let owned = snapshot.owned_pods();
    memory.refused_resizes.note(&owned, refused_resizes);
    let may_have_asked = |asked| may_have_asked(plan, asked);
    memory
        .refused_writes
        .note(&owned, may_have_asked, refused_writes);
    if plan.phase == Phase::Trim {
        memory.failed_trim = failed_trim.map(|why| (why, snapshot.now));
    }
}

/// Whether the plan got as far as asking for such a write. A plan that acts elsewhere has not got that far.
fn may_have_asked(plan: &Plan, asked: Asked) -> bool {
    plan.steps.is_empty()
        || plan.steps.iter().any(|step| match asked {
            Asked::Deletion => {
                matches!(step, Step::DeletePods { .. }) || is_patch_of(plan, step, Phase::Scale)
            }
            Asked::Update => matches!(
                step,
                Step::TryUpdate { .. }
                    | Step::UpdatePodsInPlace { .. }
                    | Step::MarkPodsForRecreate { .. }
            ),
            Asked::Patch => is_patch_of(plan, step, Phase::Update),
        })
}

fn is_patch_of(plan: &Plan, step: &Step, phase: Phase) -> bool {
    plan.phase == phase && matches!(step, Step::PatchPods { .. })
}

/// Notes whether the API server takes updates. After any failure it is asked again before another pod is
/// taken out of service.
fn note_updating(memory: &mut Memory, snapshot: &Snapshot, plan: &Plan, taken: bool, failed: bool) {
    if plan.phase != Phase::Update {
        return;
    }
    let revision = plan.steps.iter().find_map(|step| match step {
        Step::TryUpdate { update } => Some(&update.revision),
        Step::UpdatePodsInPlace { updates } => updates.first().map(|first| &first.revision),
        _ => None,
    });
    match revision {
        _ if failed => memory.update_taken = None,
        Some(revision) if taken => {
            memory.update_taken = Some((revision.clone(), snapshot.set.metadata.generation));
        }
        Some(_) | None => {}
    }
}

/// Notes whether scaling failed, and for which pods. Cleaning up before it says nothing about that.
fn note_scaling(memory: &mut Memory, snapshot: &Snapshot, plan: &Plan, failed: bool) {
    if plan.phase == Phase::Prepare {
        return;
    }
    memory.scaling_failed = failed && plan.phase == Phase::Scale;
    memory.refused_ids.clear();
    let templates = snapshot.set.spec.volume_claim_templates.as_ref();
    if memory.scaling_failed && templates.is_some_and(|templates| !templates.is_empty()) {
        let created = plan.steps.iter().filter_map(|step| match step {
            Step::CreatePods { batches } => Some(batches.iter().flatten()),
            _ => None,
        });
        memory.refused_ids = created
            .flatten()
            .filter_map(|pod| pod.name.rsplit('-').next())
            .map(str::to_owned)
            .collect();
    }
}
