//! A differing sequence without the requests that it differs without.

use anyhow::Result;

use crate::play::{Difference, Patience};
use crate::request::Request;
use crate::worker::Worker;

/// How often it is played again at most.
const TRIES: usize = 80;

/// The shortest sequence found that still differs in the same kind of place.
pub(crate) fn shrink(
    worker: &mut Worker,
    requests: Vec<Request>,
    difference: Difference,
    patience: Patience,
) -> Result<(Vec<Request>, Difference)> {
    let mut best = (requests, difference);
    // What comes after the difference has no part in it.
    if let Some(last) = best.1.request {
        best.0.retain(|request| request.id <= last);
    }
    let mut tries = 0;
    let mut chunk = best.0.len().div_ceil(2);
    while chunk > 0 {
        let mut start = 0;
        while start < best.0.len() && tries < TRIES {
            let end = (start + chunk).min(best.0.len());
            let mut fewer = best.0.clone();
            fewer.drain(start..end);
            tries += 1;
            match worker.play(&fewer, patience)? {
                Some(found) if found.signature(&fewer) == best.1.signature(&best.0) => {
                    best = (fewer, found);
                }
                _ => start = end,
            }
        }
        chunk = if chunk == 1 { 0 } else { chunk.div_ceil(2) };
    }
    Ok(best)
}
