//! The look-ups of a process, on an API server in memory: what its watches bring, and what it asks for.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::Request;
use kruise_api::{
    pod::Pod,
    resource::{CONFIG_MAPS, CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, ObjectKey, PODS, Resource},
};
use kruise_runtime::{App, Store, WatchOptions};
use kruise_testkit::{
    builders,
    server::{Fault, Rule},
    world::{World, play},
};
use kruise_workload::{
    ActivePods, FindError, Finder, IndexedKind, Reference, Replicas, Target, Workload,
    WorkloadWatches,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::table::{
    NAMESPACE, deployment, merge, names, object, owner, pod, replica_set_of, workload,
};

const NAME: &str = "finder";
const USER: &str = "user";
/// Indexes are as new as the API server after this time.
const INDEXED: Duration = Duration::from_secs(2);

const GAMES: Resource = Resource {
    group: "acme.io",
    version: "v1",
    plural: "games",
    kind: "Game",
    namespaced: true,
};

/// What the process under test has.
struct Process {
    admission: Finder,
    reconciler: Finder,
    pods: Store<Pod>,
}

type Slot = Arc<Mutex<Option<Process>>>;
/// Paths of its requests.
type Paths = Arc<Mutex<Vec<String>>>;

struct Running {
    process: Process,
    paths: Paths,
}

/// Runs a process that finds workloads, and may wait until it knows what there is.
async fn run(world: &mut World, kinds: &'static [IndexedKind], for_: Duration) -> Running {
    let slot = Slot::default();
    let paths = Paths::default();
    let seen = paths.clone();
    world.stand_between(move |_, client| {
        let seen = seen.clone();
        let service = tower::service_fn(move |request: Request<kube::client::Body>| {
            seen.lock().unwrap().push(request.uri().to_string());
            let client = client.clone();
            async move { client.send(request).await }
        });
        kube::Client::new(service, "default")
    });
    let filled = slot.clone();
    world.run_app(NAME, &[], move || {
        let slot = filled.clone();
        vec![App::new(NAME, move |setup| {
            let watches = WorkloadWatches::ask(setup, kinds);
            let pods = setup.watch::<Pod>(PODS, WatchOptions::default());
            *slot.lock().unwrap() = Some(Process {
                admission: watches.finder_for_admission(setup.replica_client()),
                reconciler: watches.finder_for_reconcilers(setup.client()),
                pods: pods.store(),
            });
            Ok(())
        })]
    });
    while slot.lock().unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    world.run_for(for_).await;
    let process = slot.lock().unwrap().take().unwrap();
    Running { process, paths }
}

impl Running {
    /// Requests with this in their paths, of which those of watches don't count.
    fn n_asked(&self, part: &str) -> usize {
        let paths = self.paths.lock().unwrap();
        let asked = paths.iter().filter(|path| !path.contains('?'));
        asked.filter(|path| path.contains(part)).count()
    }

    async fn admission(&self, kind: &str, name: &str) -> Result<Option<Workload>, FindError> {
        self.process.admission.find(&game(kind, name)).await
    }

    async fn reconciler(&self, kind: &str, name: &str) -> Result<Option<Workload>, FindError> {
        self.process.reconciler.find(&game(kind, name)).await
    }
}

fn reference(api_version: &str, kind: &str, name: &str) -> Reference {
    let target = Target {
        api_version,
        kind,
        name,
    };
    Reference::to_target(NAMESPACE, target)
}

fn game(kind: &str, name: &str) -> Reference {
    reference("acme.io/v1", kind, name)
}

fn cluster(world: &World) {
    for name in ["kruise-system", NAMESPACE] {
        world
            .server
            .put(USER, NAMESPACES, builders::namespace(name));
    }
}

/// A definition of games in these versions, of which the first is stored.
fn games(versions: &[&str], scale: bool) -> Value {
    let anything = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let version = |(idx, name): (usize, &&str)| {
        let mut version = json!({
            "name": name, "served": true, "storage": idx == 0, "subresources": { "status": {} },
            "schema": { "openAPIV3Schema": anything },
        });
        if scale {
            version["subresources"]["scale"] = json!({
                "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            });
        }
        version
    };
    let versions: Vec<_> = versions.iter().enumerate().map(version).collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "games.acme.io" },
        "spec": {
            "group": "acme.io", "scope": "Namespaced", "versions": versions,
            "names": { "kind": "Game", "plural": "games", "singular": "game", "listKind": "GameList" },
        },
    })
}

fn a_game(name: &str, replicas: i32) -> Value {
    let more = json!({
        "spec": { "replicas": replicas }, "status": { "replicas": 0, "selector": "app=x" },
    });
    object("acme.io/v1", "Game", name, more)
}

fn replicas(found: Result<Option<Workload>, FindError>) -> Option<Replicas> {
    found.unwrap().map(|workload| workload.replicas)
}

/// PB-25, steps 1 to 6, and 9 for these kinds: the API server is not asked.
#[test]
fn six_kinds_are_found_without_a_call() {
    play(1, async |world| {
        cluster(world);
        world.install("apps.kruise.io_clonesets.yaml");
        world.install("apps.kruise.io_statefulsets.yaml");
        let all = [
            ("v1", "ReplicationController"),
            ("apps/v1", "Deployment"),
            ("apps/v1", "ReplicaSet"),
            ("apps/v1", "StatefulSet"),
            ("apps.kruise.io/v1beta1", "CloneSet"),
            ("apps.kruise.io/v1beta1", "StatefulSet"),
        ];
        for (kind, (api_version, name)) in IndexedKind::ALL.into_iter().zip(all) {
            let mut object = workload(api_version, name, "a", 3);
            if name == "ReplicationController" {
                object["spec"]["selector"] = json!({ "app": "a" });
            }
            world.server.put(USER, kind.resource(), object);
        }
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        for (api_version, kind) in all {
            for finder in [&running.process.admission, &running.process.reconciler] {
                let asked = reference(api_version, kind, "a");
                let found = finder.find(&asked).await.unwrap().unwrap();
                assert_eq!(
                    (found.kind.as_str(), found.replicas),
                    (kind, Replicas::Known(3))
                );
                assert_eq!(
                    finder
                        .find(&reference(api_version, kind, "b"))
                        .await
                        .unwrap(),
                    None
                );
                let anew = Reference {
                    uid: Some("old".into()),
                    ..asked
                };
                let found = finder.find(&anew).await.unwrap().unwrap();
                assert_eq!(found.replicas, Replicas::Unknown);
            }
        }
        for kind in IndexedKind::ALL {
            assert_eq!(running.n_asked(kind.resource().plural), 0);
        }
        assert_eq!(running.n_asked("/apis/apps"), 0);
    });
}

/// PB-17: a ReplicaSet makes its first pods at once, and nothing wakes anybody for a pod that was linked to nothing.
#[test]
fn admission_waits_for_what_the_watches_will_show() {
    play(18, async |world| {
        cluster(world);
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        let asked = reference("apps/v1", "ReplicaSet", "r");
        let making = async {
            let mut replica_set = replica_set_of("d", "r", 3);
            world.run_for(Duration::from_millis(50)).await;
            let deployment = deployment("d", 3);
            let kind = IndexedKind::Deployment.resource();
            let stored = world.server.put(USER, kind, deployment);
            let uid = stored["metadata"]["uid"].clone();
            replica_set["metadata"]["ownerReferences"][0]["uid"] = uid;
            world.run_for(Duration::from_millis(50)).await;
            let kind = IndexedKind::ReplicaSet.resource();
            world.server.put(USER, kind, replica_set);
        };
        let (found, ()) = tokio::join!(running.process.admission.find(&asked), making);
        assert_eq!(found.unwrap().unwrap().kind, "Deployment");

        let never = reference("apps/v1", "ReplicaSet", "never");
        let before = world.clock.now();
        assert_eq!(running.process.reconciler.find(&never).await.unwrap(), None);
        assert_eq!(world.clock.now(), before);
        assert_eq!(running.process.admission.find(&never).await.unwrap(), None);
        let took = world.clock.now().duration_since(before);
        assert!(took.as_millis() <= 310, "{took}");
    });
}

/// PF-930: kinds that aren't installed have no objects, and may be installed later.
#[test]
fn a_kind_may_be_installed_later() {
    play(2, async |world| {
        cluster(world);
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        let clone_set = reference("apps.kruise.io/v1alpha1", "CloneSet", "a");
        let found = running.process.admission.find(&clone_set).await;
        assert_eq!(found.unwrap(), None);
        world.install("apps.kruise.io_clonesets.yaml");
        let object = workload("apps.kruise.io/v1beta1", "CloneSet", "a", 3);
        world
            .server
            .put(USER, IndexedKind::CloneSet.resource(), object);
        // A missing kind is looked for again every 30 s.
        world.run_for(Duration::from_secs(35)).await;
        let found = running.process.admission.find(&clone_set).await;
        assert_eq!(replicas(found), Some(Replicas::Known(3)));
    });
}

/// What has not been read yet is not taken for missing.
#[test]
fn who_is_asked_too_early_says_so() {
    play(3, async |world| {
        cluster(world);
        world.install("apps.kruise.io_clonesets.yaml");
        let hang = Rule::new(Fault::HangBefore, 1000).verbs(&["list", "watch"]);
        world.server.faults().set(vec![hang]);
        let running = run(world, &IndexedKind::ALL, Duration::ZERO).await;
        for (api_version, kind) in [
            ("apps/v1", "Deployment"),
            ("apps/v1", "ReplicaSet"),
            ("apps.kruise.io/v1beta1", "CloneSet"),
            // Because of the white list.
            ("acme.io/v1", "Game"),
        ] {
            let asked = reference(api_version, kind, "a");
            let error = running.process.admission.find(&asked).await.unwrap_err();
            assert_eq!(error.category(), "not_read_yet", "{kind}");
        }
    });
}

/// Nothing is watched that was not asked for, and nothing is said of it.
#[test]
fn other_kinds_are_not_watched() {
    play(4, async |world| {
        cluster(world);
        world
            .server
            .put(USER, IndexedKind::Deployment.resource(), deployment("d", 3));
        let running = run(world, &[IndexedKind::StatefulSet], INDEXED).await;
        let find = async |kind| {
            let asked = reference("apps/v1", kind, "d");
            running.process.admission.find(&asked).await
        };
        assert_eq!(find("StatefulSet").await.unwrap(), None);
        for kind in ["Deployment", "ReplicaSet"] {
            assert_eq!(find(kind).await.unwrap_err().category(), "not_watched");
        }
        let paths = running.paths.lock().unwrap();
        assert!(
            !paths.iter().any(|path| path.contains("deployments")),
            "{paths:?}"
        );
        assert!(
            !paths.iter().any(|path| path.contains("replicasets")),
            "{paths:?}"
        );
    });
}

/// PB-21: over the stores of a process, where only active pods count.
#[test]
fn pods_are_found_by_the_indexes() {
    play(5, async |world| {
        cluster(world);
        let put = |resource, object: Value| world.server.put(USER, resource, object);
        let stored = put(IndexedKind::Deployment.resource(), deployment("d", 3));
        let mut replica_set = replica_set_of("d", "r", 3);
        replica_set["metadata"]["ownerReferences"][0]["uid"] = stored["metadata"]["uid"].clone();
        let replica_set = put(IndexedKind::ReplicaSet.resource(), replica_set);
        let mut owner = owner("apps/v1", "ReplicaSet", "r");
        owner["uid"] = replica_set["metadata"]["uid"].clone();
        for (name, phase) in [
            ("one", "Running"),
            ("two", "Pending"),
            ("done", "Succeeded"),
        ] {
            let mut pod = pod(name, json!({ "app": "d" }), json!([owner]));
            let containers = json!([{ "name": "main", "image": "acme/app:1" }]);
            merge(
                &mut pod,
                &json!({ "spec": { "containers": containers }, "status": { "phase": phase } }),
            );
            put(PODS, pod);
        }
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        let target = Target {
            api_version: "apps/v1",
            kind: "Deployment",
            name: "d",
        };
        let pods = ActivePods(&running.process.pods);
        let found = running
            .process
            .reconciler
            .pods_of(NAMESPACE, target, &pods)
            .await
            .unwrap();
        assert_eq!(names(&found.pods), ["one", "two"]);
        assert_eq!(found.replicas(), Replicas::Known(3));
    });
}

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
        for finder in [&running.process.admission, &running.process.reconciler] {
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
        assert_eq!(
            running.n_asked("/apis/acme.io") - running.n_asked("games"),
            4
        );
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
        let list = |text: &str| {
            json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": { "namespace": "kruise-system", "name": "kruise-configuration" },
                "data": { "PPS_Watch_Custom_Workload_WhiteList": text },
            })
        };
        let entry = r#"{ "workloads": [{ "Group": "acme.io", "Version": "v1", "Kind": "Game" }] }"#;
        world.server.put(USER, CONFIG_MAPS, list(entry));
        world.run_for(INDEXED).await;
        let found = running.reconciler("Game", "a").await;
        assert_eq!(replicas(found), Some(Replicas::Known(4)));
        // In the version of the list.
        assert_eq!(running.n_asked("/acme.io/v1/namespaces/ns/games/a"), 1);

        let key = ObjectKey::new("kruise-system", "kruise-configuration");
        world.server.change(USER, CONFIG_MAPS, &key, |map| {
            *map = {
                let mut broken = map.clone();
                merge(&mut broken, &list("{"));
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

/// A version that is no longer served leads to no object, though the object is there.
#[test]
fn a_kind_may_move_to_another_version() {
    play(17, async |world| {
        cluster(world);
        world.server.install(games(&["v1"], false));
        world.server.put(USER, GAMES, a_game("a", 4));
        let running = run(world, &IndexedKind::ALL, INDEXED).await;
        let find = async || replicas(running.reconciler("Game", "a").await);
        assert_eq!(find().await, Some(Replicas::Unknown));
        world.run_for(Duration::from_secs(20)).await;
        let key = ObjectKey::new("", "games.acme.io");
        let moved = games(&["v2"], false);
        world
            .server
            .change(USER, CUSTOM_RESOURCE_DEFINITIONS, &key, |definition| {
                definition["spec"] = moved["spec"].clone();
            });
        assert_eq!(find().await, Some(Replicas::Unknown));
        assert_eq!(running.n_asked("/acme.io/v2/namespaces"), 1);
    });
}
