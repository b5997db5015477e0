//! Limits on a rate: so much at once, and so much a second.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// A token bucket: `per_second` on average, `burst` at once.
///
/// Kept as the time at which the bucket will be full again (the "generic cell rate algorithm"), so
/// that there is nothing to refill.
#[derive(Debug)]
pub(crate) struct TokenBucket {
    interval: Duration,
    tolerance: Duration,
    full_at: Mutex<Option<Instant>>,
}

impl TokenBucket {
    pub(crate) fn new(per_second: f64, burst: u32) -> Self {
        let interval = Duration::try_from_secs_f64(1.0 / per_second).unwrap_or(Duration::ZERO);
        Self {
            interval,
            tolerance: interval.saturating_mul(burst.max(1).saturating_sub(1)),
            full_at: Mutex::new(None),
        }
    }

    /// Takes one token, and says how long to wait until it is there.
    pub(crate) fn reserve(&self) -> Duration {
        let now = Instant::now();
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let start = full_at.map_or(now, |at| at.max(now));
        *full_at = Some(start + self.interval);
        start
            .saturating_duration_since(now)
            .saturating_sub(self.tolerance)
    }

    /// Takes one token if it is there now.
    pub(crate) fn try_take(&self) -> bool {
        let now = Instant::now();
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let start = full_at.map_or(now, |at| at.max(now));
        if start.saturating_duration_since(now) > self.tolerance {
            return false;
        }
        *full_at = Some(start + self.interval);
        true
    }

    /// Takes one token, waiting for it. Who gives up waiting leaves it to the others.
    pub(crate) async fn acquire(&self) {
        let wait = self.reserve();
        if !wait.is_zero() {
            let mut reserved = Reserved { bucket: Some(self) };
            tokio::time::sleep(wait).await;
            reserved.bucket = None;
        }
    }

    fn give_back(&self) {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        *full_at = full_at.and_then(|at| at.checked_sub(self.interval));
    }
}

/// A token that goes back unless it is used.
struct Reserved<'a> {
    bucket: Option<&'a TokenBucket>,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        if let Some(bucket) = self.bucket {
            bucket.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_bucket_gives_its_burst_at_once_and_then_its_rate() {
        let bucket = TokenBucket::new(10.0, 5);
        let start = Instant::now();
        for _ in 0..5 {
            bucket.acquire().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..10 {
            bucket.acquire().await;
        }
        assert!(start.elapsed() >= Duration::from_millis(990));
        assert!(start.elapsed() <= Duration::from_millis(1010));
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_waiting_takes_no_token() {
        let bucket = TokenBucket::new(10.0, 1);
        bucket.acquire().await;
        let many = futures::future::join_all((0..1000).map(|_| bucket.acquire()));
        let given_up = tokio::time::timeout(Duration::from_millis(10), many).await;
        assert!(given_up.is_err());
        let start = Instant::now();
        bucket.acquire().await;
        assert!(start.elapsed() <= Duration::from_millis(100));
    }
}
