//! A pass that was begun in one term of leading doesn't write in a later one.

use std::sync::{Arc, Mutex};

use clap::Parser;
use kruise_api::{
    pod::Pod,
    resource::{ObjectKey, PODS},
};
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::leader::tests::election::Leases;
use crate::{
    ApiClient, App, LeaderState, Leadership, RuntimeArgs,
    clock::Clock,
    control::reconcile::{Consequence, Outcome, ReconcileError, Reconciler},
    process::{logging::LogLevel, run::Process},
    test_server::{Answer, Call, TestServer, event, list, list_end, pod},
    watch::watcher::WatchOptions,
};

#[derive(Debug, thiserror::Error)]
#[error("can't")]
pub(super) struct Failure;

impl ReconcileError for Failure {
    fn category(&self) -> &'static str {
        "test"
    }

    fn consequence(&self) -> Consequence {
        Consequence::AwaitChange
    }
}

/// Plans, waits until it may go on, and then writes.
#[derive(Clone)]
struct LatePass {
    client: ApiClient,
    planned: Arc<Notify>,
    go_on: Arc<Notify>,
    /// Categories of the writes' results.
    written: Arc<Mutex<Vec<&'static str>>>,
}

impl Reconciler for LatePass {
    type Error = Failure;

    async fn reconcile(&self, _: &ObjectKey) -> Result<Outcome, Failure> {
        self.planned.notify_one();
        self.go_on.notified().await;
        let written = self.client.create(&PODS, "ns", &json!({})).await;
        let category = written.map_or_else(|error| error.category(), |_| "written");
        self.written.lock().unwrap().push(category);
        self.planned.notify_one();
        Ok(Outcome::default())
    }
}

#[derive(Parser)]
pub(super) struct Command {
    #[command(flatten)]
    pub(super) runtime: RuntimeArgs,
}

/// A cluster with these pods, in which nothing happens.
pub(super) fn answer(call: &Call, pods: &[&str]) -> Answer {
    if call.is_streaming_list() {
        let (sender, receiver) = futures::channel::mpsc::unbounded();
        let pods = pods.iter().map(|name| event("ADDED", pod(name, name, 1)));
        for line in pods.chain([list_end(7)]) {
            sender.unbounded_send(line).unwrap();
        }
        // The watch stays open, and tells nothing more.
        std::mem::forget(sender);
        return Answer::Stream(receiver);
    }
    match (call.is_watch(), call.method.as_str()) {
        (true, _) => Answer::Hang,
        (false, "GET") => Answer::Json(200, list(7, &[])),
        (false, _) => Answer::Json(200, json!({})),
    }
}

pub(super) fn pod_names(_: Option<&Pod>, new: Option<&Pod>) -> Vec<ObjectKey> {
    let key = new.map(|pod| ObjectKey::of(&pod.metadata));
    key.into_iter().collect()
}

async fn leads(leadership: &Leadership, wanted: bool) {
    let mut state = leadership.subscribe();
    let is_so = |state: &LeaderState| (*state != LeaderState::Standby) == wanted;
    state.wait_for(is_so).await.unwrap();
}

/// DV-PF16. Another process may have led in between, so the plan may be about a cluster that is no more.
#[tokio::test(start_paused = true)]
async fn a_pass_of_an_earlier_term_writes_nothing_when_the_lease_was_lost_and_regained() {
    let leases = Leases::default();
    let server = TestServer::new({
        let leases = leases.clone();
        move |call| match call.path.contains("/leases") {
            true => leases.answer(call),
            false => answer(call, &["web"]),
        }
    });
    let (set_up, mut done) = tokio::sync::mpsc::unbounded_channel();
    let app = App::new("app", move |setup| {
        let pass = LatePass {
            client: setup.client(),
            planned: Arc::default(),
            go_on: Arc::default(),
            written: Arc::default(),
        };
        let pods = setup.watch::<Pod>(PODS, WatchOptions::default());
        let queue = setup.queue("app");
        pods.on_change(&queue, pod_names);
        setup.controller("app", 1, queue, pass.clone());
        set_up.send((pass, setup.leadership())).unwrap();
        Ok(())
    });
    let process = Process {
        args: Command::parse_from(["test", "--metrics-addr=0", "--health-probe-addr=0"]).runtime,
        apps: vec![app],
        client: server.kube_client(),
        host: String::new(),
        log_level: LogLevel::default(),
        clock: Clock::system(),
        in_process: None,
    };
    tokio::spawn(process.run(CancellationToken::new()));
    let (pass, leadership) = done.recv().await.unwrap();

    pass.planned.notified().await;
    *leases.down.lock().unwrap() = true;
    leads(&leadership, false).await;
    *leases.down.lock().unwrap() = false;
    leads(&leadership, true).await;
    pass.go_on.notify_one();
    pass.planned.notified().await;
    assert_eq!(*pass.written.lock().unwrap(), ["not_leader"]);

    // The next pass decides anew, in this term.
    pass.go_on.notify_one();
    pass.planned.notified().await;
    pass.planned.notified().await;
    assert_eq!(*pass.written.lock().unwrap(), ["not_leader", "written"]);
}
