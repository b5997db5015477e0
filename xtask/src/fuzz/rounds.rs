//! How many cases each round has, from how long the one before took.

use std::time::{Duration, Instant};

/// Long enough that starting a process doesn't count, short enough to see that it goes on.
const ROUND: Duration = Duration::from_secs(5);
/// A first guess; proptest's own number.
const FIRST_CASES: u32 = 256;
/// A round with fewer isn't worth its process.
const LEAST_CASES: u32 = 16;
/// One slow round may not be the measure of the next, nor a fast one.
const MOST_GROWTH: f64 = 20.0;

/// One run of all properties.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) seed: u64,
    /// Of each property.
    pub(super) n_cases: u32,
}

pub(super) struct Rounds {
    start: Instant,
    limit: Duration,
    next_seed: u64,
    n_cases: u32,
    /// How long a case of all properties takes; None before the first round.
    case: Option<Duration>,
}

impl Rounds {
    pub(super) fn new(first_seed: u64, limit: Duration) -> Self {
        Self {
            start: Instant::now(),
            limit,
            next_seed: first_seed,
            n_cases: FIRST_CASES,
            case: None,
        }
    }

    /// The next round, unless the time is over.
    pub(super) fn next(&mut self) -> Option<Round> {
        self.next_after(self.start.elapsed())
    }

    fn next_after(&mut self, elapsed: Duration) -> Option<Round> {
        let rest = self.limit.checked_sub(elapsed)?;
        if let Some(case) = self.case {
            self.n_cases = fitting(rest.min(ROUND), case, self.n_cases);
            if self.n_cases < LEAST_CASES {
                return None;
            }
        }
        let round = Round {
            seed: self.next_seed,
            n_cases: self.n_cases,
        };
        self.next_seed = self.next_seed.wrapping_add(1);
        Some(round)
    }

    /// Tells how long the last round took.
    pub(super) fn took(&mut self, time: Duration) {
        self.case = Some(time / self.n_cases.max(1));
    }
}

/// How many cases fit into a time.
fn fitting(time: Duration, case: Duration, last: u32) -> u32 {
    let n_cases = time.as_secs_f64() / case.as_secs_f64().max(1e-9);
    n_cases.min(f64::from(last) * MOST_GROWTH) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn rounds_come_to_last_some_seconds_and_end_with_the_time() {
        let mut rounds = Rounds::new(7, 20 * SECOND);
        let first = rounds.next_after(Duration::ZERO).unwrap();
        assert_eq!((first.seed, first.n_cases), (7, FIRST_CASES));
        // 256 cases a second.
        rounds.took(SECOND);
        let second = rounds.next_after(SECOND).unwrap();
        assert_eq!((second.seed, second.n_cases), (8, 5 * FIRST_CASES));
        rounds.took(5 * SECOND);
        // Two seconds are left.
        assert_eq!(rounds.next_after(18 * SECOND).unwrap().n_cases, 512);
        rounds.took(2 * SECOND);
        assert_eq!(rounds.next_after(20 * SECOND), None);
        assert_eq!(rounds.next_after(21 * SECOND), None);
    }

    #[test]
    fn a_round_is_not_a_hundred_times_the_one_before() {
        let mut rounds = Rounds::new(0, 60 * SECOND);
        rounds.next_after(Duration::ZERO);
        rounds.took(Duration::from_millis(1));
        assert_eq!(rounds.next_after(SECOND).unwrap().n_cases, 20 * FIRST_CASES);
    }
}
