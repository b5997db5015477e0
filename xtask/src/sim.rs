//! `cargo xtask sim`: roll-outs of whole deployables on the test kit, with faults from seeds; see `tests/sim`.

use anyhow::Result;
use localkube::progress::Progress;
use localkube::workspace;

use crate::test::child::Children;

/// Optimised, with overflow checks and debug assertions: each plan is looked at with other eyes. See the workspace's
/// Cargo.toml.
const PROFILE: &str = "fuzz";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// This seed alone, with its story
    #[arg(long, value_name = "NUMBER", conflicts_with = "seeds")]
    seed: Option<u64>,
    /// The first seed
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 1,
        conflicts_with = "seed"
    )]
    from: u64,
    /// This deployable alone; all unless given
    #[arg(long, value_name = "NAME")]
    deployable: Option<String>,
    /// A controller that is broken in this way, which must be noticed; `list` names all, `all` tries each
    #[arg(long, value_name = "NAME", requires = "deployable")]
    mutant: Option<String>,
    /// Logs of the deployable, as a filter such as `info,kruise_runtime=debug`
    #[arg(long, value_name = "FILTER", requires = "seed")]
    log: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let progress = Progress::begin();
    let children = Children::watch_signals()?;
    progress.step("building the simulator");
    let cargo = ["--package", "sim", "--profile", PROFILE];
    children.run(workspace::cargo().arg("build").args(cargo))?;
    progress.step("playing");
    let mut command = workspace::cargo();
    command.args(["run", "--quiet"]).args(cargo).arg("--");
    match args.seed {
        Some(seed) => command.arg(format!("--seed={seed}")),
        None => command.args([
            format!("--seeds={}", args.seeds),
            format!("--from={}", args.from),
        ]),
    };
    let named = [
        ("deployable", &args.deployable),
        ("mutant", &args.mutant),
        ("log", &args.log),
    ];
    for (flag, value) in named {
        if let Some(value) = value {
            command.arg(format!("--{flag}={value}"));
        }
    }
    children.run(&mut command)
}
