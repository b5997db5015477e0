//! In which order works run, and what a failure means for those after it.

use rstest::rstest;

use super::*;
use crate::control::execute::order::CONCURRENCY;

/// A server that counts how many calls it has in hand.
fn counting() -> (TestServer, Arc<AtomicUsize>) {
    let most = Arc::new(AtomicUsize::new(0));
    let in_flight = Arc::new(AtomicUsize::new(0));
    let server = {
        let most = Arc::clone(&most);
        TestServer::later(move |call| {
            let (in_flight, most) = (Arc::clone(&in_flight), Arc::clone(&most));
            async move {
                let now = in_flight.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                sleep(MOMENT).await;
                in_flight.fetch_sub(1, Ordering::SeqCst);
                written(call.name(), 2)
            }
        })
    };
    (server, most)
}

// CS-62, DV-CS18: every work is done, and at most this many run side by side.
#[rstest]
#[case(Order::OneByOne, 1)]
#[case(Order::SideBySide, CONCURRENCY)]
#[case(Order::Widening, CONCURRENCY)]
#[tokio::test(start_paused = true)]
async fn so_many_run_side_by_side(#[case] order: Order, #[case] expected: usize) {
    let (server, most) = counting();
    let done = carry_out(&server, &[deletions(order, 5 * MANY)]).await;
    assert_eq!(done.result.unwrap(), Flow::GoesOn);
    assert_eq!(deleted(&server).len(), 5 * MANY);
    assert_eq!(most.load(Ordering::SeqCst), expected);
}

// DV-CS18: one alone, then two, then four.
#[tokio::test(start_paused = true)]
async fn widening_begins_with_one() {
    let begun = Arc::new(Mutex::new(Vec::new()));
    let server = {
        let begun = Arc::clone(&begun);
        TestServer::later(move |call| {
            begun.lock().unwrap().push(Instant::now());
            async move {
                sleep(MOMENT).await;
                written(call.name(), 2)
            }
        })
    };
    let start = Instant::now();
    let stage = deletions(Order::Widening, 7);
    carry_out(&server, &[stage]).await.result.unwrap();
    let begun = begun.lock().unwrap();
    let moments = begun.iter().map(|at| (*at - start).as_millis());
    assert_eq!(moments.collect::<Vec<_>>(), [0, 1, 1, 2, 2, 2, 2]);
}

#[rstest]
#[case(Order::OneByOne, 3)]
#[case(Order::SideBySide, MANY)]
#[tokio::test(start_paused = true)]
async fn a_failure_ends_its_order_and_what_comes_after(
    #[case] order: Order,
    #[case] n_begun: usize,
) {
    let server = refusing("web-02", || forbidden("a budget"));
    let after = works(Order::OneByOne, [delete("after")]);
    let done = carry_out(&server, &[deletions(order, MANY), after]).await;
    assert_eq!(done.error().api_message(), "a budget");
    let expected: Vec<_> = (0..n_begun).map(name).collect();
    assert_eq!(deleted(&server), expected);
}

// The first by position counts, whichever comes first by the clock.
#[tokio::test(start_paused = true)]
async fn of_failures_side_by_side_the_first_by_position_is_told() {
    let server = TestServer::later(|call| async move {
        if call.name() == name(1) {
            sleep(MOMENT).await;
        }
        match call.name() {
            "web-00" => written("web-00", 2),
            name => forbidden(name),
        }
    });
    let stage = deletions(Order::SideBySide, 4);
    let done = carry_out(&server, &[stage]).await;
    assert_eq!(done.error().api_message(), "web-01");
}

// CS-89
#[tokio::test(start_paused = true)]
async fn the_first_refused_update_ends_the_others() {
    let server = TestServer::later(|call| async move {
        sleep(MOMENT).await;
        match call.subresource() {
            "" => forbidden("this image is not allowed"),
            _ => written(call.name(), 2),
        }
    });
    let updates = (0..MANY).map(|index| updates::update(&name(index)));
    let stage = Stage::new(Order::Widening, updates);
    let done = carry_out(&server, &[stage]).await;
    assert!(done.error().is_refusal());
    let out_of_service = server.called(&Method::PATCH, "status");
    assert_eq!(out_of_service, [name(0)]);
}

// CS-62, DV-CS18
#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_after_a_failure() {
    let server = TestServer::later(|call| async move {
        sleep(MOMENT).await;
        match call.name() == name(2) {
            true => forbidden("a budget"),
            false => written(call.name(), 2),
        }
    });
    let calls = (0..MANY).map(|index| delete(&name(index)).if_refused(noted(&name(index))));
    let done = carry_out(&server, &[works(Order::Widening, calls)]).await;
    assert_eq!(done.refused.writes.len(), 1);
    assert_eq!(done.error().api_message(), "a budget");
    // The first alone, the next two side by side, and what had begun when the third was refused.
    let n_deleted = deleted(&server).len();
    assert!(n_deleted <= 5, "{n_deleted}");
}

// That a pod is gone, or was changed, says nothing about the others. The error that is returned is one that may meet
// others, too.
#[tokio::test(start_paused = true)]
async fn a_lost_race_ends_no_other_call() {
    let server = TestServer::later(|call| async move {
        sleep(MOMENT).await;
        match call.name() {
            "web-00" => conflict(),
            "web-01" => status(404, "NotFound", "gone"),
            "web-39" => status(429, "TooManyRequests", "later"),
            name => written(name, 2),
        }
    });
    let done = carry_out(&server, &[deletions(Order::Widening, MANY)]).await;
    assert_eq!(deleted(&server).len(), MANY);
    assert_eq!(done.error().api_message(), "later");
}

// Whoever waits for the answer to a call holds back no other.
#[tokio::test(start_paused = true)]
async fn a_slow_answer_holds_back_no_other_call() {
    let answered = Arc::new(AtomicUsize::new(0));
    let server = TestServer::later(move |call| {
        let answered = Arc::clone(&answered);
        async move {
            while call.name() == name(1) && answered.load(Ordering::SeqCst) < MANY - 1 {
                sleep(MOMENT).await;
            }
            answered.fetch_add(1, Ordering::SeqCst);
            written(call.name(), 2)
        }
    });
    let calls = (0..MANY).map(|index| patch(&name(index), Some("status")));
    let done = carry_out(&server, &[works(Order::Widening, calls)]).await;
    done.result.unwrap();
}

// CS-62, CS-76: a pod before its claims, and none of a pod that stays.
#[tokio::test(start_paused = true)]
async fn a_call_that_fails_ends_its_work() {
    let server = TestServer::later(|call| async move {
        sleep(MOMENT).await;
        match call.name() {
            "web-03" => forbidden("a budget"),
            name => written(name, 2),
        }
    });
    let claim = |name: &str| {
        let claim = format!("data-{name}");
        Call::delete(PERSISTENT_VOLUME_CLAIMS, &claim, &uid(&claim))
    };
    let works = (0..MANY).map(|index| Work {
        calls: vec![delete(&name(index)), claim(&name(index))],
        ..Work::default()
    });
    let stage = Stage::new(Order::Widening, works);
    carry_out(&server, &[stage]).await.error();
    let deleted = deleted(&server);
    let at = |name: &str| deleted.iter().position(|it| it == name);
    for index in 0..3 {
        let name = name(index);
        assert!(at(&name) < at(&format!("data-{name}")), "{deleted:?}");
    }
    assert_eq!(at("data-web-03"), None);
}
