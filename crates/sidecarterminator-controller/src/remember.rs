//! What is remembered after a pass: what the plan has told, which no watch tells.

use kruise_plan::lines;

use crate::{
    memory::{InVain, Memory},
    plan::{self, Plan},
    snapshot::Snapshot,
};

/// What is known after a pass of what was known before it.
#[must_use]
pub fn after(snapshot: &Snapshot, plan: &Plan) -> Memory {
    let before = &snapshot.memory;
    let acts = !plan.steps.is_empty();
    Memory {
        logged: lines::remembered(&before.logged, &plan.notes.waiting_on, acts),
        told: plan.standing.clone(),
        in_vain: in_vain(snapshot),
    }
}

/// The request that has ended in vain, with the time at which that was first seen.
fn in_vain(snapshot: &Snapshot) -> Option<InVain> {
    let uid = plan::in_vain(snapshot)?;
    let before = snapshot.memory.in_vain.as_ref();
    let known = before.filter(|before| before.uid == uid).cloned();
    Some(known.unwrap_or(InVain {
        uid,
        since: snapshot.now,
    }))
}
