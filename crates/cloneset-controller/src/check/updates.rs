//! How many pods may be unavailable for the sake of an update (CS-86, DV-CS16).

use kruise_api::{availability, pod::Pod, revision::label_names, well_known::labels};

use super::{Facts, number};

impl Facts<'_> {
    pub(super) fn few_are_unavailable_for_an_update(&self, found: &mut Vec<String>) {
        let moved = self.writes.moved();
        let moved: Vec<&Pod> = moved.filter_map(|pod| self.pod(pod)).collect();
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
        let n_claimed = number(self.claimed().count());
        let slack = self.terms.max_unavailable + n_claimed - self.terms.replicas;
        let slack = slack.max(0);
        if n_serving > 0 && number(n_unavailable + n_serving) > slack {
            found.push(format!(
                "{n_serving} pods that serve are updated beside {n_unavailable} unavailable ones, {slack} may be so"
            ));
        }
        let limit = slack.max(self.terms.max_unavailable).max(1);
        if number(n_target + moved.len()) > limit {
            found.push(format!(
                "{} pods are updated, {n_target} are unavailable at {target} already, {limit} may be so",
                moved.len()
            ));
        }
    }

    fn is_available(&self, pod: &Pod) -> bool {
        availability::is_available(pod, self.terms.min_ready_seconds, self.snapshot.now)
    }
}
