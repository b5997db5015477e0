//! In which order pods are deleted and updated. Every order is total: pods that no rule tells apart go by
//! name, so that equal input gives equal output.

mod deletion;
mod keys;
mod priority;
mod scatter;

pub use deletion::{Spread, deletion_cost, deletion_order};
pub use scatter::expand_wildcards;

use crate::{
    inplace::lifecycle,
    pod::Pod,
    spec_parts::{UpdatePriorityStrategy, UpdateScatterTerm},
    well_known::lifecycle_states::PREPARING_UPDATE,
};

/// Orders pods for their update, first to be updated first (IP-79 to IP-87).
///
/// `pods` are all pods of the workload. `waiting` has the indexes in `pods` of those that are to be
/// ordered. The default order is applied first, then the priority strategy, then scatter. In the end pods
/// in state PreparingUpdate go before all others.
pub fn update_order(
    pods: &[&Pod],
    waiting: &mut Vec<usize>,
    priority: Option<&UpdatePriorityStrategy>,
    scatter: Option<&[UpdateScatterTerm]>,
) {
    strategies_order(pods, waiting, priority, scatter);
    waiting.sort_by_cached_key(|index| {
        pods.get(*index)
            .is_none_or(|pod| lifecycle::state(pod) != PREPARING_UPDATE)
    });
}

/// [`update_order`] for owners that know no lifecycle of pods (SS-224 to SS-227): without its last rule.
pub fn strategies_order(
    pods: &[&Pod],
    waiting: &mut Vec<usize>,
    priority: Option<&UpdatePriorityStrategy>,
    scatter: Option<&[UpdateScatterTerm]>,
) {
    // A key takes many look-ups, and each pod is compared many times.
    waiting.sort_by_cached_key(|index| pods.get(*index).map(|pod| keys::update(pod)));
    if let Some(strategy) = priority {
        priority::sort(pods, waiting, strategy);
    }
    if let Some(terms) = scatter {
        *waiting = scatter::spread(pods, std::mem::take(waiting), terms);
    }
}
