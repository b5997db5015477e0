//! Ends of the names of new objects, as the API server draws them. They follow from what they are for: two plans from one
//! view choose the same, and the second creation answers AlreadyExists instead of making a second object. Names of pods
//! and instance ids come of them, so that every process of every version has to draw the same (decision 8): another way
//! of drawing would give a node a second pod.

/// Letters and digits that are hard to confuse and form no words, as the API server draws them.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// As many as the API server draws.
const LENGTH: usize = 5;
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Suffixes without an end.
#[derive(Debug, Clone)]
pub struct Suffixes {
    state: u64,
}

impl Suffixes {
    /// Those for an object that these texts name. Another turn has others.
    #[must_use]
    pub fn new(of: &[&str], turn: u64) -> Self {
        // FNV-1a: short, and the same everywhere, which the hashes of the standard library do not promise.
        let texts = of.iter().enumerate().flat_map(|(place, text)| {
            let between = (place > 0).then_some(0);
            between.into_iter().chain(text.bytes())
        });
        let hash = texts.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self {
            state: hash ^ turn.wrapping_mul(GOLDEN),
        }
    }

    /// The next one.
    pub fn draw(&mut self) -> String {
        (0..LENGTH).map(|_| self.letter()).collect()
    }

    fn letter(&mut self) -> char {
        // SplitMix64
        self.state = self.state.wrapping_add(GOLDEN);
        let mut word = self.state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^= word >> 31;
        let index = usize::try_from(word % ALPHABET.len() as u64).unwrap_or(0);
        ALPHABET.get(index).copied().map_or('b', char::from)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    // Objects in clusters are named so.
    #[test]
    fn they_stay_what_they_are() {
        let mut suffixes = Suffixes::new(&["5d0e7c1e-job", "n1"], 0);
        assert_eq!([suffixes.draw(), suffixes.draw()], ["wnds7", "j6r6m"]);
        assert_eq!(Suffixes::new(&["5d0e7c1e-job", "n1"], 1).draw(), "rscpf");
    }

    #[test]
    fn they_follow_from_what_they_are_for() {
        let two = |of: &[&str], turn| {
            let mut suffixes = Suffixes::new(of, turn);
            [suffixes.draw(), suffixes.draw()]
        };
        let all = [
            two(&["a", "b"], 0),
            two(&["a", "b"], 1),
            two(&["ab"], 0),
            two(&["a"], 0),
        ];
        assert_eq!(two(&["a", "b"], 0), all[0]);
        let different: BTreeSet<&String> = all.iter().flatten().collect();
        assert_eq!(different.len(), 8);
        assert!(different.iter().all(|suffix| {
            suffix.len() == LENGTH && suffix.bytes().all(|letter| ALPHABET.contains(&letter))
        }));
    }
}
