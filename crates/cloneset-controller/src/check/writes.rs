//! What a plan writes, sorted by what the checks ask. The only place that looks at steps: a new kind of step, or a new
//! field of one, does not compile until it says here what it does.

use kruise_plan::{InPlaceUpdate, PodPatch, PodRef};

use crate::plan::{BudgetPatch, ClaimMove, ClaimRef, NewPod, OrphanClaim, Step};

#[derive(Default)]
pub(super) struct Writes<'a> {
    pub(super) creations: Vec<&'a NewPod>,
    pub(super) deletions: Vec<&'a PodRef>,
    pub(super) updates: Vec<&'a InPlaceUpdate>,
    /// Asked in a dry run; stores nothing.
    pub(super) trials: Vec<&'a InPlaceUpdate>,
    /// Pods that are marked to be made anew.
    pub(super) recreations: Vec<&'a PodPatch>,
    /// Other patches of pods, adoptions among them.
    pub(super) patches: Vec<&'a PodPatch>,
    pub(super) claim_moves: Vec<&'a ClaimMove>,
    pub(super) claim_deletions: Vec<&'a ClaimRef>,
    /// What pays for pods, and pods that may have to be paid for, in the plan's order.
    pub(super) spending: Vec<Spending<'a>>,
    /// Steps that tidy up.
    pub(super) trims: Vec<&'a Step>,
    /// All others.
    pub(super) works: Vec<&'a Step>,
}

/// What PodUnavailableBudgets have to do with.
pub(super) enum Spending<'a> {
    /// A budget pays.
    Charge(&'a BudgetPatch),
    /// A pod is updated.
    Update(&'a PodRef),
    /// A pod is patched.
    Patch(&'a PodPatch),
}

enum Part {
    Work,
    Trim,
}

impl<'a> Writes<'a> {
    pub(super) fn of(steps: &'a [Step]) -> Self {
        let mut writes = Self::default();
        for step in steps {
            match writes.take(step) {
                Part::Work => writes.works.push(step),
                Part::Trim => writes.trims.push(step),
            }
        }
        writes
    }

    /// Pods that are changed or deleted.
    pub(super) fn touched(&self) -> Vec<&'a PodRef> {
        let patches = self.patches.iter().map(|patch| &patch.pod);
        let deletions = self.deletions.iter().copied();
        deletions.chain(self.moved()).chain(patches).collect()
    }

    /// Pods that are updated in place, or marked to be made anew.
    pub(super) fn moved(&self) -> impl Iterator<Item = &'a PodRef> {
        let updates = self.updates.iter().map(|update| &update.pod);
        updates.chain(self.recreations.iter().map(|patch| &patch.pod))
    }

    pub(super) fn new_names(&self) -> Vec<&'a str> {
        let creations = self.creations.iter();
        creations.map(|pod| pod.name.as_str()).collect()
    }

    fn take(&mut self, step: &'a Step) -> Part {
        match step {
            Step::CreateRevision { body: _ } | Step::PatchRevision { name: _, patch: _ } => {}
            Step::MoveClaims { moves } => self.claim_moves.extend(moves),
            Step::DeleteOrphanClaims { claims } => {
                let claims = claims.iter().map(|OrphanClaim { claim, pod: _ }| claim);
                self.claim_deletions.extend(claims);
            }
            Step::CreatePods { batches } => self.creations.extend(batches.iter().flatten()),
            Step::DeletePods { pods, claims } => {
                self.deletions.extend(pods);
                self.claim_deletions.extend(claims.values().flatten());
            }
            Step::AdoptPods { patches } => self.patches.extend(patches),
            Step::PatchPods { patches } => {
                self.patches.extend(patches);
                self.spending.extend(patches.iter().map(Spending::Patch));
            }
            Step::TryUpdate { update } => self.trials.push(update),
            Step::UpdatePodsInPlace { updates } => {
                self.updates.extend(updates);
                let pods = updates.iter().map(|update| &update.pod);
                self.spending.extend(pods.map(Spending::Update));
            }
            Step::MarkPodsForRecreate { patches } => {
                self.recreations.extend(patches);
                let pods = patches.iter().map(|patch| &patch.pod);
                self.spending.extend(pods.map(Spending::Update));
            }
            Step::SpendBudgets { patches } => {
                self.spending.extend(patches.iter().map(Spending::Charge));
            }
            Step::DeleteRevision { name: _, uid: _ } | Step::PatchCloneSet { patch: _ } => {
                return Part::Trim;
            }
        }
        Part::Work
    }
}
