//! Other eyes: what must hold of every plan and every status, by the rules alone.

use std::collections::{BTreeMap, BTreeSet};

use kruise_api::{
    int_or_string::IntOrString,
    meta::Time,
    well_known::annotations::{RELATED_PUB, RELATED_PUB_LEGACY},
};
use serde_json::{Value, json};

use crate::{
    budget::Budget,
    plan::{Plan, status::Tally},
    snapshot::Snapshot,
};

/// What is wrong with a plan.
#[must_use]
pub fn violations(snapshot: &Snapshot, plan: &Plan) -> Vec<String> {
    let mut found = vec![];
    links(snapshot, plan, &mut found);
    desired(snapshot, plan, &mut found);
    let told = |reason: &str| plan.events.iter().any(|event| event.reason == reason);
    if told("NoPods") != (snapshot.pods.is_empty() && !snapshot.had_no_pods) {
        found.push("NoPods is told once where there are none (PB-52, DV-PB17)".to_owned());
    }
    if told("CalculateExpectedPodCountFailed") != plan.desired.is_err() {
        found.push("what can't be computed is told, and nothing else (PB-28)".to_owned());
    }
    found
}

/// PB-18
fn links(snapshot: &Snapshot, plan: &Plan, found: &mut Vec<String>) {
    let budget = json!(snapshot.budget.name());
    let mut seen = BTreeSet::new();
    for link in &plan.links {
        let name = &link.pod;
        if !seen.insert(name) {
            found.push(format!("{name} is linked twice"));
        }
        let Some(pod) = snapshot.pods.iter().find(|it| it.metadata.name == *name) else {
            found.push(format!("{name} is none of the budget's"));
            continue;
        };
        let annotations = &pod.metadata.annotations;
        if annotations.contains_key(RELATED_PUB) || annotations.contains_key(RELATED_PUB_LEGACY) {
            found.push(format!("{name} is linked already (PB-18)"));
        }
        let metadata = at(&link.patch, &["metadata"]);
        if *at(metadata, &["uid"]) != pod.metadata.uid
            || *at(metadata, &["resourceVersion"]) != pod.metadata.resource_version
        {
            found.push(format!("the link of {name} holds for any pod"));
        }
        let written =
            [RELATED_PUB, RELATED_PUB_LEGACY].map(|key| at(metadata, &["annotations", key]));
        if written != [&budget, &budget] {
            found.push(format!("{name} gets {written:?} (PB-18)"));
        }
    }
    let unlinked = snapshot.pods.iter().filter(|pod| !pod.has_link());
    if plan.links.len() != unlinked.count() {
        found.push("a pod is left unlinked (PB-18)".to_owned());
    }
}

/// PB-26, PB-27, in whole numbers.
fn desired(snapshot: &Snapshot, plan: &Plan, found: &mut Vec<String>) {
    let Ok(desired) = plan.desired else { return };
    let spec = &snapshot.budget.spec;
    let expected = i64::from(snapshot.expected);
    let number = |limit: &IntOrString| match limit {
        IntOrString::Int(number) => Some(i64::from(*number)),
        IntOrString::String(text) => {
            let percent: i64 = text.strip_suffix('%')?.parse().ok()?;
            let hundredths = percent.checked_mul(expected)?;
            // Rounded up.
            Some(-(-hundredths).div_euclid(100))
        }
    };
    let wanted = match (&spec.max_unavailable, &spec.min_available) {
        (Some(limit), _) => number(limit).map(|most| (expected - most).max(0)),
        (None, Some(limit)) => number(limit),
        (None, None) => Some(0),
    };
    // What is beyond 32 bits is cut, here and there.
    let in_range = wanted.filter(|wanted| i32::try_from(*wanted).is_ok());
    if in_range.is_some_and(|wanted| wanted != i64::from(desired)) {
        found.push(format!(
            "{desired} are desired, not {wanted:?} (PB-26, PB-27)"
        ));
    }
}

/// What is wrong with a status that is to be written over this copy.
#[must_use]
pub fn status_violations(snapshot: &Snapshot, newest: &Budget, tally: &Tally) -> Vec<String> {
    let mut found = vec![];
    let status = &tally.status;
    let stored = &newest.asked.status;
    entries(
        snapshot,
        &stored.disrupted_pods,
        &status.disrupted_pods,
        20,
        &mut found,
    );
    entries(
        snapshot,
        &stored.unavailable_pods,
        &status.unavailable_pods,
        10,
        &mut found,
    );
    let counted = snapshot.pods.iter().filter(|pod| {
        let name = &pod.metadata.name;
        let is_booked = |map: &BTreeMap<String, Time>| map.contains_key(name);
        let serves = pod.is_ready && pod.is_consistent(snapshot.vertical_scaling);
        pod.is_active
            && serves
            && !is_booked(&status.disrupted_pods)
            && !is_booked(&status.unavailable_pods)
    });
    let counted = counted.count();
    if usize::try_from(status.current_available) != Ok(counted) {
        found.push(format!(
            "{counted} pods are available, not {} (PB-31)",
            status.current_available
        ));
    }
    let left = i64::from(status.current_available) - i64::from(status.desired_available);
    if i64::from(status.unavailable_allowed) != left.clamp(0, i64::from(i32::MAX)) {
        found.push(format!(
            "{left} are left, not {} (PB-55)",
            status.unavailable_allowed
        ));
    }
    if status.total_replicas != snapshot.expected {
        found.push("the total is not what is expected (PB-55)".to_owned());
    }
    if let Some(patch) = &tally.patch {
        written(newest, tally, patch, &mut found);
    }
    found
}

/// PB-53
fn entries(
    snapshot: &Snapshot,
    stored: &BTreeMap<String, Time>,
    kept: &BTreeMap<String, Time>,
    seconds: i64,
    found: &mut Vec<String>,
) {
    for (name, at) in stored {
        let mut pods = snapshot.pods.iter();
        let is_known = pods.any(|pod| pod.metadata.name == *name && pod.is_active);
        let age = snapshot.now.duration_since(*at);
        let stands = if age <= jiff::SignedDuration::from_secs(seconds) {
            is_known || snapshot.elsewhere.contains(name) || !snapshot.is_seen_gone(name)
        } else {
            // DV-PB16
            is_known && !snapshot.read_live.contains(name)
        };
        if stands != (kept.get(name) == Some(at)) {
            found.push(format!("the entry of {name} is {age:#} old (PB-53)"));
        }
    }
    if kept.keys().any(|name| !stored.contains_key(name)) {
        found.push("an entry comes from nowhere".to_owned());
    }
}

/// PB-47, PB-55: the patch leads to the status, from this copy alone.
fn written(newest: &Budget, tally: &Tally, patch: &Value, found: &mut Vec<String>) {
    let metadata = newest.metadata();
    let written = at(patch, &["metadata"]);
    if *at(written, &["uid"]) != metadata.uid
        || *at(written, &["resourceVersion"]) != metadata.resource_version
    {
        found.push("the status is written over any copy (PB-47)".to_owned());
    }
    let status = &tally.status;
    let numbers = [
        ("observedGeneration", status.observed_generation),
        ("unavailableAllowed", status.unavailable_allowed.into()),
        ("currentAvailable", status.current_available.into()),
        ("desiredAvailable", status.desired_available.into()),
        ("totalReplicas", status.total_replicas.into()),
    ];
    for (field, number) in numbers {
        let written = at(patch, &["status", field]);
        if *written != number {
            found.push(format!("{field} is written as {written} (PB-55)"));
        }
    }
    let maps = [
        (
            "disruptedPods",
            &newest.asked.status.disrupted_pods,
            &status.disrupted_pods,
        ),
        (
            "unavailablePods",
            &newest.asked.status.unavailable_pods,
            &status.unavailable_pods,
        ),
    ];
    for (field, stored, kept) in maps {
        let Some(changes) = at(patch, &["status", field]).as_object() else {
            found.push(format!("{field} becomes no map (PB-53)"));
            continue;
        };
        let stays = |name: &&String| !changes.get(*name).is_some_and(Value::is_null);
        let left: BTreeSet<&String> = stored.keys().filter(stays).collect();
        if left != kept.keys().collect() || changes.values().any(|value| !value.is_null()) {
            found.push(format!("{field} becomes {left:?} (PB-53)"));
        }
    }
}

/// What is at the end of this path; null where it leads nowhere.
fn at<'a>(value: &'a Value, path: &[&str]) -> &'a Value {
    let found = path.iter().try_fold(value, |at, name| at.get(name));
    found.unwrap_or(&Value::Null)
}
