//! What every other part of a process knows of its election: the fence, and which other leases are live.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use crate::leader::{
    fence::{Fence, LeaderState},
    lease::LeaseObserver,
};

/// What the parts of a process know of its election. Clones share it.
#[derive(Clone)]
pub struct Leadership {
    fence: Fence,
    observer: Option<Arc<LeaseObserver>>,
}

impl Leadership {
    /// The leadership of a process which always leads, and knows of no leases.
    #[must_use]
    pub fn always() -> Self {
        Self {
            fence: Fence::new(LeaderState::Leading { term: 1 }, Duration::MAX),
            observer: None,
        }
    }

    pub(crate) fn new(fence: Fence, observer: LeaseObserver) -> Self {
        Self {
            fence,
            observer: Some(Arc::new(observer)),
        }
    }

    /// The fence that writes of reconcilers pass.
    pub(crate) fn fence(&self) -> Fence {
        self.fence.clone()
    }

    /// Whether a write of a reconciler may be begun now.
    #[must_use]
    pub fn is_leader_now(&self) -> bool {
        self.fence.is_leader_now()
    }

    /// Tells of each change.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<LeaderState> {
        self.fence.subscribe()
    }

    /// Whether another deployable's lease, of this name and in the same namespace, is held. The lease is looked at no
    /// more often than every 10 s.
    pub async fn live_lease(&self, name: &str) -> bool {
        match &self.observer {
            Some(observer) => observer.is_live(name).await,
            None => false,
        }
    }

    /// One line for people: leading, or why not.
    #[must_use]
    pub fn describe(&self) -> String {
        self.fence.describe()
    }
}
