//! Following the pods through the phases of the demo, a line a change.

use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;
use localkube::{
    object_watch::Change,
    progress::{Patience, say},
};

use crate::{Ground, compare::Pods, table};

/// Far longer than any phase takes on an idle machine.
const PHASE_TIMEOUT: Duration = Duration::from_secs(180);

/// The pods as they are now.
pub(crate) struct Stage<'a> {
    ground: &'a mut dyn Ground,
    pods: Pods,
    began: Timestamp,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(ground: &'a mut dyn Ground) -> Self {
        Self {
            began: ground.now(),
            ground,
            pods: Pods::new(),
        }
    }

    pub(crate) fn ground(&mut self) -> &mut dyn Ground {
        self.ground
    }

    pub(crate) fn pods(&self) -> &Pods {
        &self.pods
    }

    /// A new phase: its title, a header, and time zero.
    pub(crate) fn begin(&mut self, title: &str) -> Result<()> {
        say("")?;
        say(title)?;
        say(&table::header())?;
        self.began = self.ground.now();
        Ok(())
    }

    /// Tells what happens until `done`; returns how long that took since the phase began.
    pub(crate) fn follow_until(
        &mut self,
        what: &str,
        done: impl Fn(&Pods) -> bool,
    ) -> Result<Duration> {
        // Changes are told as they come; this is for when none comes.
        let mut patience = Patience::new(format!("for {what}"));
        while !done(&self.pods) {
            if self.tell_next()? {
                patience = Patience::new(format!("for {what}"));
            }
            patience.look(|| self.troubles());
            if self.since(self.began) > PHASE_TIMEOUT {
                bail!(
                    "waited {} s for {what}, in vain{}",
                    PHASE_TIMEOUT.as_secs(),
                    self.troubles()
                );
            }
        }
        Ok(self.since(self.began))
    }

    /// Goes on telling for a while, so that nothing that comes late is missed.
    pub(crate) fn follow_for(&mut self, time: Duration) -> Result<()> {
        let start = self.ground.now();
        while self.since(start) < time {
            self.tell_next()?;
        }
        Ok(())
    }

    /// A clock that was set back says that no time has passed.
    fn since(&self, start: Timestamp) -> Duration {
        let since = self.ground.now().duration_since(start);
        Duration::try_from(since).unwrap_or_default()
    }

    /// Whether there was a change.
    fn tell_next(&mut self) -> Result<bool> {
        let change = self.ground.next_change()?;
        let since = self.since(self.began);
        let is_change = change.is_some();
        match change {
            Some(Change::Seen(pod)) => {
                let before = self.pods.get(&pod.name);
                if !before.is_some_and(|before| table::looks_the_same(before, &pod)) {
                    say(&table::row(since, &pod))?;
                }
                self.pods.insert(pod.name.clone(), pod);
            }
            Some(Change::Gone(pod)) => {
                say(&table::gone(since, &pod))?;
                self.pods.remove(&pod.name);
            }
            None => {}
        }
        Ok(is_change)
    }

    fn troubles(&self) -> String {
        let lines = self
            .pods
            .values()
            .map(|pod| format!("\n  pod {} {}", pod.name, pod.trouble()));
        lines.collect()
    }
}
