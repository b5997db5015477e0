//! The binary: flags, and one App.

use std::process::ExitCode;

use clap::Parser;
use deletion_protection_webhook::app;
use kruise_runtime::RuntimeArgs;

/// Refuses the deletion of objects that are labelled for protection
#[derive(Parser)]
#[command(name = deletion_protection_webhook::NAME, version, about)]
struct Args {
    #[command(flatten)]
    runtime: RuntimeArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    kruise_runtime::run(args.runtime, vec![app()])
}
