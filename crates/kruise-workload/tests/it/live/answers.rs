//! How long answers serve, and what goes wrong with them.

use std::time::Duration;

use kruise_api::resource::ObjectKey;
use kruise_testkit::{
    server::{Fault, Rule},
    world::play,
};
use kruise_workload::{IndexedKind, Replicas};
use rstest::rstest;
use serde_json::json;

use super::{GAMES, INDEXED, USER, a_game, cluster, games, replicas, run};
use crate::table::NAMESPACE;

/// Admission takes what was said a moment ago; a reconciler, what was said in the last second.
#[test]
fn answers_serve_admission_for_a_moment() {
    play(11, async |world| {
        cluster(world);
        world.server.install(games(&["v1"], true));
        world.server.put(USER, GAMES, a_game("a", 4));
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        let found = running.admission("Game", "a").await;
        assert_eq!(replicas(found), Some(Replicas::Known(4)));
        world.run_for(Duration::from_secs(3)).await;
        let found = running.reconciler("Game", "a").await;
        assert_eq!(replicas(found), Some(Replicas::Known(4)));
        let key = ObjectKey::new(NAMESPACE, "a");
        world.server.change(USER, GAMES, &key, |game| {
            game["spec"]["replicas"] = json!(6);
        });
        let found = running.reconciler("Game", "a").await;
        assert_eq!(replicas(found), Some(Replicas::Known(4)));
        assert_eq!(running.n_asked("games/a/scale"), 2);

        world.run_for(Duration::from_secs(1)).await;
        let found = running.reconciler("Game", "a").await;
        assert_eq!(replicas(found), Some(Replicas::Known(6)));
        let found = running.admission("Game", "a").await;
        assert_eq!(replicas(found), Some(Replicas::Known(4)));
        assert_eq!(running.n_asked("games/a/scale"), 3);

        world.run_for(Duration::from_secs(2)).await;
        let found = running.admission("Game", "a").await;
        assert_eq!(replicas(found), Some(Replicas::Known(6)));
        // Which kinds there are is known for longer: two calls for each of the two finders.
        assert_eq!(running.n_discoveries(), 4);
    });
}

/// A thousand pods of one workload ask once.
#[test]
fn pods_that_come_together_ask_once() {
    play(12, async |world| {
        cluster(world);
        world.server.install(games(&["v1"], true));
        world.server.put(USER, GAMES, a_game("a", 4));
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        let many = (0..1000).map(|_| running.admission("Game", "a"));
        for found in futures::future::join_all(many).await {
            assert_eq!(replicas(found), Some(Replicas::Known(4)));
        }
        assert_eq!(running.n_asked("games/a/scale"), 1);
    });
}

/// PB-25: other errors end the search; within a time that a webhook has.
#[rstest]
#[case::forbidden(Fault::Forbidden, "forbidden")]
#[case::internal(Fault::Internal, "ambiguous")]
#[case::throttled(Fault::Throttled, "too_many_requests")]
#[case::broken(Fault::ResetBefore, "ambiguous")]
#[case::silent(Fault::HangBefore, "too_slow")]
fn what_goes_wrong_is_told_in_time(#[case] fault: Fault, #[case] category: &str) {
    play(13, async |world| {
        cluster(world);
        world.server.install(games(&["v1"], true));
        world.server.put(USER, GAMES, a_game("a", 4));
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        let rule = Rule::new(fault, 1000).plurals(&["games"]);
        world.server.faults().set(vec![rule]);
        let before = world.clock.now();
        let error = running.admission("Game", "a").await.unwrap_err();
        assert_eq!(error.category(), category);
        let took = world.clock.now().duration_since(before);
        assert!(took.as_millis() <= 1_000, "{took}");
        // It doesn't stay so.
        world.server.faults().stop();
        world.run_for(Duration::from_secs(1)).await;
        let found = running.admission("Game", "a").await;
        assert_eq!(replicas(found), Some(Replicas::Known(4)));
    });
}
