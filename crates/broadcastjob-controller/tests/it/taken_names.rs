//! A name that a stranger has, in process: what the API server answers, what the executor makes of it, and what is
//! remembered.

use broadcastjob_controller::NAME;
use kruise_api::{
    apps::v1beta1::BROADCASTJOBS,
    resource::{ObjectKey, PODS},
};
use kruise_plan::suffix::Suffixes;
use kruise_testkit::{
    server::ApiServer,
    world::{World, play},
};
use serde_json::{Value, json};

use crate::in_process::{USER, becomes, cluster, counts, create, ever_served, job, key};

/// A job that has done nothing yet.
async fn paused(world: &mut World) {
    cluster(world);
    create(world, job("0@5s", json!({ "paused": true }))).await;
    becomes(world, "paused").await;
}

/// The names that a node's pod may have, the first first.
fn names(server: &ApiServer, node: &str) -> impl Iterator<Item = String> {
    let job = server.get(BROADCASTJOBS, &key()).unwrap();
    let uid = job["metadata"]["uid"].as_str().unwrap().to_owned();
    let node = node.to_owned();
    (0..).map(move |turn| format!("scan-{}", Suffixes::new(&[&uid, &node], turn).draw()))
}

/// Somebody else's pod, which the watch of the job's pods does not show.
fn stranger(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": "default", "annotations": { "testkit.kruise.io/exits": "0@900s" } },
        "spec": { "containers": [{ "name": "app", "image": "acme/app:1" }] },
    })
}

/// The names of the pods that the controller asked for, each with the answer.
fn creations(server: &ApiServer) -> Vec<(String, Option<u16>)> {
    let requests = server.requests().into_iter();
    let creations = requests.filter(|request| {
        request.by == NAME && request.verb == "create" && request.plural == "pods"
    });
    let named = creations.map(|request| {
        let name = request.body["metadata"]["name"].as_str().unwrap();
        (name.to_owned(), request.code)
    });
    named.collect()
}

// BJ-53: nobody but the API server tells of it.
#[test]
fn a_node_whose_name_a_stranger_has_is_served_under_the_next_one() {
    play(41, async |world| {
        paused(world).await;
        let of_n1: Vec<String> = names(&world.server, "n1").take(2).collect();
        let theirs = world.server.put(USER, PODS, stranger(&of_n1[0]));
        world.server.change(USER, BROADCASTJOBS, &key(), |job| {
            job["spec"]["paused"] = json!(false);
        });
        becomes(world, "completed").await;
        assert_eq!(counts(&world.server), "3 0 3 0");
        assert_eq!(ever_served(&world.server), ["n1", "n2", "n3"]);

        // It is refused once, and what is asked for then is the next name.
        let creations = creations(&world.server);
        let answers = |name: &str| -> Vec<Option<u16>> {
            let asked = creations.iter().filter(|(asked, _)| asked == name);
            asked.map(|(_, code)| *code).collect()
        };
        assert_eq!(answers(&of_n1[0]), [Some(409)], "{creations:?}");
        assert_eq!(answers(&of_n1[1]), [Some(201)], "{creations:?}");
        assert_eq!(creations.len(), 4, "{creations:?}");

        let name = ObjectKey::new("default", of_n1[0].clone());
        let there = world.server.get(PODS, &name).unwrap();
        assert_eq!(there["metadata"]["uid"], theirs["metadata"]["uid"]);
        assert_eq!(there["metadata"]["labels"], json!(null));
    });
}
