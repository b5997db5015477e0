//! A pause between two passes of one SidecarSet. Its pods come and change together: without a pause each of them would cost
//! a pass and a write of the status.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kruise_api::resource::ObjectKey;
use tokio::time::Instant;

/// Nobody who waits for a roll-out notices it.
const PAUSE: Duration = Duration::from_millis(100);
/// When so many have ended a pass, those are forgotten whose pause is over.
const MANY: usize = 1000;

/// When the last pass of each SidecarSet ended.
#[derive(Debug, Default)]
pub(crate) struct Rests {
    ended: Mutex<HashMap<ObjectKey, Instant>>,
}

impl Rests {
    /// How long this SidecarSet still has to rest; none if a pass can begin.
    pub(crate) fn left(&self, key: &ObjectKey) -> Option<Duration> {
        let ended = *self.ended().get(key)?;
        let left = PAUSE.saturating_sub(ended.elapsed());
        (!left.is_zero()).then_some(left)
    }

    /// A pass has ended.
    pub(crate) fn begin(&self, key: &ObjectKey) {
        let mut ended = self.ended();
        if ended.len() >= MANY {
            ended.retain(|_, at| at.elapsed() < PAUSE);
        }
        ended.insert(key.clone(), Instant::now());
    }

    fn ended(&self) -> MutexGuard<'_, HashMap<ObjectKey, Instant>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_rests_for_itself_and_not_for_long() {
        let rests = Rests::default();
        let [one, other] = ["one", "other"].map(|name| ObjectKey::new("", name));
        rests.begin(&one);
        tokio::time::advance(PAUSE / 2).await;
        assert_eq!(rests.left(&one), Some(PAUSE / 2));
        assert_eq!(rests.left(&other), None);
        tokio::time::advance(PAUSE / 2).await;
        assert_eq!(rests.left(&one), None);
    }
}
