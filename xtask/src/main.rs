//! The project's own commands, run as `cargo xtask …`.

use clap::{Parser, Subcommand};
use localkube::{cluster, deploy, image};

mod conformance;
mod crd_choices;
mod demo;
mod deployables;
mod fuzz;
mod gen_crds;
mod gen_deploy;
mod generated;
mod new_controller;
mod sim;
mod test;
mod tidy;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about, version)]
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
    /// A CloneSet updated in place, then by ReCreate, on a local cluster
    Demo(demo::Args),
    /// What must hold many times over: leaders killed, the API server away, certificates changed
    Soak(soak::Args),
    /// Benchmarks on a control plane of their own
    Bench(bench::Args),
    /// All tests: static checks, unit and property tests, then end to end
    Test(test::Args),
    /// The property tests of kruise-api, with many cases for some time
    Fuzz(fuzz::Args),
    /// Roll-outs of whole deployables in memory, with faults from seeds
    Sim(sim::Args),
    /// Write crds/ from the types in kruise-api
    GenCrds(gen_crds::Args),
    /// Compare the CRDs with the reference's, as docs/spec has them
    Conformance(conformance::Args),
    /// Write what lies in deploy/ for each deployable, from its table
    GenDeploy(gen_deploy::Args),
    /// Make a controller that builds, deploys and passes a smoke test
    NewController(new_controller::Args),
    /// Check what the compiler can't: dependency edges, file sizes, layout
    Tidy(tidy::Args),
}

fn main() -> std::process::ExitCode {
    let result = match Cli::parse().command {
        Command::Cluster(args) => cluster::run(args),
        Command::Image(args) => image::run(&args),
        Command::Deploy(args) => deploy::run(&args),
        Command::Undeploy(args) => deploy::run_undeploy(&args),
        Command::Demo(args) => demo::run(args),
        Command::Soak(args) => soak::run(&args),
        // Behind this program and `bench`.
        Command::Bench(args) => bench::run(&args, std::env::args_os().skip(2)),
        Command::Test(args) => test::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Sim(args) => sim::run(&args),
        Command::GenCrds(args) => gen_crds::run(&args),
        Command::Conformance(args) => conformance::run(&args),
        Command::GenDeploy(args) => gen_deploy::run(&args),
        Command::NewController(args) => new_controller::run(&args),
        Command::Tidy(args) => tidy::run(&args),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    /// What clap finds wrong with a command, it finds when that command runs.
    #[test]
    fn every_command_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
