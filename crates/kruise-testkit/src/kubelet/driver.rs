//! All kubelets of a cluster, on the server.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::Timestamp;
use kruise_api::resource::{ObjectKey, PODS};
use serde_json::Value;

use super::{Next, PodOnNode, Rules};
use crate::{
    fields::{key_of, text, uid_of},
    random::Random,
    server::ApiServer,
};

/// Whose writes those of kubelets are.
pub const KUBELET: &str = "kubelet";

/// The kubelets of all nodes.
pub struct Kubelets {
    /// How long their steps take.
    pub rules: Rules,
    random: Random,
    pods: BTreeMap<String, Known>,
    /// Nodes whose kubelets don't run.
    down: BTreeSet<String>,
    seen: u64,
}

struct Known {
    key: ObjectKey,
    node: String,
    on_node: PodOnNode,
    due: Option<Timestamp>,
}

impl Known {
    fn is_due_at(&mut self, at: Timestamp) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}

impl Kubelets {
    /// Kubelets without pods.
    #[must_use]
    pub fn new(random: Random) -> Self {
        Self {
            rules: Rules::default(),
            random,
            pods: BTreeMap::new(),
            down: BTreeSet::new(),
            seen: 0,
        }
    }

    /// The kubelet of this node ends; its pods go on as they are, unseen.
    pub fn stop(&mut self, node: &str) {
        self.down.insert(node.to_owned());
    }

    /// The kubelet of this node runs again.
    pub fn start(&mut self, node: &str, now: Timestamp) {
        self.down.remove(node);
        for known in self.pods.values_mut().filter(|known| known.node == node) {
            let hears_at = known.on_node.changed(now, &self.rules, &mut self.random);
            known.is_due_at(hears_at);
        }
    }

    /// From now on the probes of this pod pass, or fail.
    pub fn set_probes(&mut self, uid: &str, pass: bool, now: Timestamp) {
        if let Some(known) = self.pods.get_mut(uid) {
            known.on_node.probes_pass = pass;
            known.due = Some(now);
        }
    }

    /// The runtime stops a container of this pod, which then ends with this code.
    pub fn stop_container(&mut self, uid: &str, name: &str, code: i64, now: Timestamp) {
        if let Some(known) = self.pods.get_mut(uid) {
            known.on_node.stop_container(name, code, now);
            known.due = Some(now);
        }
    }

    /// Does what is due, and says when something is due next.
    pub fn step(&mut self, server: &ApiServer, now: Timestamp) -> Option<Timestamp> {
        self.hear(server, now);
        let due = |known: &Known| known.due.is_some_and(|due| due <= now);
        let pods = self.pods.iter();
        let pods = pods.filter(|(_, known)| due(known) && !self.down.contains(&known.node));
        let uids: Vec<String> = pods.map(|(uid, _)| uid.clone()).collect();
        for uid in uids {
            self.serve(server, &uid, now);
        }
        let known = self.pods.values();
        let up = known.filter(|known| !self.down.contains(&known.node));
        up.filter_map(|known| known.due).min()
    }

    fn hear(&mut self, server: &ApiServer, now: Timestamp) {
        for change in server.changes_since(self.seen) {
            self.seen = change.version;
            if change.resource.plural != PODS.plural || change.resource.group != PODS.group {
                continue;
            }
            match &change.after {
                None => {
                    let gone = change.before.as_deref().map(uid_of);
                    self.pods.remove(&gone.unwrap_or_default());
                }
                Some(pod) => self.hear_of(pod, change.by, now),
            }
        }
    }

    fn hear_of(&mut self, pod: &Arc<Value>, by: &str, now: Timestamp) {
        let (rules, random) = (&self.rules, &mut self.random);
        let node = text(&pod["spec"]["nodeName"]);
        if node.is_empty() {
            return;
        }
        if let Some(known) = self.pods.get_mut(&uid_of(pod)) {
            if by != KUBELET {
                // Until it hears of it, it reports nothing: a report of what it knew before would meet whoever writes next.
                let hears_at = known.on_node.changed(now, rules, random);
                known.is_due_at(hears_at);
            }
            return;
        }
        let known = Known {
            key: key_of(pod),
            node,
            on_node: PodOnNode::new(pod, now, rules, random),
            due: Some(now),
        };
        self.pods.insert(uid_of(pod), known);
    }

    fn serve(&mut self, server: &ApiServer, uid: &str, now: Timestamp) {
        let Some(known) = self.pods.get_mut(uid) else {
            return;
        };
        let Some(pod) = server
            .get(PODS, &known.key)
            .filter(|pod| uid_of(pod) == uid)
        else {
            known.due = None;
            return;
        };
        let next = known
            .on_node
            .advance(&pod, now, &self.rules, &mut self.random);
        let status = known.on_node.status(&pod, now);
        if status != pod["status"] {
            server.change(KUBELET, PODS, &known.key, |pod| pod["status"] = status);
        }
        match next {
            Next::Wait(due) => known.due = due,
            Next::Remove => {
                known.due = None;
                server.delete_now(KUBELET, PODS, &known.key);
            }
        }
    }
}
