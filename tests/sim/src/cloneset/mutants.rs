//! Broken controllers of CloneSets.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use crate::{
    between::{Next, Saboteur},
    deployable::Mutant,
    mutants::{
        BUSY, CHATTERBOX, CREATES_ONE_ONLY, DOUBLED_DELETIONS, PANICS, TWO_LEADERS,
        UNGUARDED_DELETIONS, calls, doubles_creations, is_restless, lies_about, mutant, reads,
        talks_about,
    },
};

const PATH: &str = "/apis/apps.kruise.io/v1beta1/namespaces/default/clonesets/web";

/// All of them.
pub(super) const ALL: &[Mutant] = &[
    mutant("doubled-max-unavailable", &["max-unavailable"], || {
        reads_rolling(|rolling| {
            let wanted = rolling["maxUnavailable"].as_u64().unwrap_or_default();
            rolling["maxUnavailable"] = json!(wanted * 2 + 1);
        })
    }),
    mutant("more-surge", &["too-many-pods"], || {
        reads_rolling(|rolling| {
            let wanted = rolling["maxSurge"].as_u64().unwrap_or_default();
            rolling["maxSurge"] = json!(wanted + 2);
        })
    }),
    mutant("no-partition", &["partition"], || {
        reads_rolling(|rolling| rolling["partition"] = json!(0))
    }),
    mutant("never-paused", &["updated-while-paused"], || {
        reads_rolling(|rolling| rolling["paused"] = json!(false))
    }),
    mutant("always-recreate", &["deleted-in-place"], || {
        reads_rolling(|rolling| rolling["podUpdatePolicy"] = json!("ReCreate"))
    }),
    mutant("deaf-to-names", &["not-reached"], || {
        reads("clonesets", |set| set["spec"]["scaleStrategy"] = json!({}))
    }),
    mutant("sees-old-pods", &["deleted-updated"], || {
        reads("pods", |pod| {
            let labels = &mut pod["metadata"]["labels"];
            labels["controller-revision-hash"] = json!("web-another");
        })
    }),
    UNGUARDED_DELETIONS,
    mutant(
        "doubled-creations",
        &["too-many-pods", "instance-twice"],
        doubles_creations,
    ),
    DOUBLED_DELETIONS,
    mutant("changed-in-service", &["changed-in-service"], || {
        calls(|call| {
            let conditions = &mut call.body["status"]["conditions"];
            for condition in conditions.as_array_mut().into_iter().flatten() {
                if condition["type"] == "InPlaceUpdateReady" {
                    condition["status"] = json!("True");
                }
            }
            Next::Send
        })
    }),
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
        lies_about("clonesets", "readyReplicas")
    }),
    mutant("restless", &["settled-written"], || is_restless(PATH)),
    mutant("talkative", &["settled-written"], || {
        talks_about("CloneSet", "web")
    }),
    TWO_LEADERS,
    CHATTERBOX,
    BUSY,
    PANICS,
    CREATES_ONE_ONLY,
];

/// Seeds that notice them. Other stories, or other requests of the controller, move them: the tests print the rows anew.
pub(super) const SEEDS: &[(&str, &[u64])] = &[
    ("doubled-max-unavailable", &[5]),
    ("more-surge", &[2]),
    ("no-partition", &[20]),
    ("never-paused", &[5]),
    ("always-recreate", &[6]),
    ("deaf-to-names", &[3]),
    ("sees-old-pods", &[2]),
    ("unguarded-deletions", &[2]),
    ("doubled-creations", &[1]),
    ("doubled-deletions", &[2]),
    ("changed-in-service", &[5]),
    ("sidecar-too", &[4]),
    ("lying-status", &[1]),
    ("restless", &[1]),
    ("talkative", &[1]),
    ("two-leaders", &[1]),
    ("chatterbox", &[2]),
    ("busy", &[1]),
    ("panics", &[1]),
    ("creates-one-only", &[1]),
];

fn reads_rolling(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Arc<dyn Saboteur> {
    reads("clonesets", move |set| {
        change(&mut set["spec"]["updateStrategy"]["rollingUpdate"]);
    })
}
