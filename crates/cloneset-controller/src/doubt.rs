//! Doubts about a watch: a pod or budget that a CloneSet has waited for for some seconds is read live, now and then.
//! A watch that lost the event it waits for would let it wait until the next list (decision 3).

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kruise_api::resource::ObjectKey;
use kruise_runtime::{OwnWrites, StoreView};
use tokio::time::Instant;

use kruise_plan::WaitReason;

use crate::observe::Observer;

/// When to read for the first time. Most waits are over by then.
const FIRST: Duration = Duration::from_secs(5);
/// Each pause is twice the one before, up to this.
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct Doubt {
    reason: WaitReason,
    pause: Duration,
    due: Instant,
}

/// What each CloneSet waits for, and when to read it.
#[derive(Default)]
pub(crate) struct Doubts {
    by_set: Mutex<HashMap<ObjectKey, Doubt>>,
}

impl Doubts {
    /// Reads what this CloneSet waits for, if it is time. What it finds is in the store after.
    pub(crate) async fn look(&self, set: &ObjectKey, observer: &Observer, own_writes: &OwnWrites) {
        let Some(reason) = self.lock().get_mut(set).and_then(Doubt::take) else {
            return;
        };
        let pods: &dyn StoreView = &observer.pods;
        let budgets = observer.budgets.as_ref().map(|it| it as &dyn StoreView);
        let named = [(Some(pods), reason.pod()), (budgets, reason.budget())];
        for (store, name) in named {
            if let (Some(store), Some(name)) = (store, name) {
                let key = ObjectKey::new(set.namespace.clone(), name);
                own_writes.look_live(store, &key).await;
            }
        }
    }

    /// Notes what this CloneSet waits for; returns when to look at it again because of that.
    pub(crate) fn note(&self, set: &ObjectKey, reason: Option<&WaitReason>) -> Option<Duration> {
        let mut by_set = self.lock();
        let names_object = |reason: &&WaitReason| reason.pod().or(reason.budget()).is_some();
        let Some(reason) = reason.filter(names_object) else {
            by_set.remove(set);
            return None;
        };
        let now = Instant::now();
        let begin = || Doubt {
            reason: reason.clone(),
            pause: FIRST,
            due: now + FIRST,
        };
        let doubt = by_set.entry(set.clone()).or_insert_with(begin);
        if doubt.reason != *reason {
            *doubt = begin();
        }
        Some(doubt.due.saturating_duration_since(now))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, Doubt>> {
        self.by_set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Doubt {
    /// The reason that names what to read, if it is time.
    fn take(&mut self) -> Option<WaitReason> {
        let now = Instant::now();
        if now < self.due {
            return None;
        }
        self.pause = (self.pause * 2).min(LONGEST);
        self.due = now + self.pause;
        Some(self.reason.clone())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    fn waits_for(pod: &str) -> WaitReason {
        WaitReason::PodsNotAvailable {
            pod: pod.to_owned(),
            why: "it is not ready".to_owned(),
        }
    }

    /// The times at which a read is due, in seconds.
    async fn reads(doubts: &Doubts, set: &ObjectKey, reason: &WaitReason, n: usize) -> Vec<u64> {
        let start = Instant::now();
        let mut times = vec![];
        while times.len() < n {
            let wait = doubts.note(set, Some(reason)).unwrap();
            sleep(wait).await;
            let due = doubts.lock().get_mut(set).and_then(Doubt::take);
            assert_eq!(due.as_ref(), Some(reason));
            times.push(start.elapsed().as_secs());
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn a_pod_that_is_waited_for_is_read_less_and_less_often() {
        let (doubts, set) = (Doubts::default(), ObjectKey::new("ns", "web"));
        let times = reads(&doubts, &set, &waits_for("a"), 7).await;
        assert_eq!(times, [5, 15, 35, 75, 135, 195, 255]);
        // Another pod is another wait.
        assert_eq!(reads(&doubts, &set, &waits_for("b"), 2).await, [5, 15]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_no_object_reads_none() {
        let (doubts, set) = (Doubts::default(), ObjectKey::new("ns", "web"));
        assert_eq!(doubts.note(&set, Some(&waits_for("a"))), Some(FIRST));
        let refused = WaitReason::BudgetRefused {
            pod: "a".to_owned(),
            budget: "shop".to_owned(),
            why: String::new(),
        };
        assert_eq!(doubts.note(&set, Some(&refused)), Some(FIRST));
        assert_eq!(doubts.note(&set, Some(&WaitReason::Paused)), None);
        assert_eq!(doubts.note(&set, None), None);
        assert!(doubts.lock().is_empty());
    }
}
