//! The names of new pods. A node's pod always gets the same name, so that a creation that is repeated meets the first
//! one's pod, whatever is known of it, instead of making a second pod for the node (BJ-P8).

use std::collections::BTreeSet;

use crate::snapshot::Snapshot;

/// Letters and digits that are hard to confuse and form no words, as the API server draws them.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// As many as the API server draws.
const LENGTH: usize = 5;
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
    // FNV-1a: nothing on the wire depends on it.
    let of = job.uid.bytes().chain([0]).chain(node.bytes());
    let mut state = of.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    state ^= attempt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for _ in 0..LENGTH {
        // SplitMix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        let index = usize::try_from(word % ALPHABET.len() as u64).unwrap_or(0);
        prefix.push(ALPHABET.get(index).copied().map_or('b', char::from));
    }
    prefix
}
