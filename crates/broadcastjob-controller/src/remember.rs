//! What is remembered after a pass: what the plan and its execution have told, which no watch tells.

use std::collections::BTreeSet;

use kruise_plan::{WaitReason, lines};

use crate::{
    memory::Memory,
    plan::{Plan, Step},
    snapshot::Snapshot,
};

/// How the writes of a plan ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ending {
    /// Whether all of them succeeded.
    pub succeeded: bool,
    /// The name of a pod that could not be created since its name is taken. The executor names the first.
    pub taken_name: Option<String>,
    /// Whether the API server said that the namespace is being deleted.
    pub namespace_terminates: bool,
}

/// What is known after a pass of what was known before it.
#[must_use]
pub fn after(snapshot: &Snapshot, plan: &Plan, ending: Ending) -> Memory {
    let Ending {
        succeeded,
        taken_name,
        namespace_terminates,
    } = ending;
    let mut memory = snapshot.memory.clone();
    let acts = !plan.steps.is_empty();
    memory.logged = lines::remembered(&memory.logged, &plan.waiting_on, acts);
    memory.told.clone_from(&plan.standing);
    memory.namespace_terminates |= namespace_terminates;
    if succeeded && creates_pods(plan) && !leaves_a_node_unnamed(plan) {
        // The nodes whose names were refused have their pods now, under other names. One that has none yet, as nodes
        // that come before it have joined, asks once more.
        memory.taken_names.clear();
    }
    memory
        .taken_names
        .extend(taken_name.map(|name| (name, snapshot.now)));
    note_stopped(&mut memory, snapshot, plan);
    memory
}

fn creates_pods(plan: &Plan) -> bool {
    let mut steps = plan.steps.iter();
    steps.any(|step| matches!(step, Step::CreatePods { batches: _ }))
}

/// Whether a node waits of which all names are taken. They would be asked for one by one, in vain.
fn leaves_a_node_unnamed(plan: &Plan) -> bool {
    let mut reasons = plan.waiting_on.iter();
    reasons.any(|reason| matches!(reason, WaitReason::NamesTaken { node: _ }))
}

/// What was not stopped after all is not being deleted, and so is not waited for.
fn note_stopped(memory: &mut Memory, snapshot: &Snapshot, plan: &Plan) {
    if !memory.stopped.is_empty() {
        let pods = snapshot.pods.iter();
        let there: BTreeSet<&str> = pods.map(|pod| pod.metadata.uid.as_str()).collect();
        memory.stopped.retain(|uid, _| there.contains(uid.as_str()));
    }
    let stopped = plan.steps.iter().filter_map(|step| match step {
        Step::StopPods { pods } => Some(pods),
        Step::CreatePods { batches: _ } | Step::DeleteJob => None,
    });
    for pod in stopped.flatten() {
        memory.stopped.insert(pod.uid.clone(), snapshot.now);
    }
}
