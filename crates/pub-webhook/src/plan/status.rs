//! What a budget's status becomes (PB-53 to PB-55), by the newest copy of the budget: pods may have been paid for since
//! the watch last showed it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use jiff::SignedDuration;
pub use kruise_api::budget::{DISRUPTED_FOR, UNAVAILABLE_FOR};
use kruise_api::meta::Time;
use serde_json::{Map, Value, json};

use crate::{budget::Budget, pod::BudgetPod, snapshot::Snapshot};

/// What the status is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Generation that was seen.
    pub observed_generation: i64,
    /// What of the map is left.
    pub disrupted_pods: BTreeMap<String, Time>,
    /// Likewise.
    pub unavailable_pods: BTreeMap<String, Time>,
    /// How many more pods may go.
    pub unavailable_allowed: i32,
    /// How many are available.
    pub current_available: i32,
    /// How many must stay so.
    pub desired_available: i32,
    /// How many there should be.
    pub total_replicas: i32,
}

/// What follows from one copy of the budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// The status.
    pub status: Status,
    /// The merge patch of the status that makes it so, for this copy alone; none if it is so already.
    pub patch: Option<Value>,
    /// Pods that should have gone and are still there.
    pub not_deleted: Vec<Arc<BudgetPod>>,
    /// Names of pods that are read live before their entries go (DV-PB16). Of some the time is up: what a watch that has
    /// fallen silent still shows as running may have ended long ago. Others the index doesn't show: they may be so new that it
    /// lacks them, and would count as soon as it has them.
    pub doubted: BTreeSet<String>,
    /// When the first of the remaining entries expires (PB-54).
    pub next_expiry: Option<Duration>,
}

/// When pods are read live again that could not be read.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

impl Tally {
    /// When to look again, whatever happens (PB-54).
    #[must_use]
    pub fn looks_again(&self) -> Option<Duration> {
        let doubted = (!self.doubted.is_empty()).then_some(READ_AGAIN_AFTER);
        self.next_expiry.into_iter().chain(doubted).min()
    }
}

/// The status by this copy of the budget, of whose pods so many must stay available.
#[must_use]
pub fn tally(snapshot: &Snapshot, desired: i32, newest: &Budget) -> Tally {
    let pods: HashMap<&str, &Arc<BudgetPod>> = snapshot
        .pods
        .iter()
        .map(|pod| (pod.metadata.name.as_str(), pod))
        .collect();
    let stored = &newest.asked.status;
    let cleaning = Cleaning {
        pods: &pods,
        snapshot,
    };
    let disrupted = cleaning.clean(&stored.disrupted_pods, DISRUPTED_FOR);
    let unavailable = cleaning.clean(&stored.unavailable_pods, UNAVAILABLE_FOR);
    let is_booked =
        |name: &str| disrupted.kept.contains_key(name) || unavailable.kept.contains_key(name);
    let available = pods.values().filter(|pod| {
        pod.is_active
            && pod.is_in_service(snapshot.vertical_scaling)
            && !is_booked(&pod.metadata.name)
    });
    let current = i32::try_from(available.count()).unwrap_or(i32::MAX);
    let next_expiry = [disrupted.next_expiry, unavailable.next_expiry];
    let status = Status {
        observed_generation: newest.metadata().generation.unwrap_or_default(),
        disrupted_pods: disrupted.kept,
        unavailable_pods: unavailable.kept,
        unavailable_allowed: current.saturating_sub(desired).max(0),
        current_available: current,
        desired_available: desired,
        total_replicas: snapshot.expected,
    };
    Tally {
        patch: (status != stored_status(newest)).then(|| patch(&status, newest)),
        status,
        not_deleted: disrupted.expired,
        doubted: disrupted
            .doubted
            .into_iter()
            .chain(unavailable.doubted)
            .collect(),
        next_expiry: next_expiry.into_iter().flatten().min(),
    }
}

/// What is left of a map.
#[derive(Default)]
struct Cleaned {
    kept: BTreeMap<String, Time>,
    /// Active pods whose time is up.
    expired: Vec<Arc<BudgetPod>>,
    /// Those that have to be read live first.
    doubted: Vec<String>,
    next_expiry: Option<Duration>,
}

struct Cleaning<'a> {
    pods: &'a HashMap<&'a str, &'a Arc<BudgetPod>>,
    snapshot: &'a Snapshot,
}

impl Cleaning<'_> {
    /// PB-53
    fn clean(&self, map: &BTreeMap<String, Time>, stands_for: SignedDuration) -> Cleaned {
        let mut cleaned = Cleaned::default();
        for (name, at) in map {
            let pod = self.pods.get(name.as_str()).filter(|pod| pod.is_active);
            let left = stands_for.saturating_sub(self.snapshot.now.duration_since(*at));
            if pod.is_none() && !self.snapshot.elsewhere.contains(name) {
                if left.is_negative() || self.snapshot.is_seen_gone(name) {
                    continue;
                }
                cleaned.doubted.push(name.clone());
            }
            if left.is_negative() {
                match pod {
                    // It isn't counted, either way.
                    None => continue,
                    Some(pod) if self.snapshot.read_live.contains(name) => {
                        cleaned.expired.push(Arc::clone(pod));
                        continue;
                    }
                    Some(_) => cleaned.doubted.push(name.clone()),
                }
            } else {
                let left = Duration::try_from(left).unwrap_or_default();
                let next = cleaned.next_expiry.map_or(left, |next| next.min(left));
                cleaned.next_expiry = Some(next);
            }
            cleaned.kept.insert(name.clone(), *at);
        }
        cleaned
    }
}

fn stored_status(budget: &Budget) -> Status {
    let stored = &budget.asked.status;
    Status {
        observed_generation: budget.counted.observed_generation,
        disrupted_pods: stored.disrupted_pods.clone(),
        unavailable_pods: stored.unavailable_pods.clone(),
        unavailable_allowed: stored.unavailable_allowed,
        current_available: budget.counted.current_available,
        desired_available: stored.desired_available,
        total_replicas: budget.counted.total_replicas,
    }
}

/// PB-47: for this copy alone.
fn patch(status: &Status, newest: &Budget) -> Value {
    let Status {
        observed_generation,
        disrupted_pods,
        unavailable_pods,
        unavailable_allowed,
        current_available,
        desired_available,
        total_replicas,
    } = status;
    let stored = &newest.asked.status;
    let metadata = newest.metadata();
    json!({
        "metadata": { "uid": metadata.uid, "resourceVersion": metadata.resource_version },
        "status": {
            "observedGeneration": observed_generation,
            "disruptedPods": taken_out(&stored.disrupted_pods, disrupted_pods),
            "unavailablePods": taken_out(&stored.unavailable_pods, unavailable_pods),
            "unavailableAllowed": unavailable_allowed,
            "currentAvailable": current_available,
            "desiredAvailable": desired_available,
            "totalReplicas": total_replicas,
        },
    })
}

/// A merge patch takes out what is null, and makes an empty map of no map.
fn taken_out(stored: &BTreeMap<String, Time>, kept: &BTreeMap<String, Time>) -> Value {
    let gone = stored.keys().filter(|name| !kept.contains_key(*name));
    let gone: Map<String, Value> = gone.map(|name| (name.clone(), Value::Null)).collect();
    gone.into()
}
