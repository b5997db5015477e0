//! A steady load: so many calls a second, by a few threads, each counted with how it ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// Kinds of failures that are shown.
const SHOWN: usize = 20;

/// A kind of call. Each thread has one of its own, with what it keeps between calls.
pub(super) trait Caller: Send + 'static {
    /// Makes call number `number` of the load and says what was called, for the counts.
    fn call(&mut self, number: u64) -> Result<&'static str>;
}

/// Calls that go on until they are stopped.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    failed: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Tally>>,
    start: Instant,
}

impl Load {
    /// Begins: `rate` calls a second, spread evenly, by as many threads as there are callers.
    pub(super) fn start<C: Caller>(rate: u32, callers: Vec<C>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let failed = Arc::new(AtomicU64::new(0));
        let next = Arc::new(AtomicU64::new(0));
        let start = Instant::now();
        let threads = callers
            .into_iter()
            .map(|caller| {
                let (stop, next) = (Arc::clone(&stop), Arc::clone(&next));
                let failed = Arc::clone(&failed);
                thread::spawn(move || {
                    let schedule = Schedule {
                        rate,
                        start,
                        next: &next,
                        stop: &stop,
                    };
                    work(caller, &schedule, &failed)
                })
            })
            .collect();
        Self {
            stop,
            failed,
            threads,
            start,
        }
    }

    /// How long it has run.
    pub(super) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// Calls that have failed so far.
    pub(super) fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Ends it, and returns what it came to.
    pub(super) fn finish(self) -> Result<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        let mut sum = Tally::default();
        for thread in self.threads {
            sum.add(
                thread
                    .join()
                    .map_err(|_| anyhow!("a thread of the load panicked"))?,
            );
        }
        sum.took = self.start.elapsed();
        Ok(sum)
    }
}

/// Which call is due when, and until when.
struct Schedule<'a> {
    rate: u32,
    start: Instant,
    next: &'a AtomicU64,
    stop: &'a AtomicBool,
}

fn work(mut caller: impl Caller, schedule: &Schedule<'_>, failed: &AtomicU64) -> Tally {
    let Schedule {
        rate,
        start,
        next,
        stop,
    } = *schedule;
    let mut tally = Tally::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let due = start + due_after(number, rate);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if stop.load(Ordering::Relaxed) {
            return tally;
        }
        let begun = Instant::now();
        let result = caller.call(number);
        tally.slowest = tally.slowest.max(begun.elapsed());
        match result {
            Ok(what) => *tally.good.entry(what).or_default() += 1,
            Err(error) => {
                failed.fetch_add(1, Ordering::Relaxed);
                tally.failures.push(Failure {
                    after: start.elapsed(),
                    what: format!("{error:#}"),
                });
            }
        }
    }
}

/// When call `number` is due.
fn due_after(number: u64, rate: u32) -> Duration {
    Duration::from_secs_f64(number as f64 / f64::from(rate))
}

/// A call that didn't end well.
#[derive(Debug)]
pub(super) struct Failure {
    /// Since the load's start.
    pub(super) after: Duration,
    pub(super) what: String,
}

/// How the calls of a load ended.
#[derive(Debug, Default)]
pub(super) struct Tally {
    good: BTreeMap<&'static str, u64>,
    failures: Vec<Failure>,
    slowest: Duration,
    took: Duration,
}

impl Tally {
    pub(super) fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    fn calls(&self) -> u64 {
        self.good.values().sum::<u64>() + self.failures.len() as u64
    }

    fn add(&mut self, other: Self) {
        let Self {
            good,
            failures,
            slowest,
            took,
        } = other;
        for (what, count) in good {
            *self.good.entry(what).or_default() += count;
        }
        self.failures.extend(failures);
        self.failures.sort_by_key(|failure| failure.after);
        self.slowest = self.slowest.max(slowest);
        self.took = self.took.max(took);
    }

    /// Lines for people: counts, and the first failures.
    pub(super) fn describe(&self, name: &str) -> Vec<String> {
        let calls = self.calls();
        let by_kind: Vec<String> = self
            .good
            .iter()
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        let mut lines = vec![format!(
            "{name}: {calls} calls ({}), {} failed; {:.0} a second for {:.0} s, the slowest {:.0} ms",
            by_kind.join(", "),
            self.failures.len(),
            calls as f64 / self.took.as_secs_f64().max(0.001),
            self.took.as_secs_f64(),
            self.slowest.as_secs_f64() * 1000.0
        )];
        let mut shapes: BTreeMap<String, (u64, &Failure)> = BTreeMap::new();
        for failure in &self.failures {
            let shape = shapes.entry(shape(&failure.what)).or_insert((0, failure));
            shape.0 += 1;
        }
        lines.extend(shapes.values().take(SHOWN).map(|(count, first)| {
            let after = first.after.as_secs_f64();
            format!(
                "  {count} like this one, {after:.1} s after the start: {}",
                first.what
            )
        }));
        if shapes.len() > SHOWN {
            lines.push(format!("  and {} other kinds", shapes.len() - SHOWN));
        }
        lines
    }
}

/// What failures have in common that differ in numbers alone: addresses, ports, names.
fn shape(what: &str) -> String {
    let mut shape = String::new();
    for letter in what.chars() {
        match letter {
            '0'..='9' if shape.ends_with('0') => {}
            '0'..='9' => shape.push('0'),
            _ => shape.push(letter),
        }
    }
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    struct EveryThird;

    impl Caller for EveryThird {
        fn call(&mut self, number: u64) -> Result<&'static str> {
            match number % 3 {
                2 => Err(anyhow!("refused").context(format!("call {number}"))),
                1 => Ok("one"),
                _ => Ok("zero"),
            }
        }
    }

    #[test]
    fn calls_are_spread_evenly() {
        assert_eq!(due_after(0, 200), Duration::ZERO);
        assert_eq!(due_after(1, 200), Duration::from_millis(5));
        assert_eq!(due_after(400, 200), Duration::from_secs(2));
    }

    #[test]
    fn every_call_is_counted_once_whoever_makes_it() {
        let load = Load::start(10_000, vec![EveryThird, EveryThird]);
        while load.elapsed() < Duration::from_millis(20) {
            thread::yield_now();
        }
        let tally = load.finish().unwrap();
        let calls = tally.calls();
        // Numbers have no gaps but at the end, where each thread may have taken one more.
        let failed = tally.failures.len() as u64;
        assert!((calls / 3).abs_diff(failed) <= 2, "{failed} of {calls}");
        assert!(tally.has_failures());
    }

    #[test]
    fn a_report_names_counts_and_each_kind_of_failure_once() {
        let failure = |seconds: u64, what: &str| Failure {
            after: Duration::from_secs(seconds),
            what: what.to_owned(),
        };
        let tally = Tally {
            good: [("kept", 70), ("new", 7)].into(),
            failures: vec![
                failure(1, "connect to 10.0.0.7:80: refused"),
                failure(2, "closed"),
                failure(3, "connect to 10.0.12.7:9876: refused"),
            ],
            slowest: Duration::from_millis(12),
            took: Duration::from_secs(10),
        };
        assert_eq!(
            tally.describe("conversions"),
            [
                "conversions: 80 calls (70 kept, 7 new), 3 failed; 8 a second for 10 s, the slowest 12 ms",
                "  1 like this one, 2.0 s after the start: closed",
                "  2 like this one, 1.0 s after the start: connect to 10.0.0.7:80: refused",
            ]
        );
    }
}
