//! A restore of the API server's data from a backup, as the watches of a process find it out one after the other.
//! What one watch has listed since the restore doesn't fit what another watch saw before it: later sets, say, with
//! the pods of the backup. So no list of the restored data enters before reconcilers rest. Reconcilers go on when
//! every kind has been listed.

use std::sync::Arc;

use tokio::sync::watch;

/// How watches and reconcilers tell each other. Clones share it.
#[derive(Clone)]
pub(crate) struct Restores {
    inner: Arc<Inner>,
}

struct Inner {
    /// How often a watch has found a restore.
    found: watch::Sender<u64>,
    resting: watch::Sender<bool>,
}

impl Default for Restores {
    /// Reconcilers rest at first: none has begun yet.
    fn default() -> Self {
        Self {
            inner: Arc::new(Inner {
                found: watch::Sender::new(0),
                resting: watch::Sender::new(true),
            }),
        }
    }
}

impl Restores {
    /// A watch has found a restore. Returns when reconcilers rest.
    pub(crate) async fn found(&self) {
        self.inner.found.send_modify(|found| *found += 1);
        let mut resting = self.inner.resting.subscribe();
        // `wait_for` fails only when the sender is gone, and `self` holds the sender.
        let _ = resting.wait_for(|resting| *resting).await;
    }

    pub(crate) fn count(&self) -> u64 {
        *self.inner.found.borrow()
    }

    /// Returns when more restores than these were found.
    pub(crate) async fn more_than(&self, known: u64) {
        let mut found = self.inner.found.subscribe();
        let _ = found.wait_for(|found| *found > known).await;
    }

    /// Says whether reconcilers rest from now on. While they rest, lists of restored data enter.
    pub(crate) fn reconcilers_rest(&self, resting: bool) {
        self.inner.resting.send_replace(resting);
    }
}
