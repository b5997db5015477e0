//! `cargo xtask soak`: what a controller does when it is killed, or when the API server goes away, proven on
//! a real cluster. Run by hand; each flag is a stage, and what a stage finds broken makes the exit code.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use localkube::cluster::{Cluster, UpOptions};
use localkube::interrupt::Interrupt;
use localkube::own_cluster::OwnCluster;
use localkube::progress::{Progress, say};

mod bounds;
mod figures;
mod ground;
mod kills;
mod leader;
mod outage;
mod plan;
mod probe;
mod random;
mod record;
mod requests;
mod seen;
mod serving;
mod spread;
mod take_over;

use ground::Ground;

/// The soak's own cluster: nobody else's has this name.
const CLUSTER: &str = "kruise-soak";
/// What is deployed.
const OVERLAY: &str = "cloneset";
/// What is built for that.
const DEPLOYABLES: [&str; 1] = ["cloneset-controller"];

/// Bounds that a stage saw broken, for people.
type Broken = Vec<String>;

/// The arguments of `cargo xtask soak`.
#[derive(clap::Args)]
pub struct Args {
    /// Kill the leader so many times in the middle of roll-outs
    #[arg(long, value_name = "N")]
    kills: Option<u32>,
    /// Stop the API server for so long in the middle of a roll-out, and have etcd forget
    #[arg(long, value_name = "SECONDS")]
    outage: Option<u64>,
    #[command(flatten)]
    serving: serving::Args,
    /// What is drawn at random, drawn again: an earlier run's seed
    #[arg(long, value_name = "NUMBER", requires = "kills")]
    seed: Option<u64>,
    /// Leave the cluster up at the end, and say how to look at it
    #[arg(long)]
    keep: bool,
    /// Name of the cluster that is made for the soak
    #[arg(long, default_value = CLUSTER)]
    name: String,
    /// How many nodes it has
    #[arg(long, default_value_t = 2)]
    nodes: u8,
}

/// Runs `cargo xtask soak`.
pub fn run(args: &Args) -> Result<()> {
    if args.kills.is_none() && args.outage.is_none() && args.serving.is_empty() {
        bail!(
            "nothing to do: give at least one of --kills N (the leader is killed in roll-outs), --outage \
             SECONDS (the API server stays away in a roll-out), --starts N, --restarts N and --rotations N \
             (webhooks go on being served)"
        );
    }
    let progress = Progress::begin();
    let interrupt = Interrupt::listen()?;
    let options = UpOptions {
        name: args.name.clone(),
        nodes: args.nodes,
        audit: true,
    };
    let own = OwnCluster {
        command: "soak",
        usual_name: CLUSTER,
        options: &options,
        then: None,
        overlay: OVERLAY,
        deployables: &DEPLOYABLES,
        interrupt: &interrupt,
        progress: &progress,
    };
    let mut broken = Broken::new();
    own.play(
        args.keep,
        |cluster| {
            broken = stages(args, &Ground::of(cluster, &interrupt, &progress)?)?;
            Ok(())
        },
        explain,
    )?;
    if broken.is_empty() {
        return say("No bound was broken.");
    }
    bail!(
        "{} bounds were broken:\n  {}",
        broken.len(),
        broken.join("\n  ")
    )
}

/// Each stage that was asked for, in this order.
fn stages(args: &Args, ground: &Ground<'_>) -> Result<Broken> {
    let mut broken = Broken::new();
    if let Some(n_kills) = args.kills {
        let seed = args.seed.map_or_else(new_seed, Ok)?;
        broken.extend(kills::run(ground, n_kills, seed)?);
    }
    if let Some(seconds) = args.outage {
        broken.extend(outage::run(ground, Duration::from_secs(seconds))?);
    }
    serving::run(ground, &args.serving)?;
    Ok(broken)
}

fn new_seed() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(now.context("read the clock")?.as_secs())
}

/// What was kept, and how it goes away.
fn explain(cluster: &Cluster) -> Result<()> {
    say("")?;
    say("The cluster stays:")?;
    say(&format!(
        "  export KUBECONFIG={}",
        cluster.kubeconfig().display()
    ))?;
    if let Some(log) = cluster.audit_log() {
        say(&format!("  audit log: {}", log.display()))?;
    }
    say(&format!(
        "To take it away: cargo xtask cluster down --name {}",
        cluster.name()
    ))
}
