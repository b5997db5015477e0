//! What waits for the client's limits, for how long, and what must not wait for them (DV-D11).

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use clap::Parser;
use futures::{channel::mpsc, future::join_all};
use http::Method;
use kruise_api::{
    pod::Pod,
    resource::{ObjectKey, POD_TEMPLATES, PODS, PatchKind},
};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{client::ApiClient, error::ApiError},
    clock::Clock,
    control::{
        own_writes::OwnWrites,
        queue::{Queue, RateLimit},
        reconcile::{Consequence, Controller, Outcome, ReconcileError, Reconciler},
        work_gate::WorkGate,
    },
    process::{app::App, args::RuntimeArgs, error::RunError, logging::LogLevel, run::Process},
    tell::{
        metrics::{ControllerLabels, Metrics, NameLabels, ResultLabels},
        protection_counters::ProtectionLabels,
    },
    test_server::{Answer, Call, TestServer, event, list, pod},
    watch::{store::Store, store_view::StoreView, watcher::WatchOptions},
};

/// A cluster with one pod, which everybody may write.
#[derive(Clone, Default)]
struct Cluster {
    leases: Arc<Mutex<BTreeMap<String, Value>>>,
    patches: Arc<AtomicUsize>,
    lists: Arc<AtomicUsize>,
    watch: Arc<Mutex<Option<mpsc::UnboundedSender<Value>>>>,
}

impl Cluster {
    fn answer(&self, call: &Call) -> Answer {
        if call.path.contains("/leases") {
            return self.lease(call);
        }
        if call.is_streaming_list() {
            return Answer::status(422, "Invalid");
        }
        if call.is_watch() {
            let (sender, receiver) = mpsc::unbounded();
            *self.watch.lock().unwrap() = Some(sender);
            return Answer::Stream(receiver);
        }
        match (&call.method, call.path.ends_with("/pods")) {
            (&Method::GET, true) => {
                self.lists.fetch_add(1, Ordering::Relaxed);
                Answer::Json(200, list(50, &[pod("a", "ua", 1)]))
            }
            (&Method::GET, false) => Answer::Json(200, pod("a", "ua", 1)),
            (&Method::PATCH, _) => {
                self.patches.fetch_add(1, Ordering::Relaxed);
                Answer::Json(200, pod("a", "ua", 1))
            }
            _ => Answer::Json(201, call.body.clone()),
        }
    }

    fn lease(&self, call: &Call) -> Answer {
        let mut leases = self.leases.lock().unwrap();
        let name = call.path.rsplit('/').next().unwrap().to_owned();
        match call.method {
            Method::GET => match leases.get(&name) {
                Some(lease) => Answer::Json(200, lease.clone()),
                None => Answer::status(404, "NotFound"),
            },
            Method::POST => {
                leases.insert("app".to_owned(), call.body.clone());
                Answer::Json(200, call.body.clone())
            }
            _ => {
                let mut lease = leases.get(&name).cloned().unwrap_or_default();
                lease["spec"] = call.body["spec"].clone();
                leases.insert(name, lease.clone());
                Answer::Json(200, lease)
            }
        }
    }

    fn patches(&self) -> usize {
        self.patches.load(Ordering::Relaxed)
    }

    fn holder(&self) -> Value {
        self.leases.lock().unwrap()["app"]["spec"]["holderIdentity"].clone()
    }

    fn give_lease_to(&self, holder: &str) {
        let spec = json!({ "holderIdentity": holder, "leaseDurationSeconds": 15 });
        let lease = json!({ "metadata": { "resourceVersion": "9" }, "spec": spec });
        self.leases.lock().unwrap().insert("app".to_owned(), lease);
    }
}

/// A failed call, with what follows from any of them.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Failed(#[from] ApiError);

impl ReconcileError for Failed {
    fn category(&self) -> &'static str {
        self.0.category()
    }

    fn consequence(&self) -> Consequence {
        Consequence::BackOff
    }
}

/// Writes a pod a thousand times, as a roll-out of a large set does.
struct RollOut {
    client: ApiClient,
    ended: Arc<Mutex<Vec<&'static str>>>,
}

impl Reconciler for RollOut {
    type Error = Failed;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, Failed> {
        let patch = json!({});
        let write = || {
            self.client
                .patch(&PODS, key, None, PatchKind::Merge, &patch)
        };
        let written = join_all((0..1000).map(|_| write())).await;
        let failed = written.into_iter().find_map(Result::err);
        let category = failed.as_ref().map_or("done", ApiError::category);
        self.ended.lock().unwrap().push(category);
        failed.map_or(Ok(Outcome::default()), |error| Err(error.into()))
    }
}

/// What a deployable gets, taken out for the test.
#[derive(Clone)]
struct Parts {
    replica_client: ApiClient,
    own_writes: OwnWrites,
    pods: Store<Pod>,
    metrics: Metrics,
}

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    runtime: RuntimeArgs,
}

struct Running {
    cluster: Cluster,
    /// How each roll-out ended.
    ended: Arc<Mutex<Vec<&'static str>>>,
    parts: Arc<Mutex<Option<Parts>>>,
    stop: CancellationToken,
    process: tokio::task::JoinHandle<Result<(), RunError>>,
}

/// 1,000 writes at 30 a second: they take more than half a minute.
async fn start_roll_out() -> Running {
    let cluster = Cluster::default();
    let ended: Arc<Mutex<Vec<_>>> = Arc::default();
    let parts: Arc<Mutex<Option<Parts>>> = Arc::default();
    let server = TestServer::new({
        let cluster = cluster.clone();
        move |call| cluster.answer(call)
    });
    let app = App::new("app", {
        let (ended, parts) = (Arc::clone(&ended), Arc::clone(&parts));
        move |setup| {
            let pods = setup.watch::<Pod>(PODS, WatchOptions::default());
            let queue = setup.queue("app");
            pods.on_change(&queue, |_, new| {
                new.map(|pod| ObjectKey::of(&pod.metadata))
                    .into_iter()
                    .collect()
            });
            *parts.lock().unwrap() = Some(Parts {
                replica_client: setup.replica_client(),
                own_writes: setup.own_writes(),
                pods: pods.store(),
                metrics: setup.metrics().clone(),
            });
            let client = setup.client();
            setup.controller("app", 1, queue, RollOut { client, ended });
            Ok(())
        }
    });
    let flags = [
        "test",
        "--metrics-addr=0",
        "--health-probe-addr=0",
        "--rest-config-qps=30",
        "--rest-config-burst=50",
    ];
    let process = Process {
        args: Command::parse_from(flags).runtime,
        apps: vec![app],
        client: server.kube_client(),
        host: String::new(),
        log_level: LogLevel::default(),
        clock: Clock::system(),
        in_process: None,
    };
    let stop = CancellationToken::new();
    let process = tokio::spawn(process.run(stop.clone()));
    let running = Running {
        cluster,
        ended,
        parts,
        stop,
        process,
    };
    sleep(Duration::from_secs(3)).await;
    let sent = running.cluster.patches();
    assert!((50..300).contains(&sent), "{sent}");
    running
}

impl Running {
    fn parts(&self) -> Parts {
        self.parts.lock().unwrap().clone().unwrap()
    }

    fn ended(&self) -> Vec<&'static str> {
        self.ended.lock().unwrap().clone()
    }
}

// PF-107, DV-PF16
#[tokio::test(start_paused = true)]
async fn who_waits_to_write_is_told_when_the_lease_is_lost() {
    let running = start_roll_out().await;
    running.cluster.give_lease_to("other");
    // The next renewal finds out.
    sleep(Duration::from_secs(4)).await;
    assert_eq!(running.ended(), ["not_leader"]);
    let sent = running.cluster.patches();
    sleep(Duration::from_secs(8)).await;
    assert_eq!(running.cluster.patches(), sent);
    assert!(!running.process.is_finished());
    // Leading again, the roll-out begins at once: nothing has failed, so there is nothing to back off from.
    running.cluster.give_lease_to("");
    sleep(Duration::from_secs(60)).await;
    assert_eq!(running.ended(), ["not_leader", "done"]);
    assert_eq!(running.cluster.patches(), sent + 1000);
}

// DV-PF16
#[tokio::test(start_paused = true)]
async fn who_waits_to_write_is_told_when_the_process_stops() {
    let running = start_roll_out().await;
    let sent = running.cluster.patches();
    let stopped_at = Instant::now();
    running.stop.cancel();
    running.process.await.unwrap().unwrap();
    assert!(stopped_at.elapsed() < Duration::from_secs(3));
    assert_eq!(*running.ended.lock().unwrap(), ["stopping"]);
    // One write may have got its token at that very moment.
    assert!(running.cluster.patches() <= sent + 1);
    assert_eq!(running.cluster.holder(), "");
}

// DV-D11
#[tokio::test(start_paused = true)]
async fn nobody_else_waits_for_a_roll_out() {
    let running = start_roll_out().await;
    let parts = running.parts();
    let (key, template) = (ObjectKey::new("ns", "a"), json!({ "template": {} }));
    let begin = Instant::now();
    // Admission.
    parts
        .replica_client
        .dry_run_create(&POD_TEMPLATES, "ns", &template, Duration::from_secs(1))
        .await
        .unwrap();
    assert_eq!(begin.elapsed(), Duration::ZERO);
    // Own writes and doubts.
    parts.own_writes.look_live(&parts.pods, &key).await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
    // Lists.
    let lists = running.cluster.lists.load(Ordering::Relaxed);
    parts.pods.want_list();
    sleep(Duration::from_millis(10)).await;
    assert!(running.cluster.lists.load(Ordering::Relaxed) > lists);
    assert!(running.ended().is_empty());
}

/// Finds that it may not write.
struct NotAllowed(watch::Sender<WorkGate>);

impl Reconciler for NotAllowed {
    type Error = Failed;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, Failed> {
        self.0.send_replace(WorkGate::Closed);
        let call = format!("patch pods {key}");
        Err(ApiError::NotLeader { call }.into())
    }
}

// DV-PF16
#[tokio::test(start_paused = true)]
async fn a_reconcile_that_was_not_allowed_to_write_has_not_failed() {
    let metrics = Metrics::unregistered();
    let queue = Queue::new("q", RateLimit::LIBRARY, &metrics);
    let (gate, gate_seen) = watch::channel(WorkGate::Open { term: 1 });
    let opener = gate.clone();
    let controller = Controller {
        name: "c",
        workers: 1,
        queue: queue.clone(),
        reconciler: Arc::new(NotAllowed(gate)),
        metrics: metrics.clone(),
        busy: Arc::default(),
    };
    queue.add(ObjectKey::new("ns", "a"));
    tokio::spawn(controller.run(gate_seen, CancellationToken::new()));
    let requeued = || {
        let (controller, result) = ("c".to_owned(), "requeue".to_owned());
        let of = ResultLabels { controller, result };
        metrics.reconciles.get_or_create(&of).get()
    };
    sleep(Duration::from_secs(1)).await;
    assert_eq!(requeued(), 1, "it waits for the gate");
    opener.send_replace(WorkGate::Open { term: 2 });
    sleep(Duration::from_secs(1)).await;
    assert_eq!(requeued(), 2);
    let name = NameLabels { name: "q".into() };
    assert_eq!(metrics.queue_retries.get_or_create(&name).get(), 0);
    let controller = "c".to_owned();
    let of = ControllerLabels { controller };
    assert_eq!(metrics.reconcile_errors.get_or_create(&of).get(), 0);
}

// DV-PF23: of objects that users name there may be any number over the years.
#[tokio::test(start_paused = true)]
async fn series_about_an_object_go_with_it() {
    let running = start_roll_out().await;
    let metrics = running.parts().metrics;
    let labels = |name: &str, user: &str| ProtectionLabels {
        kind_namespace_name: format!("Pod_ns_{name}"),
        username: user.to_owned(),
    };
    let series = [labels("a", "alice"), labels("a", "bob")];
    let other = labels("ab", "alice");
    let families = [
        &metrics.pod_unavailable_budget,
        &metrics.workload_deletion_protection,
    ];
    for family in families {
        for labels in series.iter().chain([&other]) {
            family.get_or_create(labels).inc();
        }
    }
    let watch = running.cluster.watch.lock().unwrap().clone().unwrap();
    watch
        .unbounded_send(event("DELETED", pod("a", "ua", 60)))
        .unwrap();
    sleep(Duration::from_millis(10)).await;
    assert!(running.parts().pods.is_empty());
    for family in families {
        assert!(!series.iter().any(|labels| family.contains(labels)));
        assert!(family.contains(&other));
    }
}
