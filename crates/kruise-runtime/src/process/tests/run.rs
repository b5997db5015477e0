use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use clap::Parser;
use http::Method;
use kruise_api::{
    pod::Pod,
    resource::{ObjectKey, PODS},
};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    control::reconcile::{Consequence, Outcome, ReconcileError, Reconciler},
    process::{
        app::{App, Setup},
        args::RuntimeArgs,
        error::RunError,
        logging::LogLevel,
        run::Process,
    },
    tell::events::{EventTarget, EventType, Recorder},
    test_server::{Answer, Call, TestServer, event, list, list_end, pod},
    watch::watcher::WatchOptions,
    webhook::AdmissionResponse,
};

#[derive(Debug, thiserror::Error)]
#[error("can't")]
struct Failure(Consequence);

impl ReconcileError for Failure {
    fn category(&self) -> &'static str {
        "test"
    }

    fn consequence(&self) -> Consequence {
        self.0
    }
}

/// Notes its keys, and does what the pod's name says.
#[derive(Clone, Default)]
struct Notes {
    keys: Arc<Mutex<Vec<String>>>,
    panics: Arc<AtomicUsize>,
}

impl Notes {
    fn count(&self, name: &str) -> usize {
        self.keys
            .lock()
            .unwrap()
            .iter()
            .filter(|key| *key == name)
            .count()
    }
}

impl Reconciler for Notes {
    type Error = Failure;

    async fn reconcile(&self, key: &ObjectKey) -> Result<Outcome, Failure> {
        self.keys.lock().unwrap().push(key.name.clone());
        match key.name.as_str() {
            "panics-once" if self.panics.fetch_add(1, Ordering::Relaxed) == 0 => {
                panic!("as asked for")
            }
            "fails" => Err(Failure(Consequence::BackOff)),
            "awaits" => Err(Failure(Consequence::AwaitChange)),
            "again" => Ok(Outcome {
                requeue_after: Some(Duration::from_secs(10)),
            }),
            "slow" => {
                sleep(Duration::from_secs(3)).await;
                Ok(Outcome::default())
            }
            _ => Ok(Outcome::default()),
        }
    }
}

/// A cluster with pods, leases, and one version for all.
#[derive(Clone, Default)]
struct Cluster {
    pods: Vec<String>,
    version: Arc<Mutex<u64>>,
    leases: Arc<Mutex<BTreeMap<String, Value>>>,
}

impl Cluster {
    fn answer(&self, call: &Call) -> Answer {
        if call.path.contains("/leases") {
            return self.lease(call);
        }
        if call.path.contains("/secrets/") {
            return Answer::status(403, "Forbidden");
        }
        let version = *self.version.lock().unwrap();
        let pods = self.pods.iter().map(|name| pod(name, name, 1));
        if call.is_streaming_list() {
            let (sender, receiver) = futures::channel::mpsc::unbounded();
            let lines = pods
                .map(|pod| event("ADDED", pod))
                .chain([list_end(version)]);
            lines.for_each(|line| sender.unbounded_send(line).unwrap());
            // The watch stays open, and tells nothing more.
            std::mem::forget(sender);
            return Answer::Stream(receiver);
        }
        if call.is_watch() {
            return Answer::Hang;
        }
        Answer::Json(200, list(version, &pods.collect::<Vec<_>>()))
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
                let name = call.body["metadata"]["name"].as_str().unwrap().to_owned();
                leases.insert(name, call.body.clone());
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
}

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    runtime: RuntimeArgs,
}

struct Running {
    notes: Notes,
    cluster: Cluster,
    server: TestServer,
    stop: CancellationToken,
    process: tokio::task::JoinHandle<Result<(), RunError>>,
}

fn start_apps(cluster: Cluster, apps: impl FnOnce(&Notes) -> Vec<App>) -> Running {
    start_with(&[], cluster, apps)
}

fn start_with(flags: &[&str], cluster: Cluster, apps: impl FnOnce(&Notes) -> Vec<App>) -> Running {
    let notes = Notes::default();
    let server = TestServer::new({
        let cluster = cluster.clone();
        move |call| cluster.answer(call)
    });
    let flags = [
        &["test", "--metrics-addr=0", "--health-probe-addr=0"],
        flags,
    ]
    .concat();
    let process = Process {
        args: Command::parse_from(flags).runtime,
        apps: apps(&notes),
        client: server.kube_client(),
        host: String::new(),
        log_level: LogLevel::default(),
        clock: Clock::system(),
        in_process: None,
    };
    let stop = CancellationToken::new();
    let process = tokio::spawn(process.run(stop.clone()));
    Running {
        notes,
        cluster,
        server,
        stop,
        process,
    }
}

/// Reconciles the pods that a watch with these options shows.
fn reconcile_pods(setup: &mut Setup, options: WatchOptions, notes: Notes) {
    let name = setup.app_name();
    let pods = setup.watch::<Pod>(PODS, options);
    let queue = setup.queue(name);
    pods.on_change(&queue, |_, new| {
        new.map(|pod| ObjectKey::of(&pod.metadata))
            .into_iter()
            .collect()
    });
    setup.controller(name, 2, queue, notes);
}

fn app(name: &'static str, notes: &Notes) -> App {
    let notes = notes.clone();
    App::new(name, move |setup| {
        reconcile_pods(setup, WatchOptions::default(), notes);
        Ok(())
    })
}

fn start(pods: &[&str]) -> Running {
    let pods = pods.iter().map(|&name| name.to_owned()).collect();
    let cluster = Cluster {
        pods,
        version: Arc::new(Mutex::new(50)),
        ..Cluster::default()
    };
    start_apps(cluster, |notes| vec![app("app", notes)])
}

#[tokio::test(start_paused = true)]
async fn every_object_is_reconciled_and_outcomes_decide_when_again() {
    let running = start(&["plain", "again", "fails", "awaits", "panics-once"]);
    sleep(Duration::from_secs(65)).await;
    assert_eq!(running.notes.count("plain"), 1);
    assert_eq!(running.notes.count("awaits"), 1);
    assert_eq!(running.notes.count("again"), 7);
    assert_eq!(running.notes.count("panics-once"), 2);
    let failures = running.notes.count("fails");
    assert!((10..=16).contains(&failures), "{failures}");
}

#[tokio::test(start_paused = true)]
async fn a_clean_stop_finishes_the_reconcile_and_releases_the_lease() {
    let running = start(&["slow"]);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(running.notes.count("slow"), 1);
    let stopped_at = tokio::time::Instant::now();
    running.stop.cancel();
    running.process.await.unwrap().unwrap();
    assert!(stopped_at.elapsed() >= Duration::from_secs(1));
    assert_eq!(
        running.cluster.leases.lock().unwrap()["app"]["spec"]["holderIdentity"],
        ""
    );
}

#[tokio::test(start_paused = true)]
async fn reconcilers_wait_for_an_index_as_new_as_the_lease() {
    let cluster = Cluster {
        pods: vec!["plain".into()],
        ..Cluster::default()
    };
    *cluster.version.lock().unwrap() = 50;
    // Another process leads when this one starts, and dies; meanwhile the cluster goes on.
    let lease = json!({ "spec": { "holderIdentity": "other", "leaseDurationSeconds": 15 } });
    cluster.leases.lock().unwrap().insert("app".into(), lease);
    let running = start_apps(cluster, |notes| vec![app("app", notes)]);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(running.notes.count("plain"), 0);
    *running.cluster.version.lock().unwrap() = 90;
    sleep(Duration::from_millis(5_900)).await;
    assert_eq!(
        running.notes.count("plain"),
        0,
        "the index is older than the lease"
    );
    sleep(Duration::from_secs(1)).await;
    assert_eq!(running.notes.count("plain"), 1);
    let lists = running
        .server
        .calls()
        .iter()
        .filter(|call| call.is_streaming_list())
        .count();
    assert_eq!(lists, 2);
}

#[tokio::test(start_paused = true)]
async fn two_apps_share_one_watch_and_one_lease() {
    let cluster = Cluster {
        pods: vec!["plain".into()],
        ..Cluster::default()
    };
    *cluster.version.lock().unwrap() = 50;
    let running = start_apps(cluster, |notes| vec![app("one", notes), app("two", notes)]);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(running.notes.count("plain"), 2);
    let watches = running
        .server
        .calls()
        .iter()
        .filter(|call| call.is_watch())
        .count();
    assert_eq!(watches, 1);
    let leases: Vec<_> = running
        .cluster
        .leases
        .lock()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    assert_eq!(leases, ["kruise"]);
}

/// One watch a kind, whoever asks for it.
#[tokio::test(start_paused = true)]
async fn apps_that_select_differently_share_one_watch_that_selects_nothing() {
    let cluster = Cluster {
        pods: vec!["plain".into()],
        ..Cluster::default()
    };
    *cluster.version.lock().unwrap() = 50;
    let selecting = |name, selector: &str, notes: &Notes| {
        let (notes, selector) = (notes.clone(), selector.to_owned());
        App::new(name, move |setup| {
            let options = WatchOptions {
                label_selector: Some(selector),
                verify_vanished: true,
                ..WatchOptions::default()
            };
            reconcile_pods(setup, options, notes);
            Ok(())
        })
    };
    let running = start_apps(cluster, |notes| {
        vec![
            selecting("one", "a", notes),
            selecting("two", "b", notes),
            selecting("three", "a", notes),
        ]
    });
    sleep(Duration::from_secs(5)).await;
    assert_eq!(running.notes.count("plain"), 3);
    let calls = running.server.calls();
    let watches: Vec<_> = calls.iter().filter(|call| call.is_watch()).collect();
    assert_eq!(watches.len(), 1, "{watches:?}");
    let of_pods = calls.iter().filter(|call| call.path.ends_with("/pods"));
    for call in of_pods {
        assert!(!call.query.contains("labelSelector"), "{call:?}");
    }
}

/// What belongs to the installation is in its namespace, whichever namespace the flag names.
#[tokio::test(start_paused = true)]
async fn a_watch_of_one_namespace_asks_for_that_alone_unless_others_want_more() {
    let watching = |name, namespace: Option<&str>, notes: &Notes| {
        let (notes, namespace) = (notes.clone(), namespace.map(str::to_owned));
        App::new(name, move |setup| {
            let options = WatchOptions {
                namespace,
                ..WatchOptions::default()
            };
            reconcile_pods(setup, options, notes);
            Ok(())
        })
    };
    let collections = async |namespaces: &'static [Option<&str>]| {
        let cluster = Cluster::default();
        *cluster.version.lock().unwrap() = 50;
        let running = start_apps(cluster, |notes| {
            let apps = ["one", "two"].into_iter().zip(namespaces);
            apps.map(|(name, namespace)| watching(name, *namespace, notes))
                .collect()
        });
        sleep(Duration::from_secs(5)).await;
        let calls = running.server.calls().into_iter();
        let paths = calls.map(|call| call.path);
        let of_pods = paths.filter(|path| path.ends_with("/pods"));
        of_pods.collect::<std::collections::BTreeSet<_>>()
    };
    let of_one = collections(&[Some("mine")]).await;
    assert_eq!(of_one, ["/api/v1/namespaces/mine/pods".to_owned()].into());
    let of_all = collections(&[Some("mine"), None]).await;
    assert_eq!(of_all, ["/api/v1/pods".to_owned()].into());
}

/// A port that nothing listened at a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Our own lists may need our own conversion.
#[tokio::test(start_paused = true)]
async fn watches_wait_for_webhooks_to_be_trusted_but_not_for_ever() {
    let cluster = Cluster {
        pods: vec!["plain".into()],
        ..Cluster::default()
    };
    *cluster.version.lock().unwrap() = 50;
    let port = format!("--webhook-port={}", free_port());
    // The scripted server refuses the Secret, so that there is never a certificate to trust.
    let running = start_with(&[&port], cluster, |notes| {
        let notes = notes.clone();
        vec![App::new("one", move |setup| {
            setup.mutating_webhook("/mutate", |_: &_| AdmissionResponse::allow());
            reconcile_pods(setup, WatchOptions::default(), notes);
            Ok(())
        })]
    });
    sleep(Duration::from_secs(9)).await;
    let watches = |running: &Running| {
        let calls = running.server.calls();
        calls.iter().filter(|call| call.is_watch()).count()
    };
    assert_eq!(watches(&running), 0);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(watches(&running), 1);
    assert_eq!(running.notes.count("plain"), 1);
}

#[tokio::test(start_paused = true)]
async fn events_of_the_last_moment_are_written() {
    let running = start_apps(Cluster::default(), |_| {
        vec![App::new("app", |setup| {
            let recorder = setup.recorder("app");
            let about = EventTarget {
                name: "web".into(),
                namespace: "ns".into(),
                ..EventTarget::default()
            };
            // The recorder is dropped with the task, at the very end.
            setup.task("teller", async move {
                let _at_the_end = Telling(recorder, about);
                std::future::pending::<()>().await;
            });
            Ok(())
        })]
    });
    sleep(Duration::from_secs(1)).await;
    running.stop.cancel();
    running.process.await.unwrap().unwrap();
    let calls = running.server.calls();
    let events = calls.iter().filter(|call| call.path.ends_with("/events"));
    assert_eq!(events.count(), 1);
}

struct Telling(Recorder, EventTarget);

impl Drop for Telling {
    fn drop(&mut self) {
        self.0
            .event(&self.1, EventType::Normal, "Ending", "ends".to_owned());
    }
}

#[tokio::test(start_paused = true)]
async fn everything_is_looked_at_again_after_the_sync_period() {
    let cluster = Cluster {
        pods: vec!["plain".into()],
        ..Cluster::default()
    };
    *cluster.version.lock().unwrap() = 50;
    let running = start_with(&["--sync-period=1m"], cluster, |notes| {
        vec![app("app", notes)]
    });
    sleep(Duration::from_secs(200)).await;
    let times = running.notes.count("plain");
    assert!((3..=5).contains(&times), "{times}");
}

/// An agent on each node: it looks for no lease, and only for its own node's objects.
#[tokio::test(start_paused = true)]
async fn an_app_without_leader_election_reconciles_on_every_replica() {
    let cluster = Cluster {
        pods: vec!["plain".into()],
        ..Cluster::default()
    };
    *cluster.version.lock().unwrap() = 50;
    let lease = json!({ "spec": { "holderIdentity": "other", "leaseDurationSeconds": 15 } });
    cluster.leases.lock().unwrap().insert("agent".into(), lease);
    let running = start_apps(cluster, |notes| {
        let notes = notes.clone();
        let agent = App::new("agent", move |setup| {
            let options = WatchOptions {
                field_selector: Some("spec.nodeName=node-1".to_owned()),
                ..WatchOptions::default()
            };
            reconcile_pods(setup, options, notes);
            Ok(())
        });
        vec![agent.without_leader_election()]
    });
    sleep(Duration::from_secs(3)).await;
    assert_eq!(running.notes.count("plain"), 1);
    let calls = running.server.calls();
    assert!(
        !calls
            .iter()
            .any(|call| call.path.ends_with("/leases/agent"))
    );
    let of_pods = calls.iter().filter(|call| call.path.ends_with("/pods"));
    for call in of_pods {
        let selector = "fieldSelector=spec.nodeName%3Dnode-1";
        assert!(call.query.contains(selector), "{call:?}");
    }
}

/// It needs no right to any lease.
#[tokio::test(start_paused = true)]
async fn an_app_without_controllers_asks_for_no_lease() {
    let running = start_apps(Cluster::default(), |_| {
        vec![App::new("answers", |_| Ok(())).without_controllers()]
    });
    sleep(Duration::from_secs(60)).await;
    let calls = running.server.calls();
    let of_leases = calls.iter().filter(|call| call.path.contains("/leases"));
    assert_eq!(of_leases.count(), 0);
    running.stop.cancel();
    running.process.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_ends_the_process_and_says_so() {
    let running = start_apps(Cluster::default(), |_| {
        vec![App::new("app", |setup| {
            setup.task("the extra task", sleep(Duration::from_secs(5)));
            Ok(())
        })]
    });
    let error = running.process.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the extra task has ended");
}

#[tokio::test(start_paused = true)]
async fn a_set_up_that_fails_is_named() {
    let running = start_apps(Cluster::default(), |_| {
        vec![App::new("app", |_| Err("no such luck".into()))]
    });
    let error = running.process.await.unwrap().unwrap_err();
    assert_eq!(crate::chain(&error), "can't set up app: no such luck");
}
