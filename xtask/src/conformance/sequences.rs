//! `cargo xtask conformance --sequences`: the test kit's API server against a real one.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};
use conformance::Options;
use localkube::cluster::{self, Cluster, UpOptions};
use localkube::interrupt::Interrupt;
use localkube::made::Made;
use localkube::progress::{self, Patience, Progress};

use crate::test;

/// The control plane that is made for it, and taken away again. Two checkouts that test side by side have two.
fn name() -> String {
    format!("{}-sequences", test::cluster_name())
}

#[derive(clap::Args, Default)]
pub(crate) struct Sequences {
    /// Play so many sequences of requests on the test kit's API server and on a real one, and compare
    #[arg(long)]
    sequences: Option<usize>,
    /// The first sequence; the others have the numbers that follow
    #[arg(long, default_value_t = 1, requires = "sequences")]
    seed: u64,
    /// A cluster to play on, instead of a control plane made for it
    #[arg(long, requires = "sequences")]
    kubeconfig: Option<PathBuf>,
    /// How many sequences at once
    #[arg(long, default_value_t = 8, requires = "sequences")]
    workers: usize,
    /// How many different differences to shorten and show
    #[arg(long, default_value_t = 5, requires = "sequences")]
    show: usize,
    /// Compare the real one with itself: what differs then is the comparison's fault
    #[arg(long, requires = "sequences")]
    itself: bool,
}

impl Sequences {
    /// Plays them, if there is a number of them.
    pub(super) fn run(&self) -> Option<Result<()>> {
        let options = Options {
            sequences: self.sequences?,
            seed: self.seed,
            workers: self.workers,
            itself: self.itself,
            shown: self.show,
        };
        Some(match &self.kubeconfig {
            Some(kubeconfig) => play(kubeconfig, options),
            None => play_on_own(options),
        })
    }
}

fn play_on_own(options: Options) -> Result<()> {
    cluster::preflight()?;
    let interrupt = Interrupt::listen()?;
    let progress = Progress::begin();
    let name = name();
    let up = UpOptions {
        name: name.clone(),
        nodes: 0,
        audit: false,
    };
    let made = Made::new(&progress, &interrupt, || Cluster::down(&name, &progress));
    let result = interrupt
        .prefer(Cluster::up(&up, &progress))
        .and_then(|cluster| interrupt.prefer(play(&cluster.kubeconfig(), options)));
    let taken_away = made.take_away();
    result.and(taken_away)
}

fn play(kubeconfig: &std::path::Path, options: Options) -> Result<()> {
    let patience = Mutex::new(Patience::for_minutes("for the sequences"));
    let seen = |begun: usize| {
        let mut patience = patience.lock().unwrap_or_else(PoisonError::into_inner);
        patience.look(|| format!("{begun} of {}", options.sequences));
    };
    let report = conformance::run(kubeconfig, options, &seen)?;
    progress::say(report.to_string().trim_end())?;
    match report.differences() {
        0 => Ok(()),
        differences => {
            bail!("the test kit's API server differs from a real one in {differences} sequences")
        }
    }
}
