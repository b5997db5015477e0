//! Pods: what becomes of one before it is stored, and their own subresources.

mod binding;
mod checks;
mod defaults;

use serde_json::{Value, json};

pub(crate) use self::{
    binding::success,
    checks::{check_creation, check_template, check_update},
    defaults::{admit, admit_update, default},
};
use super::members::remove;

pub(crate) fn prepare_creation(pod: &mut Value) {
    let class = quality(pod);
    pod["status"] = json!({ "phase": "Pending", "qosClass": class });
    let is_gated = pod["spec"]["schedulingGates"]
        .as_array()
        .is_some_and(|gates| !gates.is_empty());
    if is_gated {
        pod["status"]["conditions"] = json!([{
            "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
            "lastProbeTime": null, "lastTransitionTime": pod["metadata"]["creationTimestamp"],
        }]);
    }
}

/// The class of quality that requests and limits put a pod in.
fn quality(pod: &Value) -> &'static str {
    let mut any = false;
    let mut guaranteed = true;
    let lists = [&pod["spec"]["containers"], &pod["spec"]["initContainers"]];
    for container in lists.into_iter().filter_map(Value::as_array).flatten() {
        for resource in ["cpu", "memory"] {
            let amount = |list: &str| {
                let text = container["resources"][list].get(resource)?;
                let text = text
                    .as_str()
                    .map_or_else(|| text.to_string(), str::to_owned);
                kruise_api::quantity::nanos(&text).filter(|nanos| *nanos != 0)
            };
            let (request, limit) = (amount("requests"), amount("limits"));
            any |= request.is_some() || limit.is_some();
            guaranteed &= limit.is_some() && request == limit;
        }
    }
    match (any, guaranteed) {
        (false, _) => "BestEffort",
        (true, true) => "Guaranteed",
        (true, false) => "Burstable",
    }
}

pub(crate) fn prepare_status(new: &mut Value, old: &Value) {
    if new["status"]["qosClass"].as_str().is_none_or(str::is_empty)
        && let Some(class) = old["status"].get("qosClass")
    {
        new["status"]["qosClass"] = class.clone();
    }
    let is_unset = |value: &Value| value["observedGeneration"].as_i64().unwrap_or(0) == 0;
    if is_unset(&new["status"]) && !is_unset(&old["status"]) {
        new["status"]["observedGeneration"] = old["status"]["observedGeneration"].clone();
    }
    let before = old["status"]["conditions"].as_array();
    let conditions = new["status"]
        .get_mut("conditions")
        .and_then(Value::as_array_mut);
    for condition in conditions.into_iter().flatten() {
        let old = before
            .into_iter()
            .flatten()
            .find(|old| old["type"] == condition["type"]);
        if let Some(old) = old
            && is_unset(condition)
            && !is_unset(old)
        {
            condition["observedGeneration"] = old["observedGeneration"].clone();
        }
    }
}

/// Of a resize, only resources and their policies are taken.
pub(crate) fn keep_all_but_resources(new: &mut Value, old: &Value) {
    let mut kept = old.clone();
    for list in ["initContainers", "containers"] {
        let given = new["spec"]
            .get(list)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let own = kept["spec"].get_mut(list).and_then(Value::as_array_mut);
        for (own, given) in own.into_iter().flatten().zip(given) {
            if own["name"] != given["name"] {
                continue;
            }
            for member in ["resources", "resizePolicy"] {
                match given.get(member) {
                    Some(value) => own[member] = value.clone(),
                    None => remove(own, member),
                }
            }
        }
    }
    kept["metadata"]["resourceVersion"] = new["metadata"]["resourceVersion"].clone();
    *new = kept;
}
