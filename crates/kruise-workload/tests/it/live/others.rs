//! Kinds of others: what the API server is asked for, and what its answers mean.

use std::time::Duration;

use kruise_api::resource::{CONFIG_MAPS, ObjectKey};
use kruise_testkit::{
    builders,
    server::{Fault, Rule},
    world::play,
};
use kruise_workload::{IndexedKind, Reference, Replicas};
use rstest::rstest;
use serde_json::json;

use super::{
    GAMES, INDEXED, USER, a_game, cluster, game, games, reference, replicas, run, white_list,
};
use crate::table::merge;

/// PB-25, step 8, and PB-S16: a custom kind with scale, and what is asked for that.
#[test]
fn a_custom_kind_with_scale_is_asked_for() {
    play(6, async |world| {
        cluster(world);
        world.server.install(games(&["v1"], true));
        let stored = world.server.put(USER, GAMES, a_game("a", 4));
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        let found = running.admission("Game", "a").await.unwrap().unwrap();
        assert_eq!(found.replicas, Replicas::Known(4));
        assert_eq!(found.uid, stored["metadata"]["uid"].as_str().unwrap());
        assert_eq!(found.selector.unwrap().to_string(), "app in (x)");
        assert_eq!(running.n_asked("games/a"), 1);
        assert_eq!(replicas(running.admission("Game", "b").await), None);
        // PB-25: with another UID it is step 9 that finds it.
        let anew = Reference {
            uid: Some("old".into()),
            ..game("Game", "a")
        };
        let found = running.process.admission.find(&anew).await;
        assert_eq!(replicas(found), Some(Replicas::Unknown));
    });
}

/// DV-PB4: 0 replicas and an empty selector are left out by the server.
#[test]
fn a_scale_may_say_little() {
    play(7, async |world| {
        cluster(world);
        world.server.install(games(&["v1"], true));
        let mut silent = a_game("a", 0);
        silent["status"] = json!({});
        world.server.put(USER, GAMES, silent);
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        let found = running.admission("Game", "a").await.unwrap().unwrap();
        assert_eq!((found.replicas, found.selector), (Replicas::Known(0), None));
    });
}

/// PB-21: as of Kubernetes' own kinds, though the API server answers the scale with an error.
#[test]
fn replicas_that_are_not_set_are_one() {
    play(19, async |world| {
        cluster(world);
        world.server.install(games(&["v1"], true));
        let mut unset = a_game("a", 0);
        unset["spec"] = json!({});
        let stored = world.server.put(USER, GAMES, unset);
        let uid = stored["metadata"]["uid"].as_str().unwrap();
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        for finder in running.finders() {
            let found = finder.find(&game("Game", "a")).await.unwrap().unwrap();
            assert_eq!(
                (found.replicas, found.uid.as_str()),
                (Replicas::Known(1), uid)
            );
            assert_eq!(found.selector, None);
        }

        // DV-PB8: who may read scales alone doesn't learn the UID.
        let rule = Rule::new(Fault::Forbidden, 1000).plurals(&["games"]);
        world.server.faults().set(vec![rule.subresource("")]);
        // Until then, what was answered just now would be as new as the question.
        world.run_for(Duration::from_secs(1)).await;
        let named = Reference {
            uid: Some(uid.into()),
            ..game("Game", "a")
        };
        let found = running.process.reconciler.find(&named).await;
        assert_eq!(replicas(found), Some(Replicas::Unknown));
        let error = running.reconciler("Game", "a").await.unwrap_err();
        assert_eq!(error.category(), "forbidden");
    });
}

/// PB-25, step 9, and PB-S17: without scale, or of a kind of Kubernetes' own, in a namespace or not.
#[test]
fn kinds_without_scale_exist_or_not() {
    play(8, async |world| {
        cluster(world);
        world.server.install(games(&["v1"], false));
        world.server.put(USER, GAMES, a_game("a", 4));
        world
            .server
            .put(USER, kruise_api::resource::NODES, builders::node("n1"));
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        for (api_version, kind, name, is_there) in [
            ("acme.io/v1", "Game", "a", true),
            ("acme.io/v1", "Game", "b", false),
            // The owner of a static pod's mirror.
            ("v1", "Node", "n1", true),
            ("v1", "Node", "n2", false),
            ("batch/v1", "Job", "j", false),
        ] {
            let found = running
                .process
                .admission
                .find(&reference(api_version, kind, name))
                .await;
            let expected = is_there.then_some(Replicas::Unknown);
            assert_eq!(replicas(found), expected, "{kind} {name}");
        }
        assert_eq!(running.n_asked("/scale"), 0);
    });
}

/// DV-PB8: only step 9 is forbidden, and the owner reference has told the UID.
#[test]
fn an_owner_that_may_not_be_read_has_an_unknown_scale() {
    play(14, async |world| {
        cluster(world);
        world.server.install(games(&["v1"], false));
        world.server.put(USER, GAMES, a_game("a", 4));
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        let rule = Rule::new(Fault::Forbidden, 1000).plurals(&["games"]);
        world.server.faults().set(vec![rule]);
        let asked = Reference {
            uid: Some("u".into()),
            ..game("Game", "a")
        };
        let found = running
            .process
            .reconciler
            .find(&asked)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (found.replicas, found.uid.as_str()),
            (Replicas::Unknown, "u")
        );
        let error = running.reconciler("Game", "a").await.unwrap_err();
        assert_eq!(error.category(), "forbidden");
    });
}

/// PF-931, PB-25 step 7: the white list counts without a restart.
#[test]
fn the_white_list_is_followed() {
    play(15, async |world| {
        cluster(world);
        world.server.install(games(&["v2", "v1"], false));
        world.server.put(USER, GAMES, a_game("a", 4));
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        let found = running.reconciler("Game", "a").await;
        assert_eq!(replicas(found), Some(Replicas::Unknown));
        let entry = r#"{ "workloads": [{ "Group": "acme.io", "Version": "v1", "Kind": "Game" }] }"#;
        world.server.put(USER, CONFIG_MAPS, white_list(entry));
        world.run_for(INDEXED).await;
        let found = running.reconciler("Game", "a").await;
        assert_eq!(replicas(found), Some(Replicas::Known(4)));
        // In the version of the list.
        assert_eq!(running.n_asked("/acme.io/v1/namespaces/ns/games/a"), 1);

        let key = ObjectKey::new("kruise-system", "kruise-configuration");
        world.server.change(USER, CONFIG_MAPS, &key, |map| {
            *map = {
                let mut broken = map.clone();
                merge(&mut broken, &white_list("{"));
                broken
            }
        });
        world.run_for(INDEXED).await;
        let error = running.reconciler("Game", "a").await.unwrap_err();
        assert_eq!(error.category(), "white_list");
    });
}

/// Names that lead elsewhere name nothing.
#[rstest]
#[case("../../../secrets/a")]
#[case("..")]
#[case("")]
#[case("a/scale")]
#[case("a?watch=true")]
#[case("a%2F")]
fn a_name_is_not_a_path(#[case] name: &'static str) {
    play(16, async |world| {
        cluster(world);
        world.server.install(games(&["v1"], true));
        world.server.put(USER, GAMES, a_game("a", 4));
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        assert_eq!(running.reconciler("Game", name).await.unwrap(), None);
        let paths = running.paths.lock().unwrap();
        assert!(
            !paths.iter().any(|path| path.contains("/games/")),
            "{paths:?}"
        );
    });
}
