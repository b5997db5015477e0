//! Whether the threads that tasks share still give them turns. Another thread answers health and renews the lease.
//! Without a pulse, a process in which nothing moves any more would look alive for ever, and keep its lease.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep};

const BEATS_EVERY: Duration = Duration::from_secs(1);
/// Far longer than any work takes that pauses at all. The kubelet also waits for three such answers.
const MISSED_AFTER: Duration = Duration::from_secs(60);

/// When a task got its last turn. Clones share it.
#[derive(Clone)]
pub(crate) struct Pulse {
    last: Arc<Mutex<Instant>>,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self {
            last: Arc::new(Mutex::new(Instant::now())),
        }
    }

    /// Runs as long as the process, on the threads whose turns it notes.
    pub(crate) async fn beat(self) {
        loop {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            sleep(BEATS_EVERY).await;
        }
    }

    /// How long ago the last turn was, once that is too long.
    pub(crate) fn missing_for(&self) -> Option<Duration> {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        Some(last.elapsed()).filter(|time| *time >= MISSED_AFTER)
    }
}
