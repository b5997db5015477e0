//! Many seeds, on as many threads as there are processors, and what they came to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::{
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    deployable::{Deployable, Mutant},
    run::{Outcome, run_telling},
};

/// What is to be played.
#[derive(Clone, Copy)]
pub struct Plan {
    /// Which deployable.
    pub deployable: &'static dyn Deployable,
    /// Broken in which way, if in any.
    pub mutant: Option<&'static Mutant>,
    /// The first seed.
    pub first: u64,
    /// How many seeds.
    pub seeds: u64,
    /// How many at once.
    pub threads: usize,
}

/// What many seeds came to.
#[derive(Default)]
pub struct Total {
    /// How many were played.
    pub seeds: u64,
    /// Faults by class.
    pub faults: BTreeMap<&'static str, u64>,
    /// Requests of the deployable.
    pub n_requests: usize,
    /// Time that went by in the stories.
    pub time: Duration,
    /// Seeds that broke a rule, with what each came to.
    pub failed: Vec<Outcome>,
    /// The last one that broke none.
    last: Option<Outcome>,
}

impl Total {
    fn add(&mut self, outcome: Outcome) {
        self.seeds += 1;
        for (class, count) in &outcome.faults {
            *self.faults.entry(class).or_default() += count;
        }
        self.n_requests += outcome.n_requests;
        self.time += outcome.time;
        if outcome.violations.is_empty() {
            self.last = Some(outcome);
        } else {
            self.failed.push(outcome);
        }
    }

    /// The rules that were broken.
    #[must_use]
    pub fn rules(&self) -> BTreeSet<&'static str> {
        let violations = self.failed.iter().flat_map(|outcome| &outcome.violations);
        violations.map(|violation| violation.rule).collect()
    }
}

/// Plays all seeds, until `stop` says no. `seen` is called after each.
pub fn play_all(plan: Plan, stop: &AtomicBool, mut seen: impl FnMut(&Total)) -> Total {
    let next = AtomicU64::new(0);
    let mut total = Total::default();
    thread::scope(|scope| {
        let (sender, outcomes) = mpsc::channel();
        for _ in 0..plan.threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    if place >= plan.seeds {
                        break;
                    }
                    let outcome = run_telling(
                        plan.deployable,
                        plan.first + place,
                        plan.mutant,
                        plan.seeds == 1,
                    );
                    if sender.send(outcome).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        for outcome in outcomes {
            total.add(outcome);
            seen(&total);
        }
    });
    total.failed.sort_by_key(|outcome| outcome.seed);
    total
}

/// Plays all seeds, and tells of it on standard output. Whether all was well: no rule was broken, or, of a broken
/// controller, all that it must break, or one of them in a single seed.
pub fn tell_all(plan: Plan, stop: &AtomicBool) -> bool {
    let start = Instant::now();
    let mut told_at = start;
    let mut n_failed = 0;
    let total = play_all(plan, stop, |total| {
        if let Some(outcome) = total.failed.get(n_failed) {
            n_failed += 1;
            print!("{}", failure(plan, outcome));
        }
        if told_at.elapsed() >= Duration::from_secs(10) {
            told_at = Instant::now();
            let (seeds, failed) = (total.seeds, total.failed.len());
            println!(
                "{seeds} of {} seeds, {failed} failed, {:.1} a second",
                plan.seeds,
                rate(total, start)
            );
        }
    });
    print!("{}", summary(plan, &total, start));
    // One that was asked for is told whatever came of it.
    let only = total.last.as_ref().filter(|_| plan.seeds == 1);
    if let Some(told) = total.failed.first().or(only) {
        print!("{}", story(told));
    }
    match plan.mutant {
        None => total.failed.is_empty(),
        // A broken controller must be noticed.
        Some(mutant) => {
            let broken = total.rules();
            let is_broken = |rule: &&'static str| broken.contains(rule);
            // One seed need not show all that it does.
            match plan.seeds {
                1 => mutant.breaks.iter().any(is_broken),
                _ => mutant.breaks.iter().all(is_broken),
            }
        }
    }
}

fn rate(total: &Total, start: Instant) -> f64 {
    total.seeds as f64 / start.elapsed().as_secs_f64()
}

fn summary(plan: Plan, total: &Total, start: Instant) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        let _ = writeln!(text, "{words}");
    };
    let hours = total.time.as_secs_f64() / 3600.0;
    let Total {
        seeds, n_requests, ..
    } = total;
    line(format!(
        "{}: {seeds} seeds in {:.1} s, {:.1} a second; {hours:.1} hours went by in them, with {n_requests} requests",
        plan.deployable.name(),
        start.elapsed().as_secs_f64(),
        rate(total, start),
    ));
    let faults: u64 = total.faults.values().sum();
    line(format!("{faults} faults:"));
    for (class, count) in &total.faults {
        line(format!("  {class:<20}{count:>9}"));
    }
    line(format!("{} seeds broke a rule", total.failed.len()));
    text
}

fn failure(plan: Plan, outcome: &Outcome) -> String {
    let mut text = format!("seed {}: {}\n", outcome.seed, again(plan, outcome.seed));
    for violation in outcome.violations.iter().take(5) {
        let _ = writeln!(
            text,
            "  {} at {}: {}",
            violation.rule, violation.at, violation.what
        );
    }
    text
}

/// The line that repeats a seed.
fn again(plan: Plan, seed: u64) -> String {
    let mutant = plan
        .mutant
        .map_or_else(String::new, |mutant| format!(" --mutant {}", mutant.name));
    format!(
        "cargo xtask sim --deployable {}{mutant} --seed {seed}",
        plan.deployable.name()
    )
}

fn story(outcome: &Outcome) -> String {
    let mut text = format!("The story of seed {}:\n", outcome.seed);
    for (at, what) in &outcome.story {
        let _ = writeln!(text, "{at:.3} {what}");
    }
    text
}
