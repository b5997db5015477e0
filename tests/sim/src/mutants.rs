//! Broken controllers of any kind: what stands between a good one and the server breaks it. Which of them a deployable
//! is tried with, and what must show it, is the deployable's own.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    between::{Call, Next, Saboteur},
    deployable::Mutant,
    stage::PROCESSES,
};

pub(crate) const fn mutant(
    name: &'static str,
    breaks: &'static [&'static str],
    saboteur: fn() -> Arc<dyn Saboteur>,
) -> Mutant {
    Mutant {
        name,
        breaks,
        saboteur,
    }
}

/// Deletions of pods that would take another one of the same name.
pub(crate) const UNGUARDED_DELETIONS: Mutant =
    mutant("unguarded-deletions", &["unguarded-deletion"], || {
        calls(|call| {
            if call.writes(&Method::DELETE, "pods") {
                call.body = json!({});
            }
            Next::Send
        })
    });

/// Each pod is deleted twice.
pub(crate) const DOUBLED_DELETIONS: Mutant =
    mutant("doubled-deletions", &["deleted-twice"], || {
        calls(|call| {
            if call.writes(&Method::DELETE, "pods") {
                return Next::After(vec![call.clone()]);
            }
            Next::Send
        })
    });

/// One of the replicas finds no lease, and gets it.
pub(crate) const TWO_LEADERS: Mutant =
    mutant("two-leaders", &["without-lease"], || Arc::new(TwoLeaders));

/// No second pod is ever created.
pub(crate) const CREATES_ONE_ONLY: Mutant = mutant("creates-one-only", &["not-reached"], || {
    let created = AtomicUsize::new(0);
    calls(move |call| {
        if call.writes(&Method::POST, "pods") && created.fetch_add(1, Ordering::Relaxed) > 0 {
            return refused();
        }
        Next::Send
    })
});

/// Each pod has a twin of another name.
pub(crate) fn doubles_creations() -> Arc<dyn Saboteur> {
    calls(|call| {
        let mut twin = call.clone();
        if !call.writes(&Method::POST, "pods") {
            return Next::Send;
        }
        let name = twin.body["metadata"]["name"].as_str().unwrap_or_default();
        twin.body["metadata"]["name"] = json!(format!("{name}-twin"));
        Next::After(vec![twin])
    })
}

/// A count in the status of a kind is one more than it should be.
pub(crate) fn lies_about(plural: &'static str, field: &'static str) -> Arc<dyn Saboteur> {
    calls(move |call| {
        if call.subresource() == Some("status") && call.plural() == plural {
            let count = call.body["status"][field].as_u64();
            if let Some(count) = count {
                call.body["status"][field] = json!(count + 1);
            }
        }
        Next::Send
    })
}

/// The object at this path is written with each renewal of the lease.
pub(crate) fn is_restless(path: &'static str) -> Arc<dyn Saboteur> {
    with_each_renewal(move |renewal, call| {
        call.method = Method::PATCH;
        path.clone_into(&mut call.path);
        call.body = json!({ "metadata": { "annotations": { "restless": renewal.to_string() } } });
    })
}

/// An event comes with each renewal of the lease.
pub(crate) fn talks_about(kind: &'static str, name: &'static str) -> Arc<dyn Saboteur> {
    with_each_renewal(move |renewal, call| {
        call.method = Method::POST;
        call.path = "/api/v1/namespaces/default/events".to_owned();
        let about = json!({ "kind": kind, "name": name, "namespace": "default" });
        call.body = json!({
            "apiVersion": "v1", "kind": "Event", "involvedObject": about, "reason": "Talk",
            "metadata": { "name": format!("{name}.{renewal}"), "namespace": "default" },
        });
    })
}

/// For each event, forty more.
pub(crate) const CHATTERBOX: Mutant = mutant("chatterbox", &["event-storm"], || {
    calls(|call| {
        if !call.writes(&Method::POST, "events") {
            return Next::Send;
        }
        let more = (0..40).map(|number| {
            let mut event = call.clone();
            let name = event.body["metadata"]["name"].as_str().unwrap_or_default();
            event.body["metadata"]["name"] = json!(format!("{name}-{number}"));
            event
        });
        Next::After(more.collect())
    })
});

/// It asks for its lease all the time.
pub(crate) const BUSY: Mutant = mutant("busy", &["request-storm"], || {
    calls(|call| {
        let mut question = call.clone();
        if call.plural() != "leases" || matches!(call.method, Method::GET | Method::POST) {
            return Next::Send;
        }
        question.method = Method::GET;
        question.body = Value::Null;
        Next::After(vec![question; 700])
    })
});

/// It deletes again what it has created.
pub(crate) fn takes_back() -> Arc<dyn Saboteur> {
    let created = Mutex::new(vec![]);
    calls(move |call| {
        let mut created = created.lock().unwrap_or_else(PoisonError::into_inner);
        if call.writes(&Method::POST, "pods") {
            let mut deletion = call.clone();
            let name = call.body["metadata"]["name"].as_str().unwrap_or_default();
            deletion.path = format!("{}/{name}", call.path);
            deletion.method = Method::DELETE;
            deletion.body = json!({});
            created.push(deletion);
            return Next::Send;
        }
        Next::After(std::mem::take(&mut *created))
    })
}

/// It panics in the middle of its work.
pub(crate) const PANICS: Mutant = mutant("panics", &["panic"], || {
    calls(|call| {
        assert!(!call.writes(&Method::POST, "pods"), "a saboteur panics");
        Next::Send
    })
});

pub(crate) fn refused() -> Next {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403, "reason": "Forbidden",
        "message": "a saboteur refuses it",
    });
    Next::Answer(StatusCode::FORBIDDEN, status)
}

/// Shows a controller other objects of a kind than there are.
struct Reads<F>(&'static str, F);

pub(crate) fn reads(
    plural: &'static str,
    change: impl Fn(&mut Value) + Send + Sync + 'static,
) -> Arc<dyn Saboteur> {
    Arc::new(Reads(plural, change))
}

impl<F: Fn(&mut Value) + Send + Sync> Saboteur for Reads<F> {
    fn object(&self, call: &Call, object: &mut Value) {
        if call.plural() == self.0 && object["spec"].is_object() {
            (self.1)(object);
        }
    }
}

/// Changes what a controller sends.
struct Calls<F>(F);

pub(crate) fn calls(
    change: impl Fn(&mut Call) -> Next + Send + Sync + 'static,
) -> Arc<dyn Saboteur> {
    Arc::new(Calls(change))
}

impl<F: Fn(&mut Call) -> Next + Send + Sync> Saboteur for Calls<F> {
    fn call(&self, call: &mut Call) -> Next {
        (self.0)(call)
    }
}

/// Sends something else with each renewal of the lease, which come all the time.
fn with_each_renewal(
    change: impl Fn(usize, &mut Call) + Send + Sync + 'static,
) -> Arc<dyn Saboteur> {
    let renewals = AtomicUsize::new(0);
    calls(move |call| {
        if call.plural() != "leases" || matches!(call.method, Method::GET | Method::POST) {
            return Next::Send;
        }
        let mut other = call.clone();
        other.query = String::new();
        change(renewals.fetch_add(1, Ordering::Relaxed), &mut other);
        Next::After(vec![other])
    })
}

struct TwoLeaders;

impl Saboteur for TwoLeaders {
    fn call(&self, call: &mut Call) -> Next {
        let is_other = call.plural() != "leases" || call.name() == Some("kruise-manager");
        if is_other || call.who == PROCESSES[0] {
            return Next::Send;
        }
        if call.method == Method::GET {
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound",
                "message": "no lease",
            });
            return Next::Answer(StatusCode::NOT_FOUND, status);
        }
        let mut lease = call.body.clone();
        lease["metadata"]["resourceVersion"] = json!("1");
        lease["metadata"]["uid"] = json!("lease");
        Next::Answer(StatusCode::CREATED, lease)
    }
}
