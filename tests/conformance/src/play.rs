//! A sequence, played on both servers.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::compare::{self, Place};
use crate::kinds::{KINDS, Kind};
use crate::memory::version_of;
use crate::request::Request;
use crate::side::{Answer, Side};

/// How long a cluster's controllers get, and a cache that is behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(pub(crate) Duration);

/// Where the servers differ.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The request after which it shows; none for what watches tell at the end.
    pub(crate) request: Option<usize>,
    /// What differs: an answer, what is stored, events.
    pub(crate) of: String,
    pub(crate) place: Place,
    /// The answers so far, each in a line: the test kit's and the cluster's.
    pub(crate) answers: Vec<(usize, String, String)>,
}

const PAUSE: Duration = Duration::from_millis(15);
const QUIET: Duration = Duration::from_millis(40);
/// For the test kit's server, by its own clock.
const VIRTUAL: Duration = Duration::from_secs(2);

/// Plays requests, until the servers differ.
pub(crate) fn play(
    requests: &[Request],
    kit: &mut Side<'_>,
    cluster: &mut Side<'_>,
    patience: Patience,
) -> Result<Option<Difference>> {
    let mut answers = Vec::new();
    let kinds = kinds_of(requests);
    for request in requests {
        let ours = kit.ask(request)?;
        let mut theirs = cluster.ask(request)?;
        let normal = |side: &mut Side<'_>, answer: &Answer| Answer {
            code: answer.code,
            body: side.normal.value(&answer.body),
        };
        let ours = normal(kit, &ours);
        let mut normal_theirs = normal(cluster, &theirs);
        let since = Instant::now();
        while request.stale
            && compare::answers(&ours, &normal_theirs).is_some()
            && since.elapsed() < patience.0
        {
            std::thread::sleep(PAUSE);
            // A list of what is now makes the server bring its cache up to now.
            cluster.stored(request.kind)?;
            theirs = cluster.ask(request)?;
            normal_theirs = normal(cluster, &theirs);
        }
        answers.push((
            request.id,
            compare::brief(&ours),
            compare::brief(&normal_theirs),
        ));
        if let Some(place) = compare::answers(&ours, &normal_theirs) {
            return Ok(Some(Difference {
                request: Some(request.id),
                of: "the answer".to_owned(),
                place,
                answers,
            }));
        }
        if request.settles
            && let Some((of, place)) = settle(&kinds, kit, cluster, patience)?
        {
            return Ok(Some(Difference {
                request: Some(request.id),
                of,
                place,
                answers,
            }));
        }
    }
    let last = match settle(&kinds, kit, cluster, patience)? {
        Some(found) => Some(found),
        None => watched(&kinds, kit, cluster, patience)?,
    };
    Ok(last.map(|(of, place)| Difference {
        request: None,
        of,
        place,
        answers,
    }))
}

/// The kinds that requests are about; of a kind with two versions, one.
pub(crate) fn kinds_of(requests: &[Request]) -> Vec<&'static Kind> {
    let plurals: BTreeSet<_> = requests.iter().map(|request| request.kind.plural).collect();
    plurals
        .into_iter()
        .filter_map(|plural| KINDS.iter().find(|kind| kind.plural == plural))
        .collect()
}

/// Waits until the cluster's controllers have made of it what the test kit's have.
fn settle(
    kinds: &[&'static Kind],
    kit: &mut Side<'_>,
    cluster: &mut Side<'_>,
    patience: Patience,
) -> Result<Option<(String, Place)>> {
    if let Some(server) = &kit.kit {
        // Inside, where its clock is.
        kit.runtime.block_on(async { server.collect_garbage() });
    }
    let since = Instant::now();
    for kind in kinds {
        loop {
            let ours = kit.stored(kind)?;
            let theirs = cluster.stored(kind)?;
            let Some(place) = compare::values(&ours, &theirs) else {
                break;
            };
            if since.elapsed() > patience.0 {
                return Ok(Some((format!("stored {}", kind.plural), place)));
            }
            std::thread::sleep(PAUSE);
        }
    }
    Ok(None)
}

/// Compares what all watches told.
fn watched(
    kinds: &[&'static Kind],
    kit: &mut Side<'_>,
    cluster: &mut Side<'_>,
    patience: Patience,
) -> Result<Option<(String, Place)>> {
    for kind in kinds {
        kit.witness(kind).context("of the test kit")?;
        cluster.witness(kind).context("of the cluster")?;
    }
    for index in 0..kit.open_watches() {
        let (request, kind) = kit.watch(index);
        let quiet = if kit.kit.is_some() { VIRTUAL } else { QUIET };
        let ours = kit.read_watch(index, 0, quiet, quiet)?;
        let theirs = cluster.read_watch(index, ours.len(), QUIET, patience.0)?;
        let ours = events(kit, &ours);
        let theirs = events(cluster, &theirs);
        if let Some(place) = compare::values(&ours, &theirs) {
            let of = match request {
                Some(request) => format!(
                    "events of {} on the watch of request {request}",
                    kind.plural
                ),
                None => format!("all events of {}", kind.plural),
            };
            return Ok(Some((of, place)));
        }
    }
    Ok(None)
}

/// Events in an order that both servers must have in common.
fn events(side: &mut Side<'_>, events: &[Value]) -> Value {
    let mut ordered = Vec::new();
    for event in events {
        let object = &event["object"];
        // A version that nothing changed in is told as well.
        let version = version_of(object);
        if event["type"] == "MODIFIED" && version.is_some_and(|it| side.normal.is_alias(it)) {
            continue;
        }
        let mut normal = side.normal.value(event);
        if event["type"] == "BOOKMARK"
            && let Some(version) = version
        {
            // Only its version means something: a whole list's, which writes elsewhere move on.
            if let Value::Object(fields) = &mut normal["object"] {
                fields
                    .retain(|name, _| matches!(name.as_str(), "kind" | "apiVersion" | "metadata"));
            }
            normal["object"]["metadata"]["resourceVersion"] = json!(side.normal.as_of(version));
        }
        let name = normal["object"]["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let (rank, alone) = match version {
            None => (usize::MAX, true),
            Some(version) if event["type"] == "BOOKMARK" => side.normal.order_of_list(version),
            Some(version) => side.normal.order(version),
        };
        ordered.push((
            (rank, alone, if alone { name } else { String::new() }),
            normal,
        ));
    }
    ordered.sort_by(|(one, _), (other, _)| one.cmp(other));
    json!(
        ordered
            .into_iter()
            .map(|(_, event)| event)
            .collect::<Vec<_>>()
    )
}

impl Difference {
    /// What kind of difference it is: equal for two that have probably one cause.
    pub(crate) fn signature(&self, requests: &[Request]) -> String {
        let about = requests
            .iter()
            .find(|request| Some(request.id) == self.request)
            .map_or_else(String::new, |request| {
                format!(
                    "{} {}/{}",
                    request.verb.name(),
                    request.kind.plural,
                    request.subresource
                )
            });
        let of = self.of.split(" on the watch").next().unwrap_or_default();
        let place: String = self
            .place
            .pointer
            .chars()
            .filter(|it| !it.is_ascii_digit())
            .collect();
        let codes = match (&self.place.kit, &self.place.cluster) {
            (Value::String(ours), Value::String(theirs)) if place == "code" => {
                let code = |text: &str| text.split(' ').next().unwrap_or_default().to_owned();
                format!(" {} for {}", code(ours), code(theirs))
            }
            _ => String::new(),
        };
        format!("{about}: {of} {place}{codes}")
    }
}
