use std::time::Duration;

use http::Method;
use serde_json::json;
use tokio::time::sleep;

use crate::{
    tell::{
        events::{EventTarget, EventType, Recorder, recorder},
        metrics::Metrics,
    },
    test_server::{Answer, TestServer},
};

fn target() -> EventTarget {
    EventTarget {
        api_version: "apps.kruise.io/v1beta1".into(),
        kind: "CloneSet".into(),
        namespace: "ns".into(),
        name: "set".into(),
        uid: "u".into(),
        resource_version: "7".into(),
    }
}

fn started(answer: impl Fn() -> Answer + Send + 'static) -> (Recorder, TestServer, Metrics) {
    let server = TestServer::new(move |_| answer());
    let metrics = Metrics::unregistered();
    let (recorder, writer) = recorder("cloneset-controller", server.client(), metrics.clone());
    tokio::spawn(writer.run());
    (recorder, server, metrics)
}

fn fine() -> Answer {
    Answer::Json(200, json!({}))
}

const A_MOMENT: Duration = Duration::from_millis(10);

#[tokio::test(start_paused = true)]
async fn an_event_has_the_form_that_tools_read() {
    let (recorder, server, _) = started(fine);
    recorder.event(
        &target(),
        EventType::Warning,
        "FailedCreate",
        "no quota".into(),
    );
    sleep(A_MOMENT).await;
    let call = &server.calls()[0];
    assert_eq!(call.path, "/api/v1/namespaces/ns/events");
    assert_eq!(call.body["source"]["component"], "cloneset-controller");
    assert_eq!(call.body["involvedObject"]["uid"], "u");
    assert_eq!(call.body["type"], "Warning");
    assert_eq!(call.body["count"], 1);
    assert!(
        call.body["metadata"]["name"]
            .as_str()
            .unwrap()
            .starts_with("set.")
    );
    let time = call.body["lastTimestamp"].as_str().unwrap();
    assert!(time.ends_with('Z') && !time.contains('.'), "{time}");
}

#[tokio::test(start_paused = true)]
async fn the_same_event_is_counted_on_for_ten_minutes() {
    let (recorder, server, _) = started(fine);
    for _ in 0..3 {
        recorder.event(&target(), EventType::Normal, "Waiting", "for a pod".into());
    }
    recorder.event(
        &target(),
        EventType::Normal,
        "Waiting",
        "for two pods".into(),
    );
    sleep(A_MOMENT).await;
    let methods: Vec<_> = server
        .calls()
        .iter()
        .map(|call| call.method.clone())
        .collect();
    assert_eq!(
        methods,
        [Method::POST, Method::PATCH, Method::PATCH, Method::POST]
    );
    assert_eq!(server.calls()[2].body["count"], 3);
    sleep(Duration::from_secs(601)).await;
    recorder.event(&target(), EventType::Normal, "Waiting", "for a pod".into());
    sleep(A_MOMENT).await;
    assert_eq!(server.calls()[4].method, Method::POST);
}

#[tokio::test(start_paused = true)]
async fn one_object_can_write_25_events_and_then_one_in_five_minutes() {
    let (recorder, server, metrics) = started(fine);
    for number in 0..100 {
        recorder.event(&target(), EventType::Normal, "Busy", number.to_string());
    }
    sleep(A_MOMENT).await;
    assert_eq!(server.calls().len(), 25);
    assert_eq!(metrics.events_dropped.get(), 75);
    sleep(Duration::from_secs(301)).await;
    for number in 0..10 {
        recorder.event(&target(), EventType::Normal, "Busy", number.to_string());
    }
    sleep(A_MOMENT).await;
    assert_eq!(server.calls().len(), 26);
    // Another object isn't affected.
    let other = EventTarget {
        uid: "other".into(),
        ..target()
    };
    recorder.event(&other, EventType::Normal, "Busy", String::new());
    sleep(A_MOMENT).await;
    assert_eq!(server.calls().len(), 27);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_doesnt_answer_costs_events_and_nothing_else() {
    let (recorder, _server, metrics) = started(|| Answer::Hang);
    for number in 0..5000 {
        let target = EventTarget {
            uid: number.to_string(),
            ..target()
        };
        recorder.event(&target, EventType::Normal, "Busy", String::new());
    }
    assert!(metrics.events_dropped.get() >= 3999);
}

#[tokio::test(start_paused = true)]
async fn an_event_about_an_object_without_a_namespace_lies_in_default() {
    let (recorder, server, _) = started(fine);
    let target = EventTarget {
        kind: "SidecarSet".into(),
        namespace: String::new(),
        ..target()
    };
    recorder.event(&target, EventType::Normal, "Synced", "done".into());
    sleep(A_MOMENT).await;
    let call = &server.calls()[0];
    assert_eq!(call.path, "/api/v1/namespaces/default/events");
    assert_eq!(call.body["metadata"]["namespace"], "default");
    assert_eq!(call.body["involvedObject"]["namespace"], "");
}
