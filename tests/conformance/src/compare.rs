//! What two answers differ in.

use serde_json::{Value, json};

use crate::additions;
use crate::side::Answer;

/// The first place where two values differ.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Place {
    pub(crate) pointer: String,
    pub(crate) kit: Value,
    pub(crate) cluster: Value,
}

/// The first place where two values differ, if there is one. A field that is missing is not one that is null.
pub(crate) fn values(kit: &Value, cluster: &Value) -> Option<Place> {
    at("", kit, cluster)
}

fn at(pointer: &str, kit: &Value, cluster: &Value) -> Option<Place> {
    match (kit, cluster) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let mut names: Vec<&String> = theirs.keys().collect();
            names.extend(ours.keys().filter(|name| !theirs.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let pointer = format!("{pointer}/{name}");
                match (ours.get(name), theirs.get(name)) {
                    (Some(ours), Some(theirs)) => at(&pointer, ours, theirs),
                    (ours, theirs) => Some(Place {
                        pointer,
                        kit: ours.cloned().unwrap_or_else(|| json!("(missing)")),
                        cluster: theirs.cloned().unwrap_or_else(|| json!("(missing)")),
                    }),
                }
            })
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => ours
            .iter()
            .zip(theirs)
            .enumerate()
            .find_map(|(index, (ours, theirs))| at(&format!("{pointer}/{index}"), ours, theirs)),
        (ours, theirs) if ours == theirs => None,
        (ours, theirs) => Some(Place {
            pointer: pointer.to_owned(),
            kit: ours.clone(),
            cluster: theirs.clone(),
        }),
    }
}

/// The first place where two answers differ, after [`crate::normal`].
pub(crate) fn answers(kit: &Answer, cluster: &Answer) -> Option<Place> {
    if kit.code != cluster.code {
        return Some(Place {
            pointer: "code".to_owned(),
            kit: json!(brief(kit)),
            cluster: json!(brief(cluster)),
        });
    }
    values(&comparable(kit), &comparable(cluster))
}

/// What of a refusal is compared.
fn comparable(answer: &Answer) -> Value {
    let mut body = answer.body.clone();
    match answer.code {
        // Nobody reads why a request makes no sense.
        400 => {
            body["message"].take();
        }
        422 => additions::shorten_refusal(&mut body),
        _ => {}
    }
    body
}

/// An answer in a line.
pub(crate) fn brief(answer: &Answer) -> String {
    let body = &answer.body;
    if answer.code < 300 {
        let metadata = &body["metadata"];
        let items = body["items"].as_array().map(Vec::len);
        return match items {
            Some(items) => format!("{}, {items} items", answer.code),
            None => format!(
                "{} {} {}",
                answer.code,
                metadata["name"].as_str().unwrap_or_default(),
                metadata["resourceVersion"].as_str().unwrap_or_default()
            ),
        };
    }
    let message = body["message"]
        .as_str()
        .map_or_else(|| body.to_string(), str::to_owned);
    format!(
        "{} {}: {message}",
        answer.code,
        body["reason"].as_str().unwrap_or_default()
    )
}
