//! Pods and SidecarSets with nothing in them but what a test is about.

use std::sync::Arc;

use kruise_api::{apps::v1beta1::SidecarSet, meta::Time};
use kruise_runtime::chain;
use serde_json::{Value, json};
use sidecarset_controller::{
    inject::{InjectOptions, inject},
    prepared::PreparedSidecarSet,
};

/// A SidecarSet for pods with label `app=web`.
pub(crate) fn set(name: &str, spec: Value) -> Value {
    let mut set = json!({
        "apiVersion": "apps.kruise.io/v1beta1",
        "kind": "SidecarSet",
        "metadata": { "name": name, "uid": format!("uid-{name}"), "resourceVersion": "1" },
        "spec": { "selector": { "matchLabels": { "app": "web" } } },
    });
    json_patch::merge(&mut set["spec"], &spec);
    set
}

/// A pod with label `app=web` and these containers.
pub(crate) fn pod(containers: Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": "web-1", "namespace": "shop", "labels": { "app": "web" } },
        "spec": { "containers": containers },
    })
}

pub(crate) fn decoded(set: &Value) -> SidecarSet {
    serde_json::from_value(set.clone()).unwrap()
}

pub(crate) fn prepared(sets: &[Value]) -> Vec<Arc<PreparedSidecarSet>> {
    let sets = sets.iter().map(decoded);
    sets.map(|set| Arc::new(PreparedSidecarSet::latest(&set)))
        .collect()
}

pub(crate) fn now() -> Time {
    "2026-01-10T08:00:00Z".parse().unwrap()
}

pub(crate) fn options() -> InjectOptions {
    InjectOptions {
        now: now(),
        sort_containers_by_name: false,
    }
}

/// The pod with what these SidecarSets give it, or why it gets nothing.
pub(crate) fn injected(pod: &Value, sets: &[Value]) -> Result<Value, String> {
    inject(pod, &prepared(sets), options()).map_err(|error| chain(&error))
}

/// Names in a list of the pod's spec.
pub(crate) fn names<'a>(pod: &'a Value, list: &str) -> Vec<&'a str> {
    let list = pod["spec"][list].as_array();
    let list = list.map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|it| it["name"].as_str().unwrap()).collect()
}

pub(crate) fn container<'a>(pod: &'a Value, name: &str) -> &'a Value {
    let lists = ["containers", "initContainers"];
    let lists = lists.iter().filter_map(|list| pod["spec"][list].as_array());
    lists.flatten().find(|it| it["name"] == name).unwrap()
}

/// `NAME=value` of a container's variables; `NAME` where the value comes from elsewhere.
pub(crate) fn env(container: &Value) -> Vec<String> {
    let env = container["env"].as_array().unwrap().iter();
    env.map(|env| {
        let name = env["name"].as_str().unwrap();
        match env["value"].as_str() {
            Some(value) => format!("{name}={value}"),
            None => name.to_owned(),
        }
    })
    .collect()
}

pub(crate) fn annotation<'a>(pod: &'a Value, key: &str) -> Option<&'a str> {
    pod["metadata"]["annotations"].get(key)?.as_str()
}
