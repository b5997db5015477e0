//! The work queue: keys, each at most once waiting and at most once in work.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kruise_api::resource::ObjectKey;
use tokio::{sync::Notify, time::Instant};

use crate::{
    control::{backoff::exponential, token_bucket::TokenBucket},
    tell::metrics::{Metrics, NameLabels},
};

/// How failing keys are slowed down (PF-104): by the larger of an exponential delay for each key and a token bucket
/// over all keys.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateLimit {
    /// First delay.
    pub base: Duration,
    /// Greatest delay.
    pub max: Duration,
    /// Retries a second, over all keys.
    pub qps: f64,
    /// Retries at once, over all keys.
    pub bucket: u32,
}

impl RateLimit {
    /// The library's limits (PF-104), which no flag changes. Their greatest delay is the one that the flags have by
    /// default (DV-D3).
    pub const LIBRARY: Self = Self {
        base: Duration::from_millis(5),
        max: Duration::from_secs(30),
        qps: 10.0,
        bucket: 100,
    };
}

/// What is taken first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Priority {
    /// Everything again, because of a start or a resync.
    Resync,
    /// Something happened.
    New,
}

/// A queue of keys. Clones share it.
#[derive(Clone)]
pub struct Queue {
    inner: Arc<Inner>,
}

struct Inner {
    name: &'static str,
    limit: RateLimit,
    bucket: TokenBucket,
    state: Mutex<State>,
    wake: Notify,
    metrics: Metrics,
}

#[derive(Default)]
struct State {
    new: VecDeque<ObjectKey>,
    resync: VecDeque<ObjectKey>,
    /// Every key in `new` or `resync`, with the time it came.
    waiting: HashMap<ObjectKey, (Priority, Instant)>,
    /// Keys in work, with the time they were taken.
    working: HashMap<ObjectKey, Instant>,
    /// Keys in work that came again meanwhile.
    again: HashMap<ObjectKey, Priority>,
    delayed: BTreeSet<(Instant, ObjectKey)>,
    delayed_until: HashMap<ObjectKey, Instant>,
    failures: BTreeMap<ObjectKey, u32>,
    closed: bool,
}

impl Queue {
    /// An empty queue.
    #[must_use]
    pub fn new(name: &'static str, limit: RateLimit, metrics: &Metrics) -> Self {
        Self {
            inner: Arc::new(Inner {
                name,
                limit,
                bucket: TokenBucket::new(limit.qps, limit.bucket),
                state: Mutex::default(),
                wake: Notify::new(),
                metrics: metrics.clone(),
            }),
        }
    }

    /// Name, as in the metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.inner.name
    }

    /// Adds a key because something happened to it. A key that is being worked on runs again after.
    pub fn add(&self, key: ObjectKey) {
        self.state().push(&self.inner, key, Priority::New);
        self.inner.wake.notify_one();
    }

    /// Adds a key that is looked at again without cause: taken after all others.
    pub fn add_resync(&self, key: ObjectKey) {
        self.state().push(&self.inner, key, Priority::Resync);
        self.inner.wake.notify_one();
    }

    /// Adds a key after a time. Of several such times the earliest counts.
    pub fn add_after(&self, key: ObjectKey, delay: Duration) {
        if delay.is_zero() {
            return self.add(key);
        }
        let at = Instant::now() + delay;
        let mut state = self.state();
        match state.delayed_until.get(&key).copied() {
            Some(earlier) if earlier <= at => return,
            Some(later) => {
                state.delayed.remove(&(later, key.clone()));
            }
            None => {}
        }
        state.delayed_until.insert(key.clone(), at);
        state.delayed.insert((at, key));
        drop(state);
        self.inner.wake.notify_one();
    }

    /// Adds a key that failed, after its back-off, and returns that.
    pub fn add_failed(&self, key: ObjectKey) -> Duration {
        self.inner
            .metrics
            .queue_retries
            .get_or_create(&self.labels())
            .inc();
        let failures = {
            let mut state = self.state();
            let failures = state.failures.entry(key.clone()).or_default();
            *failures = failures.saturating_add(1);
            *failures
        };
        let RateLimit { base, max, .. } = self.inner.limit;
        let delay = exponential(base, max, failures - 1).max(self.inner.bucket.reserve().min(max));
        self.add_after(key, delay);
        delay
    }

    /// Forgets the failures of a key that succeeded.
    pub fn forget(&self, key: &ObjectKey) {
        self.state().failures.remove(key);
    }

    /// The next key; whoever takes it calls [`Queue::done`]. `None` once the queue is closed.
    pub async fn next(&self) -> Option<ObjectKey> {
        loop {
            let wake_at = {
                let mut state = self.state();
                if state.closed {
                    return None;
                }
                state.release_due(&self.inner);
                if let Some(key) = state.pop(&self.inner) {
                    if !state.waiting.is_empty() {
                        self.inner.wake.notify_one();
                    }
                    return Some(key);
                }
                state.delayed.first().map(|(at, _)| *at)
            };
            match wake_at {
                Some(at) => {
                    tokio::select! {
                        biased;
                        () = self.inner.wake.notified() => {}
                        () = tokio::time::sleep_until(at) => {}
                    }
                }
                None => self.inner.wake.notified().await,
            }
        }
    }

    /// Ends the work on a key.
    pub fn done(&self, key: &ObjectKey) {
        let mut state = self.state();
        if let Some(start) = state.working.remove(key) {
            let time = start.elapsed().as_secs_f64();
            self.inner
                .metrics
                .work_duration
                .get_or_create(&self.labels())
                .observe(time);
        }
        if let Some(priority) = state.again.remove(key) {
            state.push(&self.inner, key.clone(), priority);
            self.inner.wake.notify_one();
        }
    }

    /// Number of keys that wait, without those whose time has not come.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().waiting.len()
    }

    /// Whether no key waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends all waits for keys.
    pub fn close(&self) {
        self.state().closed = true;
        self.inner.wake.notify_waiters();
        // For a worker that was about to wait.
        self.inner.wake.notify_one();
    }

    /// Brings the metrics of work in progress up to date.
    pub(crate) fn measure(&self) {
        let state = self.state();
        let times = || {
            state
                .working
                .values()
                .map(|start| start.elapsed().as_secs_f64())
        };
        let metrics = &self.inner.metrics;
        metrics
            .unfinished_work
            .get_or_create(&self.labels())
            .set(times().sum());
        metrics
            .longest_running
            .get_or_create(&self.labels())
            .set(times().fold(0.0, f64::max));
    }

    fn labels(&self) -> NameLabels {
        self.inner.labels()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn labels(&self) -> NameLabels {
        NameLabels {
            name: self.name.to_owned(),
        }
    }
}

impl State {
    fn push(&mut self, queue: &Inner, key: ObjectKey, priority: Priority) {
        if self.working.contains_key(&key) {
            let again = self.again.entry(key).or_insert(priority);
            *again = priority.max(*again);
            return;
        }
        match self.waiting.get_mut(&key) {
            Some((waiting, _)) if *waiting >= priority => return,
            // The entry among the resyncs stays behind, and is skipped when its turn comes.
            Some((waiting, _)) => *waiting = priority,
            None => {
                self.waiting.insert(key.clone(), (priority, Instant::now()));
                queue
                    .metrics
                    .queue_adds
                    .get_or_create(&queue.labels())
                    .inc();
            }
        }
        match priority {
            Priority::New => self.new.push_back(key),
            Priority::Resync => self.resync.push_back(key),
        }
        self.measure(queue);
    }

    fn release_due(&mut self, queue: &Inner) {
        let now = Instant::now();
        while self.delayed.first().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, key)) = self.delayed.pop_first() {
                self.delayed_until.remove(&key);
                self.push(queue, key, Priority::New);
            }
        }
    }

    fn pop(&mut self, queue: &Inner) -> Option<ObjectKey> {
        loop {
            let key = self.new.pop_front().or_else(|| self.resync.pop_front())?;
            let Some((_, since)) = self.waiting.remove(&key) else {
                continue;
            };
            self.working.insert(key.clone(), Instant::now());
            let time = since.elapsed().as_secs_f64();
            queue
                .metrics
                .queue_duration
                .get_or_create(&queue.labels())
                .observe(time);
            self.measure(queue);
            return Some(key);
        }
    }

    fn measure(&self, queue: &Inner) {
        let depth = i64::try_from(self.waiting.len()).unwrap_or(i64::MAX);
        queue
            .metrics
            .queue_depth
            .get_or_create(&queue.labels())
            .set(depth);
    }
}
