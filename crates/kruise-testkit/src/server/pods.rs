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

/// Fills in what a pod, or a template of pods, leaves open.
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
    let containers = pod["spec"]
        .get_mut("containers")
        .and_then(Value::as_array_mut);
    for (container, (has_policy, image)) in containers.into_iter().flatten().zip(given) {
        if !has_policy {
            container["imagePullPolicy"] = pull_policy(image.as_str().unwrap_or_default()).into();
        }
    }
    let is_pod = pod.get("kind").is_some();
    let Some(spec) = pod["spec"].as_object_mut() else {
        return;
    };
    for (from, to) in [
        ("serviceAccount", "serviceAccountName"),
        ("serviceAccountName", "serviceAccount"),
    ] {
        if let Some(name) = spec.get(from).cloned() {
            spec.entry(to).or_insert(name);
        }
    }
    // A template leaves these open until a pod is made of it.
    if is_pod {
        spec.entry("enableServiceLinks").or_insert(json!(true));
        for list in ["initContainers", "containers"] {
            let containers = spec.get_mut(list).and_then(Value::as_array_mut);
            containers.into_iter().flatten().for_each(default_requests);
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
    identify(pod);
    tolerate(pod);
    prioritize(state, call, pod)
}

/// A pod runs as somebody; the older name of the member says the same.
fn identify(pod: &mut Value) {
    let spec = &mut pod["spec"];
    if spec["serviceAccountName"]
        .as_str()
        .is_none_or(str::is_empty)
    {
        spec["serviceAccountName"] = "default".into();
    }
    spec["serviceAccount"] = spec["serviceAccountName"].clone();
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
    let has_gates = pod["spec"]["schedulingGates"]
        .as_array()
        .is_some_and(|gates| !gates.is_empty());
    if has_gates
        && pod["spec"]["nodeName"]
            .as_str()
            .is_some_and(|name| !name.is_empty())
    {
        let detail = "cannot be set until all schedulingGates have been cleared";
        errors.push(FieldError::forbidden("spec.nodeName", detail));
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
        for wrong in super::names::qualified(type_) {
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
        if pod["spec"]["schedulingGates"].is_array() {
            return Err(refuse(&format!(
                "pod {} has non-empty .spec.schedulingGates",
                call.name()
            )));
        }
        if !call.query.dry_run() {
            let mut bound = Value::clone(&pod);
            bound["spec"]["nodeName"] = node.into();
            remove(&mut bound["status"], "nominatedNodeName");
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
