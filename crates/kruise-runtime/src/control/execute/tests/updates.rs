//! Works of several patches of one pod: that nothing comes between them, and what is done when something did.

use super::*;

/// Takes the pod out of service, and then gives it its new spec. Planned for the pod in version 1.
pub(super) fn update(name: &str) -> Work<'static> {
    let calls = [patch(name, Some("status")), patch(name, None)];
    Work {
        calls: calls.map(|call| call.if_refused(noted(name))).into(),
        prepaid: true,
        seen: Some(Arc::new(decoded(pod(name, &uid(name), 1)))),
    }
}

fn updates(n_pods: usize) -> Stage<'static> {
    let works = (0..n_pods).map(|index| update(&name(index)));
    Stage::new(Order::Widening, works)
}

fn versions(server: &TestServer) -> Vec<Value> {
    let calls = server.calls().into_iter();
    calls
        .map(|call| call.body["metadata"]["resourceVersion"].clone())
        .collect()
}

// IP-23: so that nothing slips in between.
#[tokio::test(start_paused = true)]
async fn a_patch_carries_the_version_that_the_one_before_returned() {
    let server = TestServer::new(|call| match call.subresource() {
        "status" => written(call.name(), 7),
        _ => written(call.name(), 8),
    });
    let unguarded_patch = json!({ "spec": {} });
    let unguarded = Call::new(PODS, "web-00", Verb::strategic(None, &unguarded_patch));
    let work = Work {
        calls: vec![
            patch("web-00", Some("status")),
            patch("web-00", None),
            patch("web-00", None),
            unguarded,
        ],
        ..Work::default()
    };
    let stage = Stage::new(Order::OneByOne, [work]);
    carry_out(&server, &[stage]).await.result.unwrap();
    assert_eq!(
        versions(&server),
        [json!("1"), json!("7"), json!("8"), Value::Null]
    );
}

// A version says nothing about another work's object.
#[tokio::test(start_paused = true)]
async fn a_version_is_handed_on_within_a_work_only() {
    let server = willing();
    let calls = [patch("web-00", None), patch("web-01", None)];
    let stage = works(Order::OneByOne, calls);
    carry_out(&server, &[stage]).await.result.unwrap();
    assert_eq!(versions(&server), ["1", "1"]);
}

// IP-15, DV-IP15: no wait for limits lies between the two writes.
#[tokio::test(start_paused = true)]
async fn an_update_waits_for_its_turn_before_its_first_write() {
    let sent = Arc::new(Mutex::new(Vec::new()));
    let server = {
        let sent = Arc::clone(&sent);
        TestServer::new(move |call| {
            let call = (call.name().to_owned(), Instant::now());
            let name = call.0.clone();
            sent.lock().unwrap().push(call);
            written(&name, 2)
        })
    };
    let client = server.client().with_limits(1.0, 1);
    let remembered = Remembered::default();
    let done = remembered.carry_out_by(&client, &[updates(3)]).await;
    done.result.unwrap();
    let sent = sent.lock().unwrap();
    for index in 0..3 {
        let of_pod = sent.iter().filter(|(pod, _)| *pod == name(index));
        let at: Vec<_> = of_pod.map(|(_, at)| at).collect();
        assert_eq!(at.len(), 2);
        assert_eq!(at[0], at[1], "{}", name(index));
    }
}

/// A server where the kubelet reports as soon as a pod is out of service, `reports` times.
fn busy_kubelet(live: Value, reports: u64) -> TestServer {
    TestServer::new(move |call| {
        let version: u64 = call.body["metadata"]["resourceVersion"]
            .as_str()
            .map_or(0, |version| version.parse().unwrap());
        match (call.method.as_str(), call.subresource()) {
            ("PATCH", "status") => written(call.name(), 2),
            ("PATCH", _) if version < 2 + reports => conflict(),
            ("PATCH", _) => written(call.name(), 100),
            _ => Reply::Json(200, live.clone()),
        }
    })
}

fn live() -> Value {
    pod("web-00", "uid-of-web-00", 3)
}

// DV-IP15
#[tokio::test(start_paused = true)]
async fn a_report_between_the_two_writes_of_an_update_does_not_undo_it() {
    let mut live = live();
    live["status"]["conditions"] = json!([{ "type": "Ready", "status": "False" }]);
    let server = busy_kubelet(live, 1);
    let done = carry_out(&server, &[updates(1)]).await;
    done.result.unwrap();
    assert_eq!(server.called(&Method::PATCH, "").len(), 2);
}

// DV-IP15: a decision is never carried out on a pod that it was not made for.
#[tokio::test(start_paused = true)]
async fn an_update_is_not_sent_again_for_a_pod_that_somebody_changed() {
    let mut live = live();
    live["metadata"]["labels"]["app"] = json!("other");
    let server = busy_kubelet(live, 1);
    let done = carry_out(&server, &[updates(1)]).await;
    assert!(done.refused.writes.is_empty());
    assert!(done.error().is_lost_race());
    assert_eq!(server.called(&Method::PATCH, "").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_never_stands_still_is_left_to_the_next_pass() {
    let server = busy_kubelet(live(), 100);
    let done = carry_out(&server, &[updates(1)]).await;
    assert!(done.error().is_lost_race());
    assert_eq!(server.called(&Method::PATCH, "").len(), 3);
}

// The write was decided on an old view, and nothing has been done yet.
#[tokio::test(start_paused = true)]
async fn the_first_write_of_an_update_is_not_sent_again() {
    let server = TestServer::new(|call| match call.method.as_str() {
        "PATCH" => conflict(),
        _ => Reply::Json(200, live()),
    });
    let done = carry_out(&server, &[updates(1)]).await;
    assert!(done.error().is_lost_race());
    assert_eq!(server.calls().len(), 1);
}

/// A trial, and the update after it.
fn tried_update(trial: Call<'static>) -> [Stage<'static>; 2] {
    let trial = trial.tolerating(&[Answer::NoDryRun]);
    [works(Order::OneByOne, [trial]), updates(1)]
}

fn refuses_trials(answer: fn() -> Reply) -> TestServer {
    TestServer::new(move |call| match call.is_dry_run() {
        true => answer(),
        false => written(call.name(), 2),
    })
}

// DV-IP15: what is refused in a dry run is not begun, and noted.
#[tokio::test(start_paused = true)]
async fn an_update_that_is_refused_in_a_dry_run_is_not_begun() {
    let server = refuses_trials(|| forbidden("this image is not allowed"));
    let trial = trial("web-00", None).if_refused(noted("web-00"));
    let done = carry_out(&server, &tried_update(trial)).await;
    let refusal = Refusal {
        uid: uid("web-00"),
        asked: Asked::Update,
        why: "this image is not allowed".to_owned(),
    };
    assert_eq!(done.refused.writes, [refusal]);
    assert!(done.error().is_refusal());
    assert!(server.calls().iter().all(Request::is_dry_run));
}

// DV-IP10: a resize that is refused is about its pod alone, and no failure.
#[tokio::test(start_paused = true)]
async fn a_resize_that_is_refused_in_a_dry_run_is_not_begun() {
    let server = refuses_trials(|| forbidden("too big"));
    let trial = trial("web-00", Some("resize")).if_refused(IfRefused::EndsPlan {
        uid: uid("web-00"),
        told: "FailedUpdate",
    });
    let done = carry_out(&server, &tried_update(trial)).await;
    assert_eq!(done.result.unwrap(), Flow::Ends);
    assert!(server.calls().iter().all(Request::is_dry_run));
    let refused = (uid("web-00"), "too big".to_owned());
    assert_eq!(done.refused.resizes, [refused]);
}

// The API server refuses every dry run where such a webhook is installed.
#[tokio::test(start_paused = true)]
async fn a_webhook_that_knows_no_dry_run_stops_no_update() {
    let server = refuses_trials(|| {
        let message = "admission webhook \"old.acme.io\" does not support dry run";
        status(400, "BadRequest", message)
    });
    let trial = trial("web-00", None).if_refused(noted("web-00"));
    let done = carry_out(&server, &tried_update(trial)).await;
    done.result.unwrap();
    assert!(done.refused.writes.is_empty());
    assert_eq!(server.called(&Method::PATCH, "status"), [name(0)]);
}
