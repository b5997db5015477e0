//! From a snapshot to a plan, without I/O: equal snapshots give equal plans.
//!
//! The order is that of SS-210: the spec is registered as a revision; the status tells what there is; then twins that are
//! idle are reset, or pods that are not updated get the new images.

use crate::{facts::Known, snapshot::Snapshot};

mod change;
mod choose;
mod explain;
mod hot;
mod revision;
mod roll_out;
mod status;
mod step;
mod tell;
mod update;

use revision::Registration;
pub use step::{Plan, PodChange, PodMark, PodRef, Step};

/// Decides what is to be done now.
#[must_use]
pub fn plan(snapshot: &Snapshot) -> Plan {
    let mut plan = Plan::default();
    // One on its way out is left alone.
    if snapshot.metadata().is_terminating() {
        return plan;
    }
    match revision::register(snapshot) {
        // It must be seen before anything names it (SS-272).
        Registration::Write(step) => plan.steps.push(step),
        Registration::Done(latest) => {
            let matched: Vec<&Known> = snapshot.matched().collect();
            plan.steps
                .extend(status::report(snapshot, &matched, &latest));
            plan.steps.extend(revision::surplus(snapshot, &latest));
            roll_out::plan(snapshot, &matched, &latest, &mut plan);
        }
    }
    tell::plan(snapshot, &mut plan);
    plan
}
