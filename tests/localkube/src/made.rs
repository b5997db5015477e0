//! What a command made, to be taken away whatever happens: at the end, after a failure, after Ctrl-C.

use anyhow::Result;

use crate::interrupt::Interrupt;
use crate::progress::Progress;

/// Each Ctrl-C in a terminal also ends the programs that clean up, so that they have to be run again.
const ATTEMPTS: u32 = 5;

/// Taken away when dropped, unless kept.
pub struct Made<'a> {
    take_away: Option<Box<dyn Fn() -> Result<()> + 'a>>,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
}

impl<'a> Made<'a> {
    /// `take_away` may be called several times, and has to finish what an earlier call left.
    pub fn new(
        progress: &'a Progress,
        interrupt: &'a Interrupt,
        take_away: impl Fn() -> Result<()> + 'a,
    ) -> Self {
        Self {
            take_away: Some(Box::new(take_away)),
            progress,
            interrupt,
        }
    }

    /// Leaves it all.
    pub fn keep(mut self) {
        self.take_away = None;
    }

    /// Takes it all away.
    pub fn take_away(mut self) -> Result<()> {
        self.take_away
            .take()
            .map_or(Ok(()), |take_away| self.insist(&*take_away))
    }

    fn insist(&self, take_away: &dyn Fn() -> Result<()>) -> Result<()> {
        let mut attempt = 1;
        loop {
            self.interrupt.take();
            let result = take_away();
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
        if let Some(take_away) = self.take_away.take()
            && let Err(error) = self.insist(&*take_away)
        {
            self.progress
                .step(format!("not everything could be taken away: {error:#}"));
        }
    }
}
