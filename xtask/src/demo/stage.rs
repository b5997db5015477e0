//! Following the pods through the phases of the demo, a line a change.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use localkube::interrupt::Interrupt;
use localkube::object_watch::{Change, ObjectWatch};
use localkube::progress::{Patience, say};

use super::compare::Pods;
use super::pods::PodView;
use super::table;
use super::target::{NAMESPACE, Target};

/// How soon an interrupt is noticed.
const PATIENCE: Duration = Duration::from_millis(100);
/// Far longer than any phase takes on an idle machine.
const PHASE_TIMEOUT: Duration = Duration::from_secs(180);

/// The pods as they are now.
pub(super) struct Stage<'a> {
    watch: ObjectWatch<PodView>,
    interrupt: &'a Interrupt,
    pods: Pods,
    began: Instant,
}

impl<'a> Stage<'a> {
    pub(super) fn new(target: &Target, interrupt: &'a Interrupt) -> Result<Self> {
        let mut kubectl = target.kubectl();
        kubectl.args(["--namespace", NAMESPACE]);
        let watch = ObjectWatch::start(kubectl, &["pods"], PodView::parse)?;
        Ok(Self {
            watch,
            interrupt,
            pods: Pods::new(),
            began: Instant::now(),
        })
    }

    pub(super) fn pods(&self) -> &Pods {
        &self.pods
    }

    /// A new phase: its title, a header, and time zero.
    pub(super) fn begin(&mut self, title: &str) -> Result<()> {
        say("")?;
        say(title)?;
        say(&table::header())?;
        self.began = Instant::now();
        Ok(())
    }

    /// Tells what happens until `done`; returns how long that took since the phase began.
    pub(super) fn follow_until(
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
            if self.began.elapsed() > PHASE_TIMEOUT {
                bail!(
                    "waited {} s for {what}, in vain{}",
                    PHASE_TIMEOUT.as_secs(),
                    self.troubles()
                );
            }
        }
        Ok(self.began.elapsed())
    }

    /// Goes on telling for a while, so that nothing that comes late is missed.
    pub(super) fn follow_for(&mut self, time: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < time {
            self.tell_next()?;
        }
        Ok(())
    }

    /// Whether there was a change.
    fn tell_next(&mut self) -> Result<bool> {
        self.interrupt.check()?;
        let change = self.watch.next(PATIENCE);
        // The watch ends by the same Ctrl-C; that is the better message.
        self.interrupt.check()?;
        let since = self.began.elapsed();
        let change = change?;
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
