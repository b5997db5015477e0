//! A scheduler: it binds each pod to one of the nodes that the pod fits, some time after it came.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kruise_api::resource::{NODES, ObjectKey, PODS};
use serde_json::{Value, json};

use crate::{
    fields::{key_of, list, text, uid_of},
    kubelet::{Delay, is_true, set_condition},
    random::Random,
    server::ApiServer,
};

/// Whose writes those of the scheduler are.
pub const SCHEDULER: &str = "scheduler";
/// How long a pod waits.
const DELAY: Delay = Delay::between(1, 200);

/// The scheduler.
pub struct Scheduler {
    random: Random,
    /// Pods without a node, and when they are looked at.
    waiting: BTreeMap<String, (ObjectKey, Option<Timestamp>)>,
    seen: u64,
}

impl Scheduler {
    /// A scheduler that has seen nothing.
    #[must_use]
    pub fn new(random: Random) -> Self {
        Self {
            random,
            waiting: BTreeMap::new(),
            seen: 0,
        }
    }

    /// Does what is due, and says when something is due next.
    pub fn step(&mut self, server: &ApiServer, now: Timestamp) -> Option<Timestamp> {
        self.hear(server, now);
        let waiting = self.waiting.iter();
        let due = waiting.filter(|(_, (_, due))| due.is_some_and(|due| due <= now));
        let due: Vec<(String, ObjectKey)> = due
            .map(|(uid, (key, _))| (uid.clone(), key.clone()))
            .collect();
        for (uid, key) in due {
            self.schedule(server, &uid, &key, now);
        }
        self.waiting.values().filter_map(|(_, due)| *due).min()
    }

    fn hear(&mut self, server: &ApiServer, now: Timestamp) {
        for change in server.changes_since(self.seen) {
            self.seen = change.version;
            let of = |plural| change.resource.group.is_empty() && change.resource.plural == plural;
            if of(NODES.plural) {
                for (_, due) in self.waiting.values_mut() {
                    due.get_or_insert(now + DELAY.draw(&mut self.random));
                }
            } else if of(PODS.plural) {
                let pod = change.after.as_ref().or(change.before.as_ref());
                let pod = pod.expect("a pod");
                let waits = change.after.is_some()
                    && pod["spec"]["nodeName"]
                        .as_str()
                        .unwrap_or_default()
                        .is_empty()
                    && pod["metadata"].get("deletionTimestamp").is_none()
                    && list(&pod["spec"]["schedulingGates"]).is_empty();
                if !waits {
                    self.waiting.remove(&uid_of(pod));
                } else if change.by != SCHEDULER {
                    let due = now + DELAY.draw(&mut self.random);
                    let waiting = self.waiting.entry(uid_of(pod));
                    waiting.or_insert((key_of(pod), None)).1.get_or_insert(due);
                }
            }
        }
    }

    fn schedule(&mut self, server: &ApiServer, uid: &str, key: &ObjectKey, now: Timestamp) {
        let Some(pod) = server.get(PODS, key).filter(|pod| uid_of(pod) == uid) else {
            self.waiting.remove(uid);
            return;
        };
        let nodes = server.list(NODES);
        let fitting: Vec<String> = nodes
            .iter()
            .filter(|node| fits(&pod, node))
            .map(|node| text(&node["metadata"]["name"]))
            .collect();
        if fitting.is_empty() {
            if let Some((_, due)) = self.waiting.get_mut(uid) {
                *due = None;
            }
            server.change(SCHEDULER, PODS, key, |pod| {
                let status = pod["status"].as_object_mut();
                status
                    .expect("a status")
                    .entry("phase")
                    .or_insert(json!("Pending"));
                set_condition(
                    &mut pod["status"],
                    "PodScheduled",
                    false,
                    "Unschedulable",
                    now,
                );
            });
            return;
        }
        let node = self.random.pick(&fitting).clone();
        self.waiting.remove(uid);
        server.change(SCHEDULER, PODS, key, |pod| {
            pod["spec"]["nodeName"] = json!(node);
            set_condition(&mut pod["status"], "PodScheduled", true, "", now);
        });
    }
}

/// Whether a pod may run on a node: the node's health, its taints, and what the pod requires of its labels and name.
#[must_use]
pub fn fits(pod: &Value, node: &Value) -> bool {
    let spec = &pod["spec"];
    let is_up = is_true(&node["status"], "Ready") && node["spec"]["unschedulable"] != true;
    is_up && tolerates(spec, node) && is_selected(spec, node) && has_affinity(spec, node)
}

fn tolerates(spec: &Value, node: &Value) -> bool {
    let keeps_off = |taint: &&Value| taint["effect"] != "PreferNoSchedule";
    let mut taints = list(&node["spec"]["taints"]).iter().filter(keeps_off);
    taints.all(|taint| {
        let tolerations = list(&spec["tolerations"]).iter();
        tolerations.into_iter().any(|toleration| {
            let any_key = toleration["key"].as_str().is_none_or(str::is_empty);
            let is_any_value = toleration["operator"] == "Exists";
            let is_key = toleration["key"] == taint["key"];
            let same = |field: &str| text(&toleration[field]) == text(&taint[field]);
            (is_any_value && any_key || is_key && (is_any_value || same("value")))
                && (toleration["effect"].as_str().is_none_or(str::is_empty) || same("effect"))
        })
    })
}

fn is_selected(spec: &Value, node: &Value) -> bool {
    let wanted = spec["nodeSelector"].as_object().into_iter().flatten();
    let labels = &node["metadata"]["labels"];
    wanted
        .into_iter()
        .all(|(key, value)| labels.get(key) == Some(value))
}

fn has_affinity(spec: &Value, node: &Value) -> bool {
    let required =
        &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    if required.is_null() {
        return true;
    }
    let labels = &node["metadata"]["labels"];
    list(&required["nodeSelectorTerms"]).iter().any(|term| {
        let (expressions, fields) = (list(&term["matchExpressions"]), list(&term["matchFields"]));
        let by_label = |it: &Value| holds(it, &labels[text(&it["key"])]);
        // The one field there is.
        let by_name = |it: &Value| holds(it, &node["metadata"]["name"]);
        !(expressions.is_empty() && fields.is_empty())
            && expressions.iter().all(by_label)
            && fields.iter().all(by_name)
    })
}

fn holds(expression: &Value, value: &Value) -> bool {
    let values = list(&expression["values"]);
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<i64>().ok());
    let bound = || values.first().and_then(number);
    match expression["operator"].as_str() {
        Some("In") => values.contains(value),
        Some("NotIn") => !values.contains(value),
        Some("Exists") => !value.is_null(),
        Some("DoesNotExist") => value.is_null(),
        Some("Gt") => number(value)
            .zip(bound())
            .is_some_and(|(has, than)| has > than),
        Some("Lt") => number(value)
            .zip(bound())
            .is_some_and(|(has, than)| has < than),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builders;

    #[test]
    fn a_pod_fits_by_selector_affinity_taints_and_health() {
        let mut node = builders::node("a");
        node["metadata"]["labels"]["disk"] = json!("ssd");
        let fits = |spec: Value| super::fits(&json!({ "spec": spec }), &node);
        assert!(fits(json!({})));
        assert!(fits(json!({ "nodeSelector": { "disk": "ssd" } })));
        assert!(!fits(json!({ "nodeSelector": { "disk": "hdd" } })));
        let affinity = |kind: &str, key: &str, operator: &str, value: &str| {
            let term = json!({ kind: [{ "key": key, "operator": operator, "values": [value] }] });
            let required = json!({ "nodeSelectorTerms": [term] });
            let required = json!({ "requiredDuringSchedulingIgnoredDuringExecution": required });
            json!({ "affinity": { "nodeAffinity": required } })
        };
        assert!(fits(affinity("matchFields", "metadata.name", "In", "a")));
        assert!(!fits(affinity("matchFields", "metadata.name", "In", "b")));
        assert!(fits(affinity("matchExpressions", "disk", "In", "ssd")));
        assert!(!fits(affinity("matchExpressions", "disk", "NotIn", "ssd")));

        let mut tainted = node.clone();
        tainted["spec"]["taints"] = json!([{ "key": "k", "value": "v", "effect": "NoSchedule" }]);
        let fits = |spec: Value| super::fits(&json!({ "spec": spec }), &tainted);
        assert!(!fits(json!({})));
        assert!(fits(json!({ "tolerations": [{ "operator": "Exists" }] })));
        assert!(fits(
            json!({ "tolerations": [{ "key": "k", "value": "v", "effect": "NoSchedule" }] })
        ));
        assert!(!fits(
            json!({ "tolerations": [{ "key": "k", "value": "w" }] })
        ));

        let mut sick = node;
        sick["status"]["conditions"][0]["status"] = json!("Unknown");
        assert!(!super::fits(&json!({}), &sick));
    }
}
