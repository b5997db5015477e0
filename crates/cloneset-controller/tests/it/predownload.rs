//! Images pulled ahead of an update in place (CS-100 to CS-105). The jobs are only asked for: who pulls
//! is another deployable, which these tests do without.

use serde_json::{Value, json};

use crate::world::{World, remembered, spec, template};

const CREATED: &str = "apps.kruise.io/pre-predownload-created";
const IGNORED: &str = "apps.kruise.io/image-predownload-ignored";

fn settled(replicas: i32, rolling_update: Value) -> World {
    let mut world = World::new(spec(replicas, rolling_update));
    world.install_image_pull_jobs();
    world.settle();
    world
}

fn in_place(max_unavailable: Value, strategy: Value) -> Value {
    json!({
        "podUpdatePolicy": "InPlaceIfPossible",
        "maxUnavailable": max_unavailable,
        "inPlaceUpdateStrategy": strategy,
    })
}

fn jobs(world: &World) -> Vec<String> {
    let jobs = world.image_pull_jobs.as_ref().unwrap();
    jobs.keys().collect()
}

/// Reconciles until the new revision is there and judged.
fn judged(world: &mut World) {
    world.reconcile();
    world.reconcile();
}

/// Which mark the newest revision has.
fn mark(world: &World) -> Option<&'static str> {
    let newest = world
        .revisions
        .values()
        .max_by_key(|revision| revision["revision"].as_i64())
        .unwrap();
    [CREATED, IGNORED]
        .into_iter()
        .find(|mark| newest["metadata"]["labels"][mark] == "true")
}

// CS-S38, IP-S20, IP-152
#[test]
fn a_job_is_made_for_the_image_that_changes() {
    let mut world = settled(10, in_place(json!("20%"), json!({})));
    let mut next = template("acme/app:2");
    next["metadata"]["annotations"] = json!({ "team": "blue" });
    next["spec"]["imagePullSecrets"] = json!([{ "name": "registry" }]);
    // A secret may not change in place, so that it is there before.
    let mut before = template("acme/app:1");
    before["spec"]["imagePullSecrets"] = next["spec"]["imagePullSecrets"].clone();
    world.change(json!({ "spec": { "template": before } }));
    world.settle();
    assert_eq!(mark(&world), Some(IGNORED), "not possible in place");

    world.change(json!({ "spec": { "template": next } }));
    judged(&mut world);
    let revision = world
        .revisions
        .values()
        .max_by_key(|revision| revision["revision"].as_i64())
        .unwrap();
    let name = revision["metadata"]["name"].as_str().unwrap();
    let hash = &revision["metadata"]["labels"]["controller.kubernetes.io/hash"];
    assert_eq!(jobs(&world), [format!("{name}-app")]);
    let job = &world
        .image_pull_jobs
        .as_ref()
        .unwrap()
        .at(&format!("{name}-app"));
    assert_eq!(job["apiVersion"], "apps.kruise.io/v1beta1");
    assert_eq!(job["kind"], "ImagePullJob");
    let labels = json!({ "app": "web", "controller.kubernetes.io/hash": hash });
    assert_eq!(job["metadata"]["labels"], labels);
    let owner = &job["metadata"]["ownerReferences"][0];
    assert_eq!(
        (&owner["kind"], &owner["uid"], &owner["controller"]),
        (&json!("CloneSet"), &json!("set-uid"), &json!(true))
    );
    assert_eq!(
        job["spec"],
        json!({
            "image": "acme/app:2",
            "pullSecrets": ["registry"],
            "podSelector": {
                "matchLabels": { "app": "web" },
                "matchExpressions": [{
                    "key": "controller-revision-hash",
                    "operator": "NotIn",
                    "values": [name, hash],
                }],
            },
            "parallelism": 1,
            "pullPolicy": { "backoffLimit": 1, "timeoutSeconds": 300 },
            "completionPolicy": { "type": "Always", "ttlSecondsAfterFinished": 600 },
            "sandboxConfig": { "annotations": { "team": "blue" }, "labels": labels },
        })
    );
    assert_eq!(mark(&world), Some(CREATED));

    // CS-101: the promoted revision needs no job any more.
    world.settle();
    assert_eq!(jobs(&world), Vec::<String>::new());
}

// CS-S38, CS-102
#[test]
fn jobs_wait_for_as_many_updated_pods_as_asked_for() {
    let strategy = json!({
        "imagePreDownloadMinUpdatedReadyPods": 2,
        "imagePreDownloadParallelism": "5",
        "imagePreDownloadTimeoutSeconds": 60,
    });
    let mut world = settled(10, in_place(json!(2), strategy));
    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": 9 } } } }));
    world.set_image("acme/app:2");
    world.settle();
    assert_eq!(world.status("updatedReadyReplicas"), json!(1));
    assert_eq!((jobs(&world).len(), mark(&world)), (0, None));
    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": 8 } } } }));
    world.settle();
    assert_eq!((jobs(&world).len(), mark(&world)), (1, Some(CREATED)));
    let job = world
        .image_pull_jobs
        .as_ref()
        .unwrap()
        .values()
        .next()
        .unwrap();
    assert_eq!(job["spec"]["parallelism"], "5");
    assert_eq!(job["spec"]["pullPolicy"]["timeoutSeconds"], 60);
}

// CS-103, IP-149
#[test]
fn what_is_not_worth_it_is_marked_once() {
    let policy = |policy: &str| json!({ "podUpdatePolicy": policy, "maxUnavailable": 1 });
    for (replicas, rolling_update, expected) in [
        (4, policy("InPlaceIfPossible"), CREATED),
        (4, policy("InPlaceOnly"), CREATED),
        (3, policy("InPlaceIfPossible"), IGNORED),
        (4, policy("ReCreate"), IGNORED),
        (4, json!({ "maxUnavailable": 1 }), IGNORED),
        (4, in_place(json!(4), json!({})), IGNORED),
        // Rounded down: 3.96 of 4 pods are one batch less than all.
        (4, in_place(json!("99%"), json!({})), CREATED),
        (4, in_place(json!("100%"), json!({})), IGNORED),
    ] {
        let mut world = settled(replicas, rolling_update.clone());
        world.set_image("acme/app:2");
        judged(&mut world);
        assert_eq!(mark(&world), Some(expected), "{replicas} {rolling_update}");
        assert_eq!(jobs(&world).len(), usize::from(expected == CREATED));
    }
    // With a partition there is more than one batch.
    let mut partitioned = in_place(json!(4), json!({}));
    partitioned["partition"] = json!(1);
    let mut world = settled(4, partitioned);
    world.set_image("acme/app:2");
    judged(&mut world);
    assert_eq!(mark(&world), Some(CREATED));
}

#[test]
fn a_change_that_needs_new_pods_pulls_nothing_ahead() {
    let mut world = settled(5, in_place(json!(1), json!({})));
    let mut next = template("acme/app:2");
    next["spec"]["containers"][0]["env"] = json!([{ "name": "A", "value": "1" }]);
    world.change(json!({ "spec": { "template": next } }));
    judged(&mut world);
    assert_eq!((jobs(&world).len(), mark(&world)), (0, Some(IGNORED)));
}

// CS-103: "an error, not a mark". The roll-out goes on all the same (CS-43).
#[test]
fn an_unreadable_partition_decides_nothing() {
    let mut rolling_update = in_place(json!(1), json!({}));
    rolling_update["partition"] = json!("many");
    let mut world = settled(5, rolling_update);
    world.set_image("acme/app:2");
    judged(&mut world);
    assert_eq!((jobs(&world).len(), mark(&world)), (0, None));
}

// CS-100: the world fails the test if anything is asked for.
#[test]
fn without_the_kind_nothing_is_asked_for() {
    let mut world = World::new(spec(5, in_place(json!(1), json!({}))));
    world.settle();
    world.set_image("acme/app:2");
    world.settle();
    assert_eq!(mark(&world), None);
    assert_eq!(world.status("updatedAvailableReplicas"), json!(5));
}

// IP-148: jobs of others, and those that are on their way out, are left alone.
#[test]
fn only_own_jobs_are_taken_away() {
    let mut world = settled(5, in_place(json!(1), json!({})));
    let job = |name: &str, controller: bool, more: Value| {
        let mut metadata = json!({
            "name": name, "uid": format!("uid-of-{name}"),
            "ownerReferences": [{ "apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet",
                "name": "web", "uid": "set-uid", "controller": controller }],
        });
        crate::merge::merge(&mut metadata, &more);
        json!({ "metadata": metadata })
    };
    let there = world.image_pull_jobs.as_mut().unwrap();
    there.insert(job("ours", true, json!({})));
    there.insert(job("named-only", false, json!({})));
    there.insert(job(
        "leaving",
        true,
        json!({ "finalizers": ["example.com/held"] }),
    ));
    there.delete("leaving");
    world.reconcile();
    assert_eq!(jobs(&world), ["leaving", "named-only"]);
}

// CS-105: what can't be marked is not asked for again and again, and no job twice.
#[test]
fn a_revision_that_cannot_be_marked_is_left_for_a_while() {
    use cloneset_controller::memory::Found;

    let mut world = settled(5, in_place(json!(1), json!({})));
    world.set_image("acme/app:2");
    world.reconcile();
    let plan = world.reconcile_without_executing();
    let mark = plan.images_ahead.mark.clone().expect("a mark");
    assert_eq!(plan.images_ahead.create.len(), 1);
    for job in &plan.images_ahead.create {
        let mut body = job.body.clone();
        body["metadata"]["uid"] = json!("job");
        world.image_pull_jobs.as_mut().unwrap().insert(body);
    }
    let again = world.reconcile_without_executing().images_ahead;
    assert!(
        again.create.is_empty() && again.mark.is_some(),
        "{again:#?}"
    );
    let snapshot = world.snapshot();
    let found = Found {
        unmarked: Some(mark.revision),
        ..Found::default()
    };
    world.memory = remembered(&snapshot, &plan, found);
    assert!(world.reconcile_without_executing().images_ahead.is_empty());
}
