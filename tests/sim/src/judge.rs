//! What no deployable may do, whatever its kind means.

use std::collections::BTreeMap;

use kruise_api::resource::PODS;
use kruise_testkit::{
    fields::text,
    server::{Change, Recorded},
};

use crate::{
    deployable::Deployable,
    history::{History, Violation},
};

/// More events than this for each thing that the story does are a storm.
const EVENTS_FOR_AN_ACT: usize = 40;
/// More requests than this within ten seconds are a storm.
const REQUESTS_AT_ONCE: usize = 600;

/// Judges a run.
#[must_use]
pub fn violations(deployable: &dyn Deployable, history: &History) -> Vec<Violation> {
    let mut found = without_lease(deployable, history);
    found.extend(settled_written(history));
    found.extend(too_many_events(history));
    found.extend(too_many_requests(history));
    found.extend(deletions(history));
    found
}

/// No process writes unless it holds the lease. Leases and events are everybody's, and what the deployable says.
fn without_lease(deployable: &dyn Deployable, history: &History) -> Vec<Violation> {
    let mut holder: Option<&str> = None;
    let mut found = vec![];
    for change in &history.changes {
        if change.resource.plural == "leases" {
            let spec = |object: &Option<_>| match object {
                Some(object) => text(
                    &std::sync::Arc::<serde_json::Value>::as_ref(object)["spec"]["holderIdentity"],
                ),
                None => String::new(),
            };
            holder = (!spec(&change.after).is_empty()).then_some(change.by);
        } else if is_work(history, change)
            && holder != Some(change.by)
            && !deployable.is_everybodys(change)
        {
            let what = format!(
                "{} changes {} while {holder:?} holds the lease",
                change.by,
                name_of(change)
            );
            found.push(Violation {
                rule: "without-lease",
                at: change.at,
                what,
            });
        }
    }
    found
}

/// Whether a controller did this as its work.
fn is_work(history: &History, change: &Change) -> bool {
    history.is_ours(change.by) && !matches!(change.resource.plural, "leases" | "events")
}

fn name_of(change: &Change) -> String {
    let object = change.after.as_ref().or(change.before.as_ref());
    let name = object.map(|object| text(&object["metadata"]["name"]));
    format!("{} {}", change.resource.plural, name.unwrap_or_default())
}

/// Nothing that is as it should be is written again.
fn settled_written(history: &History) -> Vec<Violation> {
    let Some(settled) = history.settled else {
        return vec![];
    };
    let later = history.changes.iter().filter(|change| change.at > settled);
    let ours =
        later.filter(|change| history.is_ours(change.by) && change.resource.plural != "leases");
    let violation = |change: &Change| Violation {
        rule: "settled-written",
        at: change.at,
        what: format!("{} changes {}", change.by, name_of(change)),
    };
    ours.map(violation).collect()
}

fn too_many_events(history: &History) -> Vec<Violation> {
    let events = history
        .changes
        .iter()
        .filter(|change| change.resource.plural == "events");
    let mut ours: Vec<&Change> = events.filter(|change| history.is_ours(change.by)).collect();
    // Whoever is refused is told, also a workload's controller that tries again and again.
    let n_refused = history.asked.iter().filter(|asked| !asked.allows()).count();
    let most = EVENTS_FOR_AN_ACT * (1 + history.n_acts) + n_refused;
    if ours.len() <= most {
        return vec![];
    }
    let what = format!("{} events for {} acts", ours.len(), history.n_acts);
    let at = ours.remove(most).at;
    vec![Violation {
        rule: "event-storm",
        at,
        what,
    }]
}

fn too_many_requests(history: &History) -> Vec<Violation> {
    let ours = history
        .requests
        .iter()
        .filter(|request| history.is_ours(request.by));
    let ours: Vec<&Recorded> = ours.collect();
    let far = ours.iter().zip(ours.iter().skip(REQUESTS_AT_ONCE));
    let mut storms = far.filter(|(first, last)| last.at.duration_since(first.at).as_secs() < 10);
    let storm = storms.next().map(|(first, _)| Violation {
        rule: "request-storm",
        at: first.at,
        what: format!("{REQUESTS_AT_ONCE} requests within ten seconds"),
    });
    storm.into_iter().collect()
}

/// Nothing is deleted but what was meant, and each pod once.
fn deletions(history: &History) -> Vec<Violation> {
    let mut deleted: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut found = vec![];
    for request in &history.requests {
        if request.verb != "delete" || !history.is_ours(request.by) {
            continue;
        }
        let tell = |rule| Violation {
            rule,
            at: request.at,
            what: format!("{} {}", request.by, request.key),
        };
        let uid = request.body["preconditions"]["uid"].as_str();
        let uid = uid.unwrap_or_default();
        if uid.is_empty() {
            found.push(tell("unguarded-deletion"));
        }
        if request.done && request.plural == PODS.plural {
            // Another pod may have the name by now.
            let count = deleted.entry((&request.key.name, uid)).or_default();
            *count += 1;
            if *count > 1 {
                found.push(tell("deleted-twice"));
            }
        }
    }
    found
}
