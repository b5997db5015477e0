//! The pod template by which the API server judges a SidecarSet's containers and volumes (SS-53). Admission sends it as a
//! dry run, as it does with the templates of workloads (DV-CS10): what is refused there would be refused in every pod.

use serde_json::{Map, Value, json};

use super::{spec::SidecarContainer, v1beta1::SidecarSetSpec};
use crate::validation::FieldError;

/// What the paths of errors about a template begin with.
const TEMPLATE: &str = "spec.template.";

/// The template: these containers and volumes, and what else a pod has.
#[must_use]
pub fn judged(spec: &SidecarSetSpec) -> Value {
    let mut containers = raw(&spec.containers);
    if containers.is_empty() {
        containers.push(placeholder(&spec.init_containers));
    }
    let mut pod = Map::from_iter([
        ("restartPolicy".to_owned(), json!("Always")),
        ("dnsPolicy".to_owned(), json!("ClusterFirst")),
        ("serviceAccountName".to_owned(), json!("default")),
        ("terminationGracePeriodSeconds".to_owned(), json!(30)),
        ("containers".to_owned(), json!(containers)),
    ]);
    if !spec.init_containers.is_empty() {
        let containers = raw(&spec.init_containers);
        pod.insert("initContainers".to_owned(), json!(containers));
    }
    if !spec.volumes.is_null() {
        pod.insert("volumes".to_owned(), spec.volumes.clone());
    }
    json!({ "spec": pod })
}

/// What is wrong with the SidecarSet, if this is wrong with its template. Paths of the template begin with
/// `spec.template`, as in workloads.
#[must_use]
pub fn error_of_spec(error: FieldError) -> FieldError {
    let field = match error.field.strip_prefix(TEMPLATE) {
        Some(field) => field.to_owned(),
        None => error.field,
    };
    FieldError { field, ..error }
}

/// Containers as pods know them.
fn raw(containers: &[SidecarContainer]) -> Vec<Value> {
    let containers = containers.iter();
    containers
        .map(|container| json!(container.unknown))
        .collect()
}

/// A container for a pod that would have none. Its name is that of no other container.
fn placeholder(others: &[SidecarContainer]) -> Value {
    let name = (0..)
        .map(|number| format!("placeholder-{number}"))
        .find(|name| others.iter().all(|other| other.name() != name));
    json!({
        "name": name,
        "image": "placeholder",
        "imagePullPolicy": "IfNotPresent",
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    })
}
