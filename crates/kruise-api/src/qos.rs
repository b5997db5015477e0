//! The quality-of-service class that Kubernetes gives a pod, computed from a pod template's JSON
//! (IP-7).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::quantity;

/// Order in which pods are evicted under pressure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QosClass {
    /// No requests and no limits at all.
    BestEffort,
    /// Something is requested or limited.
    Burstable,
    /// Every container has limits for CPU and memory, and all requests equal the limits.
    Guaranteed,
}

/// The only resources that count.
const COUNTED: [&str; 2] = ["cpu", "memory"];

/// Class of the pods of this template. Init containers count like the others. What is no amount, or not a
/// positive one, doesn't count.
#[must_use]
pub fn of_template(template: &Value) -> QosClass {
    let mut requests = Sums::default();
    let mut limits = Sums::default();
    let mut all_limited = true;
    for container in containers(template) {
        requests.add(amounts(container, "requests"));
        let limited = amounts(container, "limits");
        all_limited &= limited.len() == COUNTED.len();
        limits.add(limited);
    }
    if requests.0.is_empty() && limits.0.is_empty() {
        QosClass::BestEffort
    } else if all_limited && requests == limits {
        QosClass::Guaranteed
    } else {
        QosClass::Burstable
    }
}

/// Billionths by resource. A sum that is too large counts as the largest.
#[derive(Default, PartialEq)]
struct Sums(BTreeMap<&'static str, i128>);

impl Sums {
    fn add(&mut self, amounts: Vec<(&'static str, i128)>) {
        for (resource, nanos) in amounts {
            let sum = self.0.entry(resource).or_default();
            *sum = sum.saturating_add(nanos);
        }
    }
}

fn containers(template: &Value) -> impl Iterator<Item = &Value> {
    ["/spec/containers", "/spec/initContainers"]
        .into_iter()
        .filter_map(|list| template.pointer(list)?.as_array())
        .flatten()
}

fn amounts(container: &Value, field: &str) -> Vec<(&'static str, i128)> {
    let amounts = container.get("resources").and_then(|of| of.get(field));
    COUNTED
        .into_iter()
        .filter_map(|resource| {
            let text = amounts?.get(resource)?.as_str()?;
            let nanos = quantity::nanos(text).filter(|nanos| *nanos > 0)?;
            Some((resource, nanos))
        })
        .collect()
}
