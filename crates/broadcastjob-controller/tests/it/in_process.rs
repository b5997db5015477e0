//! The whole deployable in process: wiring, executor and lease, on an API server in memory with scheduler and kubelets.

use std::time::Duration;

use broadcastjob_controller::{BroadcastJobArgs, NAME, app};
use kruise_api::{
    apps::v1beta1::BROADCASTJOBS,
    resource::{EVENTS, NAMESPACES, NODES, ObjectKey, PODS},
};
use kruise_testkit::{
    server::{ApiServer, Fault, Rule},
    world::{World, flags, play},
};
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, PostParams};
use rstest::rstest;
use serde_json::{Value, json};

pub(crate) const USER: &str = "user";

pub(crate) fn key() -> ObjectKey {
    ObjectKey::new("default", "scan")
}

/// A cluster of three nodes with the deployable, of which one replica runs.
pub(crate) fn cluster(world: &mut World) {
    let system = kruise_testkit::builders::namespace("kruise-system");
    world.server.put(USER, NAMESPACES, system);
    world.install("apps.kruise.io_broadcastjobs.yaml");
    world.serve_webhooks("broadcastjob-controller", &[NAME]);
    for node in ["n1", "n2", "n3"] {
        add_node(&world.server, node);
    }
    world.run_app(NAME, &[], || vec![app(flags::<BroadcastJobArgs>(&[]))]);
}

pub(crate) fn add_node(server: &ApiServer, name: &str) {
    let mut node = kruise_testkit::builders::node(name);
    node["status"]["allocatable"] = json!({ "cpu": "4", "memory": "8Gi", "pods": "110" });
    server.put(USER, NODES, node);
}

/// A job whose pods end as `exits` says, changed by a merge.
pub(crate) fn job(exits: &str, spec: Value) -> Value {
    let mut job = json!({
        "apiVersion": "apps.kruise.io/v1beta1", "kind": "BroadcastJob",
        "metadata": { "name": "scan", "namespace": "default" },
        "spec": { "template": {
            "metadata": { "annotations": { "testkit.kruise.io/exits": exits } },
            "spec": { "restartPolicy": "Never", "containers": [{ "name": "scan", "image": "acme/scan:1" }] },
        } },
    });
    json_patch::merge(&mut job["spec"], &spec);
    job
}

/// The API as users speak to it: webhooks are asked.
fn api(world: &World, version: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("apps.kruise.io", version, "BroadcastJob");
    let resource = ApiResource::from_gvk_with_plural(&kind, "broadcastjobs");
    Api::namespaced_with(world.server.client_of(USER), "default", &resource)
}

async fn try_create(world: &World, job: Value) -> kube::Result<DynamicObject> {
    let version = job["apiVersion"]
        .as_str()
        .unwrap()
        .rsplit('/')
        .next()
        .unwrap()
        .to_owned();
    let job = serde_json::from_value(job).unwrap();
    api(world, &version)
        .create(&PostParams::default(), &job)
        .await
}

/// Creates a job as soon as somebody answers the webhooks.
pub(crate) async fn create(world: &World, job: Value) {
    for _ in 0..60 {
        match try_create(world, job.clone()).await {
            Ok(_) => return,
            Err(_) => world.run_for(Duration::from_secs(1)).await,
        }
    }
    panic!("{:?}", try_create(world, job).await);
}

fn status(server: &ApiServer) -> Value {
    let job = server.get(BROADCASTJOBS, &key());
    job.map_or(Value::Null, |job| job["status"].clone())
}

pub(crate) fn phase(server: &ApiServer) -> String {
    status(server)["phase"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

pub(crate) async fn becomes(world: &World, wanted: &str) {
    let minutes = Duration::from_secs(600);
    if world
        .within(minutes, |server| phase(server) == wanted)
        .await
    {
        return;
    }
    let requests = world.server.requests().into_iter();
    let asked = requests.filter(|request| request.by == NAME);
    let asked = asked.map(|request| {
        format!(
            "{} {} {} {:?}",
            request.at, request.verb, request.plural, request.code
        )
    });
    let asked: Vec<_> = asked.collect();
    panic!(
        "not {wanted}: {}\n{:#?}",
        status(&world.server),
        &asked[asked.len().saturating_sub(40)..]
    );
}

/// `desired active succeeded failed`
pub(crate) fn counts(server: &ApiServer) -> String {
    let status = status(server);
    let counts =
        ["desired", "active", "succeeded", "failed"].map(|field| status[field].to_string());
    counts.join(" ")
}

/// The node of each pod there ever was.
pub(crate) fn ever_served(server: &ApiServer) -> Vec<String> {
    let changes = server.changes_since(0).into_iter();
    let created = changes.filter(|change| change.resource == PODS && change.before.is_none());
    let nodes = created.filter_map(|change| {
        let pod = change.after?;
        let path = "/spec/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution\
                    /nodeSelectorTerms/0/matchFields/0/values/0";
        pod.pointer(path)?.as_str().map(str::to_owned)
    });
    let mut nodes: Vec<_> = nodes.collect();
    nodes.sort_unstable();
    nodes
}

fn told(server: &ApiServer, reason: &str) -> bool {
    let events = server.list(EVENTS);
    events.iter().any(|event| {
        event["reason"] == reason && event["source"]["component"] == "broadcastjob-controller"
    })
}

/// Whether this fault has met a request.
pub(crate) fn struck(server: &ApiServer, fault: &str) -> bool {
    let injected = server.faults().injected();
    injected
        .iter()
        .any(|(class, count)| *class == fault && *count > 0)
}

// BJ-S1, BJ-S2
#[test]
fn a_job_runs_once_on_each_node() {
    play(1, async |world| {
        cluster(world);
        create(world, job("0@5s", json!({}))).await;
        becomes(world, "completed").await;
        assert_eq!(counts(&world.server), "3 0 3 0");
        assert_eq!(ever_served(&world.server), ["n1", "n2", "n3"]);
        assert!(told(&world.server, "SuccessfulCreate") && told(&world.server, "JobComplete"));
        // Nothing else is written: a pod is a creation, and what many did is one status.
        let requests = world.server.requests();
        let writes = requests.iter().filter(|request| {
            request.by == NAME && !["get", "list", "watch"].contains(&request.verb)
        });
        let of = |verb: &str, plural: &str| {
            let writes = writes.clone();
            writes
                .filter(|request| request.verb == verb && request.plural == plural)
                .count()
        };
        assert_eq!(of("create", "pods"), 3);
        assert_eq!((of("patch", "pods"), of("delete", "pods")), (0, 0));
        assert!(
            of("patch", "broadcastjobs") <= 5,
            "{}",
            of("patch", "broadcastjobs")
        );
    });
}

// BJ-S3, BJ-S25, BJ-P8
#[test]
fn a_job_outlives_its_controller() {
    play(2, async |world| {
        cluster(world);
        create(world, job("0@20s", json!({ "parallelism": 1 }))).await;
        for n_pods in 1..=2 {
            let what = format!("{n_pods} pods");
            world
                .until(&what, |server| server.list(PODS).len() == n_pods)
                .await;
            world.kill(NAME).await;
            world.run_for(Duration::from_secs(7)).await;
            world.start(NAME);
        }
        becomes(world, "completed").await;
        assert_eq!(ever_served(&world.server), ["n1", "n2", "n3"]);
    });
}

// BJ-52, BJ-P8: whatever becomes of an answer, no node gets a second pod.
#[rstest]
#[case::timed_out(Fault::TimeoutAfter)]
#[case::lost(Fault::AnswerLost)]
#[case::reset(Fault::ResetAfter)]
#[case::never_arrived(Fault::ResetBefore)]
#[case::internal(Fault::Internal)]
fn a_creation_of_which_nobody_knows_is_not_repeated(#[case] fault: Fault) {
    play(3, async |world| {
        cluster(world);
        let rule = Rule::new(fault, 500)
            .of(NAME)
            .verbs(&["create"])
            .plurals(&["pods"]);
        world.server.faults().set(vec![rule]);
        create(world, job("0@5s", json!({}))).await;
        becomes(world, "completed").await;
        assert_eq!(ever_served(&world.server), ["n1", "n2", "n3"]);
        assert!(struck(&world.server, fault.class()));
    });
}

// BJ-S19
#[test]
fn what_forbids_pods_is_told_and_tried_again() {
    play(4, async |world| {
        cluster(world);
        let rule = Rule::new(Fault::Forbidden, 1000)
            .of(NAME)
            .verbs(&["create"])
            .plurals(&["pods"]);
        world.server.faults().set(vec![rule]);
        create(world, job("0@5s", json!({}))).await;
        world
            .until("told", |server| told(server, "FailedCreate"))
            .await;
        world.run_for(Duration::from_secs(60)).await;
        assert_eq!(counts(&world.server), "3 0 0 0");
        assert!(struck(&world.server, "forbidden"));
        world.server.faults().stop();
        becomes(world, "completed").await;
    });
}

// BJ-S7, BJ-S26, DV-BJ4
#[test]
fn a_job_fails_when_its_pods_can_be_stopped() {
    play(5, async |world| {
        cluster(world);
        let rule = Rule::new(Fault::Forbidden, 1000)
            .of(NAME)
            .verbs(&["delete"])
            .plurals(&["pods"]);
        world.server.faults().set(vec![rule]);
        create(world, job("0@900s", json!({}))).await;
        world
            .until("three pods", |server| counts(server) == "3 3 0 0")
            .await;
        let failed = world.server.list(PODS)[0].clone();
        let failed = ObjectKey::new("default", failed["metadata"]["name"].as_str().unwrap());
        world.server.change(USER, PODS, &failed, |pod| {
            pod["status"]["phase"] = json!("Failed");
        });
        world
            .until("told", |server| told(server, "failed pod is found"))
            .await;
        world.run_for(Duration::from_secs(60)).await;
        assert_eq!(
            (phase(&world.server).as_str(), counts(&world.server)),
            ("running", "3 2 0 1".to_owned())
        );
        assert!(struck(&world.server, "forbidden"));
        world.server.faults().stop();
        becomes(world, "failed").await;
        assert_eq!(counts(&world.server), "3 0 0 3");
        world
            .until("stopped", |server| server.list(PODS).len() == 1)
            .await;
    });
}

// BJ-S28, BJ-65, DV-BJ7: what was counted in the pass that stopped the pods is stored.
#[test]
fn a_status_that_meets_conflicts_is_not_lost() {
    play(6, async |world| {
        cluster(world);
        let spec = json!({ "completionPolicy": { "activeDeadlineSeconds": 30 } });
        create(world, job("0@900s", spec)).await;
        world
            .until("three pods", |server| counts(server) == "3 3 0 0")
            .await;
        let rule = Rule::new(Fault::Conflict, 1000)
            .of(NAME)
            .verbs(&["patch"])
            .plurals(&["broadcastjobs"]);
        world.server.faults().set(vec![rule]);
        // The first is met, and not all five. A minute is twice the deadline.
        for _ in 0..60 * 200 {
            if struck(&world.server, "conflict") {
                break;
            }
            world.run_for(Duration::from_millis(5)).await;
        }
        assert!(struck(&world.server, "conflict"));
        world.server.faults().stop();
        becomes(world, "failed").await;
        assert_eq!(counts(&world.server), "3 0 0 3");
        assert!(told(&world.server, "DeadlineExceeded"));
    });
}

// BJ-S11, BJ-S17, BJ-70
#[test]
fn nodes_that_join_or_become_eligible_are_served() {
    play(7, async |world| {
        cluster(world);
        let n1 = ObjectKey::new("", "n1");
        let taint = json!([{ "key": "k", "effect": "NoSchedule" }]);
        world.server.change(USER, NODES, &n1, |node| {
            node["spec"]["taints"] = taint.clone();
        });
        create(
            world,
            job("0@2s", json!({ "completionPolicy": { "type": "Never" } })),
        )
        .await;
        world
            .until("two ended", |server| counts(server) == "2 0 2 0")
            .await;
        world
            .server
            .change(USER, NODES, &n1, |node| node["spec"]["taints"] = json!([]));
        world
            .until("three ended", |server| counts(server) == "3 0 3 0")
            .await;
        add_node(&world.server, "n4");
        world
            .until("four ended", |server| counts(server) == "4 0 4 0")
            .await;
        assert_eq!(phase(&world.server), "running");
    });
}

// BJ-S20, BJ-56
#[test]
fn a_pod_on_a_cordoned_node_is_stopped() {
    play(8, async |world| {
        cluster(world);
        create(world, job("0@60s", json!({}))).await;
        world
            .until("three pods", |server| counts(server) == "3 3 0 0")
            .await;
        let n2 = ObjectKey::new("", "n2");
        world.server.change(USER, NODES, &n2, |node| {
            node["spec"]["unschedulable"] = json!(true);
        });
        world
            .until("one less", |server| counts(server) == "2 2 0 0")
            .await;
        becomes(world, "completed").await;
        assert_eq!(counts(&world.server), "2 0 2 0");
    });
}

// BJ-S5, BJ-S31: pods follow by garbage collection.
#[test]
fn a_job_goes_with_its_pods_when_its_time_is_over() {
    play(9, async |world| {
        cluster(world);
        let spec = json!({ "completionPolicy": { "ttlSecondsAfterFinished": 30 } });
        create(world, job("0@2s", spec)).await;
        becomes(world, "completed").await;
        world.run_for(Duration::from_secs(25)).await;
        assert_eq!(world.server.list(PODS).len(), 3);
        world
            .until("gone", |server| server.get(BROADCASTJOBS, &key()).is_none())
            .await;
        world.server.collect_garbage();
        world
            .until("its pods too", |server| server.list(PODS).is_empty())
            .await;
    });
}

// BJ-61: though the watch has not told of it.
#[test]
fn a_job_whose_time_to_live_was_taken_away_stays() {
    play(12, async |world| {
        cluster(world);
        let spec = json!({ "completionPolicy": { "ttlSecondsAfterFinished": 30 } });
        create(world, job("0@2s", spec)).await;
        becomes(world, "completed").await;
        world.run_for(Duration::from_secs(5)).await;
        let rule = Rule::new(Fault::EventLost, 1000)
            .of(NAME)
            .verbs(&["watch"])
            .plurals(&["broadcastjobs"]);
        world.server.faults().set(vec![rule]);
        world.server.change(USER, BROADCASTJOBS, &key(), |job| {
            job["spec"]["completionPolicy"] = json!({ "type": "Always" });
        });
        let version = |world: &World| {
            let job = world.server.get(BROADCASTJOBS, &key()).unwrap();
            job["metadata"]["resourceVersion"].clone()
        };
        let before = version(world);
        world.run_for(Duration::from_secs(120)).await;
        assert_eq!(version(world), before);
        assert!(struck(&world.server, "event_lost"));
        // It was tried once, and seen then.
        let requests = world.server.requests().into_iter();
        let refused = requests.filter(|request| {
            request.by == NAME && request.plural == "broadcastjobs" && request.code == Some(409)
        });
        assert_eq!(refused.count(), 1);
    });
}

// BJ-S29, BJ-S32, PF-402: by the deployed webhooks, in both versions.
#[test]
fn both_versions_are_admitted_and_read_alike() {
    play(10, async |world| {
        cluster(world);
        let mut old = job("0@5s", json!({ "failurePolicy": { "type": "Continue" } }));
        old["apiVersion"] = json!("apps.kruise.io/v1alpha1");
        create(world, old.clone()).await;
        becomes(world, "completed").await;
        let read = async |version: &str| {
            let job = api(world, version).get("scan").await.unwrap();
            serde_json::to_value(job).unwrap()
        };
        let (old_read, new_read) = (read("v1alpha1").await, read("v1beta1").await);
        assert_eq!(old_read["spec"], new_read["spec"]);
        assert_eq!(old_read["status"], new_read["status"]);
        assert_eq!(new_read["spec"]["parallelism"], 2_147_483_647);
        assert_eq!(new_read["spec"]["failurePolicy"]["type"], "Continue");

        for version in ["v1alpha1", "v1beta1"] {
            let spec =
                json!({ "completionPolicy": { "type": "Never", "ttlSecondsAfterFinished": 10 } });
            let mut bad = job("0@5s", spec);
            bad["apiVersion"] = json!(format!("apps.kruise.io/{version}"));
            bad["metadata"]["name"] = json!("bad");
            let refused = try_create(world, bad).await.unwrap_err();
            let kube::Error::Api(refused) = refused else {
                panic!("{refused:?}");
            };
            assert_eq!(refused.code, 500);
            assert!(
                refused
                    .message
                    .contains("spec.completionPolicy.ttlSecondsAfterFinished")
            );
        }
    });
}

// The order of what happens follows from the seed alone.
#[test]
fn one_seed_is_one_story() {
    let story = || {
        play(11, async |world| {
            cluster(world);
            create(world, job("0@5s", json!({ "parallelism": 2 }))).await;
            becomes(world, "completed").await;
            let changes = world.server.changes_since(0).into_iter();
            let changes =
                changes.map(|change| format!("{} {} {}", change.at, change.by, change.resource));
            changes.collect::<Vec<_>>()
        })
    };
    assert_eq!(story(), story());
}
