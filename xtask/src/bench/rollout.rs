//! `cargo xtask bench rollout`: how fast one large CloneSet is scaled out and updated when nothing but the
//! API server holds it back, and what that costs.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use kruise_api::pod::Pod;
use serde_json::{Value, json};

use super::api::PatchKind;
use super::controller::Controller;
use super::floor;
use super::ground::{Ground, GroundArgs, NAMESPACE};
use super::hollow::{self, Hollow};
use super::pods;
use super::table::{self, Aim, megabytes};
use crate::interrupt::Interrupt;
use crate::pod_writes::{self, PodWrites};
use crate::progress::Progress;

const SET: &str = "web";
const SETS: &str = "/apis/apps.kruise.io/v1beta1/namespaces/bench/clonesets";
const TIMEOUT: Duration = Duration::from_secs(600);
/// Writes that belong to a roll-out come within this time after its last pod is in service.
const AFTERMATH: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(20);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many pods the CloneSet has
    #[arg(long, default_value_t = 500)]
    pods: usize,
    /// Fail when an aim is missed
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    ground: GroundArgs,
}

/// One roll-out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    ScaleOut,
    InPlace,
    ReCreate,
}

/// What a roll-out took.
struct Outcome {
    phase: Phase,
    took: Duration,
    /// The same number of the least writes, by a plain loop.
    floor: Duration,
    cpu_seconds: f64,
    peak: u64,
    writes: PodWrites,
}

pub(crate) fn run(args: &Args, interrupt: &Interrupt, progress: &Progress) -> Result<()> {
    let ground = Ground::prepare(&args.ground, true, interrupt, progress)?;
    ground.clear()?;
    let n_pods = args.pods;
    ground.step(format!("the floor: {n_pods} pods by a plain loop"));
    let floors = floor::measure(&ground, n_pods)?;
    ground.clear()?;

    let hollow = Hollow::start(&ground.api);
    let mut controller = Controller::start(&ground.program, interrupt)?;
    controller.wait_until_idle_with(0, TIMEOUT)?;
    let mut outcomes = Vec::new();
    for (phase, floor) in [
        (Phase::ScaleOut, floors.create),
        (Phase::InPlace, floors.in_place),
        (Phase::ReCreate, floors.recreate),
    ] {
        ground.step(format!("{n_pods} pods: {}", phase.name()));
        outcomes.push(roll_out(
            &ground,
            &hollow,
            &mut controller,
            phase,
            floor,
            n_pods,
        )?);
    }
    controller.stop()?;
    let (n_failures, last) = hollow.failures();
    ground.step(format!(
        "the hollow kubelets wrote {} times beside it; {n_failures} failed {last}",
        hollow.writes()
    ));

    table::print(&rows(&outcomes, n_pods));
    println!();
    let aims = aims(&outcomes, n_pods);
    table::print(&aims.iter().map(Aim::verdict).collect::<Vec<_>>());
    if args.check && !aims.iter().all(Aim::is_met) {
        bail!("an aim is missed");
    }
    Ok(())
}

fn roll_out(
    ground: &Ground<'_>,
    hollow: &Hollow,
    controller: &mut Controller<'_>,
    phase: Phase,
    floor: Duration,
    n_pods: usize,
) -> Result<Outcome> {
    controller.reset_peak()?;
    let cpu_before = controller.cpu_seconds()?;
    let from = Timestamp::now();
    let start = Instant::now();
    phase.begin(ground, n_pods)?;
    let image = pods::image("app", phase.tag());
    let serves = |pod: &Pod| hollow::serves(pod, "app", &image);
    while hollow.count(serves) < n_pods || hollow.count(|_| true) > n_pods {
        ground.interrupt.check()?;
        if start.elapsed() > TIMEOUT {
            bail!(
                "{} of {n_pods} pods serve after {} s",
                hollow.count(serves),
                TIMEOUT.as_secs()
            );
        }
        std::thread::sleep(POLL);
    }
    let took = start.elapsed();
    std::thread::sleep(AFTERMATH);
    controller.wait_until_idle_with(n_pods, TIMEOUT)?;
    let log = ground
        .audit_log
        .as_deref()
        .context("the audit log is off")?;
    let writes = pod_writes::count_in(
        log,
        pod_writes::Span {
            namespace: NAMESPACE,
            from,
            to: Timestamp::now(),
        },
    )?;
    Ok(Outcome {
        phase,
        took,
        floor,
        cpu_seconds: controller.cpu_seconds()? - cpu_before,
        peak: controller.memory()?.peak,
        writes,
    })
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::ScaleOut => "scale-out",
            Self::InPlace => "in place",
            Self::ReCreate => "ReCreate",
        }
    }

    fn tag(self) -> &'static str {
        match self {
            Self::ScaleOut => "1",
            Self::InPlace => "2",
            Self::ReCreate => "3",
        }
    }

    /// Writes to a pod that are needed, by the controller.
    fn least_writes(self) -> f64 {
        match self {
            Self::ScaleOut => 2.0,
            Self::InPlace => 3.0,
            Self::ReCreate => 4.0,
        }
    }

    fn begin(self, ground: &Ground<'_>, n_pods: usize) -> Result<()> {
        let policy = if self == Self::ReCreate {
            "ReCreate"
        } else {
            "InPlaceOnly"
        };
        let strategy = json!({
            "type": "RollingUpdate",
            "rollingUpdate": {"podUpdatePolicy": policy, "maxUnavailable": "100%"},
        });
        if self == Self::ScaleOut {
            let set = pods::cloneset(SET, n_pods, self.tag(), &strategy);
            return ground.api.create(SETS, &set).map(drop);
        }
        // The template is one value to a merge patch's lists, so it is given whole.
        let template: Value = pods::template(SET, self.tag());
        let patch = json!({"spec": {"template": template, "updateStrategy": strategy}});
        let path = format!("{SETS}/{SET}");
        ground.api.patch(&path, PatchKind::Merge, &patch).map(drop)
    }
}

fn rows(outcomes: &[Outcome], n_pods: usize) -> Vec<Vec<String>> {
    let titles = [
        "",
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
    ];
    let row = |outcome: &Outcome| {
        let seconds = outcome.took.as_secs_f64();
        let writes = outcome.writes;
        vec![
            outcome.phase.name().to_owned(),
            format!("{seconds:.1}"),
            format!("{:.0}", n_pods as f64 / seconds),
            format!("{:.1}", outcome.floor.as_secs_f64()),
            format!("{:.1}", seconds / outcome.floor.as_secs_f64()),
            format!("{:.1}", outcome.cpu_seconds),
            format!("{:.1}", outcome.cpu_seconds * 1e3 / n_pods as f64),
            format!("{:.1}", megabytes(outcome.peak)),
            writes.creates.to_string(),
            writes.patches.to_string(),
            writes.deletes.to_string(),
            writes.conflicts.to_string(),
            writes.refused.to_string(),
        ]
    };
    std::iter::once(titles.map(str::to_owned).to_vec())
        .chain(outcomes.iter().map(row))
        .collect()
}

fn aims(outcomes: &[Outcome], n_pods: usize) -> Vec<Aim> {
    outcomes
        .iter()
        .flat_map(|outcome| {
            let name = outcome.phase.name();
            [
                Aim {
                    what: format!("writes a pod, {name}"),
                    measured: f64::from(outcome.writes.total()) / n_pods as f64,
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

    fn outcome(phase: Phase, creates: u32, patches: u32, conflicts: u32) -> Outcome {
        Outcome {
            phase,
            took: Duration::from_secs(4),
            floor: Duration::from_secs(2),
            cpu_seconds: 1.0,
            peak: 30_000_000,
            writes: PodWrites {
                creates,
                patches,
                conflicts,
                ..PodWrites::default()
            },
        }
    }

    #[test]
    fn aims_count_writes_for_each_pod() {
        let outcomes = [
            outcome(Phase::ScaleOut, 10, 10, 0),
            outcome(Phase::InPlace, 0, 31, 1),
        ];
        let met: Vec<bool> = aims(&outcomes, 10).iter().map(Aim::is_met).collect();
        assert_eq!(met, [true, true, false, false]);
    }

    #[test]
    fn speed_is_told_for_each_pod_and_against_the_floor() {
        let rows = rows(&[outcome(Phase::ScaleOut, 10, 10, 0)], 10);
        let figures: Vec<&str> = rows[1].iter().map(String::as_str).collect();
        assert_eq!(
            &figures[..7],
            ["scale-out", "4.0", "2", "2.0", "2.0", "1.0", "100.0"]
        );
    }
}
