//! The look-ups of a process, on an API server in memory: what its watches bring, and what it asks for.

mod answers;
mod moving;
mod others;
mod watched;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::Request;
use kruise_api::{
    pod::Pod,
    resource::{NAMESPACES, PODS, Resource},
};
use kruise_runtime::{App, Store, WatchOptions};
use kruise_testkit::{builders, world::World};
use kruise_workload::{
    FindError, Finder, IndexedKind, Reference, Replicas, Target, Workload, WorkloadWatches,
};
use serde_json::{Value, json};

use crate::table::{NAMESPACE, object};

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
    fn finders(&self) -> [&Finder; 2] {
        [&self.process.admission, &self.process.reconciler]
    }

    /// How often the API server was asked which games there are.
    fn n_discoveries(&self) -> usize {
        self.n_asked("/apis/acme.io") - self.n_asked("games")
    }

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

/// The object of the white list.
fn white_list(text: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "namespace": "kruise-system", "name": "kruise-configuration" },
        "data": { "PPS_Watch_Custom_Workload_WhiteList": text },
    })
}
