//! What the demo made, to be taken away whatever happens: at the end, after a failure, after Ctrl-C.

use anyhow::Result;

use super::target::Target;
use super::{OVERLAY, install};
use crate::cluster::Cluster;
use crate::interrupt::Interrupt;
use crate::progress::Progress;

/// Each Ctrl-C in a terminal also ends the programs that clean up, so that they have to be run again.
const ATTEMPTS: u32 = 5;

/// Taken away when dropped, unless kept.
pub(super) struct Made<'a> {
    what: Option<What<'a>>,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
}

/// What there is to take away.
pub(super) enum What<'a> {
    /// A cluster of our own.
    Cluster { name: &'a str },
    /// Objects in a cluster that was there before.
    Objects {
        target: &'a Target,
        had_crd: bool,
        had_controller: bool,
    },
}

impl<'a> Made<'a> {
    pub(super) fn new(what: What<'a>, progress: &'a Progress, interrupt: &'a Interrupt) -> Self {
        Self {
            what: Some(what),
            progress,
            interrupt,
        }
    }

    /// Leaves it all.
    pub(super) fn keep(mut self) {
        self.what = None;
    }

    /// Takes it all away.
    pub(super) fn take_away(mut self) -> Result<()> {
        self.what.take().map_or(Ok(()), |what| self.insist(&what))
    }

    fn insist(&self, what: &What<'_>) -> Result<()> {
        let mut attempt = 1;
        loop {
            self.interrupt.take();
            let result = what.take_away(self.progress);
            if result.is_ok() || !self.interrupt.take() || attempt == ATTEMPTS {
                return result;
            }
            self.progress
                .step("interrupted while cleaning up: once more");
            attempt += 1;
        }
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        if let Some(what) = self.what.take()
            && let Err(error) = self.insist(&what)
        {
            self.progress
                .step(format!("not everything could be taken away: {error:#}"));
        }
    }
}

impl What<'_> {
    fn take_away(&self, progress: &Progress) -> Result<()> {
        match self {
            Self::Cluster { name } => Cluster::down(name, progress),
            Self::Objects {
                target,
                had_crd,
                had_controller,
            } => {
                progress.step("taking the demo's objects away");
                target.delete_namespace()?;
                if *had_controller {
                    return Ok(());
                }
                install::uninstall(&target.kubeconfig, OVERLAY, !had_crd)
            }
        }
    }
}
