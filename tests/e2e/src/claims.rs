//! Which tests may run side by side: each says what it needs and what it disturbs, and waits until nobody disturbs
//! the one or needs the other.
//!
//! All of it is had at once or not at all, so that no two tests can wait for each other. One that disturbs has its turn
//! when those that need the same have gone by: the number of tests is finite.

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// A part of the cluster that a test can need or disturb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The API server and what is behind it: etcd, scheduler, Kubernetes' own controllers.
    ApiServer,
    /// A node, with what runs on it.
    Node(&'static str),
    /// A deployable: its replicas, its webhooks, the conversion of its kinds.
    Deployable(&'static str),
    /// Whether a kind is served that no deployable brings, by the name of its CRD or API.
    Kind(&'static str),
}

/// What a test needs as it is, and what it changes under others' feet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claim {
    pub(crate) needs: BTreeSet<Part>,
    pub(crate) disturbs: BTreeSet<Part>,
}

impl Claim {
    fn is_compatible(&self, other: &Self) -> bool {
        let leaves_alone = |one: &Self, other: &Self| {
            one.disturbs.is_disjoint(&other.needs) && one.disturbs.is_disjoint(&other.disturbs)
        };
        leaves_alone(self, other) && leaves_alone(other, self)
    }
}

/// Who has what.
struct Claims {
    held: Mutex<Held>,
    given_back: Notify,
}

#[derive(Default)]
struct Held {
    claims: Vec<(u64, Claim)>,
    last: u64,
}

static CLAIMS: Claims = Claims {
    held: Mutex::new(Held {
        claims: Vec::new(),
        last: 0,
    }),
    given_back: Notify::const_new(),
};

/// How many tests run at once. They mostly wait, so these are more than processors. A test that waits for its claim
/// is not among them: it has a thread of its own (`--test-threads`), of which there must be more.
const AT_ONCE: usize = 4;

/// What a test has, until it is dropped.
pub(crate) struct Holding(u64);

/// Waits for a claim.
pub(crate) async fn hold(claim: &Claim) -> Holding {
    loop {
        let mut given_back = pin!(CLAIMS.given_back.notified());
        // Before looking, or what is given back in between would go unheard.
        given_back.as_mut().enable();
        if let Some(id) = lock().try_hold(claim) {
            return Holding(id);
        }
        given_back.await;
    }
}

impl Held {
    fn try_hold(&mut self, claim: &Claim) -> Option<u64> {
        let mut held = self.claims.iter();
        if self.claims.len() >= AT_ONCE || !held.all(|(_, other)| claim.is_compatible(other)) {
            return None;
        }
        self.last += 1;
        self.claims.push((self.last, claim.clone()));
        Some(self.last)
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        lock().claims.retain(|(id, _)| *id != self.0);
        CLAIMS.given_back.notify_waiters();
    }
}

fn lock() -> MutexGuard<'static, Held> {
    CLAIMS.held.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(needs: &[Part], disturbs: &[Part]) -> Claim {
        Claim {
            needs: needs.iter().copied().collect(),
            disturbs: disturbs.iter().copied().collect(),
        }
    }

    const A: Part = Part::Deployable("a");
    const B: Part = Part::Deployable("b");

    #[test]
    fn what_is_disturbed_is_needed_by_nobody_else() {
        let mut held = Held::default();
        let first = held.try_hold(&claim(&[A], &[]));
        assert!(first.is_some());
        assert!(held.try_hold(&claim(&[A, B], &[])).is_some(), "both need");
        assert!(held.try_hold(&claim(&[], &[A])).is_none());
        held.claims.clear();
        assert!(held.try_hold(&claim(&[], &[A])).is_some());
        assert!(held.try_hold(&claim(&[A], &[])).is_none());
        assert!(held.try_hold(&claim(&[], &[A])).is_none());
        assert!(held.try_hold(&claim(&[], &[B])).is_some(), "another thing");
    }

    #[test]
    fn no_more_run_at_once_than_are_good_for_the_machine() {
        let mut held = Held::default();
        let all = std::iter::repeat_with(|| held.try_hold(&claim(&[A], &[])));
        assert_eq!(all.take(AT_ONCE + 2).flatten().count(), AT_ONCE);
    }

    #[tokio::test]
    async fn what_is_given_back_wakes_who_waits_for_it() {
        const C: Part = Part::Kind("c");
        let first = hold(&claim(&[], &[C])).await;
        let second = tokio::spawn(async { hold(&claim(&[C], &[])).await });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(first);
        second.await.unwrap();
    }
}
