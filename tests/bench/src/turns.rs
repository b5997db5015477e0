//! Two loads in turns, so that both meet the same machine.

use std::time::Duration;

use anyhow::Result;

use super::ground::Ground;

/// So many of each load make a turn.
const BATCH: usize = 100;

/// What one load took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Took {
    /// On the clock.
    pub(super) time: Duration,
    /// Seconds of CPU of the API server and etcd.
    pub(super) serving: f64,
}

impl Took {
    /// How many a second, of so many.
    pub(super) fn rate(&self, n: usize) -> f64 {
        n as f64 / self.time.as_secs_f64()
    }

    /// CPU for a thousand, of so many.
    pub(super) fn serving_of_thousand(&self, n: usize) -> f64 {
        self.serving / n as f64 * 1000.0
    }
}

/// Does `n` of both loads, each from a number on and so many at a time. Which of them begins changes from turn to turn:
/// what one leaves to do, the other one pays for.
pub(super) fn in_turns(
    ground: &Ground<'_>,
    n: usize,
    loads: [&dyn Fn(usize, usize) -> Result<Duration>; 2],
) -> Result<[Took; 2]> {
    let mut took = [Took::default(); 2];
    for (turn, from) in (0..n).step_by(BATCH).enumerate() {
        for half in 0..2 {
            let which = (turn + half) % 2;
            let before = ground.cpu_of_api_server()?;
            let (Some(load), Some(took)) = (loads.get(which), took.get_mut(which)) else {
                continue;
            };
            took.time += load(from, BATCH.min(n - from))?;
            took.serving += ground.cpu_of_api_server()? - before;
        }
    }
    Ok(took)
}
