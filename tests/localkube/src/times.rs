//! How long the long steps take: told before they begin, by what they took on this machine the last time,
//! and kept in the cache when they have ended. Estimates only; nothing depends on them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::cache;
use crate::progress::Progress;

/// Below this a minute has too few digits.
const IN_SECONDS: f64 = 90.0;

/// Of a step that has no usual time and has never run here.
const UNKNOWN: &str = "not measured yet";

/// Something that takes long.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// What it is called, here and in the cache.
    pub name: &'static str,
    /// Seconds on an idle machine with two cores, where it has never run; as the README has them. Of
    /// parts of something that the README tells of as a whole there is none.
    pub usual: Option<f64>,
}

pub(crate) const PACKAGES: Step = step("packages", 15.0);
pub(crate) const GO: Step = step("Go toolchain", 20.0);
pub(crate) const CONTROL_PLANE: Step = step("control plane", 360.0);
pub(crate) const BUILD: Step = step("release build", 150.0);
pub(crate) const REBUILD: Step = step("release build of what changed", 60.0);
/// Until a cluster answers, once all of it is built.
pub const CLUSTER: Step = step("cluster's start", 7.0);
pub(crate) const INSTALLATION: Step = step("installation", 15.0);
/// The demo, once its cluster stands.
pub const DEMO: Step = step("demo itself", 20.0);

const fn step(name: &'static str, usual: f64) -> Step {
    Step {
        name,
        usual: Some(usual),
    }
}

/// A step that is about to come.
#[derive(Debug, Clone, Copy)]
pub enum Ahead {
    /// It runs.
    Runs(Step),
    /// It is spared, for this reason.
    Spared(Step, &'static str),
}

impl Ahead {
    /// Whether it is this one.
    pub fn is(&self, other: Step) -> bool {
        let (Self::Runs(step) | Self::Spared(step, _)) = self;
        *step == other
    }

    /// A step that runs only where what it makes isn't there.
    pub(crate) fn unless(is_there: bool, step: Step, why: &'static str) -> Self {
        if is_there {
            Self::Spared(step, why)
        } else {
            Self::Runs(step)
        }
    }
}

/// What steps took, by name.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Times(BTreeMap<String, Record>);

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Record {
    seconds: f64,
    /// When it ended, in seconds since 1970.
    at: f64,
}

impl Times {
    /// What the cache has; nothing where it has nothing that can be read.
    pub(crate) fn load() -> Self {
        let text = file().and_then(|path| std::fs::read(path).context("read what steps took"));
        text.ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }

    fn measured(&self, step: Step) -> Option<f64> {
        self.0.get(step.name).map(|record| record.seconds)
    }

    /// How long a step should take here.
    pub(crate) fn expected(&self, step: Step) -> String {
        let seconds = self.measured(step).or(step.usual);
        seconds.map_or_else(|| UNKNOWN.to_owned(), in_words)
    }

    /// Lines that say what comes, how long that takes, and how that is known.
    fn plan(&self, steps: &[Ahead]) -> Vec<String> {
        let mut together = 0.0;
        let mut are_all_known = true;
        let mut is_one_usual = false;
        let mut rows = Vec::new();
        for ahead in steps {
            match ahead {
                Ahead::Spared(step, why) => rows.push((step.name, (*why).to_owned())),
                Ahead::Runs(step) => {
                    let measured = self.measured(*step);
                    let seconds = measured.or(step.usual);
                    together += seconds.unwrap_or_default();
                    are_all_known &= seconds.is_some();
                    let is_usual = measured.is_none() && seconds.is_some();
                    is_one_usual |= is_usual;
                    let mark = if is_usual { " *" } else { "" };
                    rows.push((step.name, format!("{}{mark}", self.expected(*step))));
                }
            }
        }
        let about = if are_all_known { "about" } else { "more than" };
        rows.push(("together", format!("{about} {}", in_words(together))));
        let mut lines = table(&rows);
        if is_one_usual {
            lines.push("* usual on two idle cores; not measured on this machine yet".to_owned());
        }
        lines
    }

    /// Lines for the steps that ended since then, in their order.
    fn since(&self, start: f64) -> Vec<String> {
        let mut ended: Vec<(&str, Record)> = self
            .0
            .iter()
            .filter(|(_, record)| record.at >= start)
            .map(|(name, record)| (name.as_str(), *record))
            .collect();
        ended.sort_by(|(_, a), (_, b)| a.at.total_cmp(&b.at));
        let rows: Vec<(&str, String)> = ended
            .into_iter()
            .map(|(name, record)| (name, in_words(record.seconds)))
            .collect();
        table(&rows)
    }
}

/// A command that tells what it will take, and what it took.
pub struct Timed {
    start: f64,
}

impl Timed {
    /// Tells what comes.
    pub fn begin(steps: &[Ahead], progress: &Progress) -> Self {
        if steps.iter().any(|ahead| matches!(ahead, Ahead::Runs(_))) {
            tell(progress, "what this takes:", &Times::load().plan(steps));
        }
        Self { start: now() }
    }

    /// Tells what it took, also in processes that this one started.
    pub fn end(&self, progress: &Progress) {
        let lines = Times::load().since(self.start);
        if !lines.is_empty() {
            tell(progress, "what it took:", &lines);
        }
    }
}

fn tell(progress: &Progress, title: &str, lines: &[String]) {
    let lines: String = lines.iter().map(|line| format!("\n    {line}")).collect();
    progress.step(format!("{title}{lines}"));
}

/// Runs a step, and keeps what it took if it succeeds.
pub fn measured<T>(step: Step, run: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = std::time::Instant::now();
    let result = run()?;
    keep(step, start.elapsed());
    Ok(result)
}

/// Keeps what a step took. That it can't be kept is no reason for anything to fail.
pub fn keep(step: Step, took: Duration) {
    let mut times = Times::load();
    let record = Record {
        seconds: took.as_secs_f64(),
        at: now(),
    };
    times.0.insert(step.name.to_owned(), record);
    let written = file().and_then(|path| {
        let temporary = path.with_extension(format!("{}.new", std::process::id()));
        std::fs::write(&temporary, serde_json::to_vec_pretty(&times)?)?;
        std::fs::rename(&temporary, &path).context("replace what steps took")
    });
    drop(written);
}

fn file() -> Result<PathBuf> {
    Ok(cache::dir()?.join("times.json"))
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

fn in_words(seconds: f64) -> String {
    if seconds < IN_SECONDS {
        format!("{seconds:.0} s")
    } else {
        format!("{:.1} min", seconds / 60.0)
    }
}

fn table(rows: &[(&str, String)]) -> Vec<String> {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter()
        .map(|(name, text)| format!("{name:width$}  {text}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(records: &[(&str, f64, f64)]) -> Times {
        let records = records.iter().map(|(name, seconds, at)| {
            (
                (*name).to_owned(),
                Record {
                    seconds: *seconds,
                    at: *at,
                },
            )
        });
        Times(records.collect())
    }

    #[test]
    fn a_first_run_is_told_by_what_is_usual_and_says_so() {
        let plan = times(&[]).plan(&[
            Ahead::Runs(PACKAGES),
            Ahead::Runs(CONTROL_PLANE),
            Ahead::Runs(CLUSTER),
        ]);
        assert_eq!(
            plan,
            [
                "packages         15 s *",
                "control plane    6.0 min *",
                "cluster's start  7 s *",
                "together         about 6.4 min",
                "* usual on two idle cores; not measured on this machine yet",
            ]
        );
    }

    #[test]
    fn what_is_there_is_spared_and_what_was_measured_counts() {
        let times = times(&[("release build", 480.0, 1.0), ("control plane", 999.0, 1.0)]);
        let plan = times.plan(&[
            Ahead::unless(true, CONTROL_PLANE, "in the cache"),
            Ahead::unless(false, BUILD, "built"),
        ]);
        assert_eq!(
            plan,
            [
                "control plane  in the cache",
                "release build  8.0 min",
                "together       about 8.0 min",
            ]
        );
    }

    #[test]
    fn a_part_that_was_never_measured_makes_the_sum_a_lower_bound() {
        let part = Step {
            name: "test unit",
            usual: None,
        };
        let plan = times(&[]).plan(&[Ahead::Runs(part), Ahead::Runs(CLUSTER)]);
        assert_eq!(plan[0], "test unit        not measured yet");
        assert_eq!(plan[2], "together         more than 7 s");
    }

    #[test]
    fn what_a_command_took_is_told_in_the_order_of_the_steps() {
        let times = times(&[
            ("cluster's start", 7.2, 130.0),
            ("control plane", 120.0, 120.0),
            ("demo itself", 20.0, 50.0),
        ]);
        assert_eq!(
            times.since(100.0),
            ["control plane    2.0 min", "cluster's start  7 s"]
        );
    }

    #[test]
    fn records_are_read_as_they_were_written() {
        let text = serde_json::to_string(&times(&[("demo itself", 1.5, 2.5)])).unwrap();
        let read: Times = serde_json::from_str(&text).unwrap();
        assert_eq!(read.measured(DEMO), Some(1.5));
        assert_eq!(read.expected(GO), "20 s");
    }
}
