//! What a workload's clients are told in the course of a story: its phases and conditions, and the events about it. As a
//! text for [golden files](crate::golden).

use std::{collections::BTreeSet, fmt::Write as _};

use kruise_api::resource::{EVENTS, PODS, Resource};
use serde_json::Value;

use crate::{
    fields::{list, text},
    server::ApiServer,
};

/// One line for each event that was new or came again with other words, and for each phase or condition that changed, in
/// their order. What follows from chance is left out: pods are called `POD`, and times, counts and UIDs aren't told.
#[must_use]
pub fn about(server: &ApiServer, resource: Resource, name: &str) -> String {
    let changes = server.changes_since(0);
    // Those too that were never let be.
    let asked = server.requests().into_iter();
    let asked = asked.filter(|request| request.verb == "create" && request.plural == PODS.plural);
    let pods: BTreeSet<String> = asked.map(|request| request.key.name).collect();
    let mut told = String::new();
    let mut tell = |line: String| {
        let line = pods.iter().fold(line, |line, pod| line.replace(pod, "POD"));
        // Many pods in a row are told of in the same words.
        if told.lines().last() != Some(&*line) {
            let _ = writeln!(told, "{line}");
        }
    };
    let mut status = (String::new(), vec![]);
    for change in &changes {
        let Some(object) = change.after.as_deref() else {
            continue;
        };
        if change.resource == EVENTS && object["involvedObject"]["name"] == name {
            let [type_, reason, message] =
                ["type", "reason", "message"].map(|field| text(&object[field]));
            tell(format!("{type_} {reason}: {message}"));
        } else if change.resource == resource && object["metadata"]["name"] == name {
            let phase = text(&object["status"]["phase"]);
            let conditions = list(&object["status"]["conditions"]);
            let conditions: Vec<String> = conditions.iter().map(in_words).collect();
            if phase != status.0 {
                tell(format!("phase {phase}"));
            }
            for condition in conditions.iter().filter(|it| !status.1.contains(*it)) {
                tell(condition.clone());
            }
            let types =
                |of: &[String]| -> BTreeSet<String> { of.iter().map(|it| type_of(it)).collect() };
            for gone in types(&status.1).difference(&types(&conditions)) {
                tell(format!("{gone} is gone"));
            }
            status = (phase, conditions);
        }
    }
    told
}

/// `condition TYPE`
fn type_of(condition: &str) -> String {
    let mut words = condition.splitn(3, ' ').take(2);
    [words.next(), words.next()]
        .map(Option::unwrap_or_default)
        .join(" ")
}

fn in_words(condition: &Value) -> String {
    let [type_, status, reason, message] =
        ["type", "status", "reason", "message"].map(|field| text(&condition[field]));
    format!("condition {type_} {status} {reason}: {message}")
}
