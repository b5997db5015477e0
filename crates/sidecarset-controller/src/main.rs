//! The binary: flags, and one App.

use std::process::ExitCode;

use clap::Parser;
use kruise_runtime::RuntimeArgs;
use sidecarset_controller::{SidecarSetArgs, app};

/// Runs SidecarSets
#[derive(Parser)]
#[command(name = sidecarset_controller::NAME, version, about)]
struct Args {
    #[command(flatten)]
    runtime: RuntimeArgs,
    #[command(flatten)]
    sidecar_set: SidecarSetArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    kruise_runtime::run(args.runtime, vec![app(args.sidecar_set)])
}
