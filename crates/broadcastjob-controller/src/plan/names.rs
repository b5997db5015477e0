//! The names of new pods. A node's pod always gets the same name, so that a creation that is repeated meets the first
//! one's pod, whatever is known of it, instead of making a second pod for the node (BJ-P8).

use std::collections::BTreeSet;

use kruise_plan::suffix::Suffixes;

use crate::snapshot::Snapshot;

/// Where the API server cuts the prefix of a name that it generates.
const LONGEST_PREFIX: usize = 58;
/// Names that a node's pod may have. Two nodes in some thousand want the same one, so that more are taken only if
/// somebody wants it so.
const TRIED: u64 = 16;

/// Chooses names that no pod has.
pub(super) struct Names<'a> {
    snapshot: &'a Snapshot,
    taken: BTreeSet<String>,
}

impl<'a> Names<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let of_pods = snapshot.pods.iter().map(|pod| pod.metadata.name.clone());
        let remembered = snapshot.memory.names_taken(snapshot.now);
        Self {
            snapshot,
            taken: of_pods
                .chain(remembered.map(|(name, _)| name.clone()))
                .collect(),
        }
    }

    /// The first name for this node that is free.
    pub(super) fn free(&mut self, node: &str) -> Option<String> {
        let name = (0..TRIED)
            .map(|attempt| name(self.snapshot, node, attempt))
            .find(|name| !self.taken.contains(name))?;
        self.taken.insert(name.clone());
        Some(name)
    }
}

fn name(snapshot: &Snapshot, node: &str, attempt: u64) -> String {
    let job = &snapshot.job.metadata;
    let mut prefix = format!("{}-", job.name);
    // Names have no characters of several bytes.
    prefix.truncate(LONGEST_PREFIX);
    prefix.push_str(&Suffixes::new(&[&job.uid, node], attempt).draw());
    prefix
}
