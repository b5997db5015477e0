//! Broken replicas.

use std::sync::Arc;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    between::{Call, Next, Saboteur},
    deployable::Mutant,
    mutants::{
        BUSY, CHATTERBOX, TWO_LEADERS, calls, is_restless, mutant, reads, refused, talks_about,
    },
};

const BUDGETS: &str = "podunavailablebudgets";
const MAPS: [&str; 2] = ["disruptedPods", "unavailablePods"];

/// All of them.
pub(super) const ALL: &[Mutant] = &[
    mutant("unguarded", &["overspent", "wrong-payment"], || {
        pays(|body| {
            if let Some(metadata) = body["metadata"].as_object_mut() {
                metadata.remove("resourceVersion");
            }
        })
    }),
    mutant("pays-nothing", &["overspent", "unpaid"], || {
        // By the status that it knows, and by nothing else.
        calls(|call| match is_payment(call) {
            true => Next::Answer(StatusCode::OK, json!({})),
            false => Next::Send,
        })
    }),
    mutant("pays-double", &["wrong-payment"], || {
        pays(|body| {
            let left = body["status"]["unavailableAllowed"].as_i64();
            body["status"]["unavailableAllowed"] = json!((left.unwrap_or_default() - 1).max(0));
        })
    }),
    mutant("forgets-bookings", &["overspent", "paid-twice"], || {
        reads(BUDGETS, |budget| {
            for map in MAPS {
                budget["status"][map] = json!({});
            }
        })
    }),
    mutant("gives-back-at-once", &["overspent"], || {
        counts(|body| {
            // What was booked goes with each count.
            let status = &mut body["status"];
            for map in MAPS {
                status[map] = Value::Null;
            }
            status["unavailableAllowed"] =
                json!(status["unavailableAllowed"].as_i64().unwrap_or_default() + 1);
        })
    }),
    mutant("never-gives-back", &["not-reached"], || {
        counts(|body| body["status"]["unavailableAllowed"] = json!(0))
    }),
    mutant("stingy", &["stuck"], || {
        calls(|call| match is_payment(call) {
            true => refused(),
            false => Next::Send,
        })
    }),
    mutant("wants-none", &["overspent"], || {
        counts(|body| body["status"]["desiredAvailable"] = json!(0))
    }),
    mutant("wants-fewer", &["overspent"], || {
        reads(BUDGETS, |budget| {
            if let Some(most) = budget["spec"]["maxUnavailable"].as_i64() {
                budget["spec"]["maxUnavailable"] = json!(most + 1);
            }
        })
    }),
    mutant("sees-all-serve", &["overspent"], || {
        reads("pods", |pod| {
            pod["status"]["phase"] = json!("Running");
            pod["status"]["conditions"] = json!([{ "type": "Ready", "status": "True" }]);
        })
    }),
    mutant("blind-to-budgets", &["unpaid"], || {
        reads(BUDGETS, |budget| {
            budget["spec"]["protectOperations"] = json!(["RESIZE"]);
        })
    }),
    mutant("pays-for-dry-runs", &["paid-unasked"], || {
        reviews(|request| {
            request["dryRun"] = json!(false);
            request["options"]["dryRun"] = Value::Null;
            request["object"]["deleteOptions"] = Value::Null;
        })
    }),
    mutant("mixes-up-pods", &["paid-unasked"], || {
        reviews(|request| {
            let name = request["oldObject"]["metadata"]["name"].as_str();
            if let Some(other) = name.map(|name| format!("{name}-other")) {
                request["oldObject"]["metadata"]["name"] = json!(other);
            }
        })
    }),
    mutant("links-all", &["refused-free"], || {
        reads("pods", |pod| {
            pod["metadata"]["annotations"]["pub.kruise.io/related-pub"] = json!("web");
        })
    }),
    mutant("idle-hands", &["not-reached"], || {
        calls(
            |call| match call.writes(&Method::PATCH, BUDGETS) && !is_payment(call) {
                true => refused(),
                false => Next::Send,
            },
        )
    }),
    mutant("restless", &["settled-written"], || {
        is_restless("/apis/policy.kruise.io/v1beta1/namespaces/default/podunavailablebudgets/web")
    }),
    mutant("talkative", &["settled-written"], || {
        talks_about("PodUnavailableBudget", "web")
    }),
    TWO_LEADERS,
    CHATTERBOX,
    BUSY,
];

/// Seeds that notice them. Other stories, or other requests of the replicas, move them: the tests print the rows anew.
pub(super) const SEEDS: &[(&str, &[u64])] = &[
    ("unguarded", &[1]),
    ("pays-nothing", &[1]),
    ("pays-double", &[1]),
    ("forgets-bookings", &[3, 2]),
    ("gives-back-at-once", &[1]),
    ("never-gives-back", &[1]),
    ("stingy", &[2]),
    ("wants-none", &[1]),
    ("wants-fewer", &[3]),
    ("sees-all-serve", &[1]),
    ("blind-to-budgets", &[1]),
    ("pays-for-dry-runs", &[4]),
    ("mixes-up-pods", &[1]),
    ("links-all", &[1]),
    ("idle-hands", &[1]),
    ("restless", &[1]),
    ("talkative", &[1]),
    ("two-leaders", &[1]),
    ("chatterbox", &[1]),
    ("busy", &[1]),
];

/// Whether this patch of a status pays: it counts nothing.
fn is_payment(call: &Call) -> bool {
    is_status(call) && call.body["status"].get("totalReplicas").is_none()
}

fn is_status(call: &Call) -> bool {
    call.writes(&Method::PATCH, BUDGETS) && call.subresource() == Some("status")
}

/// Changes what is paid.
fn pays(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Arc<dyn Saboteur> {
    calls(move |call| {
        if is_payment(call) {
            change(&mut call.body);
        }
        Next::Send
    })
}

/// Changes what is counted.
fn counts(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Arc<dyn Saboteur> {
    calls(move |call| {
        if is_status(call) && !is_payment(call) {
            change(&mut call.body);
        }
        Next::Send
    })
}

/// Changes what replicas are asked.
struct Reviews<F>(F);

fn reviews(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Arc<dyn Saboteur> {
    Arc::new(Reviews(change))
}

impl<F: Fn(&mut Value) + Send + Sync> Saboteur for Reviews<F> {
    fn review(&self, review: &mut Value) {
        (self.0)(&mut review["request"]);
    }
}
