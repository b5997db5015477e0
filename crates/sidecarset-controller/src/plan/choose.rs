//! Which pods are updated now, and in which order (SS-220 to SS-229).

use kruise_api::{
    int_or_string::{IntOrString, Rounding, kruise_percent, partition},
    meta::LabelSelector,
    pod::Pod,
    ranking::{expand_wildcards, strategies_order},
    selector::Selector,
};
use kruise_plan::WaitReason;

use super::{explain, status::number, update::patched_annotations};
use crate::{facts::Known, pod_annotations::PatchError, snapshot::Snapshot};

/// `maxUnavailable` where nobody says anything (SS-229).
const DEFAULT_MAX_UNAVAILABLE: IntOrString = IntOrString::Int(1);

/// What is decided about the pods that are not updated.
#[derive(Debug, Default)]
pub(super) struct Choice<'a> {
    /// Those that are updated now, first to be updated first.
    pub(super) updated: Vec<&'a Known>,
    /// Those that can't be (SS-221).
    pub(super) not_upgradable: Vec<&'a Known>,
    /// Those that can't be written, and why (SS-245). They hold no other pod back.
    pub(super) unwritable: Vec<(&'a Known, PatchError)>,
    /// What holds the others back; the most telling reason first.
    pub(super) reasons: Vec<WaitReason>,
}

/// Chooses among the pods that the SidecarSet manages.
pub(super) fn choose<'a>(snapshot: &Snapshot, matched: &[&'a Known]) -> Choice<'a> {
    let mut choice = Choice::default();
    let selected = match Selected::by(snapshot.strategy().selector.as_ref()) {
        Ok(selected) => selected,
        Err(reason) => {
            choice.reasons.push(reason);
            return choice;
        }
    };
    let mut in_flight = None;
    let mut is_left_out = false;
    let mut waiting = vec![];
    for (index, known) in matched.iter().enumerate() {
        if known.facts.is_updated {
            continue;
        }
        if !selected.has(&known.pod) {
            is_left_out = true;
        } else if !known.facts.is_upgradable {
            choice.not_upgradable.push(known);
        } else if known.facts.in_flight.is_some() {
            in_flight = in_flight.or(Some(known));
        } else {
            waiting.push(index);
        }
    }
    order(snapshot, matched, &mut waiting);
    let n_matched = number(matched.len());
    let kept = partition(snapshot.strategy().partition.as_ref(), n_matched);
    let kept = usize::try_from(kept.unwrap_or(0)).unwrap_or(0);
    let n_free = waiting.len().saturating_sub(kept);
    let is_cut = n_free < waiting.len();
    waiting.truncate(n_free);
    let waiting = waiting
        .into_iter()
        .filter_map(|index| matched.get(index).copied());
    let mut writable: Vec<&'a Known> = vec![];
    for known in waiting {
        match patched_annotations(snapshot, &known.pod) {
            Ok(_) => writable.push(known),
            Err(error) => choice.unwritable.push((known, error)),
        }
    }
    let waiting = writable;
    let held = walk(snapshot, matched, waiting, &mut choice.updated);
    choice.reasons.extend(held);
    choice
        .reasons
        .extend(in_flight.map(|known| explain::in_flight(known)));
    if is_cut {
        choice.reasons.push(WaitReason::SidecarPartitionReached);
    }
    let first = choice.not_upgradable.first();
    choice
        .reasons
        .extend(first.map(|known| WaitReason::NotUpgradable {
            pod: known.pod.full_name(),
        }));
    if is_left_out {
        choice.reasons.push(WaitReason::NotSelected);
    }
    choice
}

/// Takes pods in order, until one would make too many unavailable (SS-229). Returns why not more are taken.
fn walk<'a>(
    snapshot: &Snapshot,
    matched: &[&Known],
    waiting: Vec<&'a Known>,
    taken: &mut Vec<&'a Known>,
) -> Option<WaitReason> {
    let max = snapshot.strategy().max_unavailable.as_ref();
    let max = max.unwrap_or(&DEFAULT_MAX_UNAVAILABLE);
    let max = kruise_percent(max, number(matched.len()), Rounding::Up);
    let is_unavailable = |known: &&&Known| {
        let facts = &known.facts;
        facts.is_updated && !(facts.is_consistent && facts.is_ready)
    };
    let mut unavailable = matched.iter().filter(is_unavailable);
    let first = unavailable.next();
    let mut n_unavailable = number(unavailable.count()) + i32::from(first.is_some());
    for known in waiting {
        // Such a pod serves nobody: to update it costs nothing, and may be its only cure (SS-P6).
        if known.facts.is_ready {
            let max = match &max {
                Ok(max) => *max,
                // Nothing can be read as nothing is allowed.
                Err(error) => {
                    return Some(WaitReason::InvalidSpec {
                        field: "spec.updateStrategy.maxUnavailable".to_owned(),
                        why: error.to_string(),
                    });
                }
            };
            if n_unavailable >= max {
                let first = first.copied().or(taken.first().copied());
                return Some(explain::max_unavailable(first, known));
            }
            n_unavailable += 1;
        }
        taken.push(known);
    }
    None
}

fn order(snapshot: &Snapshot, matched: &[&Known], waiting: &mut Vec<usize>) {
    if waiting.is_empty() {
        return;
    }
    let strategy = snapshot.strategy();
    let pods: Vec<&Pod> = matched
        .iter()
        .map(|known| known.pod.as_ref().as_ref())
        .collect();
    let terms = expand_wildcards(&strategy.scatter_strategy, &pods);
    let scatter = (!terms.is_empty()).then_some(&terms[..]);
    strategies_order(&pods, waiting, strategy.priority_strategy.as_ref(), scatter);
}

/// Which pods the update strategy selects (SS-220).
enum Selected {
    All,
    By(Selector),
}

impl Selected {
    fn by(selector: Option<&LabelSelector>) -> Result<Self, WaitReason> {
        let Some(selector) = selector else {
            return Ok(Self::All);
        };
        let selector = Selector::parse(selector).map_err(|error| WaitReason::InvalidSpec {
            field: "spec.updateStrategy.selector".to_owned(),
            why: error.to_string(),
        })?;
        Ok(Self::By(selector))
    }

    fn has(&self, pod: &Pod) -> bool {
        match self {
            Self::All => true,
            Self::By(selector) => selector.matches(&pod.metadata.labels),
        }
    }
}
