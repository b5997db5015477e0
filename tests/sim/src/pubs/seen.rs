//! Pods, budgets and workloads as the judges read them: by the specification alone, without a line of what is judged.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use kruise_api::{
    policy::v1beta1::PODUNAVAILABLEBUDGETS,
    resource::{PODS, Resource},
};
use kruise_testkit::{
    fields::{list, text, uid_of},
    server::{ApiServer, Change},
};
use serde_json::Value;

use crate::history::is_of;

pub(super) const REPLICA_SETS: Resource = workload("replicasets", "ReplicaSet");
pub(super) const STATEFUL_SETS: Resource = workload("statefulsets", "StatefulSet");

const fn workload(plural: &'static str, kind: &'static str) -> Resource {
    Resource {
        group: "apps",
        version: "v1",
        plural,
        kind,
        namespaced: true,
    }
}

const LINKS: [&str; 2] = ["pub.kruise.io/related-pub", "kruise.io/related-pub"];

/// A pod.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct PodSeen {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) app: String,
    pub(super) node: String,
    /// UID of its workload.
    pub(super) owner: String,
    /// The budget that it names.
    pub(super) link: Option<String>,
    /// Whether an annotation takes it out of every budget.
    pub(super) is_exempt: bool,
    /// Neither finished nor on its way out (PB-20).
    pub(super) is_active: bool,
    /// PB-29; nothing in these stories makes a pod inconsistent otherwise (PB-30).
    pub(super) serves: bool,
}

impl PodSeen {
    pub(super) fn read(pod: &Value) -> Self {
        let (metadata, status) = (&pod["metadata"], &pod["status"]);
        let annotation = |key: &str| text(&metadata["annotations"][key]);
        let links = LINKS.iter().map(|key| annotation(key));
        let labels = metadata["labels"].as_object().into_iter().flatten();
        let is_marked = labels
            .clone()
            .any(|(key, _)| key.starts_with("unavailable-pod.kruise.io/"));
        let mut conditions = list(&status["conditions"]).iter();
        let is_ready = conditions.any(|it| it["type"] == "Ready" && it["status"] == "True");
        let is_there = metadata.get("deletionTimestamp").is_none();
        Self {
            name: text(&metadata["name"]),
            uid: uid_of(pod),
            app: text(&metadata["labels"]["app"]),
            node: text(&pod["spec"]["nodeName"]),
            owner: text(&metadata["ownerReferences"][0]["uid"]),
            link: links.into_iter().find(|name| !name.is_empty()),
            is_exempt: annotation("pub.kruise.io/no-protect") == "true",
            is_active: is_there && !["Succeeded", "Failed"].contains(&&*text(&status["phase"])),
            serves: is_there && status["phase"] == "Running" && is_ready && !is_marked,
        }
    }
}

/// A workload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct WorkloadSeen {
    pub(super) uid: String,
    pub(super) replicas: i64,
}

/// A budget.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct BudgetSeen {
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) is_going: bool,
    /// The pods that it selects by their label, or the workload that it names.
    pub(super) app: Option<String>,
    pub(super) target: Option<String>,
    pub(super) total: Option<i64>,
    max_unavailable: Value,
    min_available: Value,
    pub(super) operations: Vec<String>,
    pub(super) status: StatusSeen,
}

/// What its status says.
#[derive(Clone, PartialEq, Debug, Default)]
pub(super) struct StatusSeen {
    /// Generation, available, desired and total: what only the leader writes.
    pub(super) counted: [i64; 4],
    pub(super) allowed: i64,
    /// Pods that were paid for, by name and the map that has them, and when.
    pub(super) booked: BTreeMap<(String, usize), String>,
}

impl StatusSeen {
    fn read(status: &Value) -> Self {
        let number = |field: &str| status[field].as_i64().unwrap_or_default();
        let maps = ["disruptedPods", "unavailablePods"].into_iter().enumerate();
        let entries = maps.flat_map(|(place, map)| {
            let entries = status[map].as_object().into_iter().flatten();
            entries.map(move |(name, at)| ((name.clone(), place), text(at)))
        });
        Self {
            counted: [
                "observedGeneration",
                "currentAvailable",
                "desiredAvailable",
                "totalReplicas",
            ]
            .map(number),
            allowed: number("unavailableAllowed"),
            booked: entries.collect(),
        }
    }

    /// Whether it was ever written: a budget protects from then on.
    pub(super) fn is_written(&self) -> bool {
        self.counted[0] > 0
    }

    /// Whether this pod was paid for.
    pub(super) fn has_booked(&self, pod: &str) -> bool {
        self.booked.keys().any(|(name, _)| name == pod)
    }
}

impl BudgetSeen {
    pub(super) fn read(budget: &Value) -> Self {
        let spec = &budget["spec"];
        let named = |value: &Value| Some(text(value)).filter(|text| !text.is_empty());
        Self {
            name: text(&budget["metadata"]["name"]),
            uid: uid_of(budget),
            is_going: budget["metadata"].get("deletionTimestamp").is_some(),
            app: named(&spec["selector"]["matchLabels"]["app"]),
            target: named(&spec["targetRef"]["name"]),
            total: spec["protectTotalReplicas"].as_i64(),
            max_unavailable: spec["maxUnavailable"].clone(),
            min_available: spec["minAvailable"].clone(),
            operations: list(&spec["protectOperations"]).iter().map(text).collect(),
            status: StatusSeen::read(&budget["status"]),
        }
    }

    /// PB-44
    pub(super) fn protects_from(&self, operation: &str) -> bool {
        self.operations.is_empty() || self.operations.iter().any(|own| own == operation)
    }

    /// PB-26, PB-27
    pub(super) fn desired(&self, expected: i64) -> i64 {
        let share = |limit: &Value| match limit.as_str() {
            Some(text) => {
                let percent: i64 = text.trim_end_matches('%').parse().expect("a percentage");
                (percent * expected + 99).div_euclid(100)
            }
            None => limit.as_i64().unwrap_or_default(),
        };
        if self.max_unavailable.is_null() {
            share(&self.min_available)
        } else {
            (expected - share(&self.max_unavailable)).max(0)
        }
    }
}

/// All that there is.
#[derive(Clone, Default)]
pub(super) struct Cluster {
    pub(super) pods: BTreeMap<String, PodSeen>,
    pub(super) budgets: BTreeMap<String, BudgetSeen>,
    pub(super) workloads: BTreeMap<String, WorkloadSeen>,
}

impl Cluster {
    /// As it is now.
    pub(super) fn read(server: &ApiServer) -> Self {
        let mut cluster = Self::default();
        for kind in [PODS, PODUNAVAILABLEBUDGETS, REPLICA_SETS, STATEFUL_SETS] {
            for object in server.list(kind) {
                cluster.put(&Change {
                    version: 0,
                    at: jiff::Timestamp::UNIX_EPOCH,
                    resource: kind,
                    by: "",
                    before: None,
                    after: Some(object),
                });
            }
        }
        cluster
    }

    /// Follows a change. Whether it was about anything here.
    pub(super) fn put(&mut self, change: &Change) -> bool {
        let name = name_of(change);
        let after = change.after.as_deref();
        if is_of(change, &PODS) {
            set(&mut self.pods, name, after.map(PodSeen::read));
        } else if is_of(change, &PODUNAVAILABLEBUDGETS) {
            set(&mut self.budgets, name, after.map(BudgetSeen::read));
        } else if is_workload(change) {
            let workload = after.map(|it| WorkloadSeen {
                uid: uid_of(it),
                replicas: it["spec"]["replicas"].as_i64().unwrap_or(1),
            });
            set(&mut self.workloads, name, workload);
        } else {
            return false;
        }
        true
    }

    /// Whether the pod is one of the budget's, linked or not (PB-20).
    pub(super) fn covers(&self, budget: &BudgetSeen, pod: &PodSeen) -> bool {
        match (&budget.target, &budget.app) {
            (Some(target), _) => {
                let workload = self.workloads.get(target);
                workload.is_some_and(|it| it.uid == pod.owner)
            }
            (None, Some(app)) => *app == pod.app,
            (None, None) => false,
        }
    }

    /// How many pods there should be (PB-20 to PB-24).
    pub(super) fn expected(&self, budget: &BudgetSeen) -> i64 {
        if let Some(total) = budget.total {
            return total;
        }
        if let Some(target) = &budget.target {
            return self.workloads.get(target).map_or(0, |it| it.replicas);
        }
        let pods = self.pods.values();
        let own = pods.filter(|pod| pod.is_active && self.covers(budget, pod));
        let owners: BTreeSet<&String> = own.map(|pod| &pod.owner).collect();
        let workloads = self.workloads.values();
        let counted = workloads.filter(|it| owners.contains(&it.uid));
        counted.map(|it| it.replicas).sum()
    }

    /// How many pods must stay available.
    pub(super) fn desired(&self, budget: &BudgetSeen) -> i64 {
        budget.desired(self.expected(budget))
    }

    /// Its pods that serve.
    pub(super) fn serving<'a>(
        &'a self,
        budget: &'a BudgetSeen,
    ) -> impl Iterator<Item = &'a PodSeen> {
        let pods = self.pods.values();
        pods.filter(move |pod| pod.serves && self.covers(budget, pod))
    }
}

pub(super) fn is_workload(change: &Change) -> bool {
    is_of(change, &REPLICA_SETS) || is_of(change, &STATEFUL_SETS)
}

fn set<T>(all: &mut BTreeMap<String, T>, name: String, value: Option<T>) {
    match value {
        Some(value) => all.insert(name, value),
        None => all.remove(&name),
    };
}

pub(super) fn name_of(change: &Change) -> String {
    let object = change.after.as_ref().or(change.before.as_ref());
    object
        .map(|it| text(&it["metadata"]["name"]))
        .unwrap_or_default()
}

/// One pod that was paid for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Booking {
    pub(super) pod: String,
    /// Whether it is to be deleted, and not changed.
    pub(super) is_deletion: bool,
    /// As it says. It may be stored seconds later, when nobody waits for it any more.
    pub(super) at: Timestamp,
}

/// What somebody paid, as a change of a status shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Payment {
    /// Name of the budget.
    pub(super) budget: String,
    /// Pods that were booked, or booked anew.
    pub(super) pods: Vec<Booking>,
    /// Whether one of them was booked before.
    pub(super) is_repeated: bool,
    /// How many units it took.
    pub(super) units: i64,
}

/// The payment that this change is: something is booked, nothing is taken out, and nothing is counted.
pub(super) fn payment(change: &Change) -> Option<Payment> {
    if !is_of(change, &PODUNAVAILABLEBUDGETS) {
        return None;
    }
    let [before, after] = [change.before.as_ref()?, change.after.as_ref()?];
    let (old, new) = (
        StatusSeen::read(&before["status"]),
        StatusSeen::read(&after["status"]),
    );
    let is_same = before["spec"] == after["spec"] && old.counted == new.counted;
    let keeps_all = old.booked.keys().all(|name| new.booked.contains_key(name));
    let booked = new
        .booked
        .iter()
        .filter(|(name, at)| old.booked.get(*name) != Some(at));
    let pods: Vec<Booking> = booked
        .map(|((name, place), at)| Booking {
            pod: name.clone(),
            is_deletion: *place == 0,
            at: at.parse().unwrap_or(change.at),
        })
        .collect();
    let units = old.allowed - new.allowed;
    if !is_same || !keeps_all || units < 0 || pods.is_empty() && units == 0 {
        return None;
    }
    Some(Payment {
        budget: name_of(change),
        is_repeated: pods.iter().any(|booking| old.has_booked(&booking.pod)),
        pods,
        units,
    })
}
