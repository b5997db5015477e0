//! Telling what goes on: plain lines, one a step, with the seconds since the start.

use std::io::Write as _;
use std::time::Instant;

use anyhow::{Context, Result};

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

/// A line of a command's results, on standard output. A reader that went away is an error like others, so
/// that clean-ups come also then.
pub(crate) fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("write to standard output")
}
