//! Conditions of a pod, as members of a strategic merge patch (IP-60, IP-61).

use serde_json::{Map, Value};

use crate::{
    meta::{Time, timestamp},
    pod::Pod,
    well_known::conditions::{CONTAINERS_READY, READINESS_GATES_NOT_READY, READY},
};

/// What a condition is to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) type_: &'a str,
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

/// The condition as a patch. The server merges, so a text that is to go is taken away by a null.
pub(super) fn replace(pod: &Pod, wanted: Wanted<'_>, now: Time) -> Value {
    let present = pod.condition(wanted.type_);
    let mut patch = Map::new();
    patch.insert("type".to_owned(), Value::from(wanted.type_));
    patch.insert("status".to_owned(), Value::from(wanted.status));
    patch.insert("lastTransitionTime".to_owned(), Value::from(timestamp(now)));
    let texts = [
        (
            "reason",
            wanted.reason,
            present.map_or("", |present| &present.reason),
        ),
        (
            "message",
            wanted.message,
            present.map_or("", |present| &present.message),
        ),
    ];
    for (field, wanted, present) in texts {
        if !wanted.is_empty() {
            patch.insert(field.to_owned(), Value::from(wanted));
        } else if !present.is_empty() {
            patch.insert(field.to_owned(), Value::Null);
        }
    }
    Value::Object(patch)
}

/// The condition as a patch. None when the pod's condition has that status already: then not even its texts
/// are touched.
pub(super) fn set(pod: &Pod, wanted: Wanted<'_>, now: Time) -> Option<Value> {
    let same = pod
        .condition(wanted.type_)
        .is_some_and(|present| present.status == wanted.status);
    (!same).then(|| replace(pod, wanted, now))
}

/// What `Ready` becomes once the condition `closed` is False, as the kubelet would compute it (IP-61). None
/// when the kubelet has not set `Ready` yet or the containers are not ready: then the kubelet decides.
pub(super) fn ready_after(pod: &Pod, closed: &str, now: Time) -> Option<Value> {
    pod.condition(READY)?;
    pod.condition(CONTAINERS_READY)
        .filter(|condition| condition.status == "True")?;
    let status_of = |type_: &str| {
        if type_ == closed {
            return Some("False");
        }
        pod.condition(type_)
            .map(|condition| condition.status.as_str())
    };
    let closed: Vec<String> = pod
        .spec
        .readiness_gates
        .iter()
        .map(|gate| gate.condition_type.as_str())
        .filter_map(|gate| match status_of(gate) {
            Some("True") => None,
            Some(status) => Some(format!(
                "the status of pod readiness gate \"{gate}\" is not \"True\", but {status}"
            )),
            None => Some(format!(
                "corresponding condition of pod readiness gate \"{gate}\" does not exist."
            )),
        })
        .collect();
    let message = closed.join(", ");
    let wanted = if closed.is_empty() {
        Wanted {
            type_: READY,
            status: "True",
            reason: "",
            message: "",
        }
    } else {
        Wanted {
            type_: READY,
            status: "False",
            reason: READINESS_GATES_NOT_READY,
            message: &message,
        }
    };
    set(pod, wanted, now)
}
