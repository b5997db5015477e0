//! `cargo xtask fuzz`: the property tests of kruise-api, with new seeds and as many cases as there is
//! time for.
//!
//! Rounds of some seconds, each with a seed of its own that is printed before it starts, so that also
//! a round that hangs or kills its process can be repeated. Nothing is written into the sources.

mod properties;
mod rounds;

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use localkube::progress::Progress;

use crate::test::child::Children;
use crate::test::libtest::Report;
use properties::Binary;
use rounds::{Round, Rounds};

/// The crate whose tests run: the one that reads what anybody may have written.
const PACKAGE: &str = "kruise-api";
/// Optimised, with overflow checks and debug assertions; see the workspace's Cargo.toml.
const PROFILE: &str = "fuzz";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// For about how long, after the tests are built
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Seed of the first round; each further one has the next number
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let progress = Progress::begin();
    let children = Children::watch_signals()?;
    progress.step(format!("building the tests of {PACKAGE}"));
    let binaries = properties::find(&children, PACKAGE, PROFILE)?;
    let n_properties: usize = binaries.iter().map(|binary| binary.properties.len()).sum();
    let first_seed = args.seed.map_or_else(seed_of_now, Ok)?;
    let mut rounds = Rounds::new(first_seed, Duration::from_secs(args.seconds));
    let mut n_cases = 0;
    let result = loop {
        let Some(round) = rounds.next() else {
            break Ok(());
        };
        progress.step(format!(
            "seed {}: {n_properties} properties, {} cases each; {n_cases} cases so far",
            round.seed, round.n_cases
        ));
        let start = Instant::now();
        let tested = binaries
            .iter()
            .try_for_each(|binary| test(&children, binary, &round));
        if let Err(error) = tested {
            break Err(error);
        }
        rounds.took(start.elapsed());
        n_cases += u64::from(round.n_cases) * n_properties as u64;
    };
    println!("{n_cases} cases of {n_properties} properties passed");
    result
}

/// Any number will do that isn't the same each time.
fn seed_of_now() -> Result<u64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Ok(now.context("read the clock")?.as_secs())
}

fn test(children: &Children, binary: &Binary, round: &Round) -> Result<()> {
    let mut output = Vec::new();
    let report = report(children, binary, round, &binary.properties, &mut output)?;
    if report.result().is_ok() {
        return Ok(());
    }
    let mut failed = report.failed_tests;
    if failed.is_empty() {
        // The process died, by a stack overflow perhaps, and couldn't say in which test.
        for property in &binary.properties {
            let alone = std::slice::from_ref(property);
            let report = self::report(children, binary, round, alone, &mut output)?;
            if report.result().is_err() {
                failed.push(property.clone());
            }
        }
    }
    println!("{}", String::from_utf8_lossy(&output));
    if failed.is_empty() {
        bail!("{} died, but no property alone does", binary.path.display());
    }
    println!("Again:");
    for property in &failed {
        println!("  {}", again(binary, round, property));
    }
    bail!("failed: {}", failed.join(", "))
}

/// Runs these properties; an error only if somebody wants the end.
fn report(
    children: &Children,
    binary: &Binary,
    round: &Round,
    properties: &[String],
    output: &mut Vec<u8>,
) -> Result<Report> {
    let mut command = Command::new(&binary.path);
    command.current_dir(&binary.directory);
    command.arg("--exact").args(properties);
    command.envs(environment(round));
    // A trace for each of the thousands of panics of a shrinking case takes minutes.
    command.env("RUST_BACKTRACE", "0");
    command.env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1");
    let report = children.test_to(&mut command, output)?;
    children.check()?;
    Ok(report)
}

/// What makes a round the same again.
fn environment(round: &Round) -> [(&'static str, String); 3] {
    [
        ("PROPTEST_RNG_SEED", round.seed.to_string()),
        ("PROPTEST_CASES", round.n_cases.to_string()),
        // Meant for 256 cases, and by default not larger for more of them.
        ("PROPTEST_MAX_GLOBAL_REJECTS", u32::MAX.to_string()),
    ]
}

/// The command that repeats a failure, in any checkout.
fn again(binary: &Binary, round: &Round, property: &str) -> String {
    let environment = environment(round).map(|(name, value)| format!("{name}={value}"));
    format!(
        "{} cargo test --package {PACKAGE} --profile {PROFILE} {} -- --exact {property}",
        environment.join(" "),
        binary.target
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_can_be_repeated_by_one_line() {
        let binary = Binary {
            path: "api-123".into(),
            directory: ".".into(),
            target: "--test api".to_owned(),
            properties: vec!["properties::x".to_owned()],
        };
        let round = Round {
            seed: 7,
            n_cases: 1000,
        };
        assert_eq!(
            again(&binary, &round, "properties::x"),
            "PROPTEST_RNG_SEED=7 PROPTEST_CASES=1000 PROPTEST_MAX_GLOBAL_REJECTS=4294967295 \
             cargo test --package kruise-api --profile fuzz --test api -- --exact properties::x"
        );
    }
}
