//! Kinds of others that come, go, and move to another version.

use std::time::Duration;

use kruise_api::resource::{CONFIG_MAPS, CUSTOM_RESOURCE_DEFINITIONS, ObjectKey};
use kruise_testkit::world::{World, play};
use kruise_workload::{IndexedKind, Replicas};
use rstest::rstest;
use serde_json::Value;

use super::{GAMES, INDEXED, USER, a_game, cluster, games, reference, replicas, run, white_list};

/// PB-25: a kind that the API server doesn't know is an error, until it is installed.
#[rstest]
#[case::in_no_group("acme.io/v1", "Game")]
#[case::in_a_group("apps/v1", "Game")]
#[case::in_the_core("v1", "Game")]
#[case::of_an_impossible_group("../api/v1", "Namespace")]
#[case::of_an_odd_version("acme.io/v1/x", "Game")]
fn an_unknown_kind_is_an_error(#[case] api_version: &'static str, #[case] kind: &'static str) {
    play(9, async |world| {
        cluster(world);
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        for finder in running.finders() {
            let error = finder
                .find(&reference(api_version, kind, "a"))
                .await
                .unwrap_err();
            assert_eq!(error.category(), "unknown_kind");
        }
    });
}

#[test]
fn a_custom_kind_may_be_installed_later() {
    play(10, async |world| {
        cluster(world);
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        assert!(running.admission("Game", "a").await.is_err());
        assert!(running.reconciler("Game", "a").await.is_err());
        // Of pods that come meanwhile, none asks again.
        assert!(running.admission("Game", "b").await.is_err());
        assert_eq!(running.n_asked("/apis/acme.io"), 2);
        world.server.install(games(&["v1"], true));
        world.server.put(USER, GAMES, a_game("a", 4));
        world.run_for(Duration::from_secs(11)).await;
        for found in [
            running.admission("Game", "a").await,
            running.reconciler("Game", "a").await,
        ] {
            assert_eq!(replicas(found), Some(Replicas::Known(4)));
        }
    });
}

/// Puts another definition in the place of that of games.
fn change(world: &World, definition: &Value) {
    let key = ObjectKey::new("", "games.acme.io");
    let kind = CUSTOM_RESOURCE_DEFINITIONS;
    world.server.change(USER, kind, &key, |stored| {
        stored["spec"] = definition["spec"].clone();
    });
}

const WHITE_LIST: &str =
    r#"{ "workloads": [{ "Group": "acme.io", "Version": "v1", "Kind": "Game" }] }"#;

/// PB-25, steps 7 to 9: a version that is no longer served leads to no object, though the object is there.
#[rstest]
#[case::in_the_white_list(false, WHITE_LIST, Replicas::Known(4))]
#[case::with_scale(true, "", Replicas::Known(4))]
#[case::without_scale(false, "", Replicas::Unknown)]
fn a_kind_may_move_to_another_version(
    #[case] scale: bool,
    #[case] list: &'static str,
    #[case] expected: Replicas,
) {
    play(17, async |world| {
        cluster(world);
        world.server.install(games(&["v1"], scale));
        world.server.put(USER, GAMES, a_game("a", 4));
        if !list.is_empty() {
            world.server.put(USER, CONFIG_MAPS, white_list(list));
        }
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        let asked = reference("acme.io/v1", "Game", "a");
        for finder in running.finders() {
            assert_eq!(replicas(finder.find(&asked).await), Some(expected));
        }
        world.run_for(Duration::from_secs(20)).await;
        change(world, &games(&["v2"], scale));
        for finder in running.finders() {
            assert_eq!(replicas(finder.find(&asked).await), Some(expected));
        }
        assert_eq!(running.n_asked("/acme.io/v2/namespaces"), 2);
    });
}

/// PB-25, step 8: the version stays, and its scale moves, or goes.
#[rstest]
#[case::to_another_version("v2", Replicas::Known(4))]
#[case::away("", Replicas::Unknown)]
fn a_scale_may_move(#[case] to: &'static str, #[case] expected: Replicas) {
    play(20, async |world| {
        cluster(world);
        let mut definition = games(&["v1", "v2"], true);
        let mut versions = definition["spec"]["versions"].take();
        for version in versions.as_array_mut().unwrap() {
            if version["name"] != to {
                version["subresources"]["scale"].take();
            }
        }
        definition["spec"]["versions"] = versions;
        world.server.install(games(&["v1"], true));
        world.server.put(USER, GAMES, a_game("a", 4));
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        let find = async || replicas(running.reconciler("Game", "a").await);
        assert_eq!(find().await, Some(Replicas::Known(4)));
        world.run_for(Duration::from_secs(20)).await;
        change(world, &definition);
        assert_eq!(find().await, Some(expected));
    });
}

/// Where many objects are missing, the kind is not asked for with each.
#[test]
fn objects_that_are_gone_ask_for_their_kind_once_in_a_while() {
    play(21, async |world| {
        cluster(world);
        world.server.install(games(&["v1"], true));
        world.server.put(USER, GAMES, a_game("a", 4));
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        let found = running.reconciler("Game", "a").await;
        assert_eq!(replicas(found), Some(Replicas::Known(4)));
        // A group, and the kinds of its one version.
        assert_eq!(running.n_discoveries(), 2);
        world.run_for(Duration::from_secs(3)).await;
        for name in ["b", "c", "d", "e", "f"] {
            assert_eq!(replicas(running.reconciler("Game", name).await), None);
        }
        assert_eq!(running.n_discoveries(), 4);
        world.run_for(Duration::from_secs(3)).await;
        assert_eq!(replicas(running.reconciler("Game", "b").await), None);
        assert_eq!(running.n_discoveries(), 6);
    });
}
