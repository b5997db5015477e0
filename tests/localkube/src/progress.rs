//! Telling what goes on: plain lines, one a step, with the seconds since the start.

use std::io::Write as _;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// When this command began to tell: its lines have one clock, wherever they come from.
static START: OnceLock<Instant> = OnceLock::new();

/// A wait of less than this is nothing to tell of.
const FIRST: Duration = Duration::from_secs(5);
/// Changes are told no faster than a person reads.
const CHANGED: Duration = Duration::from_secs(3);
/// How often a wait is told of in which nothing changes.
const UNCHANGED: Duration = Duration::from_secs(15);
/// How often a wait of minutes is told of.
const OF_MINUTES: Duration = Duration::from_secs(20);

/// Prints steps to standard error, so that standard output stays for results.
pub struct Progress {
    start: Instant,
}

impl Progress {
    /// Starts the clock, if it doesn't run.
    pub fn begin() -> Self {
        Self {
            start: *START.get_or_init(Instant::now),
        }
    }

    /// Says what happens now.
    pub fn step(&self, text: impl AsRef<str>) {
        eprintln!(
            "[{:6.1}s] {}",
            self.start.elapsed().as_secs_f64(),
            text.as_ref()
        );
    }
}

/// A line of a command's results, on standard output. A reader that went away is an error like others, so
/// that clean-ups come also then.
pub fn say(line: &str) -> Result<()> {
    writeln!(std::io::stdout(), "{line}").context("write to standard output")
}

/// A wait that doesn't go on in silence: whoever looks again and again at what is waited for says here what
/// there is to see, and now and then that is told.
pub struct Patience {
    what: String,
    start: Instant,
    telling: Telling,
}

impl Patience {
    /// `what` stands behind "waiting": "for a pod", "until it is ready".
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            start: Instant::now(),
            telling: Telling {
                first: FIRST,
                changed: CHANGED,
                unchanged: UNCHANGED,
                told: None,
            },
        }
    }

    /// The same for minutes in which something changes all the time.
    pub fn for_minutes(what: impl Into<String>) -> Self {
        let mut patience = Self::new(what);
        patience.telling.first = OF_MINUTES;
        patience.telling.changed = OF_MINUTES;
        patience.telling.unchanged = OF_MINUTES;
        patience
    }

    /// The same for a wait that is told of from its first moment.
    pub(crate) fn from_the_start(what: impl Into<String>) -> Self {
        let mut patience = Self::new(what);
        patience.telling.first = Duration::ZERO;
        patience
    }

    /// A wait within another one, which tells enough.
    pub(crate) fn silent() -> Self {
        let mut patience = Self::new("");
        patience.telling.first = Duration::MAX;
        patience
    }

    /// How long it has been.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// One look. `seen` is asked only when something may be told; empty where there is nothing to say.
    pub fn look(&mut self, seen: impl FnOnce() -> String) {
        let elapsed = self.elapsed();
        if !self.telling.may_tell(elapsed) {
            return;
        }
        let seen = seen();
        if !self.telling.tells(elapsed, &seen) {
            return;
        }
        let since = match elapsed.as_secs() {
            0 => String::new(),
            seconds => format!(", for {seconds} s now"),
        };
        let colon = match seen.chars().next() {
            None => "",
            Some('\n') => ":",
            Some(_) => ": ",
        };
        Progress::begin().step(format!("waiting {}{since}{colon}{seen}", self.what));
    }
}

/// When to tell what.
#[derive(Debug)]
struct Telling {
    first: Duration,
    changed: Duration,
    unchanged: Duration,
    told: Option<(Duration, String)>,
}

impl Telling {
    /// Whether it is worth while to look closer.
    fn may_tell(&self, elapsed: Duration) -> bool {
        match &self.told {
            None => elapsed >= self.first,
            Some((at, _)) => elapsed.saturating_sub(*at) >= self.changed,
        }
    }

    /// Whether this is to be told now; then it counts as told.
    fn tells(&mut self, elapsed: Duration, seen: &str) -> bool {
        let is_due = match &self.told {
            None => true,
            Some((at, before)) => before != seen || elapsed.saturating_sub(*at) >= self.unchanged,
        };
        if is_due && self.may_tell(elapsed) {
            self.told = Some((elapsed, seen.to_owned()));
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(first: u64, looks: &[(u64, &str)]) -> Vec<u64> {
        let mut telling = Patience::new("").telling;
        telling.first = Duration::from_secs(first);
        let mut told = Vec::new();
        for (second, seen) in looks {
            if telling.tells(Duration::from_secs(*second), seen) {
                told.push(*second);
            }
        }
        told
    }

    #[test]
    fn short_waits_are_not_told_of() {
        assert!(told(5, &[(0, "a"), (2, "b"), (4, "c")]).is_empty());
        assert_eq!(told(0, &[(0, "a")]), [0]);
    }

    #[test]
    fn a_change_is_told_soon_and_the_same_again_after_a_while() {
        let looks: Vec<(u64, &str)> = (0..40).map(|second| (second, "a")).collect();
        assert_eq!(told(5, &looks), [5, 20, 35]);
        assert_eq!(told(5, &[(5, "a"), (7, "b"), (8, "b"), (12, "b")]), [5, 8]);
    }
}
