//! Telling what goes on: plain lines, one a step, with the seconds since the start.

use std::time::Instant;

/// Prints steps to standard error, so that standard output stays for results.
pub(crate) struct Progress {
    start: Instant,
}

impl Progress {
    /// Starts the clock.
    pub(crate) fn new() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Says what happens now.
    pub(crate) fn step(&self, text: impl AsRef<str>) {
        eprintln!(
            "[{:6.1}s] {}",
            self.start.elapsed().as_secs_f64(),
            text.as_ref()
        );
    }
}
