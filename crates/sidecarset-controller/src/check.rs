//! Other eyes on a plan: knows the rules, not how plans are made. Every test runs it, and debug builds run it on every
//! plan before it is carried out.

use std::collections::BTreeSet;

use kruise_api::apps::v1beta1::SidecarSetUpdateStrategyType;
use serde_json::Value;

use crate::{
    plan::{Plan, Step},
    snapshot::Snapshot,
};

mod limits;
mod pods;

/// Every rule that the plan breaks, in words; empty for a good plan.
#[must_use]
pub fn violations(snapshot: &Snapshot, plan: &Plan) -> Vec<String> {
    let mut found = vec![];
    if snapshot.metadata().is_terminating() && !plan.steps.is_empty() {
        found.push("something is done for one on its way out".to_owned());
    }
    for step in &plan.steps {
        check_step(snapshot, step, &mut found);
    }
    check_order(plan, &mut found);
    check_held_back(snapshot, plan, &mut found);
    limits::check(snapshot, plan, &mut found);
    pods::check(snapshot, plan, &mut found);
    found
}

fn check_step(snapshot: &Snapshot, step: &Step, found: &mut Vec<String>) {
    match step {
        Step::CreateRevision { body } => {
            if body.pointer("/metadata/namespace") != Some(&Value::from(&*snapshot.namespace)) {
                found.push("a revision is created elsewhere".to_owned());
            }
        }
        Step::PatchRevision { name, patch } => {
            let mut revisions = snapshot.revisions.iter();
            let revision = revisions.find(|it| it.metadata.name == *name);
            let version = revision.map(|it| it.metadata.resource_version.as_str());
            if pods::text(patch, "/metadata/resourceVersion") != version {
                found.push(format!(
                    "revision {name} is patched, whatever version is there"
                ));
            }
            if patch.get("data").is_some() {
                found.push(format!("the data of revision {name} is changed"));
            }
        }
        Step::PatchStatus { patch } => check_status(snapshot, patch, found),
        Step::DeleteRevision { name, uid } => {
            let mut revisions = snapshot.revisions.iter();
            let revision = revisions.find(|it| it.metadata.uid == *uid);
            let is_ours = revision.is_some_and(|it| {
                let manager = it.metadata.controller();
                manager.is_none_or(|manager| manager.uid == snapshot.metadata().uid)
            });
            if !is_ours {
                found.push(format!("revision {name} of somebody else is deleted"));
            }
            let mut matched = snapshot.matched();
            if matched.any(|known| known.facts.revision == *name) {
                found.push(format!("revision {name} is deleted, and a pod is at it"));
            }
        }
        Step::MarkPods { .. } | Step::ResetPods { .. } | Step::UpdatePods { .. } => {}
    }
}

fn check_status(snapshot: &Snapshot, patch: &Value, found: &mut Vec<String>) {
    let version = pods::text(patch, "/metadata/resourceVersion");
    if version != Some(&snapshot.metadata().resource_version) {
        found.push("the status is patched, whatever version is there".to_owned());
    }
    let stored = serde_json::json!(snapshot.sidecar_set.status);
    let written = patch.get("status").and_then(Value::as_object);
    let is_news = written.is_some_and(|written| {
        let mut written = written.iter();
        written.any(|(field, value)| stored.get(field) != Some(value))
    });
    if !is_news {
        found.push("the status is patched with what it says".to_owned());
    }
}

/// SS-210, SS-272
fn check_order(plan: &Plan, found: &mut Vec<String>) {
    let is_registration = |step: &Step| {
        matches!(
            step,
            Step::CreateRevision { .. } | Step::PatchRevision { .. }
        )
    };
    if plan.steps.iter().any(is_registration) && plan.steps.len() > 1 {
        found.push("something is done before the spec is registered".to_owned());
    }
    let rank = |step: &Step| match step {
        Step::CreateRevision { .. } | Step::PatchRevision { .. } => 0,
        Step::PatchStatus { .. } => 1,
        Step::DeleteRevision { .. } => 2,
        Step::MarkPods { .. } => 3,
        Step::ResetPods { .. } => 4,
        Step::UpdatePods { .. } => 5,
    };
    if !plan.steps.is_sorted_by_key(rank) {
        found.push("steps are not in the order of SS-210".to_owned());
    }
    let is = |wanted: u8| plan.steps.iter().any(|step| rank(step) == wanted);
    if is(4) && is(5) {
        found.push("pods are reset and updated at the same time".to_owned());
    }
}

/// SS-210, SS-254
fn check_held_back(snapshot: &Snapshot, plan: &Plan, found: &mut Vec<String>) {
    let strategy = snapshot.strategy();
    let is_held = strategy.paused || strategy.type_ == SidecarSetUpdateStrategyType::NotUpdate;
    let touches = |step: &Step| {
        matches!(
            step,
            Step::MarkPods { .. } | Step::ResetPods { .. } | Step::UpdatePods { .. }
        )
    };
    if is_held && plan.steps.iter().any(touches) {
        found.push("pods are touched although nothing is to be updated".to_owned());
    }
    let mut uids = BTreeSet::new();
    for step in &plan.steps {
        let (Step::ResetPods { pods } | Step::UpdatePods { pods }) = step else {
            continue;
        };
        for change in pods {
            if !uids.insert(&change.pod.uid) {
                found.push(format!("pod {} is changed twice", change.pod.name));
            }
        }
    }
}
