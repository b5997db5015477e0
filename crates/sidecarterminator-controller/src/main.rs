//! The binary: flags, and one App.

use std::process::ExitCode;

use clap::Parser;
use kruise_runtime::RuntimeArgs;
use sidecarterminator_controller::{SidecarTerminatorArgs, app};

/// Ends the sidecars of pods whose other containers have ended
#[derive(Parser)]
#[command(name = sidecarterminator_controller::NAME, version, about)]
struct Args {
    #[command(flatten)]
    runtime: RuntimeArgs,
    #[command(flatten)]
    sidecar_terminator: SidecarTerminatorArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    kruise_runtime::run(args.runtime, vec![app(args.sidecar_terminator)])
}
