//! Kinds that are watched: nobody is asked for them.

use std::time::Duration;

use kruise_api::resource::PODS;
use kruise_testkit::{
    server::{Fault, Rule},
    world::play,
};
use kruise_workload::{ActivePods, IndexedKind, Reference, Replicas, Target};
use serde_json::{Value, json};

use super::{INDEXED, USER, cluster, reference, replicas, run};
use crate::table::{NAMESPACE, deployment, merge, names, owner, pod, replica_set_of, workload};

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
            for finder in running.finders() {
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
