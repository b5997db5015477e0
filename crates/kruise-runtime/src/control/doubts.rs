//! Doubts about a watch: a pod or budget that an object has waited for for some seconds is read live, now and then.
//! If the watch lost the awaited event, the object would otherwise wait until the next list (decision 3).

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kruise_api::resource::ObjectKey;
use kruise_plan::WaitReason;
use tokio::time::Instant;

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

/// What each object waits for, and when to read it.
#[derive(Default)]
pub(crate) struct Doubts {
    by_owner: Mutex<HashMap<ObjectKey, Doubt>>,
}

impl Doubts {
    /// What this object waits for, if it is time to read that.
    pub(crate) fn due(&self, owner: &ObjectKey) -> Option<WaitReason> {
        self.lock().get_mut(owner).and_then(Doubt::take)
    }

    /// Notes what this object waits for; returns when to look at it again because of that.
    pub(crate) fn note(&self, owner: &ObjectKey, waiting_on: &[WaitReason]) -> Option<Duration> {
        let mut by_owner = self.lock();
        let Some(reason) = WaitReason::to_look_at(waiting_on) else {
            by_owner.remove(owner);
            return None;
        };
        let now = Instant::now();
        let begin = || Doubt {
            reason: reason.clone(),
            pause: FIRST,
            due: now + FIRST,
        };
        let doubt = by_owner.entry(owner.clone()).or_insert_with(begin);
        if doubt.reason != *reason {
            *doubt = begin();
        }
        Some(doubt.due.saturating_duration_since(now))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectKey, Doubt>> {
        self.by_owner.lock().unwrap_or_else(PoisonError::into_inner)
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

    use std::slice;

    use super::*;

    fn waits_for(pod: &str) -> WaitReason {
        WaitReason::PodsNotAvailable {
            pod: pod.to_owned(),
            why: "it is not ready".to_owned(),
        }
    }

    /// The times at which a read is due, in seconds.
    async fn reads(doubts: &Doubts, owner: &ObjectKey, reason: &WaitReason, n: usize) -> Vec<u64> {
        let start = Instant::now();
        let mut times = vec![];
        while times.len() < n {
            let wait = doubts.note(owner, slice::from_ref(reason)).unwrap();
            sleep(wait).await;
            let due = doubts.due(owner);
            assert_eq!(due.as_ref(), Some(reason));
            times.push(start.elapsed().as_secs());
        }
        times
    }

    #[tokio::test(start_paused = true)]
    async fn a_pod_that_is_waited_for_is_read_less_and_less_often() {
        let (doubts, owner) = (Doubts::default(), ObjectKey::new("ns", "web"));
        let times = reads(&doubts, &owner, &waits_for("a"), 7).await;
        assert_eq!(times, [5, 15, 35, 75, 135, 195, 255]);
        // Another pod is another wait.
        assert_eq!(reads(&doubts, &owner, &waits_for("b"), 2).await, [5, 15]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_no_object_reads_none() {
        let (doubts, owner) = (Doubts::default(), ObjectKey::new("ns", "web"));
        assert_eq!(doubts.note(&owner, &[waits_for("a")]), Some(FIRST));
        let refused = WaitReason::BudgetRefused {
            pod: "a".to_owned(),
            budget: "shop".to_owned(),
            why: String::new(),
        };
        assert_eq!(doubts.note(&owner, &[refused]), Some(FIRST));
        assert_eq!(doubts.note(&owner, &[WaitReason::OnDelete]), None);
        assert_eq!(doubts.note(&owner, &[]), None);
        assert!(doubts.lock().is_empty());
    }
}
