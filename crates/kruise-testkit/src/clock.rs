//! What time it is in a test: a fixed beginning, and then what tokio's clock says has gone by. With tokio's clock
//! paused, an hour takes as long as the work in it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// When tests begin, unless they say otherwise.
const BEGINNING: &str = "2026-01-10T08:00:00Z";

/// A wall clock that goes with tokio's.
#[derive(Clone, Copy, Debug)]
pub struct VirtualClock {
    beginning: Timestamp,
    began: Instant,
}

impl VirtualClock {
    /// A clock that stands at its beginning now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            beginning: BEGINNING.parse().expect("a time"),
            began: Instant::now(),
        }
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let since = SignedDuration::try_from(self.began.elapsed()).expect("a short test");
        self.beginning + since
    }

    /// Returns at this time; never, if there is none.
    pub async fn until(&self, time: Option<Timestamp>) {
        let Some(time) = time else {
            return std::future::pending().await;
        };
        // A time that has gone by is none to wait for.
        let wait = Duration::try_from(time.duration_since(self.now()));
        tokio::time::sleep(wait.unwrap_or_default()).await;
    }
}

/// A time as Kubernetes writes it: in whole seconds.
pub(crate) fn clock_text(at: Timestamp) -> String {
    let seconds = Timestamp::from_second(at.as_second()).unwrap_or(at);
    seconds.to_string()
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}
