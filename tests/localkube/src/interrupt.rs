//! Ctrl-C and its kin as a flag, so that whatever was made is taken away again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// Whether the user wants it to end. Programs that we started get a terminal's Ctrl-C too and end by
/// themselves; a signal sent to us alone takes effect at the end of the step that runs.
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on these signals no longer end the process.
    pub fn listen() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register(signal, Arc::clone(&flag)).context("handle signals")?;
        }
        Ok(Self(flag))
    }

    /// An error if it was asked for.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::SeqCst) {
            bail!("interrupted");
        }
        Ok(())
    }

    /// The result, unless an interrupt is what made it fail, or came meanwhile.
    pub fn prefer<T>(&self, result: Result<T>) -> Result<T> {
        self.check()?;
        result
    }

    /// Whether it was asked for since the last call.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::SeqCst)
    }
}
