//! The commands that need nothing but this crate, for tests, which then build no more. People have them
//! as `cargo xtask …`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use localkube::{cluster, deploy, image};

#[derive(Parser)]
#[command(about, version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A real multi-node Kubernetes on this machine, without Docker
    Cluster(cluster::Args),
    /// Build OCI images of deployables
    Image(image::Args),
    /// Build, push and install an overlay, and wait until it runs
    Deploy(deploy::Args),
    /// Take an overlay away again; custom resources stay
    Undeploy(deploy::UndeployArgs),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Cluster(args) => cluster::run(args),
        Command::Image(args) => image::run(&args),
        Command::Deploy(args) => deploy::run(&args),
        Command::Undeploy(args) => deploy::run_undeploy(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
