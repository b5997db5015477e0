//! The fence that each write of a reconciler passes: whether this process leads now, and in which term. The fence
//! knows nothing of leases; the election tells it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

tokio::task_local! {
    /// The term that the running pass was begun in.
    static TERM_OF_PASS: u64;
}

/// Runs a pass that was begun in this term. Its writes go out in no other term.
pub(crate) async fn in_term<F: Future>(term: u64, pass: F) -> F::Output {
    TERM_OF_PASS.scope(term, pass).await
}

/// Whether this process leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeaderState {
    /// Another process leads, or none does.
    Standby,
    /// This process leads.
    Leading {
        /// Counts the times that this process got the lease.
        term: u64,
    },
}

/// Whether this process leads, and may write. Clones share it.
#[derive(Clone)]
pub(crate) struct Fence {
    inner: Arc<Shared>,
}

struct Shared {
    state: watch::Sender<LeaderState>,
    /// When the last successful renewal was begun; `None`: leading doesn't depend on a lease.
    renewed_at: Mutex<Option<Instant>>,
    renew_deadline: Duration,
    /// Why this process doesn't lead, for people.
    why_not: Mutex<String>,
}

impl Fence {
    pub(crate) fn new(state: LeaderState, renew_deadline: Duration) -> Self {
        let shared = Shared {
            state: watch::Sender::new(state),
            renewed_at: Mutex::default(),
            renew_deadline,
            why_not: Mutex::new("the election has not begun".to_owned()),
        };
        Self {
            inner: Arc::new(shared),
        }
    }

    /// Whether a write may be begun now: this process leads, and its last renewal was begun within the renew
    /// deadline. A pass of a reconciler must also have been begun in this same term: whoever led in between may have
    /// changed what the pass decided on.
    pub(crate) fn is_leader_now(&self) -> bool {
        let Some(term) = self.term() else {
            return false;
        };
        let is_of_term = TERM_OF_PASS.try_with(|begun_in| *begun_in == term);
        let renewed_at = self.renewed_at();
        is_of_term.unwrap_or(true)
            && renewed_at.is_none_or(|at| at.elapsed() < self.inner.renew_deadline)
    }

    /// The term that this process leads in.
    pub(crate) fn term(&self) -> Option<u64> {
        match *self.inner.state.borrow() {
            LeaderState::Leading { term } => Some(term),
            LeaderState::Standby => None,
        }
    }

    pub(crate) fn renewed_at(&self) -> Option<Instant> {
        *lock(&self.inner.renewed_at)
    }

    /// Tells of each change.
    pub(crate) fn subscribe(&self) -> watch::Receiver<LeaderState> {
        self.inner.state.subscribe()
    }

    /// One line for people: leading, or why not.
    pub(crate) fn describe(&self) -> String {
        match *self.inner.state.borrow() {
            LeaderState::Leading { term } => format!("leading, term {term}"),
            LeaderState::Standby => format!("standby: {}", lock(&self.inner.why_not)),
        }
    }

    pub(crate) fn lead(&self, term: u64) {
        self.inner.state.send_replace(LeaderState::Leading { term });
    }

    pub(crate) fn renewed(&self, at: Instant) {
        *lock(&self.inner.renewed_at) = Some(at);
    }

    pub(crate) fn stand_by(&self, why_not: String) {
        *lock(&self.inner.why_not) = why_not;
        self.inner.state.send_if_modified(|state| {
            std::mem::replace(state, LeaderState::Standby) != LeaderState::Standby
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
