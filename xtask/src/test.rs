//! `cargo xtask test`: every check there is, the cheap ones first, until one fails.
//!
//! What a stage does is in `stages`; here is the order, the summary, and the clean-up: the test
//! cluster goes away at the end, however the end came.

mod budget;
pub(crate) mod child;
pub(crate) mod libtest;
mod stages;
mod summary;
mod tools;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, bail};
use localkube::cluster::{self, Cluster};
use localkube::progress::Progress;
use localkube::times::{self, Ahead, Timed};

use child::Children;
use stages::Stage;
use summary::{Outcome, Summary};

/// Names the cluster that the end-to-end tests start; see tests/e2e.
pub(crate) fn cluster_name() -> String {
    std::env::var("KRUISE_E2E_CLUSTER").unwrap_or_else(|_| "kruise-test".to_owned())
}

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only what needs no cluster
    #[arg(long)]
    skip_e2e: bool,
    /// Only these stages, in their usual order
    #[arg(long, value_enum, value_name = "STAGE", num_args = 1..)]
    only: Vec<Stage>,
    /// Print the stages and run nothing
    #[arg(long)]
    list: bool,
    /// End-to-end tests on this cluster, which must have the overlay; nothing of this machine is
    /// touched, and tests that break parts of a cluster are skipped
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Deploy the overlay to that cluster first, with images in this registry
    #[arg(long, value_name = "HOST:PORT/PATH", requires = "kubeconfig")]
    registry: Option<String>,
    /// The registry speaks plain HTTP
    #[arg(long, requires = "registry")]
    insecure: bool,
    /// Only the end-to-end tests of this deployable, named by its overlay, and of these all: those too that are too
    /// dear for CI
    #[arg(long, value_name = "NAME", conflicts_with_all = ["skip_e2e", "only"])]
    full: Option<String>,
    /// Leave the test cluster running, so that the next run is faster
    #[arg(long)]
    keep: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let stages = chosen(args);
    if args.list {
        for stage in stages {
            println!("{:<12} {}", stage.name(), stage.about());
        }
        return Ok(());
    }
    let progress = Progress::begin();
    Timed::begin(&ahead(&stages, args), &progress);
    let children = Children::watch_signals()?;
    let mut summary = Summary::new(&stages);
    for stage in &stages {
        progress.step(format!("{}: {}", stage.name(), stage.about()));
        let start = Instant::now();
        let mut outcome = Outcome::default();
        let result = stage.run(args, &children, &mut outcome);
        let result = children.check().and(result);
        let failed = result.is_err();
        if !failed {
            times::keep(stage.step(), start.elapsed());
        }
        summary.add(*stage, start.elapsed(), outcome, result);
        if failed {
            break;
        }
    }
    if stages.iter().any(|stage| stage.uses_cluster()) && args.kubeconfig.is_none() && !args.keep {
        // Harmless if the run never came that far.
        if let Err(error) = Cluster::down(&cluster_name(), &progress) {
            summary.note(format!(
                "the test cluster could not be taken down: {error:#}"
            ));
        }
    }
    print!("{summary}");
    match summary.failure() {
        None => Ok(()),
        Some(failure) => bail!("{failure}"),
    }
}

/// What the stages need first, and themselves.
fn ahead(stages: &[Stage], args: &Args) -> Vec<Ahead> {
    let needs_cluster =
        stages.iter().any(|stage| stage.uses_cluster()) && args.kubeconfig.is_none();
    let mut steps = if needs_cluster {
        cluster::ahead(&cluster_name())
    } else {
        Vec::new()
    };
    // Its start is a part of the stage.
    steps.retain(|ahead| !ahead.is(times::CLUSTER));
    steps.extend(stages.iter().map(|stage| Ahead::Runs(stage.step())));
    steps
}

fn chosen(args: &Args) -> Vec<Stage> {
    let mut stages = Stage::all();
    stages.retain(|stage| args.only.is_empty() || args.only.contains(stage));
    stages.retain(|stage| args.full.is_none() || *stage == Stage::E2e);
    stages.retain(|stage| !(args.skip_e2e && stage.uses_cluster()));
    // These make clusters of their own.
    let of_this_machine = [Stage::Cluster, Stage::Sequences];
    stages.retain(|stage| !(args.kubeconfig.is_some() && of_this_machine.contains(stage)));
    stages
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn chosen_by(line: &str) -> Vec<Stage> {
        let words = std::iter::once("test").chain(line.split_whitespace());
        chosen(&Cli::try_parse_from(words).unwrap().args)
    }

    #[test]
    fn all_stages_run_unless_told_otherwise_and_end_to_end_tests_last() {
        let all = chosen_by("");
        assert_eq!(all, Stage::all());
        assert_eq!(all.last(), Some(&Stage::E2e));
    }

    #[test]
    fn only_keeps_the_usual_order() {
        assert_eq!(chosen_by("--only tidy fmt"), [Stage::Fmt, Stage::Tidy]);
    }

    #[test]
    fn without_end_to_end_tests_no_cluster_is_needed() {
        assert!(
            !chosen_by("--skip-e2e")
                .iter()
                .any(|stage| stage.uses_cluster())
        );
    }

    #[test]
    fn the_full_tier_is_end_to_end_tests_alone() {
        assert_eq!(chosen_by("--full cloneset"), [Stage::E2e]);
    }

    #[test]
    fn a_given_cluster_spares_the_local_one() {
        let stages = chosen_by("--kubeconfig x");
        assert!(stages.contains(&Stage::E2e) && !stages.contains(&Stage::Cluster));
        assert!(!stages.contains(&Stage::Sequences));
    }
}
