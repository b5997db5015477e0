//! `cargo xtask bench`: benchmarks that are run by hand. Each measures a floor in the same run and tells
//! its figures as ratios to it, so that they mean something on another machine too.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context, Result};
use localkube::image;
use localkube::interrupt::Interrupt;
use localkube::process;
use localkube::progress::Progress;

mod api;
mod budgets;
mod controller;
mod events;
mod floor;
mod ground;
mod hollow;
mod hollow_status;
mod load;
mod memory;
mod outcome;
mod pods;
mod probe;
mod rollout;
mod served;
mod table;
mod turns;
mod usage;
mod variants;
mod way;
mod webhook;

/// The arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(clap::Subcommand)]
enum Benchmark {
    /// Deletions and evictions beside pub-webhook, over those that pass it by; its memory with many pods
    Budgets(budgets::Args),
    /// What one event of a pod costs in a large CloneSet, over decoding it; needs no cluster
    Events(events::Args),
    /// Memory of the controller with many pods, over that with none
    Memory(memory::Args),
    /// Scale-out, updates and scale-in of one large CloneSet, over bare writes
    Rollout(rollout::Args),
    /// Creation of pods beside sidecarset-controller's webhook, over creation that passes it by
    Webhook(webhook::Args),
}

/// Runs `cargo xtask bench`. `words` is what was typed behind that, for the optimised program.
pub fn run(args: &Args, words: impl Iterator<Item = OsString>) -> Result<()> {
    let progress = Progress::begin();
    if let Benchmark::Events(args) = &args.benchmark {
        return events::run(args, &progress);
    }
    // What makes the load must not be what is measured.
    if cfg!(debug_assertions) {
        let binary = image::build_binary(env!("CARGO_PKG_NAME"), &progress)?;
        let mut command = Command::new(binary);
        command.args(words);
        let error = command.exec();
        return Err(error).with_context(|| format!("start `{}`", process::show(&command)));
    }
    localkube::cluster::preflight()?;
    let interrupt = Interrupt::listen()?;
    match &args.benchmark {
        Benchmark::Events(args) => events::run(args, &progress),
        Benchmark::Budgets(args) => budgets::run(args, &interrupt, &progress),
        Benchmark::Memory(args) => memory::run(args, &interrupt, &progress),
        Benchmark::Rollout(args) => rollout::run(args, &interrupt, &progress),
        Benchmark::Webhook(args) => webhook::run(args, &interrupt, &progress),
    }
}
