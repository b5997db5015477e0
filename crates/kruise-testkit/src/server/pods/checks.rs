//! What is wrong with pods, and with changes of them.

use serde_json::Value;

use super::quality;
use crate::server::{fields::FieldError, members::remove, metadata, names, part::Part};

pub(crate) fn check_creation(pod: &Value) -> Vec<FieldError> {
    let mut errors = check_pod_spec(&pod["spec"], "spec");
    let is_gated = pod["spec"]["schedulingGates"].is_array();
    if is_gated && pod["spec"]["nodeName"].is_string() {
        let detail = "cannot be set until all schedulingGates have been cleared";
        errors.push(FieldError::forbidden("spec.nodeName", detail));
    }
    if pod["spec"]["ephemeralContainers"].is_array() {
        errors.push(FieldError::forbidden(
            "spec.ephemeralContainers",
            "cannot be set on create",
        ));
    }
    errors
}

/// What is wrong with a template of pods.
pub(crate) fn check_template(template: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    metadata::check_maps(template, path, &mut errors);
    errors.extend(check_pod_spec(&template["spec"], &format!("{path}.spec")));
    errors
}

fn check_pod_spec(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = vec![];
    let containers = spec["containers"].as_array();
    if containers.is_none_or(Vec::is_empty) {
        errors.push(FieldError::required(&format!("{path}.containers"), ""));
    }
    let mut names: Vec<&str> = vec![];
    for list in ["containers", "initContainers"] {
        let containers = spec[list].as_array().into_iter().flatten();
        for (index, container) in containers.enumerate() {
            let path = format!("{path}.{list}[{index}]");
            let text = |member: &str| container[member].as_str().unwrap_or_default();
            let name = text("name");
            if name.is_empty() {
                errors.push(FieldError::required(&format!("{path}.name"), ""));
            } else {
                for wrong in names::label(name) {
                    errors.push(FieldError::invalid(
                        &format!("{path}.name"),
                        &name.into(),
                        &wrong,
                    ));
                }
                if names.contains(&name) {
                    errors.push(FieldError::duplicate(&format!("{path}.name"), &name.into()));
                }
                names.push(name);
            }
            if text("image").is_empty() {
                errors.push(FieldError::required(&format!("{path}.image"), ""));
            }
            check_resources(
                &container["resources"],
                &format!("{path}.resources"),
                &mut errors,
            );
        }
    }
    let policy = &spec["restartPolicy"];
    let policies = ["Always", "Never", "OnFailure"];
    if policy
        .as_str()
        .is_none_or(|policy| !policies.contains(&policy))
    {
        let field = format!("{path}.restartPolicy");
        errors.push(FieldError::not_supported(
            &field,
            policy,
            &["Always", "OnFailure", "Never"],
        ));
    }
    if let Some(seconds) = spec["activeDeadlineSeconds"].as_i64()
        && !(1..=i64::from(i32::MAX)).contains(&seconds)
    {
        let field = format!("{path}.activeDeadlineSeconds");
        let detail = "must be between 1 and 2147483647, inclusive";
        errors.push(FieldError::invalid(&field, &seconds.into(), detail));
    }
    errors
}

/// Nobody may ask for more than the limit.
fn check_resources(resources: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let nanos = |value: &Value| value.as_str().and_then(kruise_api::quantity::nanos);
    for (name, request) in resources["requests"].as_object().into_iter().flatten() {
        let limit = &resources["limits"][name];
        if let (Some(asked), Some(most)) = (nanos(request), nanos(limit))
            && asked > most
        {
            let detail = format!(
                "must be less than or equal to {name} limit of {}",
                limit.as_str().unwrap_or_default()
            );
            errors.push(FieldError::invalid(
                &format!("{path}.requests"),
                request,
                &detail,
            ));
        }
    }
}

const SPEC_KEPT: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
    tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

pub(crate) fn check_update(part: Part, new: &Value, old: &Value) -> Vec<FieldError> {
    match part {
        Part::Whole => check_spec(new, old),
        Part::Status => check_status(new, old),
        Part::Resize => check_resize(new, old),
        Part::EphemeralContainers | Part::Finalize => vec![],
    }
}

fn check_status(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    let conditions = new["status"]["conditions"].as_array().into_iter().flatten();
    for (index, condition) in conditions.enumerate() {
        let type_ = condition["type"].as_str().unwrap_or_default();
        if ["PodScheduled", "Ready", "Initialized"].contains(&type_) {
            continue;
        }
        for wrong in names::qualified(type_) {
            let field = format!("status.conditions[{index}].Type");
            errors.push(FieldError::invalid(&field, &type_.into(), &wrong));
        }
    }
    if new["status"]["qosClass"] != old["status"]["qosClass"] {
        let shown = &new["status"]["qosClass"];
        errors.push(FieldError::invalid(
            "status.qosClass",
            shown,
            "field is immutable",
        ));
    }
    check_ends(new, old, &mut errors);
    errors
}

/// A container that has ended for good stays so.
fn check_ends(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let statuses = |pod: &'_ Value| {
        pod["status"]["containerStatuses"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let (before, after) = (statuses(old), statuses(new));
    for (index, status) in before.iter().enumerate() {
        let Some(ended) = status["state"].get("terminated") else {
            continue;
        };
        let restarts = match old["spec"]["restartPolicy"].as_str() {
            Some("Never") => false,
            Some("OnFailure") => ended["exitCode"].as_i64() != Some(0),
            _ => true,
        };
        let now = after.iter().find(|now| now["name"] == status["name"]);
        if !restarts && now.is_some_and(|now| now["state"].get("terminated").is_none()) {
            let field = format!("status.containerStatuses[{index}].state");
            let detail = "may not be transitioned to non-terminated state";
            errors.push(FieldError::forbidden(&field, detail));
        }
    }
}

fn check_resize(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = check_pod_spec(&new["spec"], "spec");
    if quality(new) != quality(old) {
        let shown = &new["status"]["qosClass"];
        let detail = "Pod QOS Class may not change as a result of resizing";
        errors.push(FieldError::invalid("spec", shown, detail));
    }
    let statuses = old["status"]["containerStatuses"]
        .as_array()
        .into_iter()
        .flatten();
    let mut running = statuses.filter(|status| status["state"].get("running").is_some());
    if running
        .next()
        .is_some_and(|status| status.get("resources").is_none())
    {
        let detail = "Pod running on node without support for resize";
        errors.push(FieldError::forbidden("spec", detail));
    }
    for list in ["initContainers", "containers"] {
        let before = old["spec"][list].as_array().into_iter().flatten();
        let after = new["spec"][list].as_array().into_iter().flatten();
        for (index, (before, after)) in before.zip(after).enumerate() {
            let path = format!("spec.{list}[{index}].resources");
            check_container_resize(before, after, &path, &mut errors);
        }
    }
    errors
}

fn check_container_resize(old: &Value, new: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for (list, what) in [
        ("requests", "resource requests"),
        ("limits", "resource limits"),
    ] {
        let before = old["resources"][list].as_object();
        let is_left = |name: &String| new["resources"][list].get(name).is_some();
        if before.is_some_and(|before| !before.keys().all(is_left)) {
            let detail = format!("{what} cannot be removed");
            errors.push(FieldError::forbidden(&format!("{path}.{list}"), &detail));
        }
        let others = |container: &Value| {
            let mut amounts = container["resources"][list]
                .as_object()
                .cloned()
                .unwrap_or_default();
            amounts.retain(|name, _| name != "cpu" && name != "memory");
            amounts
        };
        if others(old) != others(new) {
            let detail = "only cpu and memory resources are mutable";
            errors.push(FieldError::forbidden("spec", detail));
        }
    }
}

fn check_spec(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = check_pod_spec(&new["spec"], "spec");
    let count = |pod: &Value, list: &str| pod["spec"][list].as_array().map_or(0, Vec::len);
    for list in ["containers", "initContainers"] {
        if count(new, list) != count(old, list) {
            let path = format!("spec.{list}");
            let detail = "pod updates may not add or remove containers";
            errors.push(FieldError::forbidden(&path, detail));
            return errors;
        }
        for (index, container) in new["spec"][list]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            if container["image"]
                .as_str()
                .is_none_or(|image| image.trim().is_empty())
            {
                let path = format!("spec.{list}[{index}].image");
                errors.push(FieldError::required(&path, ""));
            }
        }
    }
    let deadline = |pod: &Value| pod["spec"]["activeDeadlineSeconds"].as_i64();
    match (deadline(new), deadline(old)) {
        (Some(new), _) if !(0..=i64::from(i32::MAX)).contains(&new) => {
            let detail = "must be between 0 and 2147483647, inclusive";
            errors.push(FieldError::invalid(
                "spec.activeDeadlineSeconds",
                &new.into(),
                detail,
            ));
            return errors;
        }
        (Some(new), Some(old)) if new > old => {
            let detail = format!("must be less than or equal to previous value {old}");
            errors.push(FieldError::invalid(
                "spec.activeDeadlineSeconds",
                &new.into(),
                &detail,
            ));
            return errors;
        }
        (None, Some(_)) => {
            let detail = "must not update from a positive integer to nil value";
            errors.push(FieldError::invalid_as(
                "spec.activeDeadlineSeconds",
                "null",
                detail,
            ));
        }
        _ => {}
    }
    let tolerations = |pod: &Value| {
        pod["spec"]["tolerations"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let (after, before) = (tolerations(new), tolerations(old));
    let without_time = |toleration: &Value| {
        let mut toleration = toleration.clone();
        remove(&mut toleration, "tolerationSeconds");
        toleration
    };
    let after: Vec<Value> = after.iter().map(without_time).collect();
    if before
        .iter()
        .any(|toleration| !after.contains(&without_time(toleration)))
    {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        errors.push(FieldError::forbidden("spec.tolerations", detail));
    }
    check_gates(new, old, &mut errors);
    // What else has changed is told as well (ValidatePodUpdate).
    let mut munged = new["spec"].clone();
    for list in ["containers", "initContainers"] {
        let before = old["spec"][list].as_array().into_iter().flatten();
        let after = munged.get_mut(list).and_then(Value::as_array_mut);
        for (after, before) in after.into_iter().flatten().zip(before) {
            after["image"] = before["image"].clone();
        }
    }
    for member in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
        keep_member(&mut munged, &old["spec"], member);
    }
    let grace = |spec: &Value| spec["terminationGracePeriodSeconds"].as_i64();
    if grace(&old["spec"]).is_some_and(|seconds| seconds < 0) && grace(&munged) == Some(1) {
        keep_member(&mut munged, &old["spec"], "terminationGracePeriodSeconds");
    }
    let is_gated = |pod: &Value| {
        pod["spec"]["schedulingGates"]
            .as_array()
            .is_some_and(|gates| !gates.is_empty())
    };
    if is_gated(old) {
        for member in ["nodeSelector", "affinity"] {
            keep_member(&mut munged, &old["spec"], member);
        }
    }
    if munged != old["spec"] {
        errors.push(FieldError::forbidden("spec", SPEC_KEPT));
    }
    errors
}

/// Gates can only go.
fn check_gates(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let gates = |pod: &Value| {
        pod["spec"]["schedulingGates"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let before = gates(old);
    for (index, gate) in gates(new).iter().enumerate() {
        if !before.contains(gate) {
            let name = gate["name"].as_str().unwrap_or_default();
            let detail =
                format!("only deletion is allowed, but found new scheduling gate '{name}'");
            let field = format!("spec.schedulingGates[{index}].name");
            errors.push(FieldError::forbidden(&field, &detail));
        }
    }
}

fn keep_member(spec: &mut Value, old: &Value, member: &str) {
    match old.get(member) {
        Some(value) => spec[member] = value.clone(),
        None => remove(spec, member),
    }
}
