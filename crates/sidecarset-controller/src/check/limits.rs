//! How many pods may be updated: no more than the partition leaves, and no more than may be unavailable (SS-228, SS-229).

use kruise_api::{
    int_or_string::{self, IntOrString, Rounding},
    selector::Selector,
};

use super::pods::known;
use crate::{
    plan::{Plan, Step},
    snapshot::Snapshot,
};

pub(super) fn check(snapshot: &Snapshot, plan: &Plan, found: &mut Vec<String>) {
    let updates = plan.steps.iter().flat_map(|step| match step {
        Step::UpdatePods { pods } => pods.as_slice(),
        _ => &[],
    });
    let updated: Vec<_> = updates
        .filter_map(|change| known(snapshot, &change.pod))
        .collect();
    if updated.is_empty() {
        return;
    }
    let strategy = snapshot.strategy();
    let selector = strategy.selector.as_ref().map(Selector::parse);
    let is_selected = |labels: &kruise_api::text_map::TextMap| match &selector {
        None => true,
        Some(Ok(selector)) => selector.matches(labels),
        Some(Err(_)) => false,
    };
    if updated
        .iter()
        .any(|known| !is_selected(&known.pod.metadata.labels))
    {
        found.push("a pod is updated that is not selected".to_owned());
    }
    let matched: Vec<_> = snapshot
        .matched()
        .map(|known| (known, snapshot.basis.facts(&known.pod)))
        .collect();
    let n_matched = i32::try_from(matched.len()).unwrap_or(i32::MAX);
    let n_waiting = matched
        .iter()
        .filter(|(known, facts)| {
            !facts.is_updated
                && facts.is_upgradable
                && facts.in_flight.is_none()
                && is_selected(&known.pod.metadata.labels)
        })
        .count();
    let kept = int_or_string::partition(strategy.partition.as_ref(), n_matched).unwrap_or(0);
    let kept = usize::try_from(kept).unwrap_or(0);
    if updated.len() + kept > n_waiting {
        found.push(format!(
            "{} of {n_waiting} pods are updated, and partition keeps {kept}",
            updated.len()
        ));
    }
    let default = IntOrString::Int(1);
    let max = strategy.max_unavailable.as_ref().unwrap_or(&default);
    let max = int_or_string::kruise_percent(max, n_matched, Rounding::Up).unwrap_or(0);
    let max = usize::try_from(max).unwrap_or(0);
    let n_taken_down = updated.iter().filter(|known| known.facts.is_ready).count();
    let n_unavailable = matched
        .iter()
        .filter(|(_, facts)| facts.is_updated && !(facts.is_consistent && facts.is_ready))
        .count();
    if n_taken_down > 0 && n_taken_down + n_unavailable > max {
        found.push(format!(
            "{n_taken_down} ready pods are updated besides {n_unavailable}, and maxUnavailable is {max}"
        ));
    }
}
