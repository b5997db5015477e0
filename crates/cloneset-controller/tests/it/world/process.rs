//! The controller's process as far as it writes: the real executor behind the real client. Its watches are in
//! `watches.rs`.

use std::sync::{Arc, Mutex};

use cloneset_controller::{execute::Execution, memory::Found, plan::Plan, snapshot::Snapshot};
use http::{Method, Request, Response, StatusCode};
use kruise_runtime::{ApiClient, Metrics, OwnWrites, Recorder, StageError, recorder};
use kube::client::Body;
use tokio::sync::Notify;

use super::cluster::Cluster;

/// Whose requests are those of the controller.
pub(crate) const CONTROLLER: &str = cloneset_controller::NAME;

pub(crate) struct Process {
    client: ApiClient,
    own_writes: OwnWrites,
    recorder: Recorder,
    life: Arc<Life>,
}

/// How long a process lives, and what it is refused.
#[derive(Default)]
struct Life {
    writes_left: Mutex<Option<usize>>,
    ended: Notify,
    refusals: Mutex<Vec<String>>,
}

impl Process {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        let life = Arc::<Life>::default();
        let client = cluster.on(|server| life.client(server.client_of(CONTROLLER)));
        let metrics = Metrics::unregistered();
        let client = ApiClient::new(client, CONTROLLER, metrics.clone());
        Self {
            own_writes: OwnWrites::new(client.clone(), std::time::Duration::MAX, metrics.clone()),
            // Nobody writes the events: they are not looked at here.
            recorder: recorder(CONTROLLER, client.clone(), metrics).0,
            client,
            life,
        }
    }

    /// The process will be killed when it has written so often.
    pub(crate) fn set_writes_left(&self, writes: Option<usize>) {
        *self.life.writes_left.lock().unwrap() = writes;
    }

    /// The answers Forbidden that came since this was last asked for.
    pub(crate) fn take_refusals(&self) -> Vec<String> {
        std::mem::take(&mut *self.life.refusals.lock().unwrap())
    }

    /// How carrying out a plan ended; nothing, if the process was killed.
    pub(crate) async fn carry_out(
        &self,
        snapshot: &Snapshot,
        plan: &Plan,
    ) -> Option<(Result<(), StageError>, Found)> {
        let writer = (self.own_writes).writer(snapshot.uid(), self.client.clone());
        let execution = Execution::new(snapshot, &self.client, writer, &self.recorder);
        let ended = tokio::select! {
            biased;
            ended = execution.carry_out(plan) => Some(ended),
            () = self.life.ended.notified() => None,
        };
        self.own_writes.forget(snapshot.uid());
        ended
    }
}

impl Life {
    /// A client whose writes end with this life, and whose refusals are noted.
    fn client(self: &Arc<Self>, client: kube::Client) -> kube::Client {
        let life = Arc::clone(self);
        let service = tower::service_fn(move |request: Request<Body>| {
            let (life, client) = (Arc::clone(&life), client.clone());
            async move {
                if writes(&request) && !life.goes_on() {
                    life.ended.notify_one();
                    return std::future::pending().await;
                }
                life.note(client.send(request).await?).await
            }
        });
        kube::Client::new(service, "default")
    }

    async fn note(&self, answer: Response<Body>) -> kube::Result<Response<Body>> {
        if answer.status() != StatusCode::FORBIDDEN {
            return Ok(answer);
        }
        let (head, body) = answer.into_parts();
        let body = body.collect_bytes().await?.to_vec();
        let words = String::from_utf8_lossy(&body).into_owned();
        self.refusals.lock().unwrap().push(words);
        Ok(Response::from_parts(head, Body::from(body)))
    }

    fn goes_on(&self) -> bool {
        match &mut *self.writes_left.lock().unwrap() {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

fn writes(request: &Request<Body>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    *request.method() != Method::GET && !query.contains("dryRun")
}
