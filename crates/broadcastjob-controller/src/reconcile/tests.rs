//! Whole passes, on an API server in memory and on indexes that the test fills.

use std::time::Duration;

use kruise_api::{
    apps::v1beta1::BROADCASTJOBS,
    resource::{NODES, PODS, Resource},
};
use kruise_runtime::{
    ApiClient, ApiError, Clock, Metrics, OwnWrites, Store, WaitReasons, recorder,
};
use kruise_testkit::{
    builders,
    server::{Fault, Rule},
    world::{World, play},
};
use rstest::rstest;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::{gates::Gates, snapshot::StoredJob};

const US: &str = "us";
const USER: &str = "user";

fn key() -> ObjectKey {
    ObjectKey::new("default", "scan")
}

fn decoded<T: DeserializeOwned>(object: &Value) -> T {
    serde_json::from_str(&object.to_string()).unwrap()
}

/// A job with a pod that must go from its cordoned node n1, and with a node n2 that waits.
fn reconciler(world: &World) -> BroadcastJobReconciler {
    world.install("apps.kruise.io_broadcastjobs.yaml");
    let job = world.server.put(
        USER,
        BROADCASTJOBS,
        json!({
            "apiVersion": "apps.kruise.io/v1beta1", "kind": "BroadcastJob",
            "metadata": { "name": "scan", "namespace": "default" },
            "spec": { "template": { "spec": {
                "restartPolicy": "Never", "containers": [{ "name": "scan", "image": "acme/scan:1" }],
            } } },
        }),
    );
    let uid = &job["metadata"]["uid"];
    let owner = json!({
        "apiVersion": "apps.kruise.io/v1beta1", "kind": "BroadcastJob", "name": "scan", "uid": uid,
        "controller": true,
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "scan-old", "namespace": "default", "ownerReferences": [owner],
            "labels": { "broadcastjob-name": "scan", "broadcastjob-controller-uid": uid },
        },
        "spec": { "nodeName": "n1", "containers": [{ "name": "scan", "image": "acme/scan:1" }] },
    });
    let pod = world.server.put(USER, PODS, pod);
    let client = ApiClient::new(world.server.client_of(US), US, Metrics::unregistered());
    let metrics = Metrics::unregistered();
    let observer = Observer {
        jobs: Store::new(BROADCASTJOBS),
        pods: Store::new(PODS),
        nodes: Store::new(NODES),
        gates: Gates::default(),
        clock: Clock::system(),
    };
    observer.jobs.apply(decoded::<StoredJob>(&job));
    observer.pods.apply(decoded(&pod));
    for node in ["n1", "n2"] {
        let mut node = builders::node(node);
        node["status"]["allocatable"] = json!({ "cpu": "4", "memory": "8Gi", "pods": "110" });
        node["spec"]["unschedulable"] = json!(node["metadata"]["name"] == "n1");
        observer.nodes.apply(decoded(&node));
    }
    BroadcastJobReconciler {
        observer,
        upkeep: Upkeep::new(
            OwnWrites::new(client.clone(), Duration::from_secs(300), metrics.clone()),
            client.clone(),
            WaitReasons::new("broadcastjob", &metrics),
        ),
        recorder: recorder(US, client, metrics).0,
    }
}

fn forbids(verb: &'static str, resource: Resource) -> Rule {
    Rule::new(Fault::Forbidden, 1000)
        .of(US)
        .verbs(&[verb])
        .plurals(&[resource.plural])
}

// BJ-36, BJ-37, DV-BJ4: each is tried whatever becomes of the others, and one error is told.
#[rstest]
#[case::none(&[], "")]
#[case::all(&["create", "delete", "patch"], "create Pod")]
#[case::creation_and_deletion(&["create", "delete"], "create Pod")]
#[case::creation_and_status(&["create", "patch"], "create Pod")]
#[case::deletion_and_status(&["delete", "patch"], "delete Pod default/scan-old")]
#[case::status(&["patch"], "patch the status of BroadcastJob default/scan")]
fn the_error_of_the_creation_goes_first_and_that_of_the_status_last(
    #[case] forbidden: &[&'static str],
    #[case] told: &str,
) {
    play(1, async |world| {
        let reconciler = reconciler(world);
        let rules = forbidden.iter().map(|verb| match *verb {
            "patch" => forbids("patch", BROADCASTJOBS),
            verb => forbids(verb, PODS),
        });
        world.server.faults().set(rules.collect());
        let ended = reconciler.reconcile(&key()).await;
        let error = ended.err().map(|error| error.to_string());
        let error = error.unwrap_or_default();
        assert!(error.starts_with(told), "{error}");
        assert_eq!(error.is_empty(), told.is_empty(), "{error}");
        let tried = world.server.requests().into_iter();
        let tried = tried.filter(|request| request.by == US);
        let tried: Vec<_> = tried
            .map(|request| (request.verb, request.fault.is_some()))
            .collect();
        let all = ["delete", "create", "patch"];
        assert_eq!(tried, all.map(|verb| (verb, forbidden.contains(&verb))));
    });
}

// BJ-20
#[test]
fn of_a_job_that_is_gone_nothing_is_remembered_and_nothing_is_asked() {
    play(2, async |world| {
        let reconciler = reconciler(world);
        world.server.faults().set(vec![forbids("delete", PODS)]);
        reconciler.reconcile(&key()).await.unwrap_err();
        let job = reconciler.observer.jobs.get(&key()).unwrap();
        let uid = reconciler
            .observer
            .job(&key())
            .unwrap()
            .metadata
            .uid
            .clone();
        let of_job = || reconciler.upkeep.memory(&key(), &uid);
        assert_ne!(of_job(), Memory::default());

        reconciler.observer.jobs.apply_deleted(&job);
        let n_requests = world.server.requests().len();
        let outcome = reconciler.reconcile(&key()).await.unwrap();
        assert_eq!(outcome, Outcome::default());
        assert_eq!(of_job(), Memory::default());
        assert_eq!(world.server.requests().len(), n_requests);
    });
}

fn refused(source: ApiError) -> StageError {
    StageError::Write {
        verb: "create",
        kind: "Pod",
        object: "ns/scan-abcde".to_owned(),
        source,
    }
}

// BJ-53: what the executor names is what is looked for under another name the next time. With the API server's own
// answer: tests/it/taken_names.rs.
#[test]
fn a_name_that_is_taken_is_the_one_that_was_refused() {
    let (call, message) = (String::new(), String::new());
    let taken = refused(ApiError::AlreadyExists { call, message });
    assert_eq!(taken_name(&taken).as_deref(), Some("scan-abcde"));
    let call = String::new();
    assert_eq!(taken_name(&refused(ApiError::NotLeader { call })), None);
}
