//! Workers: they take keys from a queue, reconcile them while this process leads, and decide from the
//! outcome when a key is looked at again.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::FutureExt;
use kruise_api::resource::ObjectKey;
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::{
    api::error::{WITHHELD, chain},
    control::{queue::Queue, work_gate::WorkGate},
    leader::fence::in_term,
    tell::metrics::{CategoryLabels, ControllerLabels, Metrics, ResultLabels},
};

/// What a reconcile that succeeded asks for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// When to look again, if nothing happens before.
    pub requeue_after: Option<Duration>,
}

/// What follows from a failed reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// Try again, later each time.
    BackOff,
    /// Try again after a time.
    After(Duration),
    /// Trying again won't help; wait for a change.
    AwaitChange,
}

/// An error that knows what follows from it.
pub trait ReconcileError: std::error::Error {
    /// Label for metrics. The error of a call that was withheld ([`crate::ApiError::was_withheld`]) has to keep that
    /// call's own label: such a reconcile counts as interrupted, not as failed.
    fn category(&self) -> &'static str;
    /// When to try again.
    fn consequence(&self) -> Consequence;
}

/// What a controller does for one object.
pub trait Reconciler: Send + Sync + 'static {
    /// Why it fails.
    type Error: ReconcileError + Send + 'static;

    /// Brings one object closer to what is wanted. Called for one key at a time, for several keys at
    /// once, and only while this process leads.
    fn reconcile(
        &self,
        key: &ObjectKey,
    ) -> impl Future<Output = Result<Outcome, Self::Error>> + Send;
}

pub(crate) struct Controller<R> {
    pub(crate) name: &'static str,
    pub(crate) workers: usize,
    pub(crate) queue: Queue,
    pub(crate) reconciler: Arc<R>,
    pub(crate) metrics: Metrics,
    /// Reconciles that run now, of all controllers of the process.
    pub(crate) busy: Arc<AtomicUsize>,
}

/// How often the gauges of work in progress are brought up to date (client-go's value).
const MEASURE_EVERY: Duration = Duration::from_millis(500);
/// How long an interrupted reconcile waits: longer than the gate takes to close once the lease is lost or the process
/// stops.
const WITHHELD_AGAIN_AFTER: Duration = Duration::from_millis(100);

impl<R: Reconciler> Controller<R> {
    /// Runs all workers until told to stop; returns when each has finished what it was doing.
    pub(crate) async fn run(self, gate: watch::Receiver<WorkGate>, stop: CancellationToken) {
        let labels = self.labels();
        let workers = i64::try_from(self.workers).unwrap_or(i64::MAX);
        self.metrics
            .max_concurrent_reconciles
            .get_or_create(&labels)
            .set(workers);
        // The series is there from the start, so that a rate over it is right from the first panic on.
        self.metrics
            .reconcile_panics
            .get_or_create(&labels)
            .inc_by(0);
        let controller = Arc::new(self);
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..controller.workers.max(1) {
            tasks.spawn(Arc::clone(&controller).work(gate.clone(), stop.clone()));
        }
        let measure = async {
            loop {
                tokio::time::sleep(MEASURE_EVERY).await;
                controller.queue.measure();
            }
        };
        tokio::select! {
            biased;
            () = async { while tasks.join_next().await.is_some() {} } => {}
            () = measure => {}
        }
    }

    async fn work(self: Arc<Self>, mut gate: watch::Receiver<WorkGate>, stop: CancellationToken) {
        loop {
            let next = async {
                // The sender lives as long as the process.
                let is_open = |gate: &WorkGate| matches!(gate, WorkGate::Open { .. });
                let open = gate.wait_for(is_open).await;
                let WorkGate::Open { term } = *open.ok()? else {
                    return Some(None);
                };
                let mut closed = gate.clone();
                tokio::select! {
                    biased;
                    _ = closed.wait_for(|gate| *gate != WorkGate::Open { term }) => Some(None),
                    key = self.queue.next() => key.map(|key| Some((term, key))),
                }
            };
            let next = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                next = next => next,
            };
            match next {
                None => return,
                Some(None) => {}
                Some(Some((term, key))) => {
                    // Counted first: who closes the gate and then finds nobody at work must be right.
                    self.busy.fetch_add(1, Ordering::SeqCst);
                    if *gate.borrow() == (WorkGate::Open { term }) {
                        in_term(term, self.reconcile(&key)).await;
                    } else {
                        self.queue.add(key.clone());
                    }
                    self.busy.fetch_sub(1, Ordering::SeqCst);
                    self.queue.done(&key);
                }
            }
        }
    }

    /// All that is logged meanwhile carries the object; reconcilers record its UID and revision.
    async fn reconcile(&self, key: &ObjectKey) {
        let span = tracing::info_span!(
            "reconcile",
            controller = self.name,
            object = %key,
            uid = tracing::field::Empty,
            revision = tracing::field::Empty,
        );
        self.reconcile_once(key).instrument(span).await;
    }

    async fn reconcile_once(&self, key: &ObjectKey) {
        let labels = self.labels();
        let active = self.metrics.active_workers.get_or_create_owned(&labels);
        active.inc();
        let start = Instant::now();
        let reconcile = AssertUnwindSafe(self.reconciler.reconcile(key))
            .catch_unwind()
            .await;
        let time = start.elapsed();
        active.dec();
        self.metrics
            .reconcile_time
            .get_or_create(&labels)
            .observe(time.as_secs_f64());
        let result = match reconcile {
            Ok(Ok(outcome)) => self.succeeded(key, outcome),
            Ok(Err(error)) if WITHHELD.contains(&error.category()) => {
                // The reconcile didn't fail, and is done as soon as this process may write again. Until the gate
                // closes, its calls would only be withheld again.
                self.queue.add_after(key.clone(), WITHHELD_AGAIN_AFTER);
                tracing::debug!(error = chain(&error), "may not write any more");
                "requeue"
            }
            Ok(Err(error)) => {
                self.failed(key, &error);
                "error"
            }
            Err(panic) => {
                self.panicked(key, panic.as_ref());
                "error"
            }
        };
        tracing::debug!(result, ?time, "reconciled");
        let controller = self.name.to_owned();
        let result = ResultLabels {
            controller,
            result: result.to_owned(),
        };
        self.metrics.reconciles.get_or_create(&result).inc();
    }

    fn succeeded(&self, key: &ObjectKey, outcome: Outcome) -> &'static str {
        self.queue.forget(key);
        match outcome.requeue_after {
            Some(after) => {
                self.queue.add_after(key.clone(), after);
                "requeue_after"
            }
            None => "success",
        }
    }

    fn failed(&self, key: &ObjectKey, error: &R::Error) {
        let category = error.category();
        self.count_error(category);
        let consequence = error.consequence();
        let error = chain(error);
        match consequence {
            Consequence::BackOff if category == "conflict" => {
                // Another writer was faster, which is how preconditions are meant to work.
                let delay = self.queue.add_failed(key.clone());
                tracing::debug!(category, error, ?delay, "lost a race");
            }
            Consequence::BackOff => {
                let delay = self.queue.add_failed(key.clone());
                tracing::warn!(category, error, ?delay, "reconcile failed");
            }
            Consequence::After(delay) => {
                self.queue.add_after(key.clone(), delay);
                tracing::warn!(category, error, ?delay, "reconcile failed");
            }
            Consequence::AwaitChange => {
                self.queue.forget(key);
                self.metrics
                    .reconcile_terminal_errors
                    .get_or_create(&self.labels())
                    .inc();
                tracing::error!(category, error, "reconcile failed, and waits for a change");
            }
        }
    }

    fn panicked(&self, key: &ObjectKey, panic: &(dyn std::any::Any + Send)) {
        self.metrics
            .reconcile_panics
            .get_or_create(&self.labels())
            .inc();
        self.count_error("panic");
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("?");
        let delay = self.queue.add_failed(key.clone());
        tracing::error!(panic = text, ?delay, "reconcile panicked");
    }

    fn count_error(&self, category: &str) {
        self.metrics
            .reconcile_errors
            .get_or_create(&self.labels())
            .inc();
        let controller = self.name.to_owned();
        let labels = CategoryLabels {
            controller,
            category: category.to_owned(),
        };
        self.metrics
            .reconcile_categories
            .get_or_create(&labels)
            .inc();
    }

    fn labels(&self) -> ControllerLabels {
        ControllerLabels {
            controller: self.name.to_owned(),
        }
    }
}
