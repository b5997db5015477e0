//! What is done for a budget: which pods are linked to it, and what is told. Pure. What its status becomes is in
//! [`status`], since that is worked out anew by each newer copy of the budget.

pub mod desired;
pub mod status;

use std::time::Duration;

use kruise_api::{
    int_or_string::NumberError,
    well_known::annotations::{RELATED_PUB, RELATED_PUB_LEGACY},
};
use kruise_plan::Event;
use serde_json::{Value, json};

use crate::snapshot::Snapshot;

/// How soon is looked again after pods were linked: a pod that was changed meanwhile is linked then.
const LOOKS_AFTER_LINKS: Duration = Duration::from_secs(2);
/// How often is looked at a budget whose workload is not watched (DV-PB10). That costs one read of its scale.
const LOOKS_AT_UNWATCHED: Duration = Duration::from_secs(10);
/// Where there are many such workloads, so long for each of them.
const LOOKS_AT_EACH: Duration = Duration::from_secs(1);
/// The longest such pause.
const LOOKS_AT_LEAST: Duration = Duration::from_secs(300);

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Events on the budget.
    pub events: Vec<Event>,
    /// Pods that are linked to the budget first (PB-18).
    pub links: Vec<Link>,
    /// How many pods must stay available (PB-26 to PB-28). If that can't be said, no status is written.
    pub desired: Result<i32, NumberError>,
    /// When to look again whatever happens.
    pub looks_again: Option<Duration>,
}

/// A pod that is linked.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Name of the pod.
    pub pod: String,
    /// The strategic merge patch. It holds for the pod as it was read.
    pub patch: Value,
}

/// The plan for this budget.
#[must_use]
pub fn plan(snapshot: &Snapshot) -> Plan {
    let spec = &snapshot.budget.spec;
    let desired = desired::desired(spec, snapshot.expected);
    let links = links(snapshot);
    let after_links = (!links.is_empty()).then_some(LOOKS_AFTER_LINKS);
    let unwatched = looks_at(snapshot.n_unwatched);
    Plan {
        events: events(snapshot, desired.as_ref().err()),
        looks_again: after_links.into_iter().chain(unwatched).min(),
        links,
        desired,
    }
}

/// When to look at so many workloads again that nobody watches.
fn looks_at(n_unwatched: usize) -> Option<Duration> {
    let n_unwatched = u32::try_from(n_unwatched).unwrap_or(u32::MAX);
    let together = LOOKS_AT_EACH.saturating_mul(n_unwatched);
    (n_unwatched > 0).then(|| together.clamp(LOOKS_AT_UNWATCHED, LOOKS_AT_LEAST))
}

fn events(snapshot: &Snapshot, error: Option<&NumberError>) -> Vec<Event> {
    // What goes on is no event (DV-PB17).
    let is_news = snapshot.pods.is_empty() && !snapshot.had_no_pods;
    let no_pods = is_news.then(|| Event::normal("NoPods", "No matching pods found".to_owned()));
    let no_number = error.map(|error| {
        Event::warning(
            "CalculateExpectedPodCountFailed",
            format!("Failed to calculate the number of expected pods: {error}"),
        )
    });
    no_pods.into_iter().chain(no_number).collect()
}

/// PB-18: pods that are linked to nothing, not even to a budget that is gone.
fn links(snapshot: &Snapshot) -> Vec<Link> {
    let budget = snapshot.budget.name();
    let unlinked = snapshot.pods.iter().filter(|pod| !pod.has_link());
    let links = unlinked.map(|pod| Link {
        pod: pod.metadata.name.clone(),
        patch: json!({ "metadata": {
            "uid": pod.metadata.uid,
            "resourceVersion": pod.metadata.resource_version,
            "annotations": { RELATED_PUB: budget, RELATED_PUB_LEGACY: budget },
        } }),
    });
    links.collect()
}
