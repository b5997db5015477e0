//! Order of deletion when fewer pods are to go than there are (IP-89 to IP-100).

use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashMap},
};

use super::keys;
use crate::{meta::StringMap, pod::Pod, well_known::annotations::POD_DELETION_COST};

/// Topology key under which every node is a group of its own.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// What the pods that stay are to be spread over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread<'a> {
    /// Nothing.
    None,
    /// Nodes: for templates without topology spread constraints.
    SameNode,
    /// The topology keys of the template's constraints.
    Topology {
        /// Labels of each node, by its name. Pods on a node that is missing here are in no group.
        nodes: &'a BTreeMap<String, StringMap>,
        /// Topology key of each constraint.
        keys: &'a [String],
    },
}

/// The rank of each pod, by the pod's address. Pods of a higher rank go first.
type Ranks = HashMap<*const Pod, f64>;

/// Orders pods so that the first are deleted first. `available` tells whether a pod is available by
/// the workload's own definition.
pub fn deletion_order(pods: &mut Vec<&Pod>, spread: &Spread<'_>, available: &dyn Fn(&Pod) -> bool) {
    let ranks = match spread {
        Spread::None => Ranks::new(),
        Spread::SameNode => same_node_ranks(pods),
        Spread::Topology { nodes, keys } => topology_ranks(pods, nodes, keys),
    };
    pods.sort_by(|a, b| compare(a, b, Some(available), &ranks));
}

/// What deleting the pod costs, by its annotation (IP-98). 0 without the annotation, and when its value is
/// anything but a plain 32-bit number. A plain number has no plus sign and no leading zeros.
#[must_use]
pub fn deletion_cost(pod: &Pod) -> i32 {
    pod.metadata
        .annotations
        .get(POD_DELETION_COST)
        .filter(|text| {
            text.as_str() == "0" || matches!(text.bytes().next(), Some(b'-' | b'1'..=b'9'))
        })
        .and_then(|text| text.parse().ok())
        .unwrap_or(0)
}

fn compare(a: &Pod, b: &Pod, available: Option<&dyn Fn(&Pod) -> bool>, ranks: &Ranks) -> Ordering {
    let is_available = |pod: &Pod| available.is_some_and(|available| available(pod));
    a.has_node()
        .cmp(&b.has_node())
        .then_with(|| keys::phase_rank(a).cmp(&keys::phase_rank(b)))
        .then_with(|| is_available(a).cmp(&is_available(b)))
        .then_with(|| a.is_ready().cmp(&b.is_ready()))
        .then_with(|| deletion_cost(a).cmp(&deletion_cost(b)))
        .then_with(|| rank(ranks, b).total_cmp(&rank(ranks, a)))
        .then_with(|| keys::late_of_deletion(a).cmp(&keys::late_of_deletion(b)))
}

fn rank(ranks: &Ranks, pod: &Pod) -> f64 {
    ranks.get(&std::ptr::from_ref(pod)).copied().unwrap_or(0.0)
}

/// The ranks of pods on the same node: the pod that goes first has the highest, and the one that goes last
/// has none.
fn same_node_ranks(pods: &[&Pod]) -> Ranks {
    let unranked = Ranks::new();
    let mut ranks = Ranks::new();
    for mut group in groups(pods, |pod| {
        (!pod.spec.node_name.is_empty()).then_some(pod.spec.node_name.as_str())
    }) {
        group.sort_by(|a, b| compare(a, b, None, &unranked));
        group.pop();
        for (rank, pod) in (1..=group.len()).rev().zip(&group) {
            ranks.insert(std::ptr::from_ref(*pod), rank as f64);
        }
    }
    ranks
}

/// The ranks of pods in the same topology. For each key, pods in larger groups rank higher, and so do those
/// that would go first within a group.
fn topology_ranks(pods: &[&Pod], nodes: &BTreeMap<String, StringMap>, keys: &[String]) -> Ranks {
    let same_node = same_node_ranks(pods);
    let unranked = Ranks::new();
    let mut ranks = Ranks::new();
    for key in keys {
        let within = if key == HOSTNAME {
            &unranked
        } else {
            &same_node
        };
        let groups = groups(pods, |pod| {
            nodes
                .get(pod.spec.node_name.as_str())?
                .get(key)
                .map(String::as_str)
        });
        let weight = ((groups.len() + 2) as f64).ln();
        for mut group in groups {
            group.sort_by(|a, b| compare(a, b, None, within));
            for (rank, pod) in (1..=group.len()).rev().zip(&group) {
                *ranks.entry(std::ptr::from_ref(*pod)).or_default() += rank as f64 * weight;
            }
        }
    }
    ranks
}

fn groups<'a>(pods: &[&'a Pod], key: impl Fn(&'a Pod) -> Option<&'a str>) -> Vec<Vec<&'a Pod>> {
    let mut groups: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
    for pod in pods {
        if let Some(key) = key(pod) {
            groups.entry(key).or_default().push(pod);
        }
    }
    groups.into_values().collect()
}
