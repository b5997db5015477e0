//! The test kit's API server earns belief here: generated sequences of requests are sent to it and to a real one, and
//! answers, stored objects and watch events are compared.
//!
//! A sequence follows from a seed. One that differs is shortened and printed with both answers. What two servers can't
//! have in common is put into a common form first (`normal`); the fields that are left out are in one table
//! (`additions`).

// The crate serves tests only, and reads JSON by index.
#![allow(clippy::indexing_slicing)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod additions;
mod compare;
mod custom;
mod generate;
mod kinds;
mod memory;
mod normal;
mod play;
mod report;
mod request;
mod shrink;
mod side;
mod worker;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use play::Patience;
pub use report::{Differing, Report};
use worker::Worker;

/// What is played.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many sequences.
    pub sequences: usize,
    /// The first one's seed; the next ones have the next numbers.
    pub seed: u64,
    /// How many at once.
    pub workers: usize,
    /// Plays on the cluster in two namespaces, without the test kit: what differs then is the comparison's fault.
    pub itself: bool,
    /// How many different differences are shortened and shown.
    pub shown: usize,
}

/// How long the cluster's controllers get, and how long when a sequence is shortened.
const PATIENCE: Patience = Patience(Duration::from_secs(8));
const SHORT: Patience = Patience(Duration::from_secs(3));

/// Plays sequences on the cluster of this kubeconfig and on the test kit's server. `seen` hears how many were begun, from
/// each worker.
///
/// # Errors
/// When the cluster can't be used; differences are in the report.
pub fn run(kubeconfig: &Path, options: Options, seen: &(dyn Fn(usize) + Sync)) -> Result<Report> {
    // Only one provider is compiled in; that it is installed already is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Worker::new(kubeconfig, 0, false)?.install()?;
    let report = Mutex::new(Report::default());
    let next = AtomicUsize::new(0);
    let results: Vec<Result<()>> = thread::scope(|scope| {
        let play = |number| {
            let (report, next) = (&report, &next);
            move || play_some(kubeconfig, number, options, next, report, seen)
        };
        let threads: Vec<_> = (0..options.workers)
            .map(|number| scope.spawn(play(number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| match thread.join() {
                Ok(result) => result,
                Err(_) => bail!("a worker panicked"),
            })
            .collect()
    });
    results.into_iter().collect::<Result<()>>()?;
    Ok(report.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn play_some(
    kubeconfig: &Path,
    number: usize,
    options: Options,
    next: &AtomicUsize,
    report: &Mutex<Report>,
    seen: &(dyn Fn(usize) + Sync),
) -> Result<()> {
    let mut worker = Worker::new(kubeconfig, number, options.itself)?;
    worker.begin()?;
    let locked = || report.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let index = next.fetch_add(1, Ordering::Relaxed);
        if index >= options.sequences {
            locked().disturbed += worker.disturbed;
            return worker.end();
        }
        let seed = options.seed + index as u64;
        let requests = generate::sequence(seed);
        locked().count(&requests);
        seen(index + 1);
        let Some(found) = worker.play(&requests, PATIENCE)? else {
            continue;
        };
        let again = worker.play(&requests, PATIENCE)?;
        let signature = found.signature(&requests);
        let Some(found) = again.filter(|again| again.signature(&requests) == signature) else {
            locked().once.push((seed, found));
            continue;
        };
        let shrinks = {
            let mut report = locked();
            let seeds = report.kinds.entry(signature).or_default();
            seeds.push(seed);
            seeds.len() == 1 && report.kinds.len() <= options.shown
        };
        if shrinks {
            let (requests, difference) = if std::env::var("NOSHRINK").is_ok() {
                (requests, found)
            } else {
                shrink::shrink(&mut worker, requests, found, SHORT)?
            };
            locked().differing.push(Differing {
                seed,
                requests,
                difference,
            });
        }
    }
}
