//! Watches.

use serde_json::json;

use super::*;

const BEGIN: &str =
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";

fn events(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(event, name)| ((*event).to_owned(), (*name).to_owned()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_watch_tells_what_changes_after_its_version() {
    let test = Tester::new();
    let (_, a) = test.post(MAPS, map("a", "1")).await;
    let version = a["metadata"]["resourceVersion"].as_str().unwrap();
    let mut watch = test
        .watch(&format!("{MAPS}?watch=true&resourceVersion={version}"))
        .await;
    test.post(MAPS, map("b", "1")).await;
    test.merge(&format!("{MAPS}/b"), json!({ "data": { "a": "2" } }))
        .await;
    // Nothing changes, so there is nothing to tell.
    test.merge(&format!("{MAPS}/b"), json!({ "data": { "a": "2" } }))
        .await;
    test.delete(&format!("{MAPS}/b"), Value::Null).await;
    test.post("/api/v1/namespaces/default/configmaps", map("other", "1"))
        .await;
    assert_eq!(
        watch.so_far().await,
        events(&[("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "b")])
    );
}

#[tokio::test(start_paused = true)]
async fn a_selector_turns_changes_into_comings_and_goings() {
    let test = Tester::new();
    let mut watch = test
        .watch(&format!(
            "{PODS}?watch=true&resourceVersion=1&labelSelector=app%3Dx"
        ))
        .await;
    test.post(PODS, pod("a")).await;
    for app in ["x", "x", "y"] {
        let patch =
            json!({ "metadata": { "labels": { "app": app }, "annotations": { "a": app } } });
        test.merge(&format!("{PODS}/a"), patch).await;
    }
    let (event, _, added) = watch.event().await;
    assert_eq!(event, "ADDED");
    let (event, name, deleted) = watch.event().await;
    assert_eq!((event.as_str(), name.as_str()), ("DELETED", "a"));
    assert!(deleted.parse::<u64>().unwrap() > added.parse().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_streaming_list_ends_with_a_bookmark() {
    let test = Tester::new();
    test.post(MAPS, map("a", "1")).await;
    let mut watch = test
        .watch(&format!("{MAPS}?watch=true&timeoutSeconds=300&{BEGIN}"))
        .await;
    assert_eq!(watch.event().await.0, "ADDED");
    let bookmark = watch.next().await.unwrap().unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["kind"], "ConfigMap");
    let metadata = &bookmark["object"]["metadata"];
    assert_eq!(metadata["annotations"]["k8s.io/initial-events-end"], "true");
    assert_eq!(
        metadata["resourceVersion"],
        test.server.version().to_string()
    );
    // Then one a minute, one before the end, and the end.
    let began = tokio::time::Instant::now();
    let mut at = vec![];
    while let Some(event) = watch.next().await {
        assert_eq!(event.unwrap()["type"], "BOOKMARK");
        at.push(began.elapsed().as_secs());
    }
    assert_eq!(at, [60, 120, 180, 240, 298]);
    assert_eq!(began.elapsed().as_secs(), 300);
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_forgotten_is_gone() {
    let test = Tester::new();
    test.post(MAPS, map("a", "1")).await;
    test.server.faults().compact();
    let mut watch = test
        .watch(&format!("{MAPS}?watch=true&resourceVersion=1"))
        .await;
    let event = watch.next().await.unwrap().unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["code"]),
        (&json!("ERROR"), &json!(410))
    );
    assert_eq!(event["object"]["reason"], "Expired");
    assert!(watch.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn options_that_do_not_fit_are_refused() {
    let test = Tester::new();
    let answer = test
        .get(&format!("{MAPS}?watch=true&sendInitialEvents=true"))
        .await;
    let expected = "ListOptions.meta.k8s.io \"\" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents \
                    requires setting resourceVersionMatch to NotOlderThan";
    assert_eq!(message(&answer), (422, expected));
}
