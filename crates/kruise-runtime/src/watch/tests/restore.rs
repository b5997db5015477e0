//! After a restore of the API server's data from a backup, versions jump back. Nothing is decided on a view that
//! mixes states from before the restore with states from after it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use clap::Parser;
use futures::channel::mpsc;
use http::Method;
use kruise_api::{
    apps::v1beta1::CloneSet,
    pod::Pod,
    resource::{ObjectKey, PODS, Resource},
};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    control::reconcile::{Consequence, Outcome, ReconcileError, Reconciler},
    process::{app::App, args::RuntimeArgs, error::RunError, logging::LogLevel, run::Process},
    test_server::{Answer, Call, TestServer, event, list, list_end, pod},
    watch::{store::Store, watcher::WatchOptions},
};

const SETS: Resource = Resource {
    group: "apps.kruise.io",
    version: "v1beta1",
    plural: "clonesets",
    kind: "CloneSet",
    namespaced: true,
};

#[derive(Default)]
struct Data {
    version: u64,
    objects: BTreeMap<&'static str, Vec<Value>>,
    open: HashMap<&'static str, mpsc::UnboundedSender<Value>>,
    lease: Option<Value>,
}

/// One set with some pods.
#[derive(Clone, Default)]
struct Cluster(Arc<Mutex<Data>>);

impl Cluster {
    fn hold(&self, version: u64, replicas: u64, n_pods: u64) {
        let mut data = self.0.lock().unwrap();
        data.version = version;
        let set = json!({
            "metadata": { "namespace": "ns", "name": "web", "uid": "owner",
                          "resourceVersion": version.to_string() },
            "spec": { "replicas": replicas, "selector": {}, "template": {} },
        });
        data.objects.insert("clonesets", vec![set]);
        let pods = (0..n_pods).map(|n| pod(&format!("p{n}"), &format!("u{n}"), version - n));
        data.objects.insert("pods", pods.collect());
    }

    fn answer(&self, call: &Call) -> Answer {
        let mut data = self.0.lock().unwrap();
        if call.path.contains("/leases") {
            if call.method != Method::GET {
                data.lease = Some(call.body.clone());
            }
            return match &data.lease {
                Some(lease) if !call.path.contains("kruise-manager") => {
                    Answer::Json(200, lease.clone())
                }
                _ => Answer::status(404, "NotFound"),
            };
        }
        let kinds = ["pods", "clonesets"];
        let Some(kind) = kinds.into_iter().find(|kind| call.path.ends_with(kind)) else {
            return Answer::status(404, "NotFound");
        };
        let objects = data.objects.get(kind).cloned().unwrap_or_default();
        if !call.is_watch() {
            return Answer::Json(200, list(data.version, &objects));
        }
        let (sender, receiver) = mpsc::unbounded();
        if call.is_streaming_list() {
            let lines = objects.into_iter().map(|object| event("ADDED", object));
            lines
                .chain([list_end(data.version)])
                .for_each(|line| sender.unbounded_send(line).unwrap());
        }
        data.open.insert(kind, sender);
        Answer::Stream(receiver)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("never")]
struct Never;

impl ReconcileError for Never {
    fn category(&self) -> &'static str {
        "never"
    }

    fn consequence(&self) -> Consequence {
        Consequence::BackOff
    }
}

/// Notes what it sees: the replicas that are wanted, and the pods that are there.
struct Looks {
    sets: Store<CloneSet>,
    pods: Store<Pod>,
    seen: Arc<Mutex<Vec<(i32, usize)>>>,
}

impl Reconciler for Looks {
    type Error = Never;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, Never> {
        let set = self.sets.get(key);
        let wanted = set.and_then(|set| set.spec.replicas).unwrap_or(-1);
        let pods = self.pods.by_owner("owner").len();
        self.seen.lock().unwrap().push((wanted, pods));
        // An event, or the clock: both come at any time.
        let requeue_after = Some(Duration::from_millis(1));
        Ok(Outcome { requeue_after })
    }
}

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    runtime: RuntimeArgs,
}

type Seen = Arc<Mutex<Vec<(i32, usize)>>>;

fn start(cluster: &Cluster) -> (Seen, tokio::task::JoinHandle<Result<(), RunError>>) {
    let server = TestServer::new({
        let cluster = cluster.clone();
        move |call| cluster.answer(call)
    });
    let seen = Seen::default();
    let notes = Arc::clone(&seen);
    let app = App::new("app", move |setup| {
        let sets = setup.watch::<CloneSet>(SETS, WatchOptions::default());
        let pods = setup.watch::<Pod>(PODS, WatchOptions::default());
        let queue = setup.queue("app");
        let web = || vec![ObjectKey::new("ns", "web")];
        sets.on_change(&queue, move |_, _| web());
        pods.on_change(&queue, move |_, _| web());
        let looks = Looks {
            sets: sets.store(),
            pods: pods.store(),
            seen: notes,
        };
        setup.controller("app", 1, queue, looks);
        Ok(())
    });
    let flags = ["test", "--metrics-addr=0", "--health-probe-addr=0"];
    let process = Process {
        args: Command::parse_from(flags).runtime,
        apps: vec![app],
        client: server.kube_client(),
        host: String::new(),
        log_level: LogLevel::default(),
        clock: Clock::system(),
        in_process: None,
    };
    (seen, tokio::spawn(process.run(CancellationToken::new())))
}

// The set wanted three pods at the time of the backup, and five hundred later. Whoever sees the later five hundred
// with the backup's three pods makes 497 too many.
#[tokio::test(start_paused = true)]
async fn nobody_sees_one_kind_restored_and_another_not() {
    for first_to_know in ["pods", "clonesets"] {
        let cluster = Cluster::default();
        cluster.hold(1000, 500, 500);
        let (seen, process) = start(&cluster);
        sleep(Duration::from_secs(3)).await;
        assert!(seen.lock().unwrap().contains(&(500, 500)));

        cluster.hold(20, 3, 3);
        let gone = event("ERROR", json!({ "code": 410, "reason": "Expired" }));
        let open = cluster.0.lock().unwrap().open[first_to_know].clone();
        open.unbounded_send(gone).unwrap();
        sleep(Duration::from_secs(10)).await;

        let mut seen = seen.lock().unwrap().clone();
        assert_eq!(seen.last(), Some(&(3, 3)), "{first_to_know}");
        seen.dedup();
        assert_eq!(seen, [(500, 500), (3, 3)], "{first_to_know}");
        assert!(!process.is_finished());
        process.abort();
    }
}
