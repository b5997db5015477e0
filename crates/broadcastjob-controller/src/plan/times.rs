//! When a job has to be looked at again, or is over (BJ-22, BJ-34, BJ-56, BJ-61, BJ-62).

use std::time::Duration;

use jiff::SignedDuration;
use kruise_api::meta::Time;

use crate::snapshot::{JobPod, Snapshot};

/// Nothing is waited for any longer at once: clocks are set, and a look a day costs nothing.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// How much longer than its grace period a kubelet may take to be rid of a pod.
const AFTER_GRACE: SignedDuration = SignedDuration::from_secs(10);
/// For so long at most the end of stopped pods is waited for, however long their grace periods are: as long as
/// OpenKruise trusts what it expects (IP-143).
const WAITS_FOR_END: SignedDuration = SignedDuration::from_mins(5);
/// So that the time is really over when the job is looked at again (BJ-P5).
const MARGIN: SignedDuration = SignedDuration::from_secs(1);

/// What is left of a number of seconds since then; `None` if they are over.
fn left(since: Time, seconds: i64, now: Time) -> Option<SignedDuration> {
    let elapsed = now.duration_since(since);
    let left = SignedDuration::from_secs(seconds).saturating_sub(elapsed);
    left.is_positive().then_some(left)
}

/// For how long to wait until this time is over.
pub(super) fn wait(left: SignedDuration) -> Duration {
    Duration::try_from(left).unwrap_or_default().min(LONGEST)
}

/// Whether something is over, and else for how long it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// It is not wanted at all.
    Never,
    /// It is over.
    Over,
    /// It is over then.
    In(Duration),
}

impl Until {
    fn of(since: Option<Time>, seconds: Option<i64>, now: Time) -> Self {
        let (Some(since), Some(seconds)) = (since, seconds) else {
            return Self::Never;
        };
        match left(since, seconds, now) {
            None => Self::Over,
            Some(left) => Self::In(wait(left)),
        }
    }
}

/// When the job fails for having run too long (BJ-34).
pub(super) fn deadline(snapshot: &Snapshot, start: Option<Time>) -> Until {
    let spec = &snapshot.job.spec;
    let policy = spec.completion_policy.as_ref();
    let policy = policy.filter(|_| !spec.never_completes());
    let seconds = policy.and_then(|policy| policy.active_deadline_seconds);
    Until::of(start, seconds, snapshot.now)
}

/// When the job that has ended is deleted (BJ-61).
pub(super) fn ttl(snapshot: &Snapshot) -> Until {
    let ended = snapshot.job.status.completion_time;
    Until::of(ended, ttl_seconds(snapshot), snapshot.now)
}

/// When a job that ends now is to be looked at, to be deleted (BJ-62).
pub(super) fn ttl_from_now(snapshot: &Snapshot) -> Option<Duration> {
    let seconds = SignedDuration::from_secs(ttl_seconds(snapshot)?);
    Some(wait(seconds.saturating_add(MARGIN)))
}

fn ttl_seconds(snapshot: &Snapshot) -> Option<i64> {
    let policy = snapshot.job.spec.completion_policy.as_ref()?;
    policy.ttl_seconds_after_finished.map(i64::from)
}

/// The first pod that this process has stopped and that may still be ending, and for how long that is waited for
/// (BJ-21, BJ-56). A pod whose node is dead does not hold up the others for ever (DV-BJ1).
pub(super) fn ending_pod(snapshot: &Snapshot) -> Option<(&JobPod, Duration)> {
    let now = snapshot.now;
    let pods = snapshot.pods.iter().map(AsRef::as_ref);
    let mut ending = pods.filter_map(|pod: &JobPod| {
        let stopped_at = snapshot.memory.stopped.get(&pod.metadata.uid)?;
        // The time by which it is to be gone.
        let gone_by = pod.metadata.deletion_timestamp?;
        let grace = gone_by.duration_since(now).saturating_add(AFTER_GRACE);
        let patience = WAITS_FOR_END.saturating_sub(now.duration_since(*stopped_at));
        let left = grace.min(patience);
        left.is_positive().then(|| (pod, wait(left)))
    });
    ending.next()
}
