use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Method;
use kruise_api::{
    meta::Time,
    resource::{PERSISTENT_VOLUME_CLAIMS, PODS, PatchKind},
    shared_list::SharedList,
};
use kruise_plan::{
    OwnedPods,
    stage::{Body, FailureEvent},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::*;
use crate::{
    api::client::ApiClient,
    control::own_writes::OwnWrites,
    tell::{events::recorder, metrics::Metrics},
    test_server::{Answer as Reply, Call as Request, TestServer, pod},
};

mod answers;
mod elsewhere;
mod orders;
mod updates;

/// More works than run side by side.
const MANY: usize = 40;
const MOMENT: Duration = Duration::from_millis(1);
const OWNER: &str = "uid-of-set";

fn name(index: usize) -> String {
    format!("web-{index:02}")
}

fn uid(name: &str) -> String {
    format!("uid-of-{name}")
}

fn written(name: &str, version: u64) -> Reply {
    Reply::Json(200, pod(name, &uid(name), version))
}

fn status(code: u16, reason: &str, message: &str) -> Reply {
    Reply::Json(
        code,
        json!({ "kind": "Status", "code": code, "reason": reason, "message": message }),
    )
}

fn forbidden(message: &str) -> Reply {
    status(403, "Forbidden", message)
}

fn conflict() -> Reply {
    status(409, "Conflict", "the object has been modified")
}

/// Answers every write.
fn willing() -> TestServer {
    TestServer::new(|call| written(call.name(), 2))
}

/// Answers writes of this object so, and all others with success.
fn refusing(name: &'static str, reply: fn() -> Reply) -> TestServer {
    TestServer::new(move |call| match call.name() == name {
        true => reply(),
        false => written(call.name(), 2),
    })
}

/// A patch that carries version 1.
fn patch(name: &str, subresource: Option<&'static str>) -> Call<'static> {
    let patch = json!({ "metadata": { "uid": uid(name), "resourceVersion": "1" } });
    let verb = Verb::Patch(Patch {
        subresource,
        kind: PatchKind::Strategic,
        patch: Cow::Owned(patch),
    });
    Call::new(PODS, name, verb)
}

fn trial(name: &str, subresource: Option<&'static str>) -> Call<'static> {
    let verb = Verb::TryPatch(Patch {
        subresource,
        kind: PatchKind::Strategic,
        patch: Cow::Owned(json!({})),
    });
    Call::new(PODS, name, verb)
}

fn delete(name: &str) -> Call<'static> {
    Call::delete(PODS, name, &uid(name))
}

fn noted(name: &str) -> IfRefused {
    IfRefused::FailsNoted {
        uid: uid(name),
        asked: Asked::Update,
    }
}

fn works(order: Order, calls: impl IntoIterator<Item = Call<'static>>) -> Stage<'static> {
    Stage::new(order, calls.into_iter().map(Work::of))
}

fn deletions(order: Order, n_pods: usize) -> Stage<'static> {
    works(order, (0..n_pods).map(|index| delete(&name(index))))
}

fn deleted(server: &TestServer) -> Vec<String> {
    server.called(&Method::DELETE, "")
}

/// What came of stages.
struct Carried {
    result: Result<Flow, StageError>,
    refused: Refused,
    /// Type and reason of each event, and its message.
    events: Vec<(String, String)>,
    /// What each event is about.
    about: Vec<Value>,
}

impl Carried {
    #[track_caller]
    fn error(self) -> StageError {
        self.result.unwrap_err()
    }

    fn told(&self) -> Vec<&str> {
        let events = self.events.iter();
        events.map(|(told, _)| told.as_str()).collect()
    }
}

/// What refusals are remembered of earlier passes.
#[derive(Default)]
struct Remembered {
    writes: RefusedWrites,
    resizes: RefusedResizes,
}

impl Remembered {
    /// These words, about this pod.
    fn of(name: &str, why: &str) -> Self {
        let pods: SharedList<_> = [Arc::new(decoded(pod(name, &uid(name), 1)))]
            .into_iter()
            .collect();
        let owned = OwnedPods {
            pods: &pods,
            generation: None,
            now: Time::UNIX_EPOCH,
        };
        let refusal = Refusal {
            uid: uid(name),
            asked: Asked::Update,
            why: why.to_owned(),
        };
        let mut remembered = Self::default();
        remembered.writes.note(&owned, |_| true, vec![refusal]);
        let resize = (uid(name), why.to_owned());
        remembered.resizes.note(&owned, vec![resize]);
        remembered
    }

    async fn carry_out_by(&self, client: &ApiClient, stages: &[Stage<'_>]) -> Carried {
        let target = EventTarget {
            namespace: "ns".to_owned(),
            ..EventTarget::default()
        };
        self.carry_out_for(target, client, stages).await
    }

    async fn carry_out_for(
        &self,
        target: EventTarget,
        client: &ApiClient,
        stages: &[Stage<'_>],
    ) -> Carried {
        let events = TestServer::new(|_| Reply::Json(201, json!({})));
        let (recorder, writer) = recorder("test", events.client(), Metrics::unregistered());
        let writing = tokio::spawn(writer.run());
        let own_writes = OwnWrites::new(client.clone(), Duration::MAX, Metrics::unregistered());
        let executor = Executor::new(target, own_writes.writer(OWNER, client.clone()), &recorder)
            .knowing(&self.writes, &self.resizes);
        let result = executor.stages(stages).await;
        let refused = executor.refused();
        drop(recorder);
        writing.await.unwrap();
        let text = |call: &Request, key: &str| call.body[key].as_str().unwrap().to_owned();
        let told = events.calls();
        let about = told.iter().map(|call| call.body["involvedObject"].clone());
        let about = about.collect();
        let events = told.iter().map(|call| {
            let told = format!("{} {}", text(call, "type"), text(call, "reason"));
            (told, text(call, "message"))
        });
        Carried {
            result,
            refused,
            events: events.collect(),
            about,
        }
    }
}

async fn carry_out(server: &TestServer, stages: &[Stage<'_>]) -> Carried {
    let remembered = Remembered::default();
    remembered.carry_out_by(&server.client(), stages).await
}

fn decoded(pod: Value) -> Pod {
    serde_json::from_value(pod).unwrap()
}
