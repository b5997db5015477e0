//! `cargo xtask bench memory`: what the controller holds for many pods, and for revisions of others, over what it
//! holds for none.

use std::time::Duration;

use anyhow::{Result, bail};
use localkube::interrupt::Interrupt;
use localkube::progress::Progress;
use serde_json::json;

use super::controller::Controller;
use super::ground::{Ground, GroundArgs};
use super::hollow::{self, Hollow};
use super::table::{self, Aim, megabytes};
use super::usage::{Memory, Settling};
use super::{load, pods};

/// CloneSets that the pods are spread over.
const CLONESETS: usize = 20;
/// Over the floor, in MB, for 10,000 pods.
const MOST_OVER_IDLE: f64 = 30.0;
const PODS_OF_AIM: f64 = 10_000.0;
const MOST_PEAK: f64 = 1.5;
const OF_OTHERS: &str = "revisions of others";
/// Over the floor, in MB, for as many of them.
const MOST_OF_OTHERS: f64 = 12.0;
/// 10,000 pods take about two minutes on two cores.
const FILL_TIMEOUT: Duration = Duration::from_secs(900);
const PODS: &str = "/api/v1/namespaces/bench/pods";
const REVISIONS: &str = "/apis/apps/v1/namespaces/bench/controllerrevisions";
const CLONESET_PATH: &str = "/apis/apps.kruise.io/v1beta1/namespaces/bench/clonesets";
/// Nothing is in this namespace.
const EMPTY: &str = "kube-public";
const LIST_TIMEOUT: Duration = Duration::from_secs(180);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many pods there are
    #[arg(long, default_value_t = 10_000)]
    pods: usize,
    /// How many revisions of others there are, as StatefulSets and DaemonSets leave them
    #[arg(long, default_value_t = 10_000)]
    revisions: usize,
    /// Measure with the pods that an earlier run left with --keep, and create none
    #[arg(long)]
    reuse: bool,
    /// Fail when an aim is missed
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    ground: GroundArgs,
}

/// The controller in one situation.
struct Figure {
    what: String,
    memory: Memory,
}

pub(crate) fn run(args: &Args, interrupt: &Interrupt, progress: &Progress) -> Result<()> {
    let ground = Ground::prepare(&args.ground, false, interrupt, progress)?;
    let n_pods = args.pods;
    let mut figures = Vec::new();
    let mut add = |what: &str, memory| {
        figures.push(Figure {
            what: what.to_owned(),
            memory,
        });
    };

    ground.step("idle: no pods");
    add("no pods (the floor)", idle(&ground)?);
    if !args.reuse {
        ground.clear()?;
        ground.step(format!("creating {} revisions of others", args.revisions));
        load::each(args.revisions, |idx| {
            let revision = pods::revision_of_another(idx);
            ground.api.create(REVISIONS, &revision).map(drop)
        })?;
        add(OF_OTHERS, restarted(&ground, 0)?);
        ground.clear()?;
        let hollow = Hollow::start(&ground.api);
        ground.step(format!("creating {n_pods} pods without owner"));
        create_plain(&ground, &hollow, n_pods)?;
        add("all without owner", restarted(&ground, 0)?);
        ground.clear()?;
        add(
            "all of CloneSets, created by it",
            filled(&ground, &hollow, n_pods)?,
        );
        let (n_failures, last) = hollow.failures();
        ground.step(format!(
            "of the hollow kubelets' calls {n_failures} failed {last}"
        ));
    }

    ground.step("restarting the controller");
    let mut controller = Controller::start(&ground.program, interrupt)?;
    controller.wait_until_idle_with(n_pods, LIST_TIMEOUT)?;
    add("the same, restarted", controller.settled()?);
    ground.step("restarting the API server, so that watches list again");
    add(
        "the same, listed again",
        listed_again(&ground, &mut controller, n_pods)?,
    );
    controller.stop()?;

    println!(
        "{n_pods} pods of {:.1} kB each, in MB\n",
        size_of_one(&ground)? / 1e3
    );
    table::print(&figures_as_rows(&figures));
    let aims = aims(&figures, n_pods, args.revisions);
    println!();
    table::print(&aims.iter().map(Aim::verdict).collect::<Vec<_>>());
    if args.check && !aims.iter().all(Aim::is_met) {
        bail!("an aim is missed");
    }
    Ok(())
}

/// A process that watches a namespace without anything in it, whatever else there is.
fn idle(ground: &Ground<'_>) -> Result<Memory> {
    let mut controller = Controller::start_for(&ground.program, EMPTY, ground.interrupt)?;
    controller.wait_until_idle_with(0, LIST_TIMEOUT)?;
    let memory = controller.settled()?;
    controller.stop()?;
    Ok(memory)
}

/// A fresh process with what there is.
fn restarted(ground: &Ground<'_>, n_known: usize) -> Result<Memory> {
    let mut controller = Controller::start(&ground.program, ground.interrupt)?;
    controller.wait_until_idle_with(n_known, LIST_TIMEOUT)?;
    let memory = controller.settled()?;
    controller.stop()?;
    Ok(memory)
}

fn create_plain(ground: &Ground<'_>, hollow: &Hollow, n_pods: usize) -> Result<()> {
    load::each(n_pods, |idx| {
        let pod = pods::plain("plain", &format!("plain-{idx}"));
        ground.api.create(PODS, &pod).map(drop)
    })?;
    wait_until_ready(ground, hollow, n_pods)
}

/// The process that has created all pods.
fn filled(ground: &Ground<'_>, hollow: &Hollow, n_pods: usize) -> Result<Memory> {
    let n_sets = CLONESETS.min(n_pods);
    ground.step(format!("{n_sets} CloneSets create {n_pods} pods"));
    let mut controller = Controller::start(&ground.program, ground.interrupt)?;
    for idx in 0..n_sets {
        // The first ones take what doesn't divide evenly.
        let replicas = n_pods / n_sets + usize::from(idx < n_pods % n_sets);
        let strategy = json!({"type": "RollingUpdate", "rollingUpdate": {"podUpdatePolicy": "InPlaceIfPossible"}});
        let set = pods::cloneset(&format!("web-{idx}"), replicas, "1", &strategy);
        ground.api.create(CLONESET_PATH, &set)?;
    }
    wait_until_ready(ground, hollow, n_pods)?;
    controller.wait_until_idle_with(n_pods, FILL_TIMEOUT)?;
    let memory = controller.settled()?;
    controller.stop()?;
    Ok(memory)
}

/// How large a pod is, in bytes of JSON as the API server sends it.
fn size_of_one(ground: &Ground<'_>) -> Result<f64> {
    let list = ground.api.get(&format!("{PODS}?limit=1"))?;
    let pod = list.as_ref().and_then(|list| list.pointer("/items/0"));
    Ok(pod.map_or(0, |pod| pod.to_string().len()) as f64)
}

fn wait_until_ready(ground: &Ground<'_>, hollow: &Hollow, n_pods: usize) -> Result<()> {
    let image = pods::image("app", "1");
    ground.wait_for(&format!("{n_pods} pods to be ready"), FILL_TIMEOUT, || {
        Ok(hollow.count(|pod| hollow::serves(pod, "app", &image)) == n_pods)
    })
}

/// The peak is that of the new list alone.
fn listed_again(
    ground: &Ground<'_>,
    controller: &mut Controller<'_>,
    n_pods: usize,
) -> Result<Memory> {
    const RESTARTS: &str = "kruise_watch_restarts_total";
    let gone = |controller: &Controller<'_>| {
        controller.metric(RESTARTS, "resource=\"pods\",reason=\"gone\"")
    };
    let before = gone(controller)?;
    controller.reset_peak()?;
    ground.restart_api_server()?;
    controller.wait_for(
        "the watch of pods to be told \"410 Gone\"",
        LIST_TIMEOUT,
        |controller| Ok(gone(controller)? > before),
    )?;
    // The list itself comes after the restart that is counted.
    std::thread::sleep(Settling::FOR);
    controller.wait_until_idle_with(n_pods, LIST_TIMEOUT)?;
    controller.settled()
}

fn figures_as_rows(figures: &[Figure]) -> Vec<Vec<String>> {
    let idle = figures.first().map_or(0, |idle| idle.memory.resident);
    let titles = [
        "MB",
        "settled",
        "over idle",
        "peak",
        "peak/settled",
        "PSS",
        "anonymous",
    ];
    let row = |figure: &Figure| {
        let Memory {
            resident,
            peak,
            proportional,
            anonymous,
        } = figure.memory;
        vec![
            figure.what.clone(),
            format!("{:.1}", megabytes(resident)),
            format!("{:.1}", megabytes(resident) - megabytes(idle)),
            format!("{:.1}", megabytes(peak)),
            format!("{:.2}", ratio(peak, resident)),
            format!("{:.1}", megabytes(proportional)),
            format!("{:.1}", megabytes(anonymous)),
        ]
    };
    std::iter::once(titles.map(str::to_owned).to_vec())
        .chain(figures.iter().map(row))
        .collect()
}

/// The aim over idle grows with the pods, or with the revisions of others; that of the peak doesn't.
fn aims(figures: &[Figure], n_pods: usize, n_revisions: usize) -> Vec<Aim> {
    let idle = figures.first().map_or(0, |idle| idle.memory.resident);
    let share = |n: usize| (n as f64 / PODS_OF_AIM).max(0.1);
    let most = |what: &str| match what {
        OF_OTHERS => MOST_OF_OTHERS * share(n_revisions),
        _ => MOST_OVER_IDLE * share(n_pods),
    };
    figures
        .iter()
        .skip(1)
        .flat_map(|Figure { what, memory }| {
            [
                Aim {
                    what: format!("over idle, {what}"),
                    measured: megabytes(memory.resident) - megabytes(idle),
                    at_most: most(what),
                    unit: "MB",
                },
                Aim {
                    what: format!("peak / settled, {what}"),
                    measured: ratio(memory.peak, memory.resident),
                    at_most: MOST_PEAK,
                    unit: "",
                },
            ]
        })
        .collect()
}

fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(what: &str, resident: u64, peak: u64) -> Figure {
        Figure {
            what: what.to_owned(),
            memory: Memory {
                resident: resident * 1_000_000,
                peak: peak * 1_000_000,
                ..Memory::default()
            },
        }
    }

    #[test]
    fn aims_are_over_the_first_figure_and_against_the_own_peak() {
        let figures = [figure("idle", 10, 10), figure("full", 45, 50)];
        let aims = aims(&figures, 10_000, 0);
        let met: Vec<bool> = aims.iter().map(Aim::is_met).collect();
        assert_eq!(met, [false, true]);
        assert!((aims[0].measured - 35.0).abs() < 1e-6);
    }

    #[test]
    fn revisions_of_others_have_an_aim_of_their_own() {
        let aims = aims(
            &[figure("idle", 10, 10), figure(OF_OTHERS, 26, 26)],
            10_000,
            10_000,
        );
        assert!(!aims[0].is_met(), "16 MB");
    }

    #[test]
    fn fewer_pods_may_take_less() {
        let aims = aims(&[figure("idle", 10, 10), figure("full", 26, 26)], 5_000, 0);
        assert!(!aims[0].is_met(), "16 MB for half of the pods");
    }
}
