//! From what was known, the plan and how it ended to what is known now: a pure function.

use kruise_plan::lines;

use crate::{memory::Memory, plan::Plan, snapshot::Snapshot};

/// What is remembered after a plan was carried out.
#[must_use]
pub fn after(snapshot: &Snapshot, plan: &Plan) -> Memory {
    let before = &snapshot.memory;
    let waiting_on = &plan.notes.waiting_on;
    Memory {
        logged: lines::remembered(&before.logged, waiting_on, plan.acts()),
        pods: snapshot.pods.clone(),
        held: plan.held.clone(),
        not_upgradable: match &plan.not_upgradable {
            Some(uids) => uids.clone(),
            None => before.not_upgradable.clone(),
        },
        lacking: plan.lacking.clone(),
    }
}
