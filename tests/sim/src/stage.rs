//! Where a story plays: a world, two replicas of the deployable, and a user.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use kruise_api::resource::{NAMESPACES, NODES, ObjectKey, PODS, PatchKind, Resource};
use kruise_runtime::{ApiClient, ApiError, Metrics};
use kruise_testkit::{
    builders,
    fields::{key_of, text, uid_of},
    world::World,
};
use serde_json::Value;

use crate::{between::Between, deployable::Deployable, history::Told};

/// The processes of the deployable, by the names of their clients.
pub const PROCESSES: [&str; 2] = ["controller-a", "controller-b"];
/// Whose requests are those of the user.
pub const USER: &str = "user";

/// A lease that is renewed more seldom than usual.
const SLOW_LEASE: [&str; 4] = [
    "--leader-election-lease-duration=45s",
    "--leader-election-renew-deadline=30s",
    "--leader-election-retry-period=8s",
    "--allow-kruise-manager",
];

/// How often what has no owner any more is taken away.
const COLLECT_EVERY: Duration = Duration::from_secs(1);

/// Where a story plays.
pub struct Stage {
    /// The cluster.
    pub world: World,
    /// What the processes were told.
    pub told: Arc<Mutex<Told>>,
    /// What has happened, and when.
    pub diary: Vec<(Timestamp, String)>,
    user: ApiClient,
    n_nodes: usize,
    nodes: Vec<String>,
    lost: Vec<String>,
    unwell: Vec<String>,
}

impl Stage {
    /// A cluster with nodes, and the deployable in it.
    pub(crate) fn new(
        mut world: World,
        deployable: &'static dyn Deployable,
        between: impl Fn(Between) -> Between + 'static,
    ) -> Self {
        let told = Arc::<Mutex<Told>>::default();
        for file in deployable.crds() {
            for definition in world.install(file) {
                world.serve_conversion(&definition, &PROCESSES);
            }
        }
        world
            .server
            .put("setup", NAMESPACES, builders::namespace("kruise-system"));
        world.serve_webhooks(deployable.directory(), &PROCESSES);
        let collecting = world.server.clone();
        tokio::spawn(async move { collecting.collect_garbage_every(COLLECT_EVERY).await });
        let (server, clock) = (world.server.clone(), world.clock);
        let noted = Arc::clone(&told);
        let latency = Arc::new(Mutex::new(world.random.fork()));
        world.stand_between(move |who, client| {
            // A process gets its client when it begins.
            note_life(&noted, who, clock.now(), true);
            let plain = Between {
                who,
                server: server.clone(),
                clock,
                told: Arc::clone(&noted),
                latency: Arc::clone(&latency),
                saboteur: None,
            };
            between(plain).client(client)
        });
        // The usual lease makes most of the requests of a run, so a part of the runs is enough for it.
        let flags = if world.random.chance(250) {
            &[][..]
        } else {
            &SLOW_LEASE
        };
        for name in PROCESSES {
            world.run_app(name, flags, || vec![deployable.app()]);
        }
        let client = world.server.client_of(USER);
        let mut stage = Self {
            user: ApiClient::new(client, USER, Metrics::unregistered()),
            told,
            world,
            diary: vec![],
            n_nodes: 0,
            nodes: vec![],
            lost: vec![],
            unwell: vec![],
        };
        for _ in 0..4 {
            stage.add_node();
        }
        stage
    }

    /// Notes what happens.
    pub fn note(&mut self, what: impl Into<String>) {
        let now = self.world.clock.now();
        self.diary.push((now, what.into()));
    }

    /// The user creates an object, and tries again where nobody answers.
    pub async fn create(&mut self, resource: &Resource, object: &Value) -> bool {
        let namespace = text(&object["metadata"]["namespace"]);
        self.insist(async |user: ApiClient| {
            user.create(resource, &namespace, object).await.map(drop)
        })
        .await
    }

    /// The user changes an object.
    pub async fn patch(&mut self, resource: &Resource, key: &ObjectKey, patch: &Value) -> bool {
        self.insist(async |user: ApiClient| {
            let kind = PatchKind::Merge;
            user.patch(resource, key, None, kind, patch).await.map(drop)
        })
        .await
    }

    async fn insist(&mut self, ask: impl AsyncFn(ApiClient) -> Result<(), ApiError>) -> bool {
        for _ in 0..40 {
            match ask(self.user.clone()).await {
                Ok(()) => return true,
                Err(error) => {
                    let is_final = matches!(error, ApiError::NotFound { .. })
                        || error.to_string().contains("denied the request");
                    self.note(format!("  the user is refused: {error}"));
                    if is_final {
                        return false;
                    }
                }
            }
            // Nobody answers webhooks, perhaps.
            self.world.run_for(Duration::from_millis(500)).await;
        }
        false
    }

    /// Pods that are there and not on their way out.
    #[must_use]
    pub fn pods(&self) -> Vec<Arc<Value>> {
        let mut pods = self.world.server.list(PODS);
        pods.retain(|pod| pod["metadata"].get("deletionTimestamp").is_none());
        pods
    }

    /// A pod, by chance.
    pub fn any_pod(&mut self) -> Option<Arc<Value>> {
        let pods = self.pods();
        (!pods.is_empty()).then(|| self.world.random.pick(&pods).clone())
    }

    /// Something happens that no spec asks for, and what.
    pub async fn misfortune(&mut self) -> String {
        match self.world.random.below(10) {
            0..=2 => self.kill().await,
            3 => self.stop().await,
            4 | 5 => self.delete_a_pod(),
            6 | 7 => self.change_probes(),
            8 => self.change_a_node(),
            _ => {
                self.world.server.faults().compact();
                "old versions are forgotten".to_owned()
            }
        }
    }

    async fn kill(&mut self) -> String {
        let name = *self.world.random.pick(&PROCESSES);
        if !self.world.runs(name) {
            self.world.start(name);
            return format!("{name} is started");
        }
        self.note_end(name);
        self.world.kill(name).await;
        // Mostly it is started again at once, as a kubelet does.
        if self.world.random.chance(800) {
            let pause = self.world.random.below(3000) as u64;
            self.world.run_for(Duration::from_millis(pause)).await;
            self.world.start(name);
            return format!("{name} is killed, and started again after {pause} ms");
        }
        format!("{name} is killed")
    }

    async fn stop(&mut self) -> String {
        let name = *self.world.random.pick(&PROCESSES);
        if !self.world.runs(name) {
            self.world.start(name);
            return format!("{name} is started");
        }
        self.stop_and_start(name).await;
        format!("{name} is told to end, and started again")
    }

    /// All processes end, and start again.
    pub(crate) async fn restart(&mut self) {
        for name in PROCESSES {
            self.stop_and_start(name).await;
        }
        self.note("all processes start again");
    }

    async fn stop_and_start(&mut self, name: &'static str) {
        self.world.stop(name).await;
        // Until then it may answer.
        self.note_end(name);
        self.world.start(name);
    }

    fn note_end(&self, name: &'static str) {
        note_life(&self.told, name, self.world.clock.now(), false);
    }

    fn delete_a_pod(&mut self) -> String {
        let Some(pod) = self.any_pod() else {
            return "there is no pod to delete".to_owned();
        };
        let name = text(&pod["metadata"]["name"]);
        self.delete(PODS, &key_of(&pod));
        format!("pod {name} is deleted by hand")
    }

    fn change_probes(&mut self) -> String {
        if let Some(uid) = self.unwell.pop() {
            self.world.fakes.set_probes(&uid, true);
            return format!("probes of pod {uid} pass again");
        }
        let Some(pod) = self.any_pod() else {
            return "there is no pod whose probes could fail".to_owned();
        };
        self.world.fakes.set_probes(&uid_of(&pod), false);
        self.unwell.push(uid_of(&pod));
        format!("probes of pod {} fail", text(&pod["metadata"]["name"]))
    }

    fn change_a_node(&mut self) -> String {
        if let Some(node) = self.lost.pop() {
            self.world.fakes.find_node(&node);
            self.nodes.push(node.clone());
            return format!("node {node} is back");
        }
        if self.nodes.is_empty() {
            return "there is no node".to_owned();
        }
        let place = self.world.random.below(self.nodes.len());
        let node = self.nodes.remove(place);
        if self.world.random.chance(500) {
            self.world.fakes.lose_node(&node);
            self.lost.push(node.clone());
            return format!("node {node} is lost");
        }
        self.world.fakes.delete_node(&node);
        self.add_node();
        format!("node {node} is deleted, another one comes")
    }

    /// A node that is not lost, by chance.
    pub fn any_node(&mut self) -> Option<String> {
        (!self.nodes.is_empty()).then(|| self.world.random.pick(&self.nodes).clone())
    }

    /// The user deletes an object.
    pub fn delete(&mut self, resource: Resource, key: &ObjectKey) {
        self.world.server.delete(USER, resource, key);
    }

    /// A node joins.
    pub fn add_node(&mut self) {
        let name = format!("node-{}", self.n_nodes);
        self.n_nodes += 1;
        self.world.server.put("setup", NODES, builders::node(&name));
        self.nodes.push(name);
    }

    /// Nothing goes wrong any more.
    pub(crate) fn calm(&mut self) {
        self.world.server.faults().stop();
        for name in PROCESSES {
            if !self.world.runs(name) {
                self.world.start(name);
            }
        }
        for uid in std::mem::take(&mut self.unwell) {
            self.world.fakes.set_probes(&uid, true);
        }
        for node in std::mem::take(&mut self.lost) {
            self.world.fakes.find_node(&node);
            self.nodes.push(node);
        }
    }
}

fn note_life(told: &Mutex<Told>, who: &'static str, at: Timestamp, runs: bool) {
    let mut told = told.lock().expect("nobody panics while noting");
    told.note_life(who, at, runs);
}
