//! What goes wrong when it is asked to.

use serde_json::json;

use super::*;
use crate::server::{Fault, Rule};

fn always(fault: Fault) -> Vec<Rule> {
    vec![Rule::new(fault, 1000)]
}

#[tokio::test(start_paused = true)]
async fn refusals_leave_everything_as_it_is() {
    let test = Tester::new();
    test.post(MAPS, map("a", "1")).await;
    let before = test.server.version();
    let patch = json!({ "data": { "a": "2" } });
    for (fault, code) in [
        (Fault::Forbidden, 403),
        (Fault::NotFound, 404),
        (Fault::Conflict, 409),
        (Fault::Throttled, 429),
        (Fault::Internal, 500),
        (Fault::Unavailable, 503),
    ] {
        test.server.faults().set(always(fault));
        assert_eq!(
            test.merge(&format!("{MAPS}/a"), patch.clone()).await.0,
            code,
            "{fault:?}"
        );
    }
    for fault in [Fault::ResetBefore, Fault::HangBefore] {
        test.server.faults().set(always(fault));
        assert!(
            test.is_lost(Method::PATCH, &format!("{MAPS}/a"), patch.clone())
                .await,
            "{fault:?}"
        );
    }
    assert_eq!(test.server.version(), before);
    test.server.faults().stop();
    assert_eq!(test.merge(&format!("{MAPS}/a"), patch).await.0, 200);
    let injected = test.server.faults().injected();
    assert_eq!(injected.values().sum::<u64>(), 8);
    assert_eq!(injected["throttled"], 1);
    let recorded = test.server.requests();
    let met: Vec<_> = recorded
        .iter()
        .filter_map(|request| Some((request.fault?, request.code)))
        .collect();
    assert_eq!(met.first(), Some(&("forbidden", Some(403))));
    assert_eq!(met.last(), Some(&("hang_before", None)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_lost_after_the_write() {
    let test = Tester::new();
    test.post(MAPS, map("a", "1")).await;
    let path = format!("{MAPS}/a");
    for (fault, data) in [(Fault::AnswerLost, "2"), (Fault::ResetAfter, "3")] {
        test.server.faults().set(always(fault));
        let patch = json!({ "data": { "a": data } });
        assert!(test.is_lost(Method::PATCH, &path, patch).await);
        test.server.faults().stop();
        assert_eq!(test.get(&path).await.1["data"]["a"], data);
    }
    test.server.faults().set(always(Fault::TimeoutAfter));
    let answer = test.merge(&path, json!({ "data": { "a": "4" } })).await;
    assert_eq!(
        message(&answer),
        (
            504,
            "Timeout: request did not complete within the allotted timeout"
        )
    );
    test.server.faults().stop();
    assert_eq!(test.get(&path).await.1["data"]["a"], "4");
}

#[tokio::test(start_paused = true)]
async fn faults_meet_those_they_are_meant_for() {
    let test = Tester::new();
    let rule = || {
        Rule::new(Fault::Forbidden, 1000)
            .verbs(&["create"])
            .plurals(&["pods"])
    };
    test.server.faults().set(vec![rule().of("somebody else")]);
    assert_eq!(test.post(PODS, pod("a")).await.0, 201);
    test.server.faults().set(vec![rule().of("tester")]);
    assert_eq!(test.post(PODS, pod("b")).await.0, 403);
    assert_eq!(test.post(MAPS, map("b", "1")).await.0, 201);
    assert_eq!(test.get(&format!("{PODS}/a")).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn faults_meet_objects_by_name_and_part() {
    let test = Tester::new();
    let rule = || Rule::new(Fault::Forbidden, 1000).names(&["a"]);
    test.server.faults().set(vec![rule()]);
    assert_eq!(test.post(PODS, pod("a")).await.0, 403, "a creation too");
    assert_eq!(test.post(PODS, pod("b")).await.0, 201);
    test.server.faults().set(vec![rule().subresource("status")]);
    assert_eq!(test.post(PODS, pod("a")).await.0, 201);
    let status = json!({ "status": {} });
    for (pod, code) in [("a", 403), ("b", 200)] {
        let path = format!("{PODS}/{pod}/status");
        assert_eq!(test.merge(&path, status.clone()).await.0, code);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_makes_the_same_faults() {
    let codes = || async {
        let test = Tester::new();
        test.server
            .faults()
            .set(vec![Rule::new(Fault::Forbidden, 300)]);
        let mut codes = vec![];
        for _ in 0..30 {
            codes.push(test.get(PODS).await.0);
        }
        codes
    };
    let first = codes().await;
    assert!(first.contains(&200) && first.contains(&403));
    assert_eq!(first, codes().await);
}

async fn watch(test: &Tester) -> Watched {
    let version = test.server.version();
    let query =
        format!("watch=true&allowWatchBookmarks=true&timeoutSeconds=400&resourceVersion={version}");
    test.watch(&format!("{MAPS}?{query}")).await
}

async fn write(test: &Tester, times: usize) {
    test.post(MAPS, map("a", "0")).await;
    for time in 1..times {
        test.merge(
            &format!("{MAPS}/a"),
            json!({ "data": { "a": time.to_string() } }),
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn events_come_late_and_in_order() {
    let test = Tester::new();
    let mut watch = watch(&test).await;
    test.server
        .faults()
        .set(always(Fault::EventsLate(Duration::from_secs(30))));
    write(&test, 3).await;
    assert_eq!(watch.so_far().await, []);
    let mut seen = vec![];
    for _ in 0..3 {
        let event = watch.next().await.unwrap().unwrap();
        seen.push((event["type"].clone(), event["object"]["data"]["a"].clone()));
    }
    let expected = [("ADDED", "0"), ("MODIFIED", "1"), ("MODIFIED", "2")];
    assert_eq!(
        seen,
        expected.map(|(event, data)| (json!(event), json!(data)))
    );
}

#[tokio::test(start_paused = true)]
async fn modifications_collapse_into_the_last() {
    let test = Tester::new();
    write(&test, 1).await;
    let mut watch = watch(&test).await;
    let faults = test.server.faults();
    faults.set(always(Fault::EventsCollapsed(Duration::from_secs(30))));
    for time in 1..5 {
        test.merge(
            &format!("{MAPS}/a"),
            json!({ "data": { "a": time.to_string() } }),
        )
        .await;
    }
    assert_eq!(watch.so_far().await, []);
    faults.stop();
    let event = watch.next().await.unwrap().unwrap();
    assert_eq!(
        (&event["type"], &event["object"]["data"]["a"]),
        (&json!("MODIFIED"), &json!("4"))
    );
    assert_eq!(watch.so_far().await, []);
}

#[tokio::test(start_paused = true)]
async fn an_event_can_be_lost() {
    let test = Tester::new();
    let mut watch = watch(&test).await;
    test.server.faults().set(always(Fault::EventLost));
    write(&test, 1).await;
    assert_eq!(watch.so_far().await, []);
    test.server.faults().stop();
    test.post(MAPS, map("b", "1")).await;
    assert_eq!(watch.so_far().await, [("ADDED".to_owned(), "b".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_breaks_off_or_is_gone() {
    let test = Tester::new();
    for (fault, is_gone) in [(Fault::WatchBroken, false), (Fault::WatchGone, true)] {
        let mut watch = watch(&test).await;
        test.server.faults().set(always(fault));
        test.post(MAPS, map(fault.class().replace('_', "-").as_str(), "1"))
            .await;
        let mut last = None;
        while let Some(line) = watch.next().await {
            let is_broken = line.is_err();
            last = Some(line);
            if is_broken {
                break;
            }
        }
        match last.unwrap() {
            Ok(event) => assert_eq!((is_gone, &event["object"]["code"]), (true, &json!(410))),
            Err(_) => assert!(!is_gone),
        }
        test.server.faults().stop();
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_falls_silent() {
    let test = Tester::new();
    let mut watch = watch(&test).await;
    test.server.faults().set(always(Fault::WatchSilent));
    write(&test, 1).await;
    // Neither events nor bookmarks come, nor the end.
    let next = tokio::time::timeout(Duration::from_secs(500), watch.0.next()).await;
    assert!(next.is_err());
}

#[tokio::test(start_paused = true)]
async fn bookmarks_can_be_missing() {
    let test = Tester::new();
    test.server.faults().set(always(Fault::BookmarksMissing));
    let mut watch = watch(&test).await;
    assert!(
        watch.next().await.is_none(),
        "the watch ends without a bookmark"
    );
    assert_eq!(test.server.faults().injected()["bookmarks_missing"], 1);
}
