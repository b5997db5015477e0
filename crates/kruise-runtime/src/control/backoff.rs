//! Delays between attempts: exponential per sequence of failures.

use std::time::Duration;

/// `base`, doubled for each earlier failure, never above `max`.
pub(crate) fn exponential(base: Duration, max: Duration, failures: u32) -> Duration {
    base.saturating_mul(2u32.saturating_pow(failures)).min(max)
}

/// Growing delays with jitter for one loop that must not spin.
#[derive(Debug)]
pub(crate) struct Backoff {
    base: Duration,
    max: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(base: Duration, max: Duration) -> Self {
        Self {
            base,
            max,
            failures: 0,
        }
    }

    pub(crate) fn next(&mut self) -> Duration {
        let delay = exponential(self.base, self.max, self.failures);
        self.failures = self.failures.saturating_add(1);
        crate::random::jitter(delay)
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponential_delays_stop_at_the_maximum() {
        let delay =
            |failures| exponential(Duration::from_millis(5), Duration::from_secs(30), failures);
        assert_eq!(delay(0), Duration::from_millis(5));
        assert_eq!(delay(3), Duration::from_millis(40));
        assert_eq!(delay(1000), Duration::from_secs(30));
    }
}
