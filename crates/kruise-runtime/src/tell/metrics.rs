//! Metrics that every deployable has. Names and labels that dashboards rely on are
//! controller-runtime's and client-go's (PF-139, PF-140); the encoder appends `_total` to counters.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
};

use kruise_api::resource::ObjectKey;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::{tell::protection_counters::ProtectionCounters, webhook::WebhookMetrics};

macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($field:ident),* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
        #[allow(missing_docs, reason = "the names are the labels")]
        pub struct $name { $(pub $field: String,)* }
    };
}

labels!(
    /// Labels of per-controller metrics.
    ControllerLabels { controller }
);
labels!(
    /// Labels of `controller_runtime_reconcile_total`.
    ResultLabels { controller, result }
);
labels!(
    /// Labels of `kruise_reconcile_error_categories_total`.
    CategoryLabels { controller, category }
);
labels!(
    /// Labels of `kruise_wait_reason`.
    ReasonLabels { controller, reason }
);
labels!(
    /// Labels of per-name metrics: work queues, leases.
    NameLabels { name }
);
labels!(
    /// Labels of per-kind metrics.
    ResourceLabels { resource }
);
labels!(
    /// Labels of `kruise_watch_restarts_total`.
    RestartLabels { resource, reason }
);
labels!(
    /// Labels of `rest_client_requests_total`.
    RequestLabels { code, method, host }
);
labels!(
    /// Labels of `kruise_writes_total`.
    WriteLabels { verb, kind, code }
);

/// A gauge with fractions.
pub(crate) type FloatGauge = Gauge<f64, AtomicU64>;
type HistogramFamily<L> = Family<L, Histogram, fn() -> Histogram>;

/// controller-runtime's buckets for reconcile times, in seconds.
fn reconcile_buckets() -> Histogram {
    Histogram::new([
        0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8,
        0.9, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0,
        15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 60.0,
    ])
}

/// client-go's buckets for queues, in seconds.
fn queue_buckets() -> Histogram {
    Histogram::new([
        1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0, 1000.0,
    ])
}

fn wait_buckets() -> Histogram {
    Histogram::new([
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0,
    ])
}

/// Every metric of the runtime. Clones share the values.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "`new` gives each its name and meaning")]
pub struct Metrics {
    pub reconciles: Family<ResultLabels, Counter>,
    pub reconcile_errors: Family<ControllerLabels, Counter>,
    pub reconcile_terminal_errors: Family<ControllerLabels, Counter>,
    pub reconcile_panics: Family<ControllerLabels, Counter>,
    pub reconcile_categories: Family<CategoryLabels, Counter>,
    pub reconcile_time: HistogramFamily<ControllerLabels>,
    pub max_concurrent_reconciles: Family<ControllerLabels, Gauge>,
    pub active_workers: Family<ControllerLabels, Gauge>,
    pub queue_depth: Family<NameLabels, Gauge>,
    pub queue_adds: Family<NameLabels, Counter>,
    pub queue_retries: Family<NameLabels, Counter>,
    pub queue_duration: HistogramFamily<NameLabels>,
    pub work_duration: HistogramFamily<NameLabels>,
    pub unfinished_work: Family<NameLabels, FloatGauge>,
    pub longest_running: Family<NameLabels, FloatGauge>,
    pub requests: Family<RequestLabels, Counter>,
    pub writes: Family<WriteLabels, Counter>,
    pub leader: Family<NameLabels, Gauge>,
    pub manager_is_leader: Gauge,
    pub watch_restarts: Family<RestartLabels, Counter>,
    pub undecodable: Family<ResourceLabels, Counter>,
    pub stored: Family<ResourceLabels, Gauge>,
    pub synced: Family<ResourceLabels, Gauge>,
    pub own_write_wait: Histogram,
    pub own_write_waits: Counter,
    pub own_write_live_reads: Counter,
    pub own_writes_leaked: Counter,
    pub doubtful_live_reads: Counter,
    pub events_dropped: Counter,
    pub wait_reason: Family<ReasonLabels, Gauge>,
    pub workload_deletion_protection: ProtectionCounters,
    /// `pod_unavailable_budget` (PB-60).
    pub pod_unavailable_budget: ProtectionCounters,
    pub webhooks: WebhookMetrics,
}

impl Metrics {
    /// Makes all metrics and registers them.
    #[must_use]
    pub fn new(registry: &mut Registry) -> Self {
        let metrics = Self::unregistered();
        let mut add = Adder(registry);
        add.controllers(&metrics);
        add.queues(&metrics);
        add.requests(&metrics);
        add.watches(&metrics);
        metrics.webhooks.register(registry);
        metrics
    }

    /// Metrics that nobody can read; what tests give to parts that want metrics.
    #[must_use]
    pub fn unregistered() -> Self {
        Self {
            reconciles: Family::default(),
            reconcile_errors: Family::default(),
            reconcile_terminal_errors: Family::default(),
            reconcile_panics: Family::default(),
            reconcile_categories: Family::default(),
            reconcile_time: Family::new_with_constructor(reconcile_buckets),
            max_concurrent_reconciles: Family::default(),
            active_workers: Family::default(),
            queue_depth: Family::default(),
            queue_adds: Family::default(),
            queue_retries: Family::default(),
            queue_duration: Family::new_with_constructor(queue_buckets),
            work_duration: Family::new_with_constructor(queue_buckets),
            unfinished_work: Family::default(),
            longest_running: Family::default(),
            requests: Family::default(),
            writes: Family::default(),
            leader: Family::default(),
            manager_is_leader: Gauge::default(),
            watch_restarts: Family::default(),
            undecodable: Family::default(),
            stored: Family::default(),
            synced: Family::default(),
            own_write_wait: wait_buckets(),
            own_write_waits: Counter::default(),
            own_write_live_reads: Counter::default(),
            own_writes_leaked: Counter::default(),
            doubtful_live_reads: Counter::default(),
            events_dropped: Counter::default(),
            wait_reason: Family::default(),
            workload_deletion_protection: ProtectionCounters::default(),
            pod_unavailable_budget: ProtectionCounters::default(),
            webhooks: WebhookMetrics::default(),
        }
    }
}

impl Metrics {
    /// Removes the series about an object that is gone.
    pub(crate) fn forget_object(&self, kind: &str, key: &ObjectKey) {
        let object = format!("{kind}_{}_{}", key.namespace, key.name);
        self.workload_deletion_protection.forget(&object);
        self.pod_unavailable_budget.forget(&object);
    }
}

struct Adder<'a>(&'a mut Registry);

impl Adder<'_> {
    fn metric(
        &mut self,
        name: &str,
        help: &str,
        metric: &(impl prometheus_client::registry::Metric + Clone),
    ) {
        self.0.register(name, help, metric.clone());
    }

    fn controllers(&mut self, m: &Metrics) {
        let name = |rest: &str| format!("controller_runtime_{rest}");
        self.metric(&name("reconcile"), "Reconciles by result", &m.reconciles);
        self.metric(
            &name("reconcile_errors"),
            "Reconciles that failed",
            &m.reconcile_errors,
        );
        self.metric(
            &name("terminal_reconcile_errors"),
            "Reconciles that failed and wait for a change",
            &m.reconcile_terminal_errors,
        );
        self.metric(
            &name("reconcile_panics"),
            "Reconciles that panicked",
            &m.reconcile_panics,
        );
        self.metric(
            &name("reconcile_time_seconds"),
            "Length of reconciles",
            &m.reconcile_time,
        );
        self.metric(
            &name("max_concurrent_reconciles"),
            "Reconciles that may run at once",
            &m.max_concurrent_reconciles,
        );
        self.metric(
            &name("active_workers"),
            "Reconciles that run now",
            &m.active_workers,
        );
        self.metric(
            "kruise_reconcile_error_categories",
            "Reconciles that failed, by what failed",
            &m.reconcile_categories,
        );
        self.metric(
            "kruise_wait_reason",
            "Objects that wait, by reason",
            &m.wait_reason,
        );
    }

    fn queues(&mut self, m: &Metrics) {
        let name = |rest: &str| format!("workqueue_{rest}");
        self.metric(&name("depth"), "Keys that wait", &m.queue_depth);
        self.metric(&name("adds"), "Keys added", &m.queue_adds);
        self.metric(
            &name("retries"),
            "Keys added again after a failure",
            &m.queue_retries,
        );
        self.metric(
            &name("queue_duration_seconds"),
            "Time in the queue",
            &m.queue_duration,
        );
        self.metric(
            &name("work_duration_seconds"),
            "Time of work",
            &m.work_duration,
        );
        self.metric(
            &name("unfinished_work_seconds"),
            "Time spent so far on all work in progress",
            &m.unfinished_work,
        );
        self.metric(
            &name("longest_running_processor_seconds"),
            "Time spent so far on the longest work in progress",
            &m.longest_running,
        );
    }

    fn requests(&mut self, m: &Metrics) {
        self.metric(
            "rest_client_requests",
            "Requests to the API server",
            &m.requests,
        );
        self.metric("kruise_writes", "Writes to the API server", &m.writes);
        self.metric(
            "leader_election_master_status",
            "1 while leading",
            &m.leader,
        );
        self.metric(
            "kruise_manager_is_leader",
            "1 while leading",
            &m.manager_is_leader,
        );
        self.metric(
            "kruise_events_dropped",
            "Events not written, for their number or for an error",
            &m.events_dropped,
        );
        self.metric(
            "workload_deletion_protection",
            "Deletions of workloads that were refused",
            &m.workload_deletion_protection.series,
        );
        self.metric(
            "pod_unavailable_budget",
            "Refusals for want of budget",
            &m.pod_unavailable_budget.series,
        );
    }

    fn watches(&mut self, m: &Metrics) {
        self.metric(
            "kruise_watch_restarts",
            "Watches opened again",
            &m.watch_restarts,
        );
        self.metric(
            "kruise_watch_undecodable_objects",
            "Objects skipped because they could not be decoded",
            &m.undecodable,
        );
        self.metric("kruise_watch_objects", "Objects kept", &m.stored);
        self.metric(
            "kruise_watch_synced",
            "1 once the first list is complete",
            &m.synced,
        );
        self.metric(
            "kruise_own_write_wait_seconds",
            "Time until own writes were seen, where they had to be waited for",
            &m.own_write_wait,
        );
        self.metric(
            "kruise_own_write_waits",
            "Reconciles put off until own writes are seen",
            &m.own_write_waits,
        );
        self.metric(
            "kruise_own_write_live_reads",
            "Own writes read live because the watch was late",
            &m.own_write_live_reads,
        );
        self.metric(
            "kruise_doubtful_live_reads",
            "Objects read live because nothing was heard of them for long",
            &m.doubtful_live_reads,
        );
        self.metric(
            "kruise_own_writes_leaked",
            "Own writes not seen within --expectation-timeout",
            &m.own_writes_leaked,
        );
    }
}

/// What the objects of one controller wait for, as the gauge `kruise_wait_reason`: the number of objects for each
/// reason.
#[derive(Clone, Debug)]
pub struct WaitReasons {
    controller: &'static str,
    gauge: Family<ReasonLabels, Gauge>,
    reasons: Arc<Mutex<HashMap<ObjectKey, &'static str>>>,
}

impl WaitReasons {
    /// The wait reasons of one controller.
    #[must_use]
    pub fn new(controller: &'static str, metrics: &Metrics) -> Self {
        let reasons = Arc::default();
        Self {
            controller,
            gauge: metrics.wait_reason.clone(),
            reasons,
        }
    }

    /// Notes what an object waits for; `None` when it waits for nothing, or is gone.
    pub fn set(&self, key: &ObjectKey, reason: Option<&'static str>) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match reason {
            Some(reason) => reasons.insert(key.clone(), reason),
            None => reasons.remove(key),
        };
        if before == reason {
            return;
        }
        if let Some(before) = before {
            self.gauge_of(before).dec();
        }
        if let Some(reason) = reason {
            self.gauge_of(reason).inc();
        }
    }

    fn gauge_of(&self, reason: &str) -> Gauge {
        self.gauge.get_or_create_owned(&ReasonLabels {
            controller: self.controller.to_owned(),
            reason: reason.to_owned(),
        })
    }
}

/// The text served at `/metrics`.
pub(crate) fn encode(registry: &Registry) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    prometheus_client::encoding::prometheus_text::encode(&mut text, registry)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tell::protection_counters::ProtectionLabels;

    #[test]
    fn names_are_those_that_dashboards_know() {
        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        let labels = ControllerLabels {
            controller: "c".into(),
        };
        metrics.reconcile_errors.get_or_create(&labels).inc();
        metrics.reconcile_time.get_or_create(&labels).observe(0.1);
        metrics
            .queue_adds
            .get_or_create(&NameLabels { name: "q".into() })
            .inc();
        metrics
            .workload_deletion_protection
            .get_or_create(&ProtectionLabels {
                kind_namespace_name: "CloneSet_ns_web".into(),
                username: "alice".into(),
            })
            .inc();
        metrics
            .pod_unavailable_budget
            .get_or_create(&ProtectionLabels {
                kind_namespace_name: "CloneSet_ns_web".into(),
                username: "kruise-manager".into(),
            })
            .inc();
        let text = encode(&registry).unwrap();
        for line in [
            "controller_runtime_reconcile_errors_total{controller=\"c\"} 1",
            "controller_runtime_reconcile_time_seconds_count{controller=\"c\"} 1",
            "workqueue_adds_total{name=\"q\"} 1",
            "kruise_manager_is_leader 0",
            "workload_deletion_protection{kind_namespace_name=\"CloneSet_ns_web\",username=\"alice\"} 1",
            "pod_unavailable_budget{kind_namespace_name=\"CloneSet_ns_web\",username=\"kruise-manager\"} 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn a_wait_reason_counts_objects() {
        let metrics = Metrics::unregistered();
        let reasons = WaitReasons::new("c", &metrics);
        let (a, b) = (ObjectKey::new("ns", "a"), ObjectKey::new("ns", "b"));
        reasons.set(&a, Some("Paused"));
        reasons.set(&b, Some("Paused"));
        reasons.set(&a, Some("Paused"));
        assert_eq!(reasons.gauge_of("Paused").get(), 2);
        reasons.set(&a, None);
        reasons.set(&b, Some("Partition"));
        assert_eq!(reasons.gauge_of("Paused").get(), 0);
        assert_eq!(reasons.gauge_of("Partition").get(), 1);
    }
}
