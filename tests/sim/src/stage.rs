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
    random::Random,
    world::World,
};
use serde_json::Value;

use crate::{
    between::{Between, Saboteur},
    deployable::Deployable,
    front::{Front, Mood},
    history::{Told, Violation},
};

/// The processes of a deployable, unless it says others, by the names of their clients.
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
    /// The processes of the deployable, by the names of their clients.
    pub processes: &'static [&'static str],
    /// What stands before its webhooks, if it has one.
    pub front: Option<Front>,
    /// Rules that the story itself saw broken.
    pub violations: Vec<Violation>,
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
        saboteur: Option<Arc<dyn Saboteur>>,
    ) -> Self {
        let told = Arc::<Mutex<Told>>::default();
        let processes = deployable.processes(&mut world.random);
        for file in deployable.crds() {
            for definition in world.install(file) {
                world.serve_conversion(&definition, processes);
            }
        }
        world
            .server
            .put("setup", NAMESPACES, builders::namespace("kruise-system"));
        let front = serve_webhooks(&mut world, deployable, processes, saboteur.clone());
        let collecting = world.server.clone();
        tokio::spawn(async move { collecting.collect_garbage_every(COLLECT_EVERY).await });
        let (server, clock) = (world.server.clone(), world.clock);
        let noted = Arc::clone(&told);
        let latency = Arc::new(Mutex::new(world.random.fork()));
        world.stand_between(move |who, client| {
            // A process gets its client when it begins.
            note_life(&noted, who, clock.now(), true);
            let between = Between {
                who,
                server: server.clone(),
                clock,
                told: Arc::clone(&noted),
                latency: Arc::clone(&latency),
                saboteur: saboteur.clone(),
            };
            between.client(client)
        });
        // The usual lease makes most of the requests of a run, so a part of the runs is enough for it.
        let flags = if world.random.chance(250) {
            &[][..]
        } else {
            &SLOW_LEASE
        };
        let flags = [flags, deployable.flags()].concat();
        for name in processes {
            world.run_app(name, &flags, || vec![deployable.app()]);
        }
        let client = world.server.client_of(USER);
        let mut stage = Self {
            user: ApiClient::new(client, USER, Metrics::unregistered()),
            told,
            world,
            diary: vec![],
            processes,
            front,
            violations: vec![],
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

    /// From now on calls of webhooks are delayed, repeated and lost.
    pub(crate) fn front_is_rough(&mut self, random: &mut Random) {
        if let Some(front) = &self.front {
            front.set(Mood {
                repeated: *random.pick(&[0, 50, 200]),
                doubled: *random.pick(&[0, 50, 200]),
                lost: *random.pick(&[0, 20, 100]),
                late: *random.pick(&[0, 100, 500]),
            });
        }
    }

    /// The story saw that a rule is broken.
    pub fn tell(&mut self, rule: &'static str, what: impl Into<String>) {
        self.violations.push(Violation {
            rule,
            at: self.world.clock.now(),
            what: what.into(),
        });
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
        let name = *self.world.random.pick(self.processes);
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
        let name = *self.world.random.pick(self.processes);
        if !self.world.runs(name) {
            self.world.start(name);
            return format!("{name} is started");
        }
        self.stop_and_start(name).await;
        format!("{name} is told to end, and started again")
    }

    /// All processes end, and start again.
    pub(crate) async fn restart(&mut self) {
        for name in self.processes {
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
        if let Some(front) = &self.front {
            front.set(Mood::default());
        }
        for name in self.processes {
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

fn serve_webhooks(
    world: &mut World,
    deployable: &'static dyn Deployable,
    processes: &'static [&'static str],
    saboteur: Option<Arc<dyn Saboteur>>,
) -> Option<Front> {
    if !deployable.has_front() {
        world.serve_webhooks(deployable.directory(), processes);
        return None;
    }
    let of = |name: &&'static str| (*name, world.webhooks_of(name));
    let replicas: Vec<_> = processes.iter().map(of).collect();
    let front = Front::new(replicas, world.clock, world.random.fork(), saboteur);
    let asked = front.clone();
    world.serve_webhooks_by(deployable.directory(), move |server, path, review| {
        asked.answer(server, path, review)
    });
    Some(front)
}

fn note_life(told: &Mutex<Told>, who: &'static str, at: Timestamp, runs: bool) {
    let mut told = told.lock().expect("nobody panics while noting");
    told.note_life(who, at, runs);
}
