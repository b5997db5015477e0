//! Whether this process leads: what every other part of it knows of the election, and the fence that
//! each write of a reconciler passes.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::Instant};

use crate::leader::lease::LeaseObserver;

tokio::task_local! {
    /// The term that the running pass was begun in.
    static TERM_OF_PASS: u64;
}

/// Runs a pass that was begun in this term: what it writes goes out in no other one.
pub(crate) async fn in_term<F: Future>(term: u64, pass: F) -> F::Output {
    TERM_OF_PASS.scope(term, pass).await
}

/// Whether this process leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeaderState {
    /// Another does, or nobody.
    Standby,
    /// It does.
    Leading {
        /// Counts the times that this process got the lease.
        term: u64,
    },
}

/// What the parts of a process know of its election. Clones share it.
#[derive(Clone)]
pub struct Leadership {
    inner: Arc<Shared>,
}

struct Shared {
    state: watch::Sender<LeaderState>,
    /// When the last successful renewal was begun; `None`: leading doesn't depend on a lease.
    renewed_at: Mutex<Option<Instant>>,
    renew_deadline: Duration,
    /// Why this process doesn't lead, for people.
    why_not: Mutex<String>,
    observer: Option<LeaseObserver>,
}

impl Leadership {
    /// That of a process which always leads, and knows of no leases.
    #[must_use]
    pub fn always() -> Self {
        Self::new(LeaderState::Leading { term: 1 }, Duration::MAX, None)
    }

    pub(crate) fn new(
        state: LeaderState,
        renew_deadline: Duration,
        observer: Option<LeaseObserver>,
    ) -> Self {
        let shared = Shared {
            state: watch::Sender::new(state),
            renewed_at: Mutex::default(),
            renew_deadline,
            why_not: Mutex::new("the election has not begun".to_owned()),
            observer,
        };
        Self {
            inner: Arc::new(shared),
        }
    }

    /// Whether a write may be begun now: this process leads, and its last renewal was begun within the
    /// renew deadline. In a pass of a reconciler it must also be the term that the pass was begun in: who
    /// led in between has changed what the pass decided on.
    #[must_use]
    pub fn is_leader_now(&self) -> bool {
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
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<LeaderState> {
        self.inner.state.subscribe()
    }

    /// Whether another deployable's lease, of this name and in the same namespace, is held. Looks at
    /// most every 10 s.
    pub async fn live_lease(&self, name: &str) -> bool {
        match &self.inner.observer {
            Some(observer) => observer.is_live(name).await,
            None => false,
        }
    }

    /// One line for people: leading, or why not.
    #[must_use]
    pub fn describe(&self) -> String {
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
