//! The whole deployable in process: wiring, executor and lease, on an API server in memory with scheduler and kubelets. The
//! webhook and the node daemon of ContainerRecreateRequests are played by the tests.

use std::time::Duration;

use kruise_api::{
    apps::v1beta1::CONTAINERRECREATEREQUESTS,
    resource::{EVENTS, NAMESPACES, NODES, ObjectKey, PODS},
};
use kruise_testkit::{
    server::{ApiServer, Fault, Rule},
    world::{World, flags, play},
};
use rstest::rstest;
use serde_json::{Value, json};
use sidecarterminator_controller::{NAME, SidecarTerminatorArgs, app};

use crate::one_pod::{IGNORE, IMAGE, KILL};

const USER: &str = "user";
const DAEMON: &str = "daemon";
const ON: &str = "--feature-gates=SidecarTerminator=true";

/// Where nodes are, and the deployable of which one replica runs.
fn cluster(world: &mut World, gates: &'static str, node_labels: Value) {
    let system = kruise_testkit::builders::namespace("kruise-system");
    world.server.put(USER, NAMESPACES, system);
    add_node(&world.server, "n1", node_labels);
    world.run_app(NAME, &[gates], || {
        vec![app(flags::<SidecarTerminatorArgs>(&[]))]
    });
}

fn add_node(server: &ApiServer, name: &str, labels: Value) {
    let mut node = kruise_testkit::builders::node(name);
    json_patch::merge(&mut node["metadata"]["labels"], &labels);
    node["status"]["allocatable"] = json!({ "cpu": "4", "memory": "8Gi", "pods": "110" });
    server.put(USER, NODES, node);
}

fn install(world: &World) {
    world.install("apps.kruise.io_containerrecreaterequests.yaml");
}

/// A pod of which `main` ends as said; `side` runs until somebody ends it.
fn run_pod(world: &World, policy: &str, main: &str, side: &[(&str, &str)]) {
    let env = side.iter();
    let env: Vec<Value> = env
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": "job", "namespace": "default", "annotations": {
            "testkit.kruise.io/exits.main": main,
            // With another image it ends.
            "testkit.kruise.io/exits.side": "0@9000s,0@1s",
        } },
        "spec": { "restartPolicy": policy, "containers": [
            { "name": "main", "image": "acme/main:1" },
            { "name": "side", "image": "acme/side:1", "env": env },
        ] },
    });
    world.server.put(USER, PODS, pod);
}

fn pod_key() -> ObjectKey {
    ObjectKey::new("default", "job")
}

fn pod(server: &ApiServer) -> Value {
    let pod = server.get(PODS, &pod_key());
    pod.map_or(Value::Null, |pod| Value::clone(&pod))
}

fn phase(server: &ApiServer) -> String {
    let pod = pod(server);
    pod["status"]["phase"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn requests(server: &ApiServer) -> Vec<Value> {
    let requests = server.list(CONTAINERRECREATEREQUESTS);
    requests.iter().map(|it| Value::clone(it)).collect()
}

fn request_key(server: &ApiServer) -> ObjectKey {
    let uid = pod(server)["metadata"]["uid"].clone();
    let name = format!("sidecar-termination-{}", uid.as_str().unwrap());
    ObjectKey::new("default", name)
}

/// UIDs of the requests there ever were, in order.
fn ever_made(server: &ApiServer) -> Vec<String> {
    let changes = server.changes_since(0).into_iter();
    let made = changes
        .filter(|change| change.resource == CONTAINERRECREATEREQUESTS && change.before.is_none());
    let uids =
        made.filter_map(|change| Some(change.after?["metadata"]["uid"].as_str()?.to_owned()));
    uids.collect()
}

/// How many writes of the deployable were asked for, events and leases not counted.
fn writes(server: &ApiServer) -> Vec<String> {
    let requests = server.requests().into_iter();
    let writes = requests.filter(|request| {
        request.by == NAME
            && !["get", "list", "watch"].contains(&request.verb)
            && !["events", "leases"].contains(&request.plural.as_str())
    });
    writes
        .map(|request| format!("{} {}", request.verb, request.plural))
        .collect()
}

/// How often an event was told of the pod.
fn told(server: &ApiServer, reason: &str) -> u64 {
    let events = server.list(EVENTS);
    let events = events.iter().filter(|event| event["reason"] == reason);
    events
        .map(|event| {
            assert_eq!(event["involvedObject"]["name"], "job");
            assert_eq!(event["source"]["component"], NAME);
            event["count"].as_u64().unwrap()
        })
        .sum()
}

/// As the webhook: which run of each container is to be stopped.
fn record(world: &World) {
    let server = &world.server;
    let statuses = pod(server)["status"]["containerStatuses"].clone();
    server.change(
        DAEMON,
        CONTAINERRECREATEREQUESTS,
        &request_key(server),
        |request| {
            for container in request["spec"]["containers"].as_array_mut().unwrap() {
                let statuses = statuses.as_array().unwrap();
                let status = statuses.iter().find(|it| it["name"] == container["name"]);
                container["statusContext"] =
                    json!({ "containerID": status.unwrap()["containerID"], "restartCount": 0 });
            }
        },
    );
}

/// As who ends requests.
fn complete(world: &World, message: &str) {
    let server = &world.server;
    server.change(
        DAEMON,
        CONTAINERRECREATEREQUESTS,
        &request_key(server),
        |request| {
            request["status"] = json!({ "phase": "Completed", "message": message });
        },
    );
}

/// As the node daemon: the sidecar is stopped, and ends with this code.
async fn carry_out(world: &World, code: i64) {
    asked(world).await;
    record(world);
    let uid = pod(&world.server)["metadata"]["uid"].clone();
    let uid = uid.as_str().unwrap().to_owned();
    world.fakes.stop_container(&uid, "side", code);
    complete(world, "");
}

async fn asked(world: &World) {
    let is_asked = |server: &ApiServer| requests(server).len() == 1;
    world.until("a request", is_asked).await;
}

async fn becomes(world: &World, wanted: &str) {
    let what = format!("the pod is {wanted}");
    world.until(&what, |server| phase(server) == wanted).await;
}

// ST-A1, ST-9, ST-12: the kubelet judges by all containers.
#[rstest]
#[case::in_peace("0@5s", 0, "Succeeded")]
#[case::by_force("0@5s", 137, "Failed")]
#[case::after_a_failure("3@5s", 0, "Failed")]
fn a_job_with_a_sidecar_ends(#[case] main: &'static str, #[case] side: i64, #[case] ends: &str) {
    play(1, async |world| {
        install(world);
        cluster(world, ON, json!({}));
        run_pod(world, "Never", main, &[KILL]);
        becomes(world, "Running").await;
        assert_eq!(requests(&world.server), [Value::Null; 0]);
        carry_out(world, side).await;
        becomes(world, ends).await;
        let request = &requests(&world.server)[0];
        let owner = &request["metadata"]["ownerReferences"][0];
        assert_eq!(owner["uid"], pod(&world.server)["metadata"]["uid"]);
        assert_eq!(request["spec"]["containers"][0]["name"], "side");
        // Nothing else is written, however long one waits.
        world.run_for(Duration::from_secs(300)).await;
        assert_eq!(writes(&world.server), ["create containerrecreaterequests"]);
        assert_eq!(told(&world.server, "SidecarTerminator"), 1);
    });
}

// ST-A3
#[test]
fn a_failure_that_is_tried_again_ends_nothing() {
    play(2, async |world| {
        install(world);
        cluster(world, ON, json!({}));
        run_pod(world, "OnFailure", "1@5s,0@5s", &[KILL]);
        let restarted = |server: &ApiServer| {
            let statuses = &pod(server)["status"]["containerStatuses"];
            statuses[0]["restartCount"] == 1
        };
        world.until("it was started again", restarted).await;
        assert_eq!(ever_made(&world.server).len(), 0);
        carry_out(world, 0).await;
        becomes(world, "Succeeded").await;
        assert_eq!(ever_made(&world.server).len(), 1);
    });
}

// ST-A9, ST-10, ST-14, ST-P1, ST-P2
#[rstest]
#[case::succeeded("0@5s", "Succeeded")]
#[case::failed("1@5s", "Failed")]
fn a_sidecar_that_does_not_count_is_killed_after_the_end(
    #[case] main: &'static str,
    #[case] ends: &str,
) {
    play(3, async |world| {
        install(world);
        cluster(world, ON, json!({}));
        run_pod(world, "Never", main, &[KILL, IGNORE]);
        asked(world).await;
        assert_eq!(phase(&world.server), ends);
        let of_pod = pod(&world.server);
        let conditions = of_pod["status"]["conditions"].as_array().unwrap();
        let is_ours = |condition: &&Value| condition["type"] == "SidecarTerminated";
        let condition = conditions.iter().find(is_ours).unwrap();
        assert_eq!(condition["status"], "True");
        assert_eq!(condition["message"], "Terminated by Sidecar Terminator");
        carry_out(world, 137).await;
        world.run_for(Duration::from_secs(120)).await;
        assert_eq!(phase(&world.server), ends);
        let in_order = ["patch pods", "create containerrecreaterequests"];
        assert_eq!(writes(&world.server), in_order);
    });
}

// ST-11: a webhook that does not see the condition yet refuses the request.
#[test]
fn a_request_that_was_refused_is_asked_for_again() {
    play(4, async |world| {
        install(world);
        cluster(world, ON, json!({}));
        let rule = Rule::new(Fault::Forbidden, 1000)
            .of(NAME)
            .verbs(&["create"])
            .plurals(&["containerrecreaterequests"]);
        world.server.faults().set(vec![rule]);
        run_pod(world, "Never", "0@5s", &[KILL, IGNORE]);
        becomes(world, "Succeeded").await;
        world.run_for(Duration::from_secs(60)).await;
        assert_eq!(ever_made(&world.server).len(), 0);
        world.server.faults().stop();
        carry_out(world, 0).await;
        let marks = writes(&world.server);
        let marks = marks.iter().filter(|write| *write == "patch pods");
        assert_eq!(marks.count(), 1);
    });
}

// ST-A7, ST-8
#[rstest]
#[case::at_once(None)]
#[case::after_conflicts(Some(Fault::Conflict))]
#[case::with_an_answer_lost(Some(Fault::AnswerLost))]
fn on_a_virtual_node_the_image_ends_the_sidecar(#[case] fault: Option<Fault>) {
    play(5, async |world| {
        install(world);
        cluster(world, ON, json!({ "type": "virtual-kubelet" }));
        if let Some(fault) = fault {
            let rule = Rule::new(fault, 700)
                .of(NAME)
                .verbs(&["patch"])
                .plurals(&["pods"]);
            world.server.faults().set(vec![rule]);
        }
        run_pod(world, "Never", "0@5s", &[KILL, IMAGE]);
        becomes(world, "Succeeded").await;
        let image = pod(&world.server)["spec"]["containers"][1]["image"].clone();
        assert_eq!(image, "exit:1");
        assert_eq!(ever_made(&world.server).len(), 0);
        let n_writes = writes(&world.server).len();
        world.run_for(Duration::from_secs(300)).await;
        assert_eq!(writes(&world.server).len(), n_writes);
        if fault.is_none() {
            assert_eq!(n_writes, 1);
        }
        // Of a write without an answer nothing is told, and the sidecar has ended before the next look.
        let is_lost = fault == Some(Fault::AnswerLost);
        assert_eq!(told(&world.server, "SidecarTerminator") == 0, is_lost);
    });
}

// PF-903: without a restart.
#[test]
fn pods_go_on_when_the_kind_is_installed() {
    play(6, async |world| {
        cluster(world, ON, json!({}));
        run_pod(world, "Never", "0@5s", &[KILL]);
        world
            .until("told", |server| told(server, "KindNotInstalled") == 1)
            .await;
        world.run_for(Duration::from_secs(300)).await;
        assert_eq!(told(&world.server, "KindNotInstalled"), 1);
        assert_eq!(writes(&world.server), [""; 0]);
        assert!(world.runs(NAME));
        install(world);
        let is_asked = |server: &ApiServer| requests(server).len() == 1;
        assert!(world.within(Duration::from_secs(60), is_asked).await);
        carry_out(world, 0).await;
        becomes(world, "Succeeded").await;
    });
}

// ST-A6, DV-ST1: no daemon answers the first request.
#[test]
fn a_request_that_ended_in_vain_is_made_anew() {
    play(7, async |world| {
        install(world);
        cluster(world, ON, json!({}));
        run_pod(world, "Never", "0@5s", &[KILL]);
        asked(world).await;
        record(world);
        world.run_for(Duration::from_secs(300)).await;
        assert_eq!(ever_made(&world.server).len(), 1);
        complete(world, "daemon has not responded for a long time");
        world
            .until("another one", |server| ever_made(server).len() == 2)
            .await;
        carry_out(world, 0).await;
        becomes(world, "Succeeded").await;
        world.run_for(Duration::from_secs(300)).await;
        assert_eq!(ever_made(&world.server).len(), 2);
        assert_eq!(told(&world.server, "SidecarTerminator"), 2);
    });
}

// ST-9: what the daemon stopped is not stopped again because the kubelet is slower to tell.
#[test]
fn a_kubelet_has_time_to_report() {
    play(8, async |world| {
        install(world);
        cluster(world, ON, json!({}));
        run_pod(world, "Never", "0@5s", &[KILL]);
        asked(world).await;
        record(world);
        complete(world, "");
        world.run_for(Duration::from_secs(5)).await;
        carry_out(world, 0).await;
        becomes(world, "Succeeded").await;
        world.run_for(Duration::from_secs(120)).await;
        assert_eq!(ever_made(&world.server).len(), 1);
    });
}

// Another leader goes on, before and after the request was made.
#[test]
fn a_process_that_ends_in_the_middle_is_succeeded() {
    play(9, async |world| {
        install(world);
        cluster(world, ON, json!({}));
        run_pod(world, "Never", "0@20s", &[KILL, IGNORE]);
        becomes(world, "Running").await;
        world.kill(NAME).await;
        world.run_for(Duration::from_secs(60)).await;
        world.start(NAME);
        becomes(world, "Succeeded").await;
        world.kill(NAME).await;
        world.run_for(Duration::from_secs(60)).await;
        world.start(NAME);
        carry_out(world, 137).await;
        world.run_for(Duration::from_secs(120)).await;
        assert_eq!(ever_made(&world.server).len(), 1);
        assert_eq!(phase(&world.server), "Succeeded");
    });
}

// ST-9: whatever becomes of an answer, one request is made, and the phase is decided first.
#[rstest]
#[case::timed_out(Fault::TimeoutAfter)]
#[case::lost(Fault::AnswerLost)]
#[case::reset_after(Fault::ResetAfter)]
#[case::reset_before(Fault::ResetBefore)]
#[case::internal(Fault::Internal)]
#[case::throttled(Fault::Throttled)]
#[case::conflict(Fault::Conflict)]
fn faults_change_nothing_in_the_end(#[case] fault: Fault, #[values(10, 11, 12)] seed: u64) {
    play(seed, async |world| {
        install(world);
        cluster(world, ON, json!({}));
        let rule = Rule::new(fault, 500)
            .of(NAME)
            .verbs(&["create", "patch"])
            .plurals(&["containerrecreaterequests", "pods"]);
        world.server.faults().set(vec![rule]);
        run_pod(world, "Never", "0@5s", &[KILL, IGNORE]);
        carry_out(world, 137).await;
        assert_eq!(phase(&world.server), "Succeeded");
        world.run_for(Duration::from_secs(300)).await;
        assert_eq!(ever_made(&world.server).len(), 1);
        assert_eq!(phase(&world.server), "Succeeded");
    });
}

// ST-A14, ST-5
#[test]
fn a_pod_waits_for_its_node_to_be_known() {
    play(13, async |world| {
        install(world);
        cluster(world, ON, json!({}));
        run_pod(world, "Never", "0@5s", &[KILL]);
        let has_node = |server: &ApiServer| pod(server)["spec"]["nodeName"] == "n1";
        world.until("it has a node", has_node).await;
        world.server.change(USER, PODS, &pod_key(), |pod| {
            pod["spec"]["nodeName"] = json!("n2");
        });
        world.run_for(Duration::from_secs(60)).await;
        assert_eq!(writes(&world.server), [""; 0]);
        add_node(&world.server, "n2", json!({}));
        let is_asked = |server: &ApiServer| requests(server).len() == 1;
        assert!(world.within(Duration::from_secs(31), is_asked).await);
    });
}

// PF-130, PF-131, ST-A15: the process lives on and does nothing.
#[rstest]
#[case::by_default("--feature-gates=")]
#[case::off("--feature-gates=SidecarTerminator=false")]
#[case::without_daemon("--feature-gates=SidecarTerminator=true,KruiseDaemon=false")]
fn without_its_gate_nothing_is_done(#[case] gates: &'static str) {
    play(14, async |world| {
        install(world);
        cluster(world, gates, json!({}));
        run_pod(world, "Never", "0@5s", &[KILL]);
        world.run_for(Duration::from_secs(300)).await;
        assert_eq!(phase(&world.server), "Running");
        assert_eq!(writes(&world.server), [""; 0]);
        assert!(world.runs(NAME));
        assert_eq!(world.ended(), None);
        let asked = world.server.requests();
        assert!(!asked.iter().any(|it| it.by == NAME && it.plural == "pods"));
    });
}

// Pods that are started again whatever they end with are not even read.
#[test]
fn the_watch_leaves_out_what_never_ends() {
    play(15, async |world| {
        install(world);
        cluster(world, ON, json!({}));
        run_pod(world, "Always", "0@5s", &[KILL]);
        world.run_for(Duration::from_secs(60)).await;
        assert_eq!(writes(&world.server), [""; 0]);
        run_pod_named(world, "other");
        world
            .until("a request", |server| requests(server).len() == 1)
            .await;
        assert_eq!(requests(&world.server)[0]["spec"]["podName"], "other");
    });
}

fn run_pod_named(world: &World, name: &str) {
    let mut other = pod(&world.server);
    other["metadata"] = json!({
        "name": name, "namespace": "default", "annotations": other["metadata"]["annotations"],
    });
    other["spec"]["restartPolicy"] = json!("Never");
    other["spec"].as_object_mut().unwrap().remove("nodeName");
    other.as_object_mut().unwrap().remove("status");
    world.server.put(USER, PODS, other);
}

// The order of what happens follows from the seed alone.
#[test]
fn one_seed_is_one_story() {
    let story = || {
        play(16, async |world| {
            install(world);
            cluster(world, ON, json!({}));
            run_pod(world, "Never", "0@5s", &[KILL, IGNORE]);
            carry_out(world, 0).await;
            world.run_for(Duration::from_secs(60)).await;
            let changes = world.server.changes_since(0).into_iter();
            let lines = changes.map(|it| format!("{} {} {}", it.at, it.by, it.resource));
            lines.collect::<Vec<_>>()
        })
    };
    assert_eq!(story(), story());
}
