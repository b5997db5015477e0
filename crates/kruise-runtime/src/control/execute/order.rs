//! How many works run side by side, and what a failure means for those not begun.

use futures::stream::{self, FuturesUnordered, StreamExt};

use super::error::StageError;

/// Whether the rest of the plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It is.
    GoesOn,
    /// It is not, and that is no failure.
    Ends,
}

/// Works in flight for one object.
pub(super) const CONCURRENCY: usize = 32;

/// Runs works, some side by side. All are run; the first error by position is returned.
pub(super) async fn side_by_side<F>(works: Vec<F>) -> Result<Flow, StageError>
where
    F: Future<Output = Result<Flow, StageError>>,
{
    let numbered = works
        .into_iter()
        .enumerate()
        .map(|(index, work)| async move { (index, work.await) });
    let mut results: Vec<_> = stream::iter(numbered)
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    results.sort_by_key(|(index, _)| *index);
    let mut flow = Flow::GoesOn;
    for (_, result) in results {
        if result? == Flow::Ends {
            flow = Flow::Ends;
        }
    }
    Ok(flow)
}

/// Runs works in this order: the first alone, and one more side by side for each that succeeded. After a failure that
/// other works may meet too, or when a work ends the plan, no further work begins, and those begun finish. A failure
/// that others may meet is returned before any other, and of several such failures the first by position.
pub(super) async fn widening<F>(works: impl Iterator<Item = F>) -> Result<Flow, StageError>
where
    F: Future<Output = Result<Flow, StageError>>,
{
    let mut works = works.enumerate();
    let mut running = FuturesUnordered::new();
    let mut n_side_by_side = 1;
    let mut failed: Option<((bool, usize), StageError)> = None;
    let mut flow = Flow::GoesOn;
    loop {
        while running.len() < n_side_by_side {
            let Some((index, work)) = works.next() else {
                break;
            };
            running.push(async move { (index, work.await) });
        }
        let Some((index, result)) = running.next().await else {
            break;
        };
        let error = match result {
            Ok(Flow::GoesOn) => {
                n_side_by_side = (n_side_by_side + 1).min(CONCURRENCY);
                continue;
            }
            Ok(Flow::Ends) => {
                flow = Flow::Ends;
                works.by_ref().for_each(drop);
                continue;
            }
            Err(error) => error,
        };
        if error.may_meet_others() {
            // Nothing is begun any more.
            works.by_ref().for_each(drop);
        }
        let rank = (!error.may_meet_others(), index);
        if failed.as_ref().is_none_or(|(before, _)| rank < *before) {
            failed = Some((rank, error));
        }
    }
    match failed {
        Some((_, error)) => Err(error),
        None => Ok(flow),
    }
}
