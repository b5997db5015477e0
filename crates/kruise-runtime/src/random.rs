//! Randomness for jitter and identities. Nothing here is a secret.

use std::{
    cell::Cell,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

thread_local! {
    static SEEDED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// From now on, what this thread draws follows from a seed, so that a test can be repeated. Processes that run on the
/// thread share the numbers.
pub fn seed_this_thread(seed: u64) {
    SEEDED.set(Some(seed));
}

/// A number that differs between calls and processes: every `RandomState` has keys of its own.
#[must_use]
pub fn number() -> u64 {
    match SEEDED.get() {
        None => RandomState::new().hash_one(0u8),
        Some(state) => {
            // SplitMix64.
            let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            SEEDED.set(Some(state));
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }
    }
}

/// `duration` times a factor drawn from `[0.75, 1.25)`, so that replicas don't march in step.
pub(crate) fn jitter(duration: Duration) -> Duration {
    // 53 bits are what an f64 holds exactly.
    let unit = (number() >> 11) as f64 / (1u64 << 53) as f64;
    duration.mul_f64(0.75 + unit / 2.0)
}

/// An identity in the shape of a UUID, as client-go's lease holders have.
pub(crate) fn identity() -> String {
    let (high, low) = (number(), number());
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    // Each test has a thread of its own.
    #[test]
    fn numbers_differ_unless_they_are_seeded() {
        assert_ne!(number(), number());
        let draw = |seed| {
            seed_this_thread(seed);
            (identity(), jitter(Duration::from_secs(1)))
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }
}
