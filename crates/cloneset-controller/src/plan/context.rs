//! What the parts of the planner decide from, once it is known which pods and revisions there are.

use std::sync::Arc;

use kruise_api::{availability, pod::Pod};

use kruise_plan::workload::is_at;

use super::{
    counts::{Counts, PodClass},
    revision::Revisions,
    spec::Spec,
    volume_claims::Listed,
};
use crate::{known_pods::PodFacts, snapshot::Snapshot};

/// Pods that one pass creates, deletes or changes. The next pass follows at once and goes on where this one ended,
/// so that a number of replicas that nobody can mean costs neither memory nor a worker; and `paused`, another
/// template or the end of the lease is seen before the rest is done. With the default limits that is the burst, or
/// three seconds of updates.
pub(super) const MAX_PODS: usize = 500;

/// What is known now.
pub(super) struct Context<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) spec: &'a Spec,
    pub(super) revisions: &'a Revisions,
    /// Active pods that are ours, by name.
    pub(super) pods: &'a [&'a Arc<Pod>],
    /// What is to be known of each of them.
    pub(super) facts: &'a [&'a PodFacts],
    /// Listed volume claims (CS-73, CS-74).
    pub(super) claims: &'a Listed<'a>,
}

impl<'a> Context<'a> {
    /// Each pod with what is to be known of it.
    pub(super) fn known(&self) -> impl Iterator<Item = (&'a Arc<Pod>, &'a PodFacts)> {
        let facts = self.facts.iter().copied();
        self.pods.iter().copied().zip(facts)
    }

    /// One of them.
    pub(super) fn known_at(&self, index: usize) -> Option<(&'a Arc<Pod>, &'a PodFacts)> {
        Some((self.pods.get(index)?, self.facts.get(index)?))
    }

    /// Those that are not available.
    pub(super) fn unavailable(&self) -> impl Iterator<Item = (&'a Arc<Pod>, &'a PodFacts)> {
        let (seconds, now) = (self.spec.min_ready_seconds, self.snapshot.now);
        self.known()
            .filter(move |(pod, facts)| !facts.is_available(pod, seconds, now))
    }

    /// The arithmetic; `is_new` says which pods count as updated.
    pub(super) fn counts(&self, is_new: impl Fn(&PodFacts) -> bool) -> Counts {
        let (seconds, now) = (self.spec.min_ready_seconds, self.snapshot.now);
        let classes: Vec<PodClass> = self
            .known()
            .map(|(pod, facts)| PodClass {
                is_new: is_new(facts),
                preparing_delete: facts.preparing_delete,
                specified: self.is_specified(pod, facts),
                available: facts.is_available(pod, seconds, now),
                ready: facts.is_available(pod, 0, now),
            })
            .collect();
        Counts::of(
            self.spec,
            &classes,
            self.revisions.are_the_same(),
            self.snapshot.gates.partition_rollback,
            self.snapshot.gates.exclude_preparing_delete,
        )
    }

    pub(super) fn is_available(&self, pod: &Pod) -> bool {
        availability::is_available(pod, self.spec.min_ready_seconds, self.snapshot.now)
    }

    pub(super) fn is_updated(&self, pod: &Pod) -> bool {
        is_at(pod, &self.revisions.update)
    }

    /// CS-46
    pub(super) fn counts_as_updated(&self, facts: &PodFacts) -> bool {
        facts.is_at(&self.revisions.update)
            || (self.snapshot.gates.preparing_update_as_update && facts.preparing_update)
    }

    /// CS-45
    pub(super) fn is_specified(&self, pod: &Pod, facts: &PodFacts) -> bool {
        facts.is_marked
            || (!self.spec.pods_to_delete.is_empty() && self.spec.is_specified_for_deletion(pod))
    }

    /// Ready for the limits of deletion: available but for minReadySeconds (CS-44).
    pub(super) fn is_ready(&self, pod: &Pod) -> bool {
        availability::is_available(pod, 0, self.snapshot.now)
    }
}
