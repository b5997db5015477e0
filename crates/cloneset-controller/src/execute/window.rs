//! How many calls run side by side, and what a failure means for those not begun.

use futures::stream::{self, FuturesUnordered, StreamExt};

use crate::error::Error;

/// Calls in flight for one CloneSet.
pub(super) const CONCURRENCY: usize = 32;

/// Runs calls, some side by side. All are run; the first error by position is returned.
pub(super) async fn all<F>(calls: Vec<F>) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>>,
{
    let numbered = calls
        .into_iter()
        .enumerate()
        .map(|(index, call)| async move { (index, call.await) });
    let results: Vec<_> = stream::iter(numbered)
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    let failed = results
        .into_iter()
        .filter_map(|(index, result)| Some((index, result.err()?)));
    match failed.min_by_key(|(index, _)| *index) {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}

/// Runs calls in this order: the first alone, and one more side by side for each that succeeded. After a failure
/// that may meet the others too, none is begun any more, and those begun end. Such a failure is returned before
/// any other, and of several the first by position.
pub(super) async fn until_failure<F>(calls: impl Iterator<Item = F>) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>>,
{
    let mut calls = calls.enumerate();
    let mut running = FuturesUnordered::new();
    let mut side_by_side = 1;
    let mut failed: Option<((bool, usize), Error)> = None;
    loop {
        while running.len() < side_by_side {
            let Some((index, call)) = calls.next() else {
                break;
            };
            running.push(async move { (index, call.await) });
        }
        let Some((index, result)) = running.next().await else {
            break;
        };
        let Err(error) = result else {
            side_by_side = (side_by_side + 1).min(CONCURRENCY);
            continue;
        };
        if error.may_meet_others() {
            // Nothing is begun any more.
            calls.by_ref().for_each(drop);
        }
        let rank = (!error.may_meet_others(), index);
        if failed.as_ref().is_none_or(|(before, _)| rank < *before) {
            failed = Some((rank, error));
        }
    }
    match failed {
        Some((_, error)) => Err(error),
        None => Ok(()),
    }
}
