//! What becomes of nodes, and of pods whose nodes are lost: a node controller and the garbage collector of pods.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kruise_api::resource::{NODES, ObjectKey, PODS};
use serde_json::{Value, json};

use crate::{
    fields::{key_of, list, text},
    kubelet::set_condition,
    server::ApiServer,
};

/// Whose writes those of the node controller are.
pub const NODE_CONTROLLER: &str = "node-controller";
/// How long a kubelet may be silent.
const SILENCE: SignedDuration = SignedDuration::from_secs(40);
/// How long pods stay on a lost node: what pods tolerate unless they say otherwise.
const TOLERATION: SignedDuration = SignedDuration::from_secs(300);
/// When pods of a node that was deleted are taken away.
const COLLECTED_AFTER: SignedDuration = SignedDuration::from_secs(20);
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// The node controller.
#[derive(Default)]
pub struct Nodes {
    lost: BTreeMap<String, Lost>,
    /// Deleted nodes, and when their pods are taken away.
    deleted: BTreeMap<String, Timestamp>,
}

struct Lost {
    since: Timestamp,
    /// Whether this was told.
    is_told: bool,
    has_evicted: bool,
}

impl Nodes {
    /// The kubelet of this node is silent from now on.
    pub fn lose(&mut self, node: &str, now: Timestamp) {
        self.lost.entry(node.to_owned()).or_insert(Lost {
            since: now,
            is_told: false,
            has_evicted: false,
        });
    }

    /// The kubelet of this node is heard again.
    pub fn find(&mut self, server: &ApiServer, node: &str, now: Timestamp) {
        if self.lost.remove(node).is_some_and(|lost| lost.is_told) {
            server.change(NODE_CONTROLLER, NODES, &ObjectKey::new("", node), |node| {
                set_condition(&mut node["status"], "Ready", true, "", now);
                node["spec"]["taints"] = json!([]);
            });
        }
    }

    /// The node is deleted, and with it all that ran there.
    pub fn delete(&mut self, server: &ApiServer, node: &str, now: Timestamp) {
        self.lost.remove(node);
        self.deleted.insert(node.to_owned(), now + COLLECTED_AFTER);
        server.delete(NODE_CONTROLLER, NODES, &ObjectKey::new("", node));
    }

    /// Does what is due, and says when something is due next.
    pub fn step(&mut self, server: &ApiServer, now: Timestamp) -> Option<Timestamp> {
        let mut next = vec![];
        for (node, lost) in &mut self.lost {
            if !lost.is_told && lost.since + SILENCE <= now {
                lost.is_told = true;
                tell(server, node, now);
            }
            if !lost.has_evicted && lost.since + SILENCE + TOLERATION <= now {
                lost.has_evicted = true;
                for key in pods_of(server, node) {
                    server.delete(NODE_CONTROLLER, PODS, &key);
                }
            }
            if !lost.is_told {
                next.push(lost.since + SILENCE);
            } else if !lost.has_evicted {
                next.push(lost.since + SILENCE + TOLERATION);
            }
        }
        self.deleted.retain(|node, at| {
            if *at > now {
                next.push(*at);
                return true;
            }
            for key in pods_of(server, node) {
                server.change(NODE_CONTROLLER, PODS, &key, |pod| {
                    pod["status"]["phase"] = json!("Failed");
                });
                server.delete_now(NODE_CONTROLLER, PODS, &key);
            }
            false
        });
        next.into_iter().min()
    }
}

fn tell(server: &ApiServer, node: &str, now: Timestamp) {
    server.change(NODE_CONTROLLER, NODES, &ObjectKey::new("", node), |node| {
        set_condition(
            &mut node["status"],
            "Ready",
            false,
            "NodeStatusUnknown",
            now,
        );
        let conditions = node["status"]["conditions"].as_array_mut();
        for condition in conditions.into_iter().flatten() {
            if condition["type"] == "Ready" {
                condition["status"] = json!("Unknown");
            }
        }
        let taint = |effect| json!({ "key": UNREACHABLE, "effect": effect });
        node["spec"]["taints"] = json!([taint("NoSchedule"), taint("NoExecute")]);
    });
    for key in pods_of(server, node) {
        server.change(NODE_CONTROLLER, PODS, &key, |pod| {
            let has_ready = |condition: &Value| condition["type"] == "Ready";
            if list(&pod["status"]["conditions"]).iter().any(has_ready) {
                set_condition(&mut pod["status"], "Ready", false, "", now);
            }
        });
    }
}

fn pods_of(server: &ApiServer, node: &str) -> Vec<ObjectKey> {
    let pods = server.list(PODS);
    let on_node = pods
        .iter()
        .filter(|pod| text(&pod["spec"]["nodeName"]) == node);
    on_node.map(|pod| key_of(pod)).collect()
}
