//! Randomness for jitter and identities. Nothing here is a secret.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// A number that differs between calls and processes: every `RandomState` has keys of its own.
pub(crate) fn number() -> u64 {
    RandomState::new().hash_one(0u8)
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
