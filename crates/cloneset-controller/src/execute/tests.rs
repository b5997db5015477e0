use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::Method;
use kruise_api::{apps::v1beta1::CloneSet, inplace::PodWrite, pod::Pod};
use kruise_plan::{
    InPlaceUpdate, PodPatch, PodRef,
    refused::{Asked, Refusal},
};
use kruise_runtime::{EventTarget, Metrics, OwnWrites, recorder};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::*;
use crate::{
    fake_api::{Call, FakeApi, conflict, forbidden, status, uid, written},
    plan::ClaimRef,
};

const MANY: usize = 40;
/// Calls that the executor has in flight at most.
const CONCURRENCY: usize = 32;
const MOMENT: Duration = Duration::from_millis(1);

fn name(index: usize) -> String {
    format!("web-{index:02}")
}

fn pod_ref(name: &str) -> PodRef {
    PodRef {
        name: name.to_owned(),
        uid: uid(name),
    }
}

fn pod(name: &str, version: u64) -> Value {
    json!({
        "metadata": {
            "namespace": "ns", "name": name, "uid": uid(name),
            "resourceVersion": version.to_string(), "labels": { "app": "web" },
        },
        "spec": { "nodeName": "node1", "containers": [{ "name": "app", "image": "acme/app:1" }] },
        "status": { "phase": "Running" },
    })
}

fn update(name: &str) -> InPlaceUpdate {
    let metadata = json!({ "uid": uid(name), "resourceVersion": "1" });
    let seen: Pod = serde_json::from_value(pod(name, 1)).unwrap();
    InPlaceUpdate {
        pod: pod_ref(name),
        seen: Arc::new(seen),
        not_ready: Some(json!({ "metadata": metadata, "status": { "conditions": [] } })),
        resize: None,
        start: json!({ "metadata": metadata }),
        revision: "web-new".to_owned(),
    }
}

fn patch(name: &str) -> PodPatch {
    PodPatch {
        pod: pod_ref(name),
        writes: vec![PodWrite {
            subresource: Some("status"),
            patch: json!({ "metadata": { "uid": uid(name) } }),
        }],
    }
}

fn with(step: Step) -> Plan {
    Plan {
        steps: vec![step],
        ..Plan::default()
    }
}

fn updates(n_pods: usize) -> Plan {
    let updates = (0..n_pods).map(|index| update(&name(index))).collect();
    with(Step::UpdatePodsInPlace { updates })
}

fn deletions(n_pods: usize) -> Plan {
    let pods = (0..n_pods).map(|index| pod_ref(&name(index))).collect();
    let claims = BTreeMap::new();
    with(Step::DeletePods { pods, claims })
}

async fn carry_out_by(client: &ApiClient, plan: &Plan) -> (Result<(), StageError>, Found) {
    let mut set = CloneSet::default();
    set.metadata.namespace = "ns".to_owned();
    set.metadata.name = "web".to_owned();
    let snapshot = Snapshot {
        set: Arc::new(set),
        ..Snapshot::default()
    };
    let own_writes = OwnWrites::new(client.clone(), Duration::MAX, Metrics::unregistered());
    let (recorder, _events) = recorder("test", client.clone(), Metrics::unregistered());
    let target = EventTarget {
        namespace: "ns".to_owned(),
        ..EventTarget::default()
    };
    let execution = Execution {
        snapshot: &snapshot,
        client,
        executor: Executor::new(
            target,
            own_writes.writer("set", client.clone()),
            &recorder,
            &snapshot.memory.refused_writes,
            &snapshot.memory.refused_resizes,
        ),
    };
    execution.carry_out(plan).await
}

async fn carry_out(server: &FakeApi, plan: &Plan) -> (Result<(), StageError>, Found) {
    carry_out_by(&server.client(), plan).await
}

// CS-89
#[tokio::test(start_paused = true)]
async fn the_first_refused_update_ends_the_others() {
    let server = FakeApi::new(|call: Call| async move {
        sleep(MOMENT).await;
        match call.subresource.as_str() {
            "" => forbidden("this image is not allowed"),
            _ => written(&call.name, 2),
        }
    });
    let (result, _) = carry_out(&server, &updates(MANY)).await;
    assert!(result.unwrap_err().is_refusal());
    let out_of_service = server.called(&Method::PATCH, "status");
    assert_eq!(out_of_service, [name(0)]);
}

// CS-62, DV-CS18
#[tokio::test(start_paused = true)]
async fn pods_are_deleted_side_by_side() {
    let in_flight = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let server = {
        let most = Arc::clone(&most);
        FakeApi::new(move |call: Call| {
            let (in_flight, most) = (Arc::clone(&in_flight), Arc::clone(&most));
            async move {
                most.fetch_max(
                    in_flight.fetch_add(1, Ordering::SeqCst) + 1,
                    Ordering::SeqCst,
                );
                sleep(MOMENT).await;
                in_flight.fetch_sub(1, Ordering::SeqCst);
                written(&call.name, 2)
            }
        })
    };
    let (result, _) = carry_out(&server, &deletions(5 * MANY)).await;
    result.unwrap();
    assert_eq!(server.called(&Method::DELETE, "").len(), 5 * MANY);
    assert_eq!(most.load(Ordering::SeqCst), CONCURRENCY);
}

// Whoever waits for the answer to a call holds back no other.
#[tokio::test(start_paused = true)]
async fn a_slow_answer_holds_back_no_other_call() {
    let answered = Arc::new(AtomicUsize::new(0));
    let server = FakeApi::new(move |call: Call| {
        let answered = Arc::clone(&answered);
        async move {
            while call.name == name(1) && answered.load(Ordering::SeqCst) < MANY - 1 {
                sleep(MOMENT).await;
            }
            answered.fetch_add(1, Ordering::SeqCst);
            written(&call.name, 2)
        }
    });
    let patches = (0..MANY).map(|index| patch(&name(index))).collect();
    let (result, _) = carry_out(&server, &with(Step::PatchPods { patches })).await;
    result.unwrap();
}

// IP-15, DV-IP15: no wait for limits lies between the two writes.
#[tokio::test(start_paused = true)]
async fn an_update_waits_for_its_turn_before_its_first_write() {
    let server = FakeApi::new(|call: Call| async move { written(&call.name, 2) });
    let client = server.client().with_limits(1.0, 1);
    let (result, _) = carry_out_by(&client, &updates(3)).await;
    result.unwrap();
    let calls = server.calls();
    for index in 0..3 {
        let at: Vec<_> = calls
            .iter()
            .filter(|call| call.name == name(index))
            .map(|call| call.at)
            .collect();
        assert_eq!(at.len(), 2);
        assert_eq!(at[0], at[1], "{}", name(index));
    }
}

/// A server where the kubelet reports as soon as a pod is out of service, `reports` times.
fn busy_kubelet(live: Value, reports: u64) -> FakeApi {
    FakeApi::new(move |call: Call| {
        let live = live.clone();
        async move {
            let version: u64 = call.body["metadata"]["resourceVersion"]
                .as_str()
                .map_or(0, |version| version.parse().unwrap());
            match (call.method.as_str(), call.subresource.as_str()) {
                ("PATCH", "status") => written(&call.name, 2),
                ("PATCH", _) if version < 2 + reports => conflict(),
                ("PATCH", _) => written(&call.name, 100),
                _ => (200, live),
            }
        }
    })
}

// DV-IP15
#[tokio::test(start_paused = true)]
async fn a_report_between_the_two_writes_of_an_update_does_not_undo_it() {
    let mut live = pod("web-00", 3);
    live["status"]["conditions"] = json!([{ "type": "Ready", "status": "False" }]);
    let server = busy_kubelet(live, 1);
    let (result, _) = carry_out(&server, &updates(1)).await;
    result.unwrap();
    assert_eq!(server.called(&Method::PATCH, "").len(), 2);
}

// DV-IP15: a decision is never carried out on a pod that it was not made for.
#[tokio::test(start_paused = true)]
async fn an_update_is_not_sent_again_for_a_pod_that_somebody_changed() {
    let mut live = pod("web-00", 3);
    live["metadata"]["labels"]["app"] = json!("other");
    let server = busy_kubelet(live, 1);
    let (result, found) = carry_out(&server, &updates(1)).await;
    assert!(result.unwrap_err().is_lost_race());
    assert_eq!(server.called(&Method::PATCH, "").len(), 1);
    assert!(found.refused_writes.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_never_stands_still_is_left_to_the_next_pass() {
    let server = busy_kubelet(pod("web-00", 3), 100);
    let (result, _) = carry_out(&server, &updates(1)).await;
    assert!(result.unwrap_err().is_lost_race());
    assert_eq!(server.called(&Method::PATCH, "").len(), 3);
}

fn trial(update: InPlaceUpdate) -> Step {
    let update = Box::new(InPlaceUpdate {
        not_ready: None,
        ..update
    });
    Step::TryUpdate { update }
}

fn tried_update(resize: Option<Value>) -> Plan {
    let update = InPlaceUpdate {
        resize,
        ..update(&name(0))
    };
    Plan {
        steps: vec![
            trial(update.clone()),
            Step::UpdatePodsInPlace {
                updates: vec![update],
            },
        ],
        ..Plan::default()
    }
}

fn refuses(subresource: &'static str, answer: fn() -> (u16, Value)) -> FakeApi {
    FakeApi::new(move |call: Call| async move {
        if call.is_dry_run && call.subresource == subresource {
            return answer();
        }
        written(&call.name, 2)
    })
}

// DV-IP15: what is refused in a dry run is not begun, and noted.
#[tokio::test(start_paused = true)]
async fn an_update_that_is_refused_in_a_dry_run_is_not_begun() {
    let server = refuses("", || forbidden("this image is not allowed"));
    let (result, found) = carry_out(&server, &tried_update(None)).await;
    assert!(result.unwrap_err().is_refusal());
    assert!(server.calls().iter().all(|call| call.is_dry_run));
    let refusal = Refusal {
        uid: uid("web-00"),
        asked: Asked::Update,
        why: "this image is not allowed".to_owned(),
    };
    assert_eq!(found.refused_writes, [refusal]);
}

// DV-IP10: a resize that is refused is about its pod alone, and no failure.
#[tokio::test(start_paused = true)]
async fn a_resize_that_is_refused_in_a_dry_run_is_not_begun() {
    let server = refuses("resize", || forbidden("too big"));
    let resize = json!({ "metadata": { "resourceVersion": "1" } });
    let (result, found) = carry_out(&server, &tried_update(Some(resize))).await;
    result.unwrap();
    assert!(server.calls().iter().all(|call| call.is_dry_run));
    assert_eq!(
        found.refused_resizes,
        [(uid("web-00"), "too big".to_owned())]
    );
}

// The API server refuses every dry run where such a webhook is installed.
#[tokio::test(start_paused = true)]
async fn a_webhook_that_knows_no_dry_run_stops_no_update() {
    let server = refuses("", || {
        let message = "admission webhook \"old.acme.io\" does not support dry run";
        status(400, "BadRequest", message)
    });
    let (result, found) = carry_out(&server, &tried_update(None)).await;
    result.unwrap();
    assert!(found.refused_writes.is_empty());
    assert_eq!(server.called(&Method::PATCH, "status"), [name(0)]);
}

// CS-62, DV-CS18
#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_after_a_failure() {
    let server = FakeApi::new(|call: Call| async move {
        sleep(MOMENT).await;
        match call.name == name(2) {
            true => forbidden("a budget"),
            false => written(&call.name, 2),
        }
    });
    let (result, found) = carry_out(&server, &deletions(MANY)).await;
    assert_eq!(result.unwrap_err().api_message(), "a budget");
    assert_eq!(found.refused_writes.len(), 1);
    // The first alone, the next two side by side, and what had begun when the third was refused.
    let n_deleted = server.called(&Method::DELETE, "").len();
    assert!(n_deleted <= 5, "{n_deleted}");
}

// A pod that is gone, or was changed, says nothing about the others; what does is the error that is told.
#[tokio::test(start_paused = true)]
async fn a_lost_race_ends_no_other_call() {
    let server = FakeApi::new(|call: Call| async move {
        sleep(MOMENT).await;
        match call.name.as_str() {
            "web-00" => conflict(),
            "web-01" => status(404, "NotFound", "gone"),
            "web-39" => status(429, "TooManyRequests", "later"),
            name => written(name, 2),
        }
    });
    let (result, _) = carry_out(&server, &deletions(MANY)).await;
    assert_eq!(server.called(&Method::DELETE, "").len(), MANY);
    assert_eq!(result.unwrap_err().api_message(), "later");
}

// CS-62, CS-76: a pod before its claims, and none of a pod that stays.
#[tokio::test(start_paused = true)]
async fn claims_go_after_their_pod() {
    let server = FakeApi::new(|call: Call| async move {
        sleep(MOMENT).await;
        match call.name.as_str() {
            "web-03" => forbidden("a budget"),
            name => written(name, 2),
        }
    });
    let pods: Vec<_> = (0..MANY).map(|index| pod_ref(&name(index))).collect();
    let of = |pod: &PodRef| ClaimRef {
        name: format!("data-{}", pod.name),
        uid: uid(&format!("data-{}", pod.name)),
    };
    let claims = pods.iter().map(|pod| (pod.uid.clone(), vec![of(pod)]));
    let claims = claims.collect();
    let (result, _) = carry_out(&server, &with(Step::DeletePods { pods, claims })).await;
    result.unwrap_err();
    let deleted = server.called(&Method::DELETE, "");
    let at = |name: &str| deleted.iter().position(|it| it == name);
    for index in 0..3 {
        let name = name(index);
        assert!(at(&name) < at(&format!("data-{name}")), "{deleted:?}");
    }
    assert_eq!(at("data-web-03"), None);
}
