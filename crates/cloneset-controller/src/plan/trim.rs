//! Tidying up, on which nothing depends (CS-22, steps 12 and 13; CS-40, CS-65).

use std::collections::BTreeSet;

use serde_json::json;

use super::{context::Context, step::Step};

/// What can be tidied up. Where the status is written, `podsToDelete` waits for the next pass: both carry the
/// version of the CloneSet that was read, so that after one the other would be refused.
pub(super) fn plan(context: &Context<'_>, status_is_written: bool) -> Vec<Step> {
    let mut steps = Vec::new();
    // The history of a CloneSet that is deleted without its pods is theirs (DV-CS17).
    if !context.snapshot.set.metadata.is_terminating() {
        steps.extend(history(context));
    }
    if !status_is_written {
        steps.extend(pods_to_delete(context));
    }
    steps
}

/// Deletes what the history limit does not keep, oldest first (CS-40, IP-137).
fn history(context: &Context<'_>) -> Vec<Step> {
    let is_used = |name: &str| context.facts.iter().any(|pod| pod.is_at(name));
    let surplus = context
        .revisions
        .surplus(context.spec.history_limit, is_used);
    surplus
        .into_iter()
        .map(|revision| Step::DeleteRevision {
            name: revision.metadata.name.clone(),
            uid: revision.metadata.uid.clone(),
        })
        .collect()
}

/// Takes names off `podsToDelete` that are no active pods of ours (CS-65). A list of which nothing remains goes.
fn pods_to_delete(context: &Context<'_>) -> Option<Step> {
    let set = &context.snapshot.set;
    let names = set.spec.scale_strategy.as_ref()?.pods_to_delete.as_ref()?;
    let pods = context.pods.iter();
    let there: BTreeSet<&str> = pods.map(|pod| pod.metadata.name.as_str()).collect();
    let is_there = |name: &&String| there.contains(name.as_str());
    let remaining: Vec<&String> = names.iter().filter(is_there).collect();
    if remaining.len() == names.len() {
        return None;
    }
    let remaining = (!remaining.is_empty()).then_some(remaining);
    Some(Step::PatchCloneSet {
        patch: json!({
            "metadata": { "resourceVersion": set.metadata.resource_version },
            "spec": { "scaleStrategy": { "podsToDelete": remaining } },
        }),
    })
}
