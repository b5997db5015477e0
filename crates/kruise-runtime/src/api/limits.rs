//! How many calls may go out: tokens that become available over time, and tokens that were waited for in advance.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::control::token_bucket::TokenBucket;

/// client-go's values for limits of 0 or less.
const DEFAULT_QPS: f64 = 20.0;
const DEFAULT_BURST: u32 = 30;

/// The limits that calls wait for; by default there are none. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Limits {
    bucket: Option<Arc<TokenBucket>>,
    /// How many calls have waited already.
    prepaid: Option<Arc<AtomicUsize>>,
}

impl Limits {
    /// This many calls a second, and this many at once; 0 or less is client-go's default.
    pub(crate) fn new(qps: f64, burst: i32) -> Self {
        let qps = if qps > 0.0 { qps } else { DEFAULT_QPS };
        let burst = u32::try_from(burst)
            .ok()
            .filter(|&burst| burst > 0)
            .unwrap_or(DEFAULT_BURST);
        Self {
            bucket: Some(Arc::new(TokenBucket::new(qps, burst))),
            prepaid: None,
        }
    }

    /// The same limits, with tokens for this many calls at hand.
    pub(crate) fn prepaid(&self, n_calls: usize) -> Self {
        Self {
            bucket: self.bucket.clone(),
            prepaid: Some(Arc::new(AtomicUsize::new(n_calls))),
        }
    }

    /// Waits until one more call may go out.
    pub(crate) async fn token(&self) {
        let pay = |left: usize| left.checked_sub(1);
        if let Some(prepaid) = &self.prepaid
            && prepaid
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay)
                .is_ok()
        {
            return;
        }
        if let Some(bucket) = &self.bucket {
            bucket.acquire().await;
        }
    }
}
