//! The binary: flags, and one App.

use std::process::ExitCode;

use clap::Parser;
use kruise_runtime::RuntimeArgs;
use pub_webhook::{PubArgs, app};

/// Guards PodUnavailableBudgets
#[derive(Parser)]
#[command(name = pub_webhook::NAME, version, about)]
struct Args {
    #[command(flatten)]
    runtime: RuntimeArgs,
    #[command(flatten)]
    budgets: PubArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    kruise_runtime::run(args.runtime, vec![app(args.budgets)])
}
