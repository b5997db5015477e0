//! What plays the rest of a cluster: scheduler, kubelets and node controller, all in one task, so that their order
//! follows from the seed alone.

use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::{
    clock::VirtualClock, kubelet::Kubelets, nodes::Nodes, random::Random, scheduler::Scheduler,
    server::ApiServer,
};

/// The rest of a cluster. Clones are the same.
#[derive(Clone)]
pub struct Fakes {
    server: ApiServer,
    clock: VirtualClock,
    state: Arc<Mutex<State>>,
    woken: Arc<Notify>,
}

struct State {
    scheduler: Scheduler,
    kubelets: Kubelets,
    nodes: Nodes,
}

impl Fakes {
    /// Fakes that do nothing until they run.
    #[must_use]
    pub fn new(server: ApiServer, clock: VirtualClock, random: &mut Random) -> Self {
        let state = State {
            scheduler: Scheduler::new(random.fork()),
            kubelets: Kubelets::new(random.fork()),
            nodes: Nodes::default(),
        };
        Self {
            server,
            clock,
            state: Arc::new(Mutex::new(state)),
            woken: Arc::default(),
        }
    }

    /// Plays, for ever.
    pub async fn run(self) {
        loop {
            let version = self.server.version();
            let due = self.step(self.clock.now());
            tokio::select! {
                biased;
                () = self.server.newer_than(version) => {}
                () = self.woken.notified() => {}
                () = self.clock.until(due) => {}
            }
        }
    }

    fn step(&self, now: Timestamp) -> Option<Timestamp> {
        let mut state = self.state();
        let State {
            scheduler,
            kubelets,
            nodes,
        } = &mut *state;
        let due = [
            nodes.step(&self.server, now),
            scheduler.step(&self.server, now),
            kubelets.step(&self.server, now),
        ];
        due.into_iter().flatten().min()
    }

    /// The kubelet of a node is cut off.
    pub fn lose_node(&self, node: &str) {
        let mut state = self.state();
        state.kubelets.stop(node);
        state.nodes.lose(node, self.clock.now());
        drop(state);
        self.woken.notify_one();
    }

    /// The kubelet of a node is back.
    pub fn find_node(&self, node: &str) {
        let mut state = self.state();
        let now = self.clock.now();
        state.kubelets.start(node, now);
        state.nodes.find(&self.server, node, now);
        drop(state);
        self.woken.notify_one();
    }

    /// A node is deleted for good.
    pub fn delete_node(&self, node: &str) {
        let mut state = self.state();
        state.kubelets.stop(node);
        state.nodes.delete(&self.server, node, self.clock.now());
        drop(state);
        self.woken.notify_one();
    }

    /// From now on the probes of the pod with this UID pass, or fail.
    pub fn set_probes(&self, uid: &str, pass: bool) {
        let now = self.clock.now();
        self.state().kubelets.set_probes(uid, pass, now);
        self.woken.notify_one();
    }

    /// The runtime stops a container of the pod with this UID, which then ends with this code.
    pub fn stop_container(&self, uid: &str, name: &str, code: i64) {
        let now = self.clock.now();
        let mut state = self.state();
        state.kubelets.stop_container(uid, name, code, now);
        drop(state);
        self.woken.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while playing")
    }
}
