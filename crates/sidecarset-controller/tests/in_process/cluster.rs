//! A cluster in memory with SidecarSet `log` in it, and what a story does to it and waits for.

use std::{sync::Arc, time::Duration};

use kruise_api::{
    apps::v1beta1::{SIDECARSETS, SidecarSet},
    resource::{CONTROLLER_REVISIONS, EVENTS, NAMESPACES, NODES, ObjectKey, PODS},
};
use kruise_testkit::{
    builders,
    server::ApiServer,
    world::{World, flags, play},
};
use serde_json::{Value, json};
use sidecarset_controller::{
    NAME, SidecarSetArgs, app,
    inject::{InjectOptions, inject},
    prepared::PreparedSidecarSet,
};

const USER: &str = "user";
pub(crate) const SET: &str = "log";

pub(crate) fn set_key() -> ObjectKey {
    ObjectKey::new("", SET)
}

pub(crate) fn pod_key(name: &str) -> ObjectKey {
    ObjectKey::new("shop", name)
}

/// A cluster whose SidecarSet has this spec, and so many pods with its sidecars that are ready.
pub(crate) async fn cluster(world: &mut World, n_pods: usize, spec: Value) {
    for namespace in ["kruise-system", "shop"] {
        world
            .server
            .put(USER, NAMESPACES, builders::namespace(namespace));
    }
    world.install("apps.kruise.io_sidecarsets.yaml");
    for node in ["n1", "n2"] {
        world.server.put(USER, NODES, builders::node(node));
    }
    let mut set = json!({
        "apiVersion": "apps.kruise.io/v1beta1", "kind": "SidecarSet",
        "metadata": { "name": SET },
        "spec": { "selector": { "matchLabels": { "app": "web" } }, "containers": agent("agent:1") },
    });
    json_patch::merge(&mut set["spec"], &spec);
    world.server.put(USER, SIDECARSETS, set);
    world.run_for(Duration::from_secs(2)).await;
    for index in 0..n_pods {
        add_pod(world, &format!("web-{index}"));
    }
    world.run_app(NAME, &[], || vec![app(flags::<SidecarSetArgs>(&[]))]);
    let all = format!("{n_pods} {n_pods} {n_pods} {n_pods}");
    becomes(world, &all).await;
}

pub(crate) fn agent(image: &str) -> Value {
    json!([{ "name": "agent", "image": image }])
}

pub(crate) fn mesh(image: &str) -> Value {
    json!([{ "name": "mesh", "image": image, "upgradeStrategy": {
        "upgradeType": "HotUpgrade", "hotUpgradeEmptyImage": "idle:1",
    } }])
}

fn bare_pod(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": "shop", "labels": { "app": "web" } },
        "spec": { "containers": [{ "name": "main", "image": "main:1" }] },
    })
}

/// A pod that nobody gave sidecars to.
pub(crate) fn add_bare_pod(world: &World, name: &str) {
    world.server.put(USER, PODS, bare_pod(name));
}

/// A pod with the present sidecars.
pub(crate) fn add_pod(world: &World, name: &str) {
    let set = world.server.get(SIDECARSETS, &set_key()).unwrap();
    let set: SidecarSet = serde_json::from_value(Value::clone(&set)).unwrap();
    let sets = [Arc::new(PreparedSidecarSet::latest(&set))];
    let options = InjectOptions {
        now: world.clock.now(),
        sort_containers_by_name: false,
    };
    let pod = inject(&bare_pod(name), &sets, options).unwrap();
    world.server.put(USER, PODS, pod);
}

/// The user changes the spec by a merge.
pub(crate) fn change(world: &World, spec: Value) {
    world.server.change(USER, SIDECARSETS, &set_key(), |set| {
        json_patch::merge(&mut set["spec"], &spec);
        let generation = set["metadata"]["generation"].as_i64().unwrap_or(1);
        set["metadata"]["generation"] = json!(generation + 1);
    });
}

pub(crate) fn status(server: &ApiServer) -> Value {
    let set = server.get(SIDECARSETS, &set_key());
    set.map_or(Value::Null, |set| set["status"].clone())
}

/// `matched updated ready updated-ready`
pub(crate) fn counts(server: &ApiServer) -> String {
    let status = status(server);
    let fields = [
        "matchedPods",
        "updatedPods",
        "readyPods",
        "updatedReadyPods",
    ];
    fields
        .map(|field| status[field].as_i64().unwrap_or(0).to_string())
        .join(" ")
}

/// Whether the status tells these counts of the present generation.
fn is(server: &ApiServer, wanted: &str) -> bool {
    let Some(set) = server.get(SIDECARSETS, &set_key()) else {
        return false;
    };
    set["status"]["observedGeneration"] == set["metadata"]["generation"] && counts(server) == wanted
}

pub(crate) async fn becomes(world: &World, wanted: &str) {
    let minutes = Duration::from_secs(600);
    if world.within(minutes, |server| is(server, wanted)).await {
        return;
    }
    let requests = world.server.requests().into_iter();
    let asked = requests.filter(|request| request.by == NAME && request.verb != "watch");
    let asked: Vec<String> = asked
        .map(|it| {
            format!(
                "{} {} {} {} {:?}",
                it.at, it.verb, it.plural, it.key, it.code
            )
        })
        .collect();
    panic!(
        "not {wanted}: {}\n{:#?}",
        status(&world.server),
        &asked[asked.len().saturating_sub(40)..]
    );
}

pub(crate) fn image(server: &ApiServer, pod: &str, container: &str) -> String {
    let pod = server.get(PODS, &pod_key(pod)).unwrap();
    let mut containers = pod["spec"]["containers"].as_array().unwrap().iter();
    let container = containers.find(|it| it["name"] == container).unwrap();
    container["image"].as_str().unwrap().to_owned()
}

pub(crate) fn annotation(server: &ApiServer, pod: &str, key: &str) -> String {
    let pod = server.get(PODS, &pod_key(pod)).unwrap();
    pod["metadata"]["annotations"][key]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Numbers of the revisions, by age.
pub(crate) fn revisions(server: &ApiServer) -> Vec<i64> {
    let revisions = server.list(CONTROLLER_REVISIONS);
    for revision in &revisions {
        assert_eq!(revision["metadata"]["namespace"], "kruise-system");
    }
    let mut numbers: Vec<i64> = revisions
        .iter()
        .map(|it| it["revision"].as_i64().unwrap())
        .collect();
    numbers.sort_unstable();
    numbers
}

/// Messages of the events with this reason about this object.
pub(crate) fn told(server: &ApiServer, name: &str, reason: &str) -> Vec<String> {
    let events = server.list(EVENTS).into_iter();
    let events = events.filter(|event| {
        event["reason"] == reason
            && event["involvedObject"]["name"] == name
            && event["source"]["component"] == NAME
    });
    events
        .map(|event| event["message"].as_str().unwrap().to_owned())
        .collect()
}

/// How many writes of this verb to this kind the controller has made.
pub(crate) fn writes(server: &ApiServer, verb: &str, plural: &str) -> usize {
    let requests = server.requests().into_iter();
    let made = requests.filter(|it| it.by == NAME && it.verb == verb && it.plural == plural);
    made.count()
}

/// At most so many pods were ever without a ready pod's service at the same time, by the server's record.
pub(crate) fn most_unready(server: &ApiServer, since: u64) -> usize {
    let mut ready = std::collections::BTreeMap::new();
    let mut most = 0;
    for change in server.changes_since(0) {
        if change.resource != PODS {
            continue;
        }
        let Some(pod) = &change.after else {
            continue;
        };
        let conditions = pod["status"]["conditions"].as_array();
        let is_ready = conditions.is_some_and(|conditions| {
            conditions
                .iter()
                .any(|it| it["type"] == "Ready" && it["status"] == "True")
        });
        ready.insert(pod["metadata"]["uid"].to_string(), is_ready);
        let version = pod["metadata"]["resourceVersion"].as_str().unwrap();
        if version.parse::<u64>().unwrap() > since {
            most = most.max(ready.values().filter(|is_ready| !**is_ready).count());
        }
    }
    most
}

/// Plays a story.
pub(crate) fn story(seed: u64, story: impl AsyncFnOnce(&mut World)) {
    play(seed, async |world| {
        story(world).await;
        assert_eq!(world.ended(), None, "the controller has ended");
    });
}
