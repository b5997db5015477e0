//! What follows from an answer: what is no failure, what is noted, and what is told.

use rstest::rstest;

use super::*;

const TOO_BIG: &str = "too big";

fn too_big() -> Reply {
    forbidden(TOO_BIG)
}

// CS-61
#[rstest]
#[case::gone(Value::Null, Some("gone"))]
#[case::nobodys(json!({}), Some("somebody else"))]
#[case::anothers(json!({ "ownerReferences": [{ "uid": "other" }] }), Some("somebody else"))]
#[case::terminating(
    json!({ "ownerReferences": [{ "uid": "set" }], "deletionTimestamp": "2026-01-10T08:00:00Z" }),
    Some("terminating")
)]
#[case::ours(json!({ "ownerReferences": [{ "uid": "other" }, { "uid": "set" }] }), None)]
fn a_claim_that_is_there_is_used_if_it_is_ours_and_stays(
    #[case] metadata: Value,
    #[case] words: Option<&str>,
) {
    let live = (!metadata.is_null()).then(|| json!({ "metadata": metadata }));
    let why = why_not_usable(live.as_ref(), "set");
    assert_eq!(why.is_some(), words.is_some());
    assert!(why.unwrap_or_default().contains(words.unwrap_or_default()));
}

/// A server that has a claim, of this owner.
fn with_claim(owner: &'static str) -> TestServer {
    TestServer::new(move |call| match (call.method.as_str(), call.name()) {
        ("POST", "data") => status(409, "AlreadyExists", "it is there"),
        ("GET", _) => Reply::Json(
            200,
            json!({ "metadata": { "name": "data", "ownerReferences": [{ "uid": owner }] } }),
        ),
        _ => written(call.name(), 2),
    })
}

/// A pod after its claim.
fn pod_after_claim() -> Stage<'static> {
    let body = |name: &str| json!({ "metadata": { "name": name } });
    let ensured = Verb::Ensure {
        body: Body::Whole(Cow::Owned(body("data"))),
        owner: OWNER.to_owned(),
    };
    let ensured = Call::new(PERSISTENT_VOLUME_CLAIMS, "data", ensured);
    let verb = Verb::Create {
        body: Body::Whole(Cow::Owned(body("web-00"))),
    };
    let created = Call::new(PODS, "web-00", verb);
    let work = Work {
        calls: vec![ensured.warning_of("FailedCreate"), created],
        ..Work::default()
    };
    Stage::new(Order::SideBySide, [work])
}

// CS-61
#[rstest]
#[case::not_there(willing(), true)]
#[case::ours(with_claim(OWNER), true)]
#[case::anothers(with_claim("other"), false)]
#[tokio::test(start_paused = true)]
async fn what_must_be_there_is_made_or_is_the_owners(
    #[case] server: TestServer,
    #[case] is_usable: bool,
) {
    let done = carry_out(&server, &[pod_after_claim()]).await;
    let created = server.called(&Method::POST, "");
    if is_usable {
        assert_eq!(done.result.unwrap(), Flow::GoesOn);
        assert_eq!(created, ["data", "web-00"]);
        return;
    }
    assert_eq!(done.told(), ["Warning FailedCreate"]);
    assert!(matches!(done.error(), StageError::NameTaken { .. }));
    assert_eq!(created, ["data"]);
}

// CS-28: the index may not know yet.
#[rstest]
#[case::it(Reply::Json(200, json!({ "metadata": { "uid": OWNER } })), true)]
#[case::another(Reply::Json(200, json!({ "metadata": { "uid": "other" } })), false)]
#[case::terminating(
    Reply::Json(200, json!({
        "metadata": { "uid": OWNER, "deletionTimestamp": "2026-01-10T08:00:00Z" } })),
    false
)]
#[case::gone(status(404, "NotFound", "gone"), false)]
#[tokio::test(start_paused = true)]
async fn nothing_is_done_for_an_owner_that_is_another_by_now(
    #[case] live: Reply,
    #[case] stays: bool,
) {
    let mut live = Some(live);
    let server = TestServer::new(move |call| match call.method.as_str() {
        "GET" => live.take().unwrap(),
        _ => written(call.name(), 2),
    });
    let verb = Verb::MustStay {
        uid: OWNER.to_owned(),
        before: "adopt pods",
    };
    let look = works(Order::OneByOne, [Call::new(PODS, "set", verb)]);
    let adopts = works(Order::SideBySide, [patch("web-00", None)]);
    let done = carry_out(&server, &[look, adopts]).await;
    assert_eq!(done.result.is_ok(), stays);
    if !stays {
        assert!(matches!(done.error(), StageError::OwnerChanged { .. }));
    }
    let n_adopted = server.called(&Method::PATCH, "").len();
    assert_eq!(n_adopted, usize::from(stays));
}

#[rstest]
#[case(Answer::NotFound, || status(404, "NotFound", "gone"))]
#[case(Answer::AlreadyThere, || status(409, "AlreadyExists", "taken"))]
#[case(Answer::LostRace, conflict)]
#[case(Answer::NoDryRun, || status(400, "BadRequest", "it does not support dry run"))]
#[tokio::test(start_paused = true)]
async fn a_tolerated_answer_is_no_failure_and_untold(
    #[case] answer: Answer,
    #[case] reply: fn() -> Reply,
) {
    for tolerated in [
        &[Answer::NotFound][..],
        &[Answer::AlreadyThere],
        &[Answer::LostRace],
        &[Answer::NoDryRun],
    ] {
        let server = refusing("web-00", reply);
        let first = delete("web-00")
            .telling("Deleted", "deleted".to_owned())
            .warning_of("FailedDelete");
        let first = Call { tolerated, ..first };
        let work = Work {
            calls: vec![first, delete("web-01")],
            ..Work::default()
        };
        let stage = Stage::new(Order::OneByOne, [work]);
        let done = carry_out(&server, &[stage]).await;
        let is_tolerated = tolerated.contains(&answer);
        assert_eq!(done.result.is_ok(), is_tolerated, "{tolerated:?}");
        assert_eq!(deleted(&server).len(), 1 + usize::from(is_tolerated));
        // Nobody has to know that somebody was faster.
        let is_told = !is_tolerated && answer != Answer::LostRace;
        assert_eq!(done.told().len(), usize::from(is_told), "{tolerated:?}");
    }
}

// CS-62: for instance, that a volume claim is gone by now.
#[tokio::test(start_paused = true)]
async fn a_tolerated_answer_is_told_where_it_is_to_be() {
    let server = refusing("web-00", || status(404, "NotFound", "gone"));
    let call = delete("web-00")
        .tolerating(&[Answer::NotFound])
        .warning_anyhow("FailedDelete");
    let done = carry_out(&server, &[Stage::of(call)]).await;
    done.result.as_ref().unwrap();
    assert_eq!(done.told().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_done_and_what_has_failed_is_told() {
    let server = refusing("web-01", too_big);
    let telling = |call: Call<'static>| call.telling("Deleted", format!("deleted {}", name(0)));
    let failed = FailureEvent {
        warning: false,
        reason: "NotDeleted",
        before: "",
        though_tolerated: false,
    };
    let calls = [
        telling(delete("web-00")).warning_of("FailedDelete"),
        telling(delete("web-01")).warning_of("FailedDelete"),
        Call {
            failed: Some(failed),
            ..telling(delete("web-01"))
        },
        delete("web-01"),
    ];
    let done = carry_out(&server, &[works(Order::SideBySide, calls)]).await;
    assert_eq!(
        done.told(),
        [
            "Normal Deleted",
            "Warning FailedDelete",
            "Normal NotDeleted"
        ]
    );
    assert_eq!(done.events[0].1, "deleted web-00");
    let words = &done.events[1].1;
    assert!(words.contains("delete Pod ns/web-01"), "{words}");
    assert!(words.contains(TOO_BIG), "{words}");
}

/// A stage of two works with two calls each, and a stage after it. The first call of the first work is refused.
fn refused(if_refused: IfRefused) -> [Stage<'static>; 2] {
    let first = patch("web-00", Some("resize")).warning_of("Failed");
    let work = |first: Call<'static>, then: &str| Work {
        calls: vec![first, delete(then)],
        ..Work::default()
    };
    let works = [
        work(first.if_refused(if_refused), "same-work"),
        work(patch("web-01", None), "next-work"),
    ];
    let after = Stage::of(delete("next-stage"));
    [Stage::new(Order::OneByOne, works), after]
}

fn uid_and_told() -> (String, &'static str) {
    (uid("web-00"), "Refused")
}

/// What follows a refusal: the flow (`None` for a failure), the calls made after it, what is noted, and what is told.
struct Follows {
    flow: Option<Flow>,
    done: &'static [&'static str],
    writes: usize,
    resizes: usize,
    told: &'static str,
}

#[rstest]
#[case::fails(
    IfRefused::Fails,
    Follows { flow: None, done: &[], writes: 0, resizes: 0, told: "Warning Failed" }
)]
#[case::fails_noted(
    noted("web-00"),
    Follows { flow: None, done: &[], writes: 1, resizes: 0, told: "Warning Failed" }
)]
#[case::ends_work(
    { let (uid, told) = uid_and_told(); IfRefused::EndsWork { uid, told } },
    Follows {
        flow: Some(Flow::GoesOn),
        done: &["next-work", "next-stage"],
        writes: 0,
        resizes: 1,
        told: "Warning Refused",
    }
)]
#[case::ends_plan(
    { let (uid, told) = uid_and_told(); IfRefused::EndsPlan { uid, told } },
    Follows { flow: Some(Flow::Ends), done: &[], writes: 0, resizes: 1, told: "Warning Refused" }
)]
#[tokio::test(start_paused = true)]
async fn what_follows_a_refusal(#[case] if_refused: IfRefused, #[case] follows: Follows) {
    let server = refusing("web-00", too_big);
    let done = carry_out(&server, &refused(if_refused)).await;
    assert_eq!(done.result.as_ref().ok().copied(), follows.flow);
    assert_eq!(deleted(&server), follows.done);
    assert_eq!(done.refused.writes.len(), follows.writes);
    assert_eq!(done.refused.resizes.len(), follows.resizes);
    assert_eq!(done.told(), [follows.told]);
}

// A refusal is the server's judgement of the write; that it is busy is none.
#[rstest]
#[case::noted(noted("web-00"))]
#[case::ends_work({ let (uid, told) = uid_and_told(); IfRefused::EndsWork { uid, told } })]
#[case::ends_plan({ let (uid, told) = uid_and_told(); IfRefused::EndsPlan { uid, told } })]
#[tokio::test(start_paused = true)]
async fn other_failures_are_no_refusals(#[case] if_refused: IfRefused) {
    let server = refusing("web-00", || status(429, "TooManyRequests", "later"));
    let done = carry_out(&server, &refused(if_refused)).await;
    assert!(done.refused.writes.is_empty() && done.refused.resizes.is_empty());
    assert_eq!(done.told(), ["Warning Failed"]);
    assert_eq!(done.error().api_message(), "later");
}

// What ends the plan ends it in every order.
#[rstest]
#[case(Order::OneByOne, 2)]
#[case(Order::SideBySide, 4)]
#[case(Order::Widening, 2)]
#[tokio::test(start_paused = true)]
async fn the_end_of_a_plan(#[case] order: Order, #[case] n_begun: usize) {
    let server = refusing("web-01", too_big);
    let ends = |name: &str| IfRefused::EndsPlan {
        uid: uid(name),
        told: "Refused",
    };
    let names = ["web-00", "web-01", "web-02", "web-03"];
    let calls = names.map(|name| patch(name, None).if_refused(ends(name)));
    let after = Stage::of(delete("after"));
    let done = carry_out(&server, &[works(order, calls), after]).await;
    assert_eq!(done.result.unwrap(), Flow::Ends);
    let n_patched = server.called(&Method::PATCH, "").len();
    // With `Order::Widening` the third may begin while the second runs.
    let may_begin = n_begun + usize::from(order == Order::Widening);
    assert!((n_begun..=may_begin).contains(&n_patched), "{n_patched}");
    assert!(deleted(&server).is_empty());
}

/// The same patch of three pods, all of which are refused in the same words.
fn refused_three_times(if_refused: fn(&str) -> IfRefused) -> Stage<'static> {
    let calls = (0..3).map(|index| {
        let name = name(index);
        let call = patch(&name, None).warning_of("Failed");
        call.if_refused(if_refused(&name))
    });
    works(Order::SideBySide, calls)
}

// DV-CS19: one event, and none where it was told in an earlier pass.
#[tokio::test(start_paused = true)]
async fn the_same_words_are_told_once() {
    let server = TestServer::new(|_| too_big());
    let stages = [refused_three_times(noted)];
    let first = carry_out(&server, &stages).await;
    assert_eq!(first.told(), ["Warning Failed"]);
    assert_eq!(first.refused.writes.len(), 3);

    // The words are known even if they were about another pod.
    let remembered = Remembered::of("web-07", TOO_BIG);
    let again = remembered.carry_out_by(&server.client(), &stages).await;
    assert_eq!(again.told(), [""; 0]);
    assert_eq!(again.refused.writes.len(), 3);

    let other = Remembered::of("web-00", "too small");
    let news = other.carry_out_by(&server.client(), &stages).await;
    assert_eq!(news.told(), ["Warning Failed"]);
}

// DV-IP10: each pod has a node of its own, and words of its own.
#[tokio::test(start_paused = true)]
async fn refused_resizes_are_told_once_a_pod() {
    let server = TestServer::new(|_| too_big());
    let stages = [refused_three_times(|name| IfRefused::EndsWork {
        uid: uid(name),
        told: "Refused",
    })];
    let remembered = Remembered::of("web-01", TOO_BIG);
    let done = remembered.carry_out_by(&server.client(), &stages).await;
    assert_eq!(done.told(), ["Warning Refused"; 2]);
    assert_eq!(done.refused.resizes.len(), 3);
    done.result.unwrap();
}

// A status that can't be written is an error of its own.
#[tokio::test(start_paused = true)]
async fn the_owners_status() {
    for (reply, is_written) in [(written("set", 2), true), (conflict(), false)] {
        let mut reply = Some(reply);
        let server = TestServer::new(move |_| reply.take().unwrap());
        let client = server.client();
        let own_writes = OwnWrites::new(client.clone(), Duration::MAX, Metrics::unregistered());
        let (recorder, _writer) = recorder("test", client.clone(), Metrics::unregistered());
        let remembered = Remembered::default();
        let executor = Executor::new(
            EventTarget::default(),
            own_writes.writer(OWNER, client),
            &recorder,
        )
        .knowing(&remembered.writes, &remembered.resizes);
        let result = executor.status(&patch("set", Some("status"))).await;
        assert_eq!(result.is_ok(), is_written);
        if let Err(error) = result {
            assert!(matches!(error, StageError::Status { .. }));
            assert!(error.is_lost_race());
        }
    }
}

/// Creates pods with these names.
fn creations(names: &[&str]) -> Stage<'static> {
    let created = names.iter().map(|name| {
        let body = json!({ "metadata": { "name": name } });
        let verb = Verb::Create {
            body: Body::Whole(Cow::Owned(body)),
        };
        Call::new(PODS, "new", verb)
            .tolerating(&[Answer::TimedOut])
            .warning_anyhow("FailedCreate")
    });
    works(Order::SideBySide, created)
}

// BJ-52: a time-out of the server's is no error of the step, and told; other unclear answers are errors.
#[rstest]
#[case(504, true)]
#[case(500, false)]
#[case(503, false)]
#[tokio::test(start_paused = true)]
async fn a_time_out_may_be_tolerated(#[case] code: u16, #[case] is_tolerated: bool) {
    let server = TestServer::new(move |_| status(code, "Any", "later"));
    let done = carry_out(&server, &[creations(&["a"])]).await;
    assert_eq!(done.told(), ["Warning FailedCreate"]);
    assert_eq!(done.result.is_ok(), is_tolerated);
}

/// Carries stages out with an executor whose events nobody reads, and asks that executor something.
async fn asked<T>(server: &TestServer, ask: impl AsyncFnOnce(&Executor<'_>) -> T) -> T {
    let events = TestServer::new(|_| Reply::Json(201, json!({})));
    let (recorder, _writer) = recorder("test", events.client(), Metrics::unregistered());
    let client = server.client();
    let own_writes = OwnWrites::new(client.clone(), Duration::MAX, Metrics::unregistered());
    let target = EventTarget {
        namespace: "ns".to_owned(),
        ..EventTarget::default()
    };
    let executor = Executor::new(target, own_writes.writer(OWNER, client), &recorder);
    ask(&executor).await
}

// DV-BJ6: only what succeeded counts.
#[tokio::test(start_paused = true)]
async fn what_was_done_is_counted() {
    let mut answers = [
        written("a", 2),
        status(504, "Timeout", "later"),
        written("b", 3),
        forbidden("quota"),
        written("c", 4),
        status(404, "NotFound", "gone"),
    ]
    .into_iter();
    let server = TestServer::new(move |_| answers.next().unwrap());
    let gone = delete("web-00").tolerating(&[Answer::NotFound]);
    let deletions = works(Order::OneByOne, [delete("web-01"), gone]);
    asked(&server, async |executor| {
        let created = executor.stages(&[creations(&["a", "b", "c", "d"])]).await;
        assert!(created.is_err());
        executor.stages(&[deletions]).await.unwrap();
        let Done { created, deleted } = executor.done();
        assert_eq!((created, deleted), (2, 1));
    })
    .await;
}

/// Answers so many status writes with a conflict, and the live look with this UID.
fn changing(n_conflicts: usize, uid: &'static str) -> TestServer {
    let mut left = n_conflicts;
    TestServer::new(move |call| match call.method.as_str() {
        "GET" => Reply::Json(
            200,
            json!({ "metadata": { "uid": uid, "resourceVersion": "7" } }),
        ),
        _ if left > 0 => {
            left -= 1;
            conflict()
        }
        _ => written(call.name(), 8),
    })
}

// BJ-65, DV-BJ7, BJ-S28
#[rstest]
#[case::none(changing(0, OWNER), 1, true)]
#[case::first(changing(1, OWNER), 2, true)]
#[case::nearly_all(changing(4, OWNER), 5, true)]
#[case::all(changing(5, OWNER), 5, false)]
#[case::another_object(changing(1, "other"), 1, false)]
#[case::refused(TestServer::new(|_| forbidden("no")), 1, false)]
#[tokio::test(start_paused = true)]
async fn a_status_that_meets_a_conflict_is_sent_again(
    #[case] server: TestServer,
    #[case] n_sent: usize,
    #[case] is_written: bool,
) {
    let patch = patch("set", Some("status"));
    let written = asked(&server, async |executor| {
        executor.own_status(&patch, OWNER).await
    })
    .await;
    assert_eq!(written.is_ok(), is_written);
    let calls = server.calls();
    let sent = calls.iter().filter(|call| call.method == Method::PATCH);
    let versions: Vec<_> = sent
        .map(|call| call.body["metadata"]["resourceVersion"].clone())
        .collect();
    assert_eq!(versions.len(), n_sent);
    assert_eq!(versions[0], "1");
    assert!(versions[1..].iter().all(|version| version == "7"));
}
