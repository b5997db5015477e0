//! `cargo xtask bench events`: what one event of a pod costs the controller, over what decoding it costs, which
//! nobody can save. In process and without a cluster: the figures are of the index and the planner alone, and come
//! from `crates/cloneset-controller/benches/events.rs`.

use anyhow::{Context, Result, bail};
use localkube::process;
use localkube::progress::Progress;
use localkube::workspace;
use serde::Deserialize;

use super::table::{self, Aim};

const PACKAGE: &str = "cloneset-controller";
const BENCHMARK: &str = "events";
/// With as many pods as one CloneSet has at most.
const LARGEST: usize = 10_000;
/// For one event of the largest set: 200 of them a second keep one worker busy.
const MOST_MILLISECONDS: f64 = 5.0;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many pods the CloneSet has; several numbers are measured one after the other
    #[arg(long, value_delimiter = ',', default_values_t = [100, 1_000, LARGEST])]
    pods: Vec<usize>,
    /// How many events are measured with each number of pods
    #[arg(long, default_value_t = 300)]
    events: usize,
    /// How many revisions of others are in the namespace, where they are measured
    #[arg(long, default_value_t = 10_000)]
    revisions: usize,
    /// Fail when an aim is missed
    #[arg(long)]
    check: bool,
}

/// Medians in microseconds.
#[derive(Debug, Clone, Deserialize)]
struct Figure {
    situation: String,
    pods: usize,
    /// Size of the event.
    bytes: usize,
    decode: f64,
    index: f64,
    observe: f64,
    plan: f64,
}

impl Figure {
    fn sum(&self) -> f64 {
        self.decode + self.index + self.observe + self.plan
    }
}

pub(crate) fn run(args: &Args, progress: &Progress) -> Result<()> {
    progress.step(format!(
        "building and running {PACKAGE}'s benchmark {BENCHMARK}"
    ));
    let pods: Vec<String> = args.pods.iter().map(ToString::to_string).collect();
    let mut command = workspace::cargo();
    command
        .args([
            "bench",
            "--quiet",
            "--package",
            PACKAGE,
            "--bench",
            BENCHMARK,
            "--",
        ])
        .args(["--pods", &pods.join(",")])
        .args(["--events", &args.events.to_string()])
        .args(["--revisions", &args.revisions.to_string()]);
    let figures = parse(&process::output(&mut command)?)?;
    println!("one event of a pod, medians in µs\n");
    table::print(&rows(&figures));
    let aims = aims(&figures);
    println!();
    table::print(&aims.iter().map(Aim::verdict).collect::<Vec<_>>());
    if args.check && !aims.iter().all(Aim::is_met) {
        bail!("an aim is missed");
    }
    Ok(())
}

fn parse(lines: &str) -> Result<Vec<Figure>> {
    lines
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).with_context(|| format!("read {line:?}")))
        .collect()
}

fn rows(figures: &[Figure]) -> Vec<Vec<String>> {
    let titles = [
        "situation",
        "pods",
        "bytes",
        "decode",
        "index",
        "observe",
        "plan",
        "all",
        "all/decode",
        "all/fewest",
    ];
    let row = |figure: &Figure| {
        let fewest = fewest(figures, figure).sum();
        vec![
            figure.situation.clone(),
            figure.pods.to_string(),
            figure.bytes.to_string(),
            format!("{:.0}", figure.decode),
            format!("{:.0}", figure.index),
            format!("{:.0}", figure.observe),
            format!("{:.0}", figure.plan),
            format!("{:.0}", figure.sum()),
            format!("{:.1}", figure.sum() / figure.decode),
            format!("{:.1}", figure.sum() / fewest),
        ]
    };
    std::iter::once(titles.map(str::to_owned).to_vec())
        .chain(figures.iter().map(row))
        .collect()
}

/// The same situation with the fewest pods.
fn fewest<'a>(figures: &'a [Figure], figure: &'a Figure) -> &'a Figure {
    figures
        .iter()
        .filter(|other| other.situation == figure.situation)
        .min_by_key(|other| other.pods)
        .unwrap_or(figure)
}

fn aims(figures: &[Figure]) -> Vec<Aim> {
    let largest = figures.iter().filter(|figure| figure.pods == LARGEST);
    largest
        .map(|figure| Aim {
            what: format!("an event of {LARGEST} pods, {}", figure.situation),
            measured: figure.sum() / 1e3,
            at_most: MOST_MILLISECONDS,
            unit: "ms",
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = r#"
{"situation":"settled","pods":100,"bytes":7792,"decode":30.0,"index":4.0,"observe":6.0,"plan":60.0}
{"situation":"settled","pods":10000,"bytes":7794,"decode":40.0,"index":10.0,"observe":950.0,"plan":5000.0}
"#;

    #[test]
    fn figures_are_told_over_decoding_and_over_the_fewest_pods() {
        let figures = parse(LINES).unwrap();
        let rows = rows(&figures);
        assert_eq!(rows[1][7..], ["100", "3.3", "1.0"]);
        assert_eq!(rows[2][7..], ["6000", "150.0", "60.0"]);
    }

    #[test]
    fn the_largest_set_has_an_aim() {
        let aims = aims(&parse(LINES).unwrap());
        assert_eq!(aims.len(), 1);
        assert!(!aims[0].is_met(), "{:?}", aims[0]);
    }
}
