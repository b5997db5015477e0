//! Pods: defaults, what may change when, and their subresources.

use std::sync::Arc;

use kruise_api::{defaults, resource::ObjectKey};
use serde_json::{Value, json};

use super::{
    ApiServer, State,
    answer::Answer,
    call::Call,
    clock_text,
    fields::FieldError,
    metadata,
    rules::{Part, remove},
    status::Status,
    store,
};

const TOLERATED: [&str; 2] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
];

/// Fills in what a pod leaves open.
pub(crate) fn default(pod: &mut Value) {
    let given: Vec<(bool, Value)> = pod["spec"]["containers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|container| {
            (
                container["imagePullPolicy"].is_string(),
                container["image"].clone(),
            )
        })
        .collect();
    // The library's defaults are Kubernetes', but for one: ordinary containers always pull.
    defaults::pod_template(pod);
    if pod["spec"]["hostNetwork"] == true {
        defaults::host_ports(pod);
    }
    let containers = pod["spec"]["containers"].as_array_mut();
    for (container, (has_policy, image)) in containers.into_iter().flatten().zip(given) {
        if !has_policy {
            container["imagePullPolicy"] = pull_policy(image.as_str().unwrap_or_default()).into();
        }
    }
    let Some(spec) = pod["spec"].as_object_mut() else {
        return;
    };
    spec.entry("enableServiceLinks").or_insert(json!(true));
    for containers in ["initContainers", "containers"] {
        for container in spec
            .get_mut(containers)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            if container.get("resources").is_none() {
                container["resources"] = json!({});
            }
            default_requests(container);
        }
    }
}

/// What a container may use at most is what it asks for, unless it says otherwise.
fn default_requests(container: &mut Value) {
    let limits = container["resources"]["limits"].as_object().cloned();
    for (name, limit) in limits.into_iter().flatten() {
        let requests = &mut container["resources"]["requests"];
        if requests.get(&name).is_none() {
            requests[name] = limit;
        }
    }
}

fn pull_policy(image: &str) -> &'static str {
    let (name, has_digest) = image
        .split_once('@')
        .map_or((image, false), |(name, _)| (name, true));
    let last = name.rsplit('/').next().unwrap_or_default();
    match last.split_once(':') {
        Some((_, "latest")) => "Always",
        None if !has_digest => "Always",
        _ => "IfNotPresent",
    }
}

/// What the server's own admission plugins add.
pub(crate) fn admit(state: &State, call: &Call, pod: &mut Value) -> Result<(), Status> {
    tolerate(pod);
    prioritize(state, call, pod)
}

fn tolerate(pod: &mut Value) {
    let mut tolerations = pod["spec"]["tolerations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    for key in TOLERATED {
        let is_tolerated = tolerations.iter().any(|toleration| {
            let own = toleration["key"].as_str().unwrap_or_default();
            let effect = toleration["effect"].as_str().unwrap_or_default();
            (own == key || own.is_empty()) && (effect == "NoExecute" || effect.is_empty())
        });
        if !is_tolerated {
            tolerations.push(json!({
                "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            }));
        }
    }
    pod["spec"]["tolerations"] = tolerations.into();
}

fn prioritize(state: &State, call: &Call, pod: &mut Value) -> Result<(), Status> {
    let class = pod["spec"]["priorityClassName"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let (priority, policy) = match class.as_str() {
        "" => (0, "PreemptLowerPriority".to_owned()),
        "system-cluster-critical" => (2_000_000_000, "PreemptLowerPriority".to_owned()),
        "system-node-critical" => (2_000_001_000, "PreemptLowerPriority".to_owned()),
        name => {
            let found = state.kinds.find("scheduling.k8s.io", "priorityclasses");
            let found = found.and_then(|(number, _)| state.store.get(number, name));
            let Some(found) = found else {
                let why = format!("no PriorityClass with name {name} was found");
                return Err(Status::forbidden(
                    &call.kind,
                    metadata::text(pod, "name"),
                    &why,
                ));
            };
            let policy = found["preemptionPolicy"]
                .as_str()
                .unwrap_or("PreemptLowerPriority");
            (found["value"].as_i64().unwrap_or(0), policy.to_owned())
        }
    };
    pod["spec"]["priority"] = priority.into();
    if pod["spec"].get("preemptionPolicy").is_none() {
        pod["spec"]["preemptionPolicy"] = policy.into();
    }
    Ok(())
}

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
            "lastProbeTime": null, "lastTransitionTime": null,
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

pub(crate) fn check_creation(pod: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    let containers = pod["spec"]["containers"].as_array();
    if containers.is_none_or(Vec::is_empty) {
        errors.push(FieldError::required("spec.containers", ""));
    }
    let mut names: Vec<&str> = vec![];
    for list in ["initContainers", "containers"] {
        let containers = pod["spec"][list].as_array().into_iter().flatten();
        for (index, container) in containers.enumerate() {
            let path = format!("spec.{list}[{index}]");
            let text = |member: &str| container[member].as_str().unwrap_or_default();
            let name = text("name");
            if name.is_empty() {
                errors.push(FieldError::required(&format!("{path}.name"), ""));
            } else {
                for wrong in super::names::label(name) {
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
        }
    }
    errors
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

const SPEC_KEPT: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
    tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

pub(crate) fn check_update(part: Part, new: &Value, old: &Value) -> Vec<FieldError> {
    match part {
        Part::Whole => check_spec(new, old),
        Part::Status => {
            let mut errors = vec![];
            if new["spec"]["nodeName"] != old["spec"]["nodeName"] {
                errors.push(FieldError::forbidden(
                    "status.nodeName",
                    "may not be changed directly",
                ));
            }
            errors
        }
        _ => vec![],
    }
}

fn check_spec(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
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
        }
        (Some(new), Some(old)) if new > old => {
            let detail = format!("must be less than or equal to previous value {old}");
            errors.push(FieldError::invalid(
                "spec.activeDeadlineSeconds",
                &new.into(),
                &detail,
            ));
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
    if before.iter().any(|toleration| !after.contains(toleration)) {
        let detail = "existing toleration can not be modified except its tolerationSeconds";
        errors.push(FieldError::forbidden("spec.tolerations", detail));
    }
    if !errors.is_empty() {
        return errors;
    }
    let mut munged = new["spec"].clone();
    for list in ["containers", "initContainers"] {
        let before = old["spec"][list].as_array().into_iter().flatten();
        let after = munged.get_mut(list).and_then(Value::as_array_mut);
        for (after, before) in after.into_iter().flatten().zip(before) {
            after["image"] = before["image"].clone();
        }
    }
    for member in ["activeDeadlineSeconds", "tolerations"] {
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
        for member in ["schedulingGates", "nodeSelector", "affinity"] {
            keep_member(&mut munged, &old["spec"], member);
        }
    }
    if munged != old["spec"] {
        errors.push(FieldError::forbidden("spec", SPEC_KEPT));
    }
    errors
}

fn keep_member(spec: &mut Value, old: &Value, member: &str) {
    match old.get(member) {
        Some(value) => spec[member] = value.clone(),
        None => remove(spec, member),
    }
}

impl ApiServer {
    /// Binds a pod to a node, as schedulers do.
    pub(super) fn bind(&self, call: &Call) -> Result<Answer, Status> {
        let body = call.body.as_ref().map_err(|why| Status::bad_request(why))?;
        let node = body["target"]["name"].as_str().unwrap_or_default();
        if node.is_empty() {
            let errors = [FieldError::required("target.name", "")];
            return Err(Status::invalid("", "Binding", call.name(), &errors));
        }
        let mut state = self.lock();
        let place = call.place();
        let Some(pod) = state.store.get(call.number, &place).cloned() else {
            return Err(Status::not_found(&call.kind, call.name()));
        };
        let refuse =
            |why: &str| Status::conflict(&call.kind, &format!("{}/binding", call.name()), why);
        if metadata::is_terminating(&pod) {
            return Err(refuse(&format!(
                "pod {} is being deleted, cannot be assigned to a host",
                call.name()
            )));
        }
        if let Some(bound) = pod["spec"]["nodeName"]
            .as_str()
            .filter(|name| !name.is_empty())
        {
            return Err(refuse(&format!(
                "pod {} is already assigned to node {bound:?}",
                call.name()
            )));
        }
        if !call.query.dry_run() {
            let mut bound = Value::clone(&pod);
            bound["spec"]["nodeName"] = node.into();
            let generation = metadata::generation(&pod);
            metadata::set(&mut bound, "generation", Some((generation + 1).into()));
            let now = clock_text(self.inner.clock.now());
            let condition = json!({
                "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now,
            });
            let mut conditions = pod["status"]["conditions"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            match conditions
                .iter_mut()
                .find(|own| own["type"] == "PodScheduled")
            {
                Some(own) => *own = condition,
                None => conditions.push(condition),
            }
            bound["status"]["conditions"] = conditions.into();
            let write = self.write_by(call);
            state.store.put(call.number, &place, bound, write);
        }
        drop(state);
        self.inner.changed.notify_waiters();
        Ok(Answer::Object(201, success(201)))
    }

    /// The pod of this key.
    pub(super) fn pod(&self, call: &Call) -> Result<Arc<Value>, Status> {
        let key = ObjectKey::new(call.namespace(), call.name());
        let state = self.lock();
        let found = state.store.get(call.number, &store::place(&key));
        found
            .cloned()
            .ok_or_else(|| Status::not_found(&call.kind, call.name()))
    }
}

/// What is said of a call that has no object to show.
pub(crate) fn success(code: u16) -> Arc<Value> {
    Arc::new(json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code,
    }))
}
