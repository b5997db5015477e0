//! Broken controllers of CloneSets: what stands between a good one and the server breaks it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    between::{Call, Next, Saboteur},
    deployable::Mutant,
    stage::PROCESSES,
};

/// All of them.
pub(super) const ALL: &[Mutant] = &[
    mutant("doubled-max-unavailable", &["max-unavailable"], || {
        reads(|spec| {
            let rolling = &mut spec["updateStrategy"]["rollingUpdate"];
            let wanted = rolling["maxUnavailable"].as_u64().unwrap_or_default();
            rolling["maxUnavailable"] = json!(wanted * 2 + 1);
        })
    }),
    mutant("more-surge", &["too-many-pods"], || {
        reads(|spec| {
            let rolling = &mut spec["updateStrategy"]["rollingUpdate"];
            let wanted = rolling["maxSurge"].as_u64().unwrap_or_default();
            rolling["maxSurge"] = json!(wanted + 2);
        })
    }),
    mutant("no-partition", &["partition"], || {
        reads(|spec| {
            spec["updateStrategy"]["rollingUpdate"]["partition"] = json!(0);
        })
    }),
    mutant("never-paused", &["updated-while-paused"], || {
        reads(|spec| {
            spec["updateStrategy"]["rollingUpdate"]["paused"] = json!(false);
        })
    }),
    mutant("always-recreate", &["deleted-in-place"], || {
        reads(|spec| {
            spec["updateStrategy"]["rollingUpdate"]["podUpdatePolicy"] = json!("ReCreate");
        })
    }),
    mutant("deaf-to-names", &["not-reached"], || {
        reads(|spec| {
            spec["scaleStrategy"] = json!({});
        })
    }),
    mutant("unguarded-deletions", &["unguarded-deletion"], || {
        calls(|call| {
            if call.writes(&Method::DELETE, "pods") {
                call.body = json!({});
            }
            Next::Send
        })
    }),
    mutant(
        "doubled-creations",
        &["too-many-pods", "instance-twice"],
        || {
            calls(|call| {
                let mut twin = call.clone();
                if !call.writes(&Method::POST, "pods") {
                    return Next::Send;
                }
                let name = twin.body["metadata"]["name"].as_str().unwrap_or_default();
                twin.body["metadata"]["name"] = json!(format!("{name}-twin"));
                Next::After(vec![twin])
            })
        },
    ),
    mutant("doubled-deletions", &["deleted-twice"], || {
        calls(|call| {
            if call.writes(&Method::DELETE, "pods") {
                return Next::After(vec![call.clone()]);
            }
            Next::Send
        })
    }),
    mutant(
        "changed-in-service",
        &["changed-in-service", "max-unavailable"],
        || {
            calls(|call| {
                let conditions = &mut call.body["status"]["conditions"];
                for condition in conditions.as_array_mut().into_iter().flatten() {
                    if condition["type"] == "InPlaceUpdateReady" {
                        condition["status"] = json!("True");
                    }
                }
                Next::Send
            })
        },
    ),
    mutant(
        "sidecar-too",
        &["more-was-changed", "other-container-restarted"],
        || {
            calls(|call| {
                let containers = call.body["spec"]["containers"].as_array_mut();
                if let (true, Some(containers)) = (call.method == Method::PATCH, containers) {
                    containers.push(
                        json!({ "name": super::seen::SIDECAR, "image": "example/sidecar:2" }),
                    );
                }
                Next::Send
            })
        },
    ),
    mutant("lying-status", &["untrue-status"], || {
        calls(|call| {
            if call.subresource() == Some("status") && call.plural() == "clonesets" {
                let ready = call.body["status"]["readyReplicas"].as_u64();
                if let Some(ready) = ready {
                    call.body["status"]["readyReplicas"] = json!(ready + 1);
                }
            }
            Next::Send
        })
    }),
    mutant("restless", &["settled-written"], || {
        with_each_renewal(|renewal, call| {
            call.method = Method::PATCH;
            call.path = "/apis/apps.kruise.io/v1beta1/namespaces/default/clonesets/web".to_owned();
            call.body =
                json!({ "metadata": { "annotations": { "restless": renewal.to_string() } } });
        })
    }),
    mutant("talkative", &["event-storm", "settled-written"], || {
        with_each_renewal(|renewal, call| {
            call.method = Method::POST;
            call.path = "/api/v1/namespaces/default/events".to_owned();
            let about = json!({ "kind": "CloneSet", "name": "web", "namespace": "default" });
            call.body = json!({
                "apiVersion": "v1", "kind": "Event", "involvedObject": about, "reason": "Talk",
                "metadata": { "name": format!("web.{renewal}"), "namespace": "default" },
            });
        })
    }),
    mutant("two-leaders", &["without-lease"], || Arc::new(TwoLeaders)),
    mutant("creates-one-only", &["not-reached"], || {
        let created = AtomicUsize::new(0);
        calls(move |call| {
            if call.writes(&Method::POST, "pods") && created.fetch_add(1, Ordering::Relaxed) > 0 {
                return refused();
            }
            Next::Send
        })
    }),
    mutant(
        "forgets-own-writes",
        &[
            "too-many-pods",
            "max-unavailable",
            "instance-twice",
            "updated-twice",
        ],
        || Arc::new(Forgetful),
    ),
];

const fn mutant(
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

fn refused() -> Next {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403, "reason": "Forbidden",
        "message": "a saboteur refuses it",
    });
    Next::Answer(StatusCode::FORBIDDEN, status)
}

/// Shows a controller other specs of CloneSets than there are.
struct Reads<F>(F);

fn reads(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Arc<dyn Saboteur> {
    Arc::new(Reads(change))
}

impl<F: Fn(&mut Value) + Send + Sync> Saboteur for Reads<F> {
    fn object(&self, call: &Call, object: &mut Value) {
        if call.plural() == "clonesets" && object["spec"].is_object() {
            (self.0)(&mut object["spec"]);
        }
    }
}

/// Changes what a controller sends.
struct Calls<F>(F);

fn calls(change: impl Fn(&mut Call) -> Next + Send + Sync + 'static) -> Arc<dyn Saboteur> {
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

/// One of the replicas finds no lease, and gets it.
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

/// What a controller wrote is as good as seen already, although its watches are late.
struct Forgetful;

impl Saboteur for Forgetful {
    fn call(&self, call: &mut Call) -> Next {
        if call.plural() == "pods" && call.method == Method::GET && call.name().is_some() {
            return refused();
        }
        Next::Send
    }

    fn object(&self, call: &Call, object: &mut Value) {
        if call.plural() == "pods" && call.method != Method::GET {
            // As a version that every index has.
            object["metadata"]["resourceVersion"] = json!("1");
            object["metadata"]["uid"] = json!("");
        }
    }

    fn holds_back(&self, plural: &str) -> Duration {
        if plural == "pods" {
            Duration::from_millis(400)
        } else {
            Duration::ZERO
        }
    }
}
