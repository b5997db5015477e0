//! Broken controllers of SidecarSets.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use crate::{
    between::{Call, Next, Saboteur},
    deployable::Mutant,
    mutants::{
        BUSY, CHATTERBOX, TWO_LEADERS, calls, is_restless, lies_about, mutant, reads, refused,
        talks_about,
    },
};

const SETS: &str = "sidecarsets";
const HASH: &str = "kruise.io/sidecarset-hash";
const RECORD: &str = "kruise.io/sidecarset-inplace-update-state";
const WORKING: &str = "kruise.io/sidecarset-working-hotupgrade-container";
const IDLE: &str = "example/idle:1";

/// All of them.
pub(super) const ALL: &[Mutant] = &[
    mutant("one-more-unavailable", &["max-unavailable"], || {
        reads_strategy(|strategy| {
            strategy["maxUnavailable"] = other(&strategy["maxUnavailable"], 1);
        })
    }),
    mutant("one-fewer-kept", &["partition"], || {
        reads_strategy(|strategy| strategy["partition"] = other(&strategy["partition"], -1))
    }),
    mutant("never-paused", &["updated-while-paused"], || {
        reads_strategy(|strategy| {
            strategy["paused"] = json!(false);
            strategy["type"] = json!("RollingUpdate");
        })
    }),
    mutant("unselective", &["updated-unselected"], || {
        reads_strategy(|strategy| strategy["selector"] = Value::Null)
    }),
    mutant("blind-to-flight", &["updated-in-flight"], || {
        reads("pods", |pod| {
            let annotations = &mut pod["metadata"]["annotations"];
            annotations[RECORD] = json!("{}");
        })
    }),
    mutant("sees-all-upgradable", &["updated-not-upgradable"], || {
        Arc::new(AllUpgradable)
    }),
    mutant("app-too", &["more-was-changed", "app-restarted"], || {
        changes_containers(|containers| {
            containers.push(json!({ "name": "app", "image": "example/app:2" }));
        })
    }),
    mutant("forgets-images", &["hash-without-its-image"], || {
        changes_containers(Vec::clear)
    }),
    mutant("all-idle", &["both-idle"], || {
        changes_containers(|containers| {
            for container in containers {
                if container["name"]
                    .as_str()
                    .is_some_and(|name| name.starts_with("mesh-"))
                {
                    container["image"] = json!(IDLE);
                }
            }
        })
    }),
    mutant("forgets-hashes", &["image-without-hash"], || {
        changes_annotation(HASH, |_| None)
    }),
    mutant("mixes-up-hashes", &["unknown-hash"], || {
        changes_annotation(HASH, |text| {
            Some(text.replace("\"hash\":\"", "\"hash\":\"x"))
        })
    }),
    mutant("mixes-up-twins", &["idle-works"], || {
        calls(|call| {
            if pod_patch(call).is_some()
                && let Some(idle) = twin_made_idle(&call.body)
            {
                let working = json!({ "mesh": idle });
                call.body["metadata"]["annotations"][WORKING] = json!(working.to_string());
            }
            Next::Send
        })
    }),
    mutant("mixes-up-records", &["wrong-record"], || {
        changes_annotation(RECORD, |text| Some(text.replace("sha256:", "sha256:0")))
    }),
    mutant("forgets-versions", &["wrong-versions"], || {
        changes_annotation("version.sidecarset.kruise.io/mesh-2", |_| None)
    }),
    mutant("blind-to-labels", &["updated-unmanaged"], || {
        reads("pods", |pod| {
            pod["metadata"]["labels"]["app"] = json!("web");
        })
    }),
    mutant("sees-all-ready", &["reset-too-early"], || {
        reads("pods", |pod| {
            let images = pod["spec"]["containers"].clone();
            let statuses = pod["status"]["containerStatuses"].as_array_mut();
            for (status, spec) in statuses
                .into_iter()
                .flatten()
                .zip(images.as_array().into_iter().flatten())
            {
                status["ready"] = json!(true);
                status["image"] = spec["image"].clone();
            }
        })
    }),
    mutant("deaf-webhook", &["not-injected"], || {
        reads(SETS, |set| {
            set["spec"]["injectionStrategy"] = json!({ "paused": true });
        })
    }),
    mutant("always-injects", &["injected-unasked"], || {
        reads(SETS, |set| {
            set["spec"]["injectionStrategy"] = json!({});
            set["spec"]["namespaceSelector"] = Value::Null;
        })
    }),
    mutant("half-injects", &["half-injected"], || {
        reads(SETS, |set| {
            let containers = set["spec"]["containers"].as_array_mut();
            if let Some(containers) = containers.filter(|containers| containers.len() > 1) {
                containers.pop();
            }
        })
    }),
    mutant("deletes-pods", &["pod-deleted"], || {
        calls(|call| {
            let Some(mut deletion) = pod_patch(call) else {
                return Next::Send;
            };
            deletion.method = Method::DELETE;
            deletion.body = json!({});
            Next::After(vec![deletion])
        })
    }),
    mutant("doubled-revisions", &["revision-twice"], || {
        calls(|call| {
            if !call.writes(&Method::POST, "controllerrevisions") {
                return Next::Send;
            }
            let mut twin = call.clone();
            let name = twin.body["metadata"]["name"].as_str().unwrap_or_default();
            twin.body["metadata"]["name"] = json!(format!("{name}-twin"));
            Next::After(vec![twin])
        })
    }),
    mutant("forgetful", &["revision-in-use"], || {
        reads("pods", |pod| {
            let annotation = &mut pod["metadata"]["annotations"][HASH];
            let text = annotation
                .as_str()
                .map(|text| text.replace("controllerRevision", "revision"));
            if let Some(text) = text {
                *annotation = json!(text);
            }
        })
    }),
    mutant("lying-status", &["untrue-status"], || {
        lies_about(SETS, "updatedPods")
    }),
    mutant("restless", &["settled-written"], || {
        is_restless("/apis/apps.kruise.io/v1beta1/sidecarsets/log")
    }),
    mutant("talkative", &["settled-written"], || {
        talks_about("SidecarSet", "log")
    }),
    mutant("idle-hands", &["not-reached"], || {
        calls(|call| match pod_patch(call) {
            Some(_) => refused(),
            None => Next::Send,
        })
    }),
    mutant("panics-over-pods", &["panic"], || {
        calls(|call| {
            assert!(pod_patch(call).is_none(), "a saboteur panics");
            Next::Send
        })
    }),
    TWO_LEADERS,
    CHATTERBOX,
    BUSY,
];

/// Seeds that notice them. Other stories, or other requests of the controller, move them: the tests print the rows anew.
pub(super) const SEEDS: &[(&str, &[u64])] = &[
    ("one-more-unavailable", &[1]),
    ("one-fewer-kept", &[4]),
    ("never-paused", &[7]),
    ("unselective", &[6]),
    ("blind-to-flight", &[14]),
    ("sees-all-upgradable", &[1]),
    ("app-too", &[1]),
    ("forgets-images", &[1]),
    ("all-idle", &[8]),
    ("forgets-hashes", &[1]),
    ("mixes-up-hashes", &[1]),
    ("mixes-up-twins", &[8]),
    ("mixes-up-records", &[1]),
    ("forgets-versions", &[8]),
    ("blind-to-labels", &[10]),
    ("sees-all-ready", &[8]),
    ("deaf-webhook", &[1]),
    ("always-injects", &[4]),
    ("half-injects", &[1]),
    ("deletes-pods", &[1]),
    ("doubled-revisions", &[1]),
    ("forgetful", &[2]),
    ("lying-status", &[1]),
    ("restless", &[1]),
    ("talkative", &[1]),
    ("idle-hands", &[1]),
    ("panics-over-pods", &[1]),
    ("two-leaders", &[1]),
    ("chatterbox", &[16]),
    ("busy", &[1]),
];

fn reads_strategy(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Arc<dyn Saboteur> {
    reads(SETS, move |set| change(&mut set["spec"]["updateStrategy"]))
}

/// One more or fewer, or of percents ten.
fn other(value: &Value, by: i64) -> Value {
    let Some(percent) = value.as_str() else {
        return json!((value.as_i64().unwrap_or_default() + by).max(0));
    };
    let percent: i64 = percent.trim_end_matches('%').parse().unwrap_or_default();
    json!(format!("{}%", (percent + 10 * by).max(0)))
}

/// A copy of the call, if it changes a pod itself.
fn pod_patch(call: &Call) -> Option<Call> {
    let is_patch = call.writes(&Method::PATCH, "pods") && call.subresource().is_none();
    is_patch.then(|| call.clone())
}

/// The twin that a patch makes idle.
fn twin_made_idle(patch: &Value) -> Option<Value> {
    let mut containers = patch["spec"]["containers"].as_array()?.iter();
    let idle = containers.find(|container| container["image"] == IDLE)?;
    Some(idle["name"].clone())
}

/// Changes what is sent of a pod's containers.
fn changes_containers(
    change: impl Fn(&mut Vec<Value>) + Send + Sync + 'static,
) -> Arc<dyn Saboteur> {
    calls(move |call| {
        if pod_patch(call).is_some()
            && let Some(containers) = call.body["spec"]["containers"].as_array_mut()
        {
            change(containers);
        }
        Next::Send
    })
}

/// Changes an annotation that is sent of a pod, or leaves it out.
fn changes_annotation(
    key: &'static str,
    change: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> Arc<dyn Saboteur> {
    calls(move |call| {
        if pod_patch(call).is_some()
            && let Some(annotations) = call.body["metadata"]["annotations"].as_object_mut()
            && let Some(text) = annotations.remove(key)
            && let Some(text) = text.as_str().and_then(&change)
        {
            annotations.insert(key.to_owned(), json!(text));
        }
        Next::Send
    })
}

/// Shows pods and SidecarSets with one and the same hash of all but images.
struct AllUpgradable;

impl Saboteur for AllUpgradable {
    fn object(&self, call: &Call, object: &mut Value) {
        let key = "kruise.io/sidecarset-hash-without-image";
        let annotation = &mut object["metadata"]["annotations"][key];
        match (call.plural(), annotation.as_str()) {
            (SETS, Some(_)) => *annotation = json!("same"),
            ("pods", Some(text)) => {
                let mut record: Value = serde_json::from_str(text).unwrap_or_default();
                for entry in record
                    .as_object_mut()
                    .into_iter()
                    .flat_map(|it| it.values_mut())
                {
                    entry["hash"] = json!("same");
                }
                *annotation = json!(record.to_string());
            }
            _ => {}
        }
    }
}
