use std::time::Duration;

use kruise_api::resource::ObjectKey;
use tokio::time::Instant;

use crate::{
    control::queue::{Queue, RateLimit},
    process::args::controller::ControllerArgs,
    tell::metrics::Metrics,
};

fn queue() -> Queue {
    Queue::new("q", RateLimit::LIBRARY, &Metrics::unregistered())
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("ns", name)
}

async fn next_within(queue: &Queue, time: Duration) -> Option<String> {
    let next = tokio::time::timeout(time, queue.next()).await;
    next.ok().flatten().map(|key| key.name)
}

const SOON: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn a_waiting_key_is_there_once() {
    let queue = queue();
    queue.add(key("a"));
    queue.add(key("a"));
    assert_eq!(next_within(&queue, SOON).await.as_deref(), Some("a"));
    assert_eq!(next_within(&queue, SOON).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_key_added_while_in_work_runs_again_after() {
    let queue = queue();
    queue.add(key("a"));
    queue.next().await;
    queue.add(key("a"));
    assert_eq!(next_within(&queue, SOON).await, None);
    queue.done(&key("a"));
    assert_eq!(next_within(&queue, SOON).await.as_deref(), Some("a"));
}

#[tokio::test(start_paused = true)]
async fn new_work_comes_before_resync() {
    let queue = queue();
    queue.add_resync(key("old"));
    queue.add_resync(key("both"));
    queue.add(key("new"));
    queue.add(key("both"));
    let mut order = vec![];
    while let Some(name) = next_within(&queue, SOON).await {
        order.push(name);
    }
    assert_eq!(order, ["new", "both", "old"]);
}

#[tokio::test(start_paused = true)]
async fn of_several_delays_the_earliest_counts() {
    let queue = queue();
    let start = Instant::now();
    queue.add_after(key("a"), Duration::from_secs(10));
    queue.add_after(key("a"), Duration::from_secs(3));
    queue.add_after(key("a"), Duration::from_secs(5));
    queue.next().await;
    assert_eq!(start.elapsed().as_secs(), 3);
    queue.done(&key("a"));
    assert_eq!(next_within(&queue, Duration::from_secs(60)).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_waits_learns_of_an_earlier_time() {
    let queue = queue();
    queue.add_after(key("late"), Duration::from_secs(100));
    let worker = tokio::spawn({
        let queue = queue.clone();
        async move { queue.next().await }
    });
    tokio::time::sleep(SOON).await;
    queue.add_after(key("early"), Duration::from_secs(1));
    assert_eq!(worker.await.unwrap().unwrap().name, "early");
}

#[tokio::test(start_paused = true)]
async fn failures_back_off_to_the_maximum_and_success_forgets_them() {
    let queue = queue();
    let delays: Vec<_> = (0..15).map(|_| queue.add_failed(key("a"))).collect();
    assert_eq!(delays[0], Duration::from_millis(5));
    assert_eq!(delays[1], Duration::from_millis(10));
    assert_eq!(delays[14], Duration::from_secs(30));
    queue.forget(&key("a"));
    assert_eq!(queue.add_failed(key("a")), Duration::from_millis(5));
}

#[tokio::test(start_paused = true)]
async fn many_workers_take_all_keys() {
    let queue = queue();
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let queue = queue.clone();
            tokio::spawn(async move { queue.next().await.unwrap().name })
        })
        .collect();
    tokio::time::sleep(SOON).await;
    for name in ["a", "b", "c"] {
        queue.add(key(name));
    }
    let mut taken = vec![];
    for worker in workers {
        taken.push(worker.await.unwrap());
    }
    taken.sort();
    assert_eq!(taken, ["a", "b", "c"]);
}

// PF-104
#[tokio::test(start_paused = true)]
async fn the_librarys_limits_are_those_that_flags_have_by_default() {
    assert_eq!(RateLimit::LIBRARY, ControllerArgs::default().rate_limit());
    let queue = queue();
    let delays = [(); 15].map(|()| queue.add_failed(key("a")));
    assert_eq!(delays[0], Duration::from_millis(5));
    assert_eq!(delays[3], Duration::from_millis(40));
    assert_eq!(delays[14], Duration::from_secs(30));
}
