//! What differs between kinds when they are written. Custom kinds follow their definitions, in `custom`.

use serde_json::{Value, json};

use super::{
    State,
    call::Call,
    fields::FieldError,
    kinds::{self, Kind},
    metadata,
    names::NameRule,
    pods,
    status::Status,
};

/// What of an object a write is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    Whole,
    Status,
    Resize,
    EphemeralContainers,
    Finalize,
}

impl Part {
    pub(crate) fn of(call: &Call) -> Result<Self, Status> {
        let (kind, subresource) = (&call.kind, call.subresource.as_str());
        match subresource {
            "" => Ok(Self::Whole),
            "status" if kind.has_status(call.version) => Ok(Self::Status),
            "resize" if kind.is_core("pods") => Ok(Self::Resize),
            "ephemeralcontainers" if kind.is_core("pods") => Ok(Self::EphemeralContainers),
            "finalize" if kind.is_core("namespaces") => Ok(Self::Finalize),
            _ => Err(Status::no_such_path()),
        }
    }
}

/// Brings what was sent into the form that the server works with: without what the kind doesn't know, with defaults.
pub(crate) fn read(kind: &Kind, version: &str, object: &mut Value) -> Result<(), Status> {
    if let Some(custom) = &kind.custom {
        custom.read(version, object);
        return Ok(());
    }
    drop_nulls(object);
    match kind.names() {
        ("", "pods") => pods::default(object),
        ("", "namespaces") => {
            let name = metadata::text(object, "name").to_owned();
            if !name.is_empty() {
                object["metadata"]["labels"]["kubernetes.io/metadata.name"] = name.into();
            }
        }
        ("", "secrets") => {
            default_text(object, "type", "Opaque");
            text_data(object);
        }
        ("", "persistentvolumeclaims") => {
            default(&mut object["spec"], "volumeMode", json!("Filesystem"));
            default(object, "status", json!({}));
            default(&mut object["status"], "phase", json!("Pending"));
        }
        _ => {}
    }
    Ok(())
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
        _ => Ok(()),
    }
}

pub(crate) fn name_rule(kind: &Kind) -> NameRule {
    match kind.names() {
        ("", "namespaces" | "services") => NameRule::Label,
        ("rbac.authorization.k8s.io", _) => NameRule::PathSegment,
        _ if kind.custom.is_some() => NameRule::Subdomain,
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
        ("apps", "deployments") => object["status"] = json!({}),
        ("apps", "replicasets") => object["status"] = json!({ "replicas": 0 }),
        ("policy", _) => {
            object["status"] = json!({
                "disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0,
            });
        }
        _ => {}
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
            if object.get("data").is_none_or(Value::is_null) {
                errors.push(FieldError::required("data", "data is mandatory"));
            }
            check_revision(object, &mut errors);
            errors
        }
        ("", "events") => check_event(object),
        _ => vec![],
    }
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
    let fits = if about.is_empty() {
        // Of what lives in no namespace.
        namespace == "default" || namespace == "kube-system"
    } else {
        about == namespace
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
        (("", "secrets"), _) if new["type"] != old["type"] => {
            vec![FieldError::invalid(
                "type",
                &new["type"],
                "field is immutable",
            )]
        }
        (("", "events"), _) => check_event(new),
        _ => vec![],
    }
}

/// The old object with the version that the new one names.
fn with_version(old: &Value, new: &Value) -> Value {
    let version = metadata::text(new, "resourceVersion").to_owned();
    let mut object = old.clone();
    metadata::set(&mut object, "resourceVersion", Some(version.into()));
    object
}

pub(crate) fn remove(object: &mut Value, member: &str) {
    object
        .as_object_mut()
        .map(|object| object.shift_remove(member));
}

/// A member becomes what it was.
pub(crate) fn keep(new: &mut Value, old: &Value, member: &str) {
    match old.get(member) {
        Some(value) => new[member] = value.clone(),
        None => remove(new, member),
    }
}

fn keep_in(new: &mut Value, old: &Value, owner: &str, member: &str) {
    match old[owner].get(member) {
        Some(value) => new[owner][member] = value.clone(),
        None => {
            if let Some(owner) = new.get_mut(owner) {
                remove(owner, member);
            }
        }
    }
}

fn default(owner: &mut Value, member: &str, value: Value) {
    if owner.is_null() {
        *owner = json!({});
    }
    if owner.get(member).is_none() {
        owner[member] = value;
    }
}

fn default_text(owner: &mut Value, member: &str, text: &str) {
    if owner[member].as_str().is_none_or(str::is_empty) {
        owner[member] = text.into();
    }
}

/// Moves what a Secret has in plain text to the rest of its data.
fn text_data(secret: &mut Value) {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let Some(Value::Object(texts)) = secret
        .as_object_mut()
        .and_then(|secret| secret.shift_remove("stringData"))
    else {
        return;
    };
    for (name, text) in texts {
        let encoded = STANDARD.encode(text.as_str().unwrap_or_default());
        secret["data"][name] = encoded.into();
    }
}

/// Members that are null are as good as absent.
pub(crate) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
