//! Whether a change of a pod is nothing but a resize that restarts no container (PB-34).

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::{qos, quantity, well_known::labels::UNAVAILABLE_POD_PREFIX};

/// Whether the change from the `old` pod to the `new` pod is only a resize: it changes amounts of CPU and
/// memory, restarts no container, and keeps the quality-of-service class. Any other change makes it an
/// update, so both must be whole pods as the API server sends them.
#[must_use]
pub fn is_pure_resize(old: &Value, new: &Value) -> bool {
    let is_unavailable = |pod: &Value| {
        map_at(pod, "/metadata/labels").is_some_and(|labels| {
            let mut keys = labels.keys();
            keys.any(|key| key.starts_with(UNAVAILABLE_POD_PREFIX))
        })
    };
    let adds_label = is_unavailable(new) && !is_unavailable(old);
    !adds_label
        && without_resources(old) == without_resources(new)
        && ![old, new].into_iter().any(is_static)
        && qos::of_template(old) == qos::of_template(new)
        // The specs differ in nothing but resources, so containers pair up by their places.
        && containers(old).zip(containers(new)).all(|(old, new)| resizes_in_place(old, new))
}

/// The spec without the resources of ordinary containers.
fn without_resources(pod: &Value) -> Option<Value> {
    let mut spec = pod.get("spec")?.clone();
    let list = spec.get_mut("containers").and_then(Value::as_array_mut);
    for container in list.into_iter().flatten() {
        if let Some(container) = container.as_object_mut() {
            container.remove("resources");
        }
    }
    Some(spec)
}

fn is_static(pod: &Value) -> bool {
    let annotations = map_at(pod, "/metadata/annotations");
    let source = annotations.and_then(|it| it.get("kubernetes.io/config.source"));
    source.is_some_and(|source| source != "api")
}

/// Whether all changes of this container's resources are made without a restart of the container.
fn resizes_in_place(old: &Value, new: &Value) -> bool {
    changed_resources(old, new)
        .into_iter()
        .all(|resource| matches!(resource, "cpu" | "memory") && !restarts_for(new, resource))
}

fn changed_resources<'a>(old: &'a Value, new: &'a Value) -> BTreeSet<&'a str> {
    let mut changed = BTreeSet::new();
    for list in ["/resources/requests", "/resources/limits"] {
        let (old, new) = (map_at(old, list), map_at(new, list));
        for resource in old.into_iter().chain(new).flat_map(Map::keys) {
            let amount = |of: Option<&'a Map<String, Value>>| of.and_then(|it| it.get(resource));
            if !same_amount(amount(old), amount(new)) {
                changed.insert(resource.as_str());
            }
        }
    }
    changed
}

/// Amounts are compared by value: 1 is 1000m. An amount that can't be read is compared as it is written.
fn same_amount(old: Option<&Value>, new: Option<&Value>) -> bool {
    let nanos = |amount: Option<&Value>| quantity::nanos(amount?.as_str()?);
    old == new || (nanos(old).is_some() && nanos(old) == nanos(new))
}

fn restarts_for(container: &Value, resource: &str) -> bool {
    let policies = container.get("resizePolicy").and_then(Value::as_array);
    let policy = policies
        .into_iter()
        .flatten()
        .find(|policy| policy.get("resourceName").and_then(Value::as_str) == Some(resource))
        .and_then(|policy| policy.get("restartPolicy")?.as_str());
    !matches!(policy, None | Some("" | "NotRequired"))
}

fn containers(pod: &Value) -> impl Iterator<Item = &Value> {
    let list = pod.pointer("/spec/containers").and_then(Value::as_array);
    list.into_iter().flatten()
}

fn map_at<'a>(value: &'a Value, pointer: &str) -> Option<&'a Map<String, Value>> {
    value.pointer(pointer)?.as_object()
}
