//! The binary: flags, and one App.

use std::process::ExitCode;

use broadcastjob_controller::{BroadcastJobArgs, app};
use clap::Parser;
use kruise_runtime::RuntimeArgs;

/// Runs BroadcastJobs
#[derive(Parser)]
#[command(name = broadcastjob_controller::NAME, version, about)]
struct Args {
    #[command(flatten)]
    runtime: RuntimeArgs,
    #[command(flatten)]
    broadcast_job: BroadcastJobArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    kruise_runtime::run(args.runtime, vec![app(args.broadcast_job)])
}
