//! Where containers, volumes and secrets come in the pod's lists (SS-132, SS-133).

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::pod::text;

/// A container that is ready to be put into a pod.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sidecar {
    pub(super) name: String,
    pub(super) goes_before: bool,
    pub(super) container: Map<String, Value>,
}

/// The pod's containers with the sidecars. A container of the pod that has a sidecar's name gives its place to it.
pub(super) fn placed(own: &[Value], sidecars: Vec<Sidecar>) -> Vec<Value> {
    let mut own = own.to_vec();
    let (mut before, mut behind) = (Vec::new(), Vec::new());
    for sidecar in sidecars {
        let container = Value::Object(sidecar.container);
        let same = own.iter_mut().find(|it| text(it, "name") == sidecar.name);
        match same {
            Some(same) => *same = container,
            None if sidecar.goes_before => before.push(container),
            None => behind.push(container),
        }
    }
    [before, own, behind].concat()
}

/// The list with those others behind it whose names it lacks. Of several with one name, the first counts.
pub(super) fn with_missing(list: &[Value], others: Vec<Value>) -> Vec<Value> {
    let mut all = list.to_vec();
    let names = all.iter().map(|it| text(it, "name").to_owned());
    let mut names: HashSet<String> = names.collect();
    for other in others {
        if names.insert(text(&other, "name").to_owned()) {
            all.push(other);
        }
    }
    all
}
