//! What differs between kinds when they are written. Custom kinds follow their definitions, in `custom`.

use serde_json::{Map, Value, json};

use super::{
    call::Call,
    defaults,
    fields::FieldError,
    kinds::{self, Kind},
    members::{keep, keep_in, remove, with_version},
    metadata,
    names::NameRule,
    part::Part,
    pods, shape,
    state::State,
    status::Status,
};

/// Brings what was sent into the form that the server works with: without what the kind doesn't know, with defaults.
pub(crate) fn read(kind: &Kind, version: &str, object: &mut Value) -> Result<(), Status> {
    if let Some(custom) = &kind.custom {
        custom.read(version, object);
        return Ok(());
    }
    let named = kind.resource.kind;
    let empty = empty_members(kind, object);
    shape::read(named, object).map_err(|why| {
        let message =
            format!("{named} in version {version:?} cannot be handled as a {named}: {why}");
        Status::bad_request(&message)
    })?;
    for member in empty {
        object[member] = json!({});
    }
    defaults::fill_in(kind, object);
    Ok(())
}

/// Members of ConfigMaps and Secrets that were sent empty: until it is judged, an object with such a member isn't one
/// without it, as Go's `reflect.DeepEqual` tells an empty map from none.
fn empty_members(kind: &Kind, object: &Value) -> Vec<&'static str> {
    let mut members = match kind.names() {
        ("", "configmaps") => vec!["data", "binaryData"],
        ("", "secrets") => vec!["data"],
        _ => vec![],
    };
    members.retain(|member| object[*member].as_object().is_some_and(Map::is_empty));
    members
}

/// Drops those members, as the server does when it stores the object.
pub(crate) fn drop_empty(kind: &Kind, object: &mut Value) {
    for member in empty_members(kind, object) {
        remove(object, member);
    }
}

/// What the server's own admission adds or refuses at creation.
pub(crate) fn admit(state: &State, call: &Call, object: &mut Value) -> Result<(), Status> {
    match call.kind.names() {
        ("", "pods") => pods::admit(state, call, object),
        ("", "persistentvolumeclaims") => {
            let mut finalizers: Vec<Value> = object["metadata"]["finalizers"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let own = json!("kubernetes.io/pvc-protection");
            if !finalizers.contains(&own) {
                finalizers.push(own);
            }
            metadata::set(object, "finalizers", Some(finalizers.into()));
            Ok(())
        }
        ("", "nodes") => {
            let taint = json!({ "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" });
            let mut taints = object["spec"]["taints"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let is_there =
                |own: &Value| own["key"] == taint["key"] && own["effect"] == taint["effect"];
            if !taints.iter().any(is_there) {
                taints.push(taint);
            }
            object["spec"]["taints"] = taints.into();
            Ok(())
        }
        _ => Ok(()),
    }
}

pub(crate) fn name_rule(kind: &Kind) -> NameRule {
    match kind.names() {
        ("", "namespaces" | "services") => NameRule::Label,
        ("", "events") | ("rbac.authorization.k8s.io", _) => NameRule::PathSegment,
        _ => NameRule::Subdomain,
    }
}

pub(crate) fn prepare_creation(kind: &Kind, version: &str, object: &mut Value) {
    if let Some(custom) = &kind.custom {
        if custom.has_status(version) {
            remove(object, "status");
        }
        metadata::set(object, "generation", Some(1.into()));
        return;
    }
    if kind.rules.status == kinds::Status::Apart {
        remove(object, "status");
    }
    drop_empty(kind, object);
    if !kind.rules.generation.is_empty() {
        metadata::set(object, "generation", Some(1.into()));
    }
    match kind.names() {
        ("", "pods") => pods::prepare_creation(object),
        ("", "namespaces") => {
            object["status"] = json!({ "phase": "Active" });
            let finalizers = &mut object["spec"]["finalizers"];
            if !finalizers
                .as_array()
                .is_some_and(|list| list.contains(&json!("kubernetes")))
            {
                *finalizers = json!(["kubernetes"]);
            }
        }
        ("", "persistentvolumeclaims" | "persistentvolumes") => {
            object["status"] = json!({ "phase": "Pending" });
        }
        _ => {}
    }
    if kind.rules.status == kinds::Status::Apart {
        // The status that was taken away stands there all the same, as an unset one.
        let read = shape::read(kind.resource.kind, object);
        read.unwrap_or_else(|why| panic!("an object that was read before: {why}"));
    }
}

pub(crate) fn check_creation(kind: &Kind, version: &str, object: &Value) -> Vec<FieldError> {
    if let Some(custom) = &kind.custom {
        return custom.check(version, object, None);
    }
    match kind.names() {
        ("", "pods") => pods::check_creation(object),
        ("apps", "controllerrevisions") => {
            let mut errors = vec![];
            match object.get("data") {
                None | Some(Value::Null) => {
                    errors.push(FieldError::required("data", "data is mandatory"));
                }
                Some(Value::Object(_)) => {}
                Some(_) => errors.push(FieldError::required(
                    "data",
                    "data must be a valid JSON object",
                )),
            }
            check_revision(object, &mut errors);
            errors
        }
        ("", "events") => check_event(object),
        ("coordination.k8s.io", _) => check_lease(object),
        ("policy", _) => check_budget(object),
        ("", "podtemplates") => pods::check_template(&object["template"], "template"),
        _ => vec![],
    }
}

fn check_lease(lease: &Value) -> Vec<FieldError> {
    let mut errors = vec![];
    if let Some(seconds) = lease["spec"]["leaseDurationSeconds"].as_i64()
        && seconds <= 0
    {
        let field = "spec.leaseDurationSeconds";
        errors.push(FieldError::invalid(
            field,
            &seconds.into(),
            "must be greater than 0",
        ));
    }
    if let Some(number) = lease["spec"]["leaseTransitions"].as_i64()
        && number < 0
    {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid(
            "spec.leaseTransitions",
            &number.into(),
            detail,
        ));
    }
    errors
}

fn check_budget(budget: &Value) -> Vec<FieldError> {
    let spec = &budget["spec"];
    if spec.get("minAvailable").is_some() && spec.get("maxUnavailable").is_some() {
        let detail = "minAvailable and maxUnavailable cannot be both set";
        return vec![FieldError::invalid("spec", spec, detail)];
    }
    vec![]
}

fn check_revision(object: &Value, errors: &mut Vec<FieldError>) {
    if let Some(revision) = object["revision"].as_i64()
        && revision < 0
    {
        let detail = "must be greater than or equal to 0";
        errors.push(FieldError::invalid("revision", &revision.into(), detail));
    }
}

fn check_event(event: &Value) -> Vec<FieldError> {
    let namespace = metadata::text(event, "namespace");
    let about = event["involvedObject"]["namespace"]
        .as_str()
        .unwrap_or_default();
    let is_new = event["eventTime"].is_string();
    let fits = if about.is_empty() {
        // Of what lives in no namespace.
        namespace == "default" || is_new && namespace == "kube-system"
    } else {
        about == namespace || is_new
    };
    if fits {
        return vec![];
    }
    let detail = "does not match event.namespace";
    vec![FieldError::invalid(
        "involvedObject.namespace",
        &about.into(),
        detail,
    )]
}

pub(crate) fn prepare_update(call: &Call, part: Part, new: &mut Value, old: &Value) {
    let kind = &call.kind;
    match part {
        Part::Whole => {
            if kind.has_status(call.version) {
                keep(new, old, "status");
            }
            if kind.is_core("pods") {
                pods::admit_update(new, old);
            }
            if kind.is_core("namespaces") {
                keep_in(new, old, "spec", "finalizers");
            }
        }
        Part::Status => prepare_status(kind, new, old),
        Part::Finalize => {
            let finalizers = new["spec"].get("finalizers").cloned();
            *new = with_version(old, new);
            match finalizers {
                Some(finalizers) => new["spec"]["finalizers"] = finalizers,
                None => {
                    new["spec"]
                        .as_object_mut()
                        .map(|spec| spec.shift_remove("finalizers"));
                }
            }
        }
        Part::Resize => pods::keep_all_but_resources(new, old),
        Part::EphemeralContainers => {
            let containers = new["spec"].get("ephemeralContainers").cloned();
            *new = with_version(old, new);
            if let Some(containers) = containers {
                new["spec"]["ephemeralContainers"] = containers;
            }
        }
    }
    if is_new_generation(kind, new, old) {
        let next = metadata::generation(old) + 1;
        metadata::set(new, "generation", Some(next.into()));
    }
}

pub(crate) fn is_new_generation(kind: &Kind, new: &Value, old: &Value) -> bool {
    if kind.custom.is_none() {
        let mut members = kind.rules.generation.iter();
        let is_deployment = kind.names() == ("apps", "deployments");
        return members.any(|member| new.get(*member) != old.get(*member))
            || is_deployment && new["metadata"]["annotations"] != old["metadata"]["annotations"];
    }
    let (Some(new), Some(old)) = (new.as_object(), old.as_object()) else {
        return false;
    };
    // A status that has a subresource was made the same before.
    let counts = |name: &String| name != "metadata" && name != "status";
    let changed = new
        .iter()
        .any(|(name, value)| counts(name) && old.get(name) != Some(value));
    changed
        || old
            .keys()
            .any(|name| counts(name) && !new.contains_key(name))
}

fn prepare_status(kind: &Kind, new: &mut Value, old: &Value) {
    let status = new.get("status").cloned();
    let whole_metadata = kind.custom.is_some() || kind.names().0 == "apiextensions.k8s.io";
    if whole_metadata {
        *new = with_version(old, new);
        match status {
            Some(status) => new["status"] = status,
            None => remove(new, "status"),
        }
        return;
    }
    keep(new, old, "spec");
    match kind.names() {
        ("", "pods") => {
            keep_in(new, old, "metadata", "ownerReferences");
            pods::prepare_status(new, old);
        }
        ("apps", "deployments") => keep_in(new, old, "metadata", "labels"),
        _ => {}
    }
}

pub(crate) fn check_update(call: &Call, part: Part, new: &Value, old: &Value) -> Vec<FieldError> {
    let kind = &call.kind;
    if let Some(custom) = &kind.custom {
        return custom.check(call.version, new, Some(old));
    }
    match (kind.names(), part) {
        (("", "pods"), part) => pods::check_update(part, new, old),
        (("apps", "controllerrevisions"), _) => {
            let mut errors = vec![];
            if new.get("data") != old.get("data") {
                let detail = "field is immutable";
                errors.push(FieldError::invalid("data", &new["data"], detail));
            }
            check_revision(new, &mut errors);
            errors
        }
        (("", "secrets"), _) => {
            let mut errors = vec![];
            if new["type"] != old["type"] {
                let detail = "field is immutable";
                errors.push(FieldError::invalid("type", &new["type"], detail));
            }
            check_immutable(&["data"], new, old, &mut errors);
            errors
        }
        (("", "configmaps"), _) => {
            let mut errors = vec![];
            check_immutable(&["data", "binaryData"], new, old, &mut errors);
            errors
        }
        (("", "persistentvolumeclaims"), Part::Whole) => check_claim(new, old),
        (("", "events"), _) => check_event(new),
        (("coordination.k8s.io", _), _) => check_lease(new),
        (("policy", _), Part::Whole) => check_budget(new),
        (("", "podtemplates"), _) => pods::check_template(&new["template"], "template"),
        _ => vec![],
    }
}

/// What is marked as immutable stays, the mark as well.
fn check_immutable(members: &[&str], new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    if old["immutable"] != true {
        return;
    }
    let detail = "field is immutable when `immutable` is set";
    if new["immutable"] != true {
        errors.push(FieldError::forbidden("immutable", detail));
    }
    for member in members {
        if new.get(*member) != old.get(*member) {
            errors.push(FieldError::forbidden(member, detail));
        }
    }
}

/// Of a claim, only a bound one's size may change, and the volume that none had.
fn check_claim(new: &Value, old: &Value) -> Vec<FieldError> {
    let mut spec = new["spec"].clone();
    let is_unset = |value: &Value| value.as_str().is_none_or(str::is_empty);
    if is_unset(&old["spec"]["volumeName"]) {
        keep(&mut spec, &old["spec"], "volumeName");
    }
    if old["status"]["phase"] == "Bound" {
        keep_in(&mut spec, &old["spec"], "resources", "requests");
    }
    let mut errors = vec![];
    if spec != old["spec"] {
        let detail = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
        errors.push(FieldError::forbidden("spec", detail));
    }
    // ValidatePersistentVolumeClaimUpdate looks at this one again by itself.
    let mode = &new["spec"]["volumeMode"];
    if *mode != old["spec"]["volumeMode"] {
        errors.push(FieldError::invalid(
            "volumeMode",
            mode,
            "field is immutable",
        ));
    }
    errors
}
