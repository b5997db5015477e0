//! `cargo xtask bench rollout`: how fast one large CloneSet is scaled out, updated and scaled in when nothing
//! but the API server holds it back, and what that costs: the controller, and others at the API server.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use kruise_api::pod::Pod;
use localkube::interrupt::Interrupt;
use localkube::pod_writes;
use localkube::progress::{Patience, Progress};
use serde_json::{Value, json};

use super::api::PatchKind;
use super::controller::Controller;
use super::floor::{self, Floors};
use super::ground::{Ground, GroundArgs, NAMESPACE};
use super::hollow::{self, Hollow};
use super::outcome::{self, Outcome};
use super::pods;
use super::probe::Probe;
use super::table::{self, Aim};
use super::variants::Variant;

const SET: &str = "web";
const SETS: &str = "/apis/apps.kruise.io/v1beta1/namespaces/bench/clonesets";
const TIMEOUT: Duration = Duration::from_secs(600);
/// Writes that belong to a roll-out come within this time after its last pod is in service.
const AFTERMATH: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(20);
/// How long the API server is looked at while nothing is done.
const IDLE: Duration = Duration::from_secs(5);
/// A scale-in leaves one of so many pods.
const SCALE_IN_BY: usize = 10;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many pods the CloneSet has
    #[arg(long, default_value_t = 500)]
    pods: usize,
    /// Fail when an aim is missed
    #[arg(long)]
    check: bool,
    /// Measure this controller, with flags behind it if need be: "FILE --rest-config-qps=300"; can be repeated:
    /// then they take turns on one cluster, and are compared
    #[arg(long = "controller", value_name = "FILE", conflicts_with = "binary")]
    controllers: Vec<String>,
    /// A flag for every controller, such as --controller-arg=--rest-config-qps=1000; can be repeated
    #[arg(
        long = "controller-arg",
        value_name = "FLAG",
        allow_hyphen_values = true
    )]
    controller_args: Vec<String>,
    /// How often each controller has its turn
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    #[command(flatten)]
    ground: GroundArgs,
}

/// One roll-out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Phase {
    ScaleOut,
    InPlace,
    ReCreate,
    ScaleIn,
}

pub(crate) fn run(args: &Args, interrupt: &Interrupt, progress: &Progress) -> Result<()> {
    let variants: Vec<Variant> = args
        .controllers
        .iter()
        .zip(1..)
        .map(|(text, number)| Variant::parse(number, text, &args.controller_args))
        .collect::<Result<_>>()?;
    let ground_args = match variants.first() {
        // Nothing has to be built then.
        Some(first) => &args.ground.with_binary(&first.binary),
        None => &args.ground,
    };
    let mut ground = Ground::prepare(ground_args, true, interrupt, progress)?;
    let variants = if variants.is_empty() {
        vec![Variant {
            label: "1".to_owned(),
            description: ground.program.binary.display().to_string(),
            binary: ground.program.binary.clone(),
            args: args.controller_args.clone(),
        }]
    } else {
        variants
    };
    ground.clear()?;
    let n_pods = args.pods;
    let probe = Probe::start(&ground.api)?;
    std::thread::sleep(IDLE);
    let idle = probe.take();
    ground.step(format!("the floor: {n_pods} pods by a plain loop"));
    let floors = floor::measure(&ground, n_pods, n_pods - left_of(n_pods))?;
    let under_floor = probe.take();
    ground.clear()?;

    let hollow = Hollow::start(&ground.api);
    let mut outcomes = Vec::new();
    for round in 1..=args.rounds {
        for (controller, variant) in variants.iter().enumerate() {
            ground.step(format!(
                "round {round} of {}: controller {}",
                args.rounds, variant.description
            ));
            ground.program.binary.clone_from(&variant.binary);
            ground.program.args.clone_from(&variant.args);
            ground.clear()?;
            ground.wait_for("the hollow kubelets to see that", TIMEOUT, || {
                Ok(hollow.count(|_| true) == 0)
            })?;
            let turn = Turn {
                ground: &ground,
                hollow: &hollow,
                probe: &probe,
                floors: &floors,
                controller,
                variant,
                n_pods,
            };
            outcomes.extend(turn.play()?);
        }
    }
    let (n_failures, last) = hollow.failures();
    ground.step(format!(
        "the hollow kubelets wrote {} times beside it; {n_failures} failed {last}",
        hollow.writes()
    ));

    for variant in &variants {
        println!("controller {}: {}", variant.label, variant.description);
    }
    table::print(&outcome::rows(&outcomes));
    println!();
    for (what, latency) in [("idle", idle), ("under the floor", under_floor)] {
        println!(
            "others at the API server, {what}: read p50 {:.1} p99 {:.1} ms, patch p50 {:.1} p99 {:.1} ms, {} failed",
            latency.read.p50,
            latency.read.p99,
            latency.patch.p50,
            latency.patch.p99,
            latency.failures
        );
    }
    println!();
    let labels: Vec<String> = variants.into_iter().map(|variant| variant.label).collect();
    table::print(&outcome::comparison(&outcomes, &labels));
    let aims = outcome::aims(&outcomes);
    table::print(&aims.iter().map(Aim::verdict).collect::<Vec<_>>());
    if args.check && !aims.iter().all(Aim::is_met) {
        bail!("an aim is missed");
    }
    Ok(())
}

/// One controller's turn.
struct Turn<'a> {
    ground: &'a Ground<'a>,
    hollow: &'a Hollow,
    probe: &'a Probe,
    floors: &'a Floors,
    controller: usize,
    variant: &'a Variant,
    n_pods: usize,
}

impl Turn<'_> {
    /// All phases, from the process' start to its end.
    fn play(&self) -> Result<Vec<Outcome>> {
        let mut process = Controller::start(&self.ground.program, self.ground.interrupt)?;
        process.wait_until_idle_with(0, TIMEOUT)?;
        let mut outcomes = Vec::new();
        for phase in Phase::ALL {
            self.ground
                .step(format!("{} pods: {}", self.n_pods, phase.name()));
            outcomes.push(self.roll_out(&mut process, phase)?);
        }
        process.stop()?;
        Ok(outcomes)
    }

    fn roll_out(&self, process: &mut Controller<'_>, phase: Phase) -> Result<Outcome> {
        let ground = self.ground;
        process.reset_peak()?;
        let cpu_before = process.cpu_seconds()?;
        let _ = self.probe.take();
        let from = Timestamp::now();
        let start = Instant::now();
        phase.begin(ground, self.n_pods)?;
        self.wait_for_pods(phase)?;
        let took = start.elapsed();
        let others = self.probe.take();
        std::thread::sleep(AFTERMATH);
        process.wait_until_idle_with(phase.pods_after(self.n_pods), TIMEOUT)?;
        let log = ground
            .audit_log
            .as_deref()
            .context("the audit log is off")?;
        let span = pod_writes::Span {
            namespace: NAMESPACE,
            from,
            to: Timestamp::now(),
        };
        Ok(Outcome {
            phase,
            controller: self.controller,
            label: self.variant.label.clone(),
            n_pods: phase.moved(self.n_pods),
            took,
            floor: phase.floor(self.floors),
            cpu_seconds: process.cpu_seconds()? - cpu_before,
            peak: process.memory()?.peak,
            writes: pod_writes::count_in(log, span)?,
            others,
        })
    }

    fn wait_for_pods(&self, phase: Phase) -> Result<()> {
        let wanted = phase.pods_after(self.n_pods);
        let image = pods::image("app", phase.tag());
        let serves = |pod: &Pod| hollow::serves(pod, "app", &image);
        let seen = || {
            let (serving, all) = (self.hollow.count(serves), self.hollow.count(|_| true));
            format!("{serving} of {wanted} pods serve, {all} are there")
        };
        let mut patience = Patience::new(format!("for the {} to end", phase.name()));
        while self.hollow.count(serves) < wanted || self.hollow.count(|_| true) > wanted {
            self.ground.interrupt.check()?;
            if patience.elapsed() > TIMEOUT {
                bail!("{} after {} s", seen(), TIMEOUT.as_secs());
            }
            patience.look(seen);
            std::thread::sleep(POLL);
        }
        Ok(())
    }
}

/// How many pods a scale-in leaves.
fn left_of(n_pods: usize) -> usize {
    n_pods / SCALE_IN_BY
}

impl Phase {
    /// In their order; each begins with what the one before left.
    pub(super) const ALL: [Self; 4] =
        [Self::ScaleOut, Self::InPlace, Self::ReCreate, Self::ScaleIn];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ScaleOut => "scale-out",
            Self::InPlace => "in place",
            Self::ReCreate => "ReCreate",
            Self::ScaleIn => "scale-in",
        }
    }

    fn tag(self) -> &'static str {
        match self {
            Self::ScaleOut => "1",
            Self::InPlace => "2",
            Self::ReCreate | Self::ScaleIn => "3",
        }
    }

    fn floor(self, floors: &Floors) -> Duration {
        match self {
            Self::ScaleOut => floors.create,
            Self::InPlace => floors.in_place,
            Self::ReCreate => floors.recreate,
            Self::ScaleIn => floors.delete,
        }
    }

    /// How many pods there are at its end.
    fn pods_after(self, n_pods: usize) -> usize {
        match self {
            Self::ScaleOut | Self::InPlace | Self::ReCreate => n_pods,
            Self::ScaleIn => left_of(n_pods),
        }
    }

    /// How many pods it is about.
    fn moved(self, n_pods: usize) -> usize {
        match self {
            Self::ScaleOut | Self::InPlace | Self::ReCreate => n_pods,
            Self::ScaleIn => n_pods - left_of(n_pods),
        }
    }

    /// Writes to a pod that are needed, by the controller.
    pub(super) fn least_writes(self) -> f64 {
        match self {
            Self::ScaleOut => 2.0,
            Self::InPlace => 3.0,
            Self::ReCreate => 4.0,
            Self::ScaleIn => 1.0,
        }
    }

    fn begin(self, ground: &Ground<'_>, n_pods: usize) -> Result<()> {
        let path = format!("{SETS}/{SET}");
        if self == Self::ScaleIn {
            let patch = json!({"spec": {"replicas": self.pods_after(n_pods)}});
            return ground.api.patch(&path, PatchKind::Merge, &patch).map(drop);
        }
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
        ground.api.patch(&path, PatchKind::Merge, &patch).map(drop)
    }
}
