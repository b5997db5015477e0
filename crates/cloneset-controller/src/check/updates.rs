//! How many pods may be unavailable for the sake of an update (CS-86, DV-CS16).

use kruise_api::{availability, pod::Pod, revision::label_names, well_known::labels};

use kruise_plan::PodRef;

use super::Facts;
use crate::plan::Step;

impl<'a> Facts<'a> {
    pub(super) fn few_are_unavailable_for_an_update(&self, found: &mut Vec<String>) {
        let moved = self.moved();
        let status = &self.snapshot.set.status;
        // A status that is behind names other revisions.
        if moved.is_empty() || status.observed_generation != self.snapshot.set.metadata.generation {
            return;
        }
        let is_at = |pod: &Pod, revision: &str| {
            let label = pod.metadata.labels.get(labels::CONTROLLER_REVISION_HASH);
            label.is_some_and(|label| label_names(label, revision))
        };
        let goes_back = moved.iter().any(|pod| is_at(pod, &status.update_revision));
        let target = if goes_back {
            &status.current_revision
        } else {
            &status.update_revision
        };
        let is_unavailable = |pod: &&Pod| !self.is_available(pod);
        let n_unavailable = self.claimed().filter(is_unavailable).count();
        let at_target = self.claimed().filter(|pod| is_at(pod, target));
        let n_target = at_target.filter(is_unavailable).count();
        let n_serving = moved.iter().filter(|pod| self.is_available(pod)).count();
        let n_claimed = i32::try_from(self.claimed().count()).unwrap_or(i32::MAX);
        let slack = self.spec.max_unavailable + n_claimed - self.spec.replicas;
        let slack = usize::try_from(slack).unwrap_or(0);
        if n_serving > 0 && n_unavailable + n_serving > slack {
            found.push(format!(
                "{n_serving} pods that serve are updated beside {n_unavailable} unavailable ones, {slack} may be so"
            ));
        }
        let at_least = usize::try_from(self.spec.max_unavailable.max(1)).unwrap_or(1);
        let limit = slack.max(at_least);
        if n_target + moved.len() > limit {
            found.push(format!(
                "{} pods are updated, {n_target} are unavailable at {target} already, {limit} may be so",
                moved.len()
            ));
        }
    }

    /// Pods that are updated in place, or marked to be made anew.
    fn moved(&self) -> Vec<&Pod> {
        let moved = |step: &'a Step| -> Vec<&'a PodRef> {
            match step {
                Step::UpdatePodsInPlace { updates } => {
                    updates.iter().map(|update| &update.pod).collect()
                }
                Step::MarkPodsForRecreate { patches } => {
                    patches.iter().map(|patch| &patch.pod).collect()
                }
                _ => vec![],
            }
        };
        let moved = self.plan.steps.iter().flat_map(moved);
        moved.filter_map(|pod| self.pod(pod)).collect()
    }

    fn is_available(&self, pod: &Pod) -> bool {
        availability::is_available(pod, self.spec.min_ready_seconds, self.snapshot.now)
    }
}
