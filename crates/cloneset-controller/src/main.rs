//! The binary: flags, and one App.

use std::process::ExitCode;

use clap::Parser;
use cloneset_controller::{CloneSetArgs, app};
use kruise_runtime::RuntimeArgs;

/// Runs CloneSets: creates, scales and updates their pods, in place where possible
#[derive(Parser)]
#[command(name = cloneset_controller::NAME, version, about)]
struct Args {
    #[command(flatten)]
    runtime: RuntimeArgs,
    #[command(flatten)]
    cloneset: CloneSetArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    kruise_runtime::run(args.runtime, vec![app(args.cloneset)])
}
