//! What roll-outs took, as tables: each phase, each controller against the first one, and the aims.

use std::time::Duration;

use localkube::pod_writes::PodWrites;

use super::probe::Latency;
use super::rollout::Phase;
use super::table::{Aim, megabytes};

/// What one roll-out by one controller took.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) phase: Phase,
    /// Which controller: its place, and what it is called.
    pub(super) controller: usize,
    pub(super) label: String,
    /// Pods that were made, updated, replaced or taken away.
    pub(super) n_pods: usize,
    pub(super) took: Duration,
    /// The same number of the least writes, by a plain loop.
    pub(super) floor: Duration,
    pub(super) cpu_seconds: f64,
    pub(super) peak: u64,
    pub(super) writes: PodWrites,
    /// What others had of the API server meanwhile.
    pub(super) others: Latency,
}

impl Outcome {
    fn pods_a_second(&self) -> f64 {
        self.n_pods as f64 / self.took.as_secs_f64()
    }

    fn to_floor(&self) -> f64 {
        self.took.as_secs_f64() / self.floor.as_secs_f64()
    }
}

/// A line for each roll-out; controllers side by side.
pub(super) fn rows(outcomes: &[Outcome]) -> Vec<Vec<String>> {
    let titles = [
        "",
        "controller",
        "seconds",
        "pods/s",
        "floor s",
        "to floor",
        "CPU s",
        "CPU ms/pod",
        "peak MB",
        "creates",
        "patches",
        "deletes",
        "409",
        "refused",
        "writes/pod",
        "others: read p50",
        "p99",
        "patch p50",
        "p99 ms",
    ];
    let row = |outcome: &Outcome| {
        let writes = outcome.writes;
        let Latency { read, patch, .. } = outcome.others;
        vec![
            outcome.phase.name().to_owned(),
            outcome.label.clone(),
            format!("{:.1}", outcome.took.as_secs_f64()),
            format!("{:.0}", outcome.pods_a_second()),
            format!("{:.1}", outcome.floor.as_secs_f64()),
            format!("{:.1}", outcome.to_floor()),
            format!("{:.1}", outcome.cpu_seconds),
            format!("{:.1}", outcome.cpu_seconds * 1e3 / outcome.n_pods as f64),
            format!("{:.1}", megabytes(outcome.peak)),
            writes.creates.to_string(),
            writes.patches.to_string(),
            writes.deletes.to_string(),
            writes.conflicts.to_string(),
            writes.refused.to_string(),
            format!("{:.2}", f64::from(writes.total()) / outcome.n_pods as f64),
            format!("{:.1}", read.p50),
            format!("{:.1}", read.p99),
            format!("{:.1}", patch.p50),
            format!("{:.1}", patch.p99),
        ]
    };
    let mut sorted: Vec<&Outcome> = outcomes.iter().collect();
    sorted.sort_by_key(|outcome| (outcome.phase, outcome.controller));
    std::iter::once(titles.map(str::to_owned).to_vec())
        .chain(sorted.into_iter().map(row))
        .collect()
}

/// For each phase, the middle of each controller's pods a second, and how that is to the first one's.
/// Nothing where there is one controller.
pub(super) fn comparison(outcomes: &[Outcome], labels: &[String]) -> Vec<Vec<String>> {
    if labels.len() < 2 {
        return Vec::new();
    }
    let mut titles = vec!["pods/s, to the first".to_owned()];
    titles.extend(labels.iter().cloned());
    let rows = Phase::ALL.into_iter().map(|phase| {
        let of = |controller: usize| {
            middle(
                outcomes
                    .iter()
                    .filter(|outcome| (outcome.phase, outcome.controller) == (phase, controller))
                    .map(Outcome::pods_a_second)
                    .collect(),
            )
        };
        let first = of(0);
        let figures = (0..labels.len()).map(|controller| {
            let figure = of(controller);
            format!("{figure:.0} ({:.2})", figure / first)
        });
        std::iter::once(phase.name().to_owned())
            .chain(figures)
            .collect()
    });
    std::iter::once(titles).chain(rows).collect()
}

fn middle(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let upper = figures.get(figures.len() / 2).copied();
    let lower = figures.get(figures.len().saturating_sub(1) / 2).copied();
    (upper.unwrap_or_default() + lower.unwrap_or_default()) / 2.0
}

pub(super) fn aims(outcomes: &[Outcome]) -> Vec<Aim> {
    outcomes
        .iter()
        .flat_map(|outcome| {
            let name = format!("{}, controller {}", outcome.phase.name(), outcome.label);
            [
                Aim {
                    what: format!("writes a pod, {name}"),
                    measured: f64::from(outcome.writes.total()) / outcome.n_pods as f64,
                    at_most: outcome.phase.least_writes(),
                    unit: "",
                },
                Aim {
                    what: format!("writes answered 409, {name}"),
                    measured: f64::from(outcome.writes.conflicts),
                    at_most: 0.0,
                    unit: "",
                },
            ]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(phase: Phase, controller: usize, seconds: u64) -> Outcome {
        Outcome {
            phase,
            controller,
            label: format!("{} c", controller + 1),
            n_pods: 10,
            took: Duration::from_secs(seconds),
            floor: Duration::from_secs(2),
            cpu_seconds: 1.0,
            peak: 30_000_000,
            writes: PodWrites {
                creates: 10,
                patches: 10,
                ..PodWrites::default()
            },
            others: Latency::default(),
        }
    }

    #[test]
    fn aims_count_writes_for_each_pod() {
        let mut in_place = outcome(Phase::InPlace, 0, 4);
        in_place.writes.patches = 21;
        in_place.writes.conflicts = 1;
        let outcomes = [outcome(Phase::ScaleOut, 0, 4), in_place];
        let met: Vec<bool> = aims(&outcomes).iter().map(Aim::is_met).collect();
        assert_eq!(met, [true, true, false, false]);
    }

    #[test]
    fn speed_is_told_for_each_pod_and_against_the_floor() {
        let rows = rows(&[
            outcome(Phase::ScaleIn, 0, 2),
            outcome(Phase::ScaleOut, 1, 8),
            outcome(Phase::ScaleOut, 0, 4),
        ]);
        let figures: Vec<&str> = rows[1].iter().map(String::as_str).collect();
        assert_eq!(
            &figures[..8],
            ["scale-out", "1 c", "4.0", "2", "2.0", "2.0", "1.0", "100.0"]
        );
        let order: Vec<(&str, &str)> = rows[1..]
            .iter()
            .map(|row| (row[0].as_str(), row[1].as_str()))
            .collect();
        assert_eq!(
            order,
            [
                ("scale-out", "1 c"),
                ("scale-out", "2 c"),
                ("scale-in", "1 c")
            ]
        );
    }

    #[test]
    fn controllers_are_compared_by_the_middle_of_their_rounds() {
        let outcomes: Vec<Outcome> = [(0, 10), (1, 5), (0, 10), (1, 20), (0, 10), (1, 5)]
            .into_iter()
            .map(|(controller, seconds)| outcome(Phase::InPlace, controller, seconds))
            .collect();
        let labels = ["1 c", "2 c"].map(str::to_owned);
        let rows = comparison(&outcomes, &labels);
        assert_eq!(rows[2], ["in place", "1 (1.00)", "2 (2.00)"]);
        assert!(comparison(&outcomes, &labels[..1]).is_empty());
        assert_eq!(middle(vec![1.0, 4.0]), 2.5);
    }
}
