//! Selectors of lists and watches: which objects they are about.

use kruise_api::selector::{Labels, Selector, SelectorTextError};
use serde_json::{Map, Value};

use super::{kinds::Kind, path::Query, status::Status};

/// What a list or watch is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    labels: Selector,
    fields: Vec<FieldTerm>,
}

#[derive(Clone, Debug)]
struct FieldTerm {
    /// Path of the field.
    path: Vec<String>,
    value: String,
    equal: bool,
}

/// The labels of an object, as they are stored.
struct StoredLabels<'a>(Option<&'a Map<String, Value>>);

impl Labels for StoredLabels<'_> {
    fn value(&self, key: &str) -> Option<&str> {
        self.0?.get(key)?.as_str()
    }
}

impl Selection {
    /// Reads the selectors of a query, whatever kind it is about.
    pub(crate) fn read(query: &Query) -> Result<Self, Status> {
        let labels = query.get("labelSelector").parse();
        let labels = labels.map_err(|why: SelectorTextError| {
            Status::bad_request(&format!("unable to parse requirement: {why}"))
        })?;
        let terms = query.get("fieldSelector").split(',');
        let fields = terms.filter(|term| !term.trim().is_empty()).map(field_term);
        Ok(Self {
            labels,
            fields: fields.collect::<Result<_, _>>()?,
        })
    }

    /// Objects of the kind must be selectable by these fields. The real server asks after it has judged the other options.
    pub(crate) fn check(&self, kind: &Kind) -> Result<(), Status> {
        let mut paths = self.fields.iter().map(|term| term.path.join("."));
        match paths.find(|path| !selectable(kind, path)) {
            Some(path) => Err(Status::bad_request(&not_selectable(kind, &path))),
            None => Ok(()),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// The one name that is selected, if it is but one.
    pub(crate) fn name(&self) -> Option<&str> {
        self.only(&["metadata", "name"])
    }

    /// The one node whose pods are selected, if it is but one.
    pub(crate) fn node(&self) -> Option<&str> {
        self.only(&["spec", "nodeName"])
    }

    fn only(&self, path: &[&str]) -> Option<&str> {
        let mut terms = self.fields.iter();
        let term = terms.find(|term| term.equal && term.path == path)?;
        Some(&term.value)
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = object["metadata"]["labels"].as_object();
        self.labels.matches(&StoredLabels(labels))
            && self.fields.iter().all(|term| {
                let found = term.path.iter().try_fold(object, |at, step| at.get(step));
                let equal = match found {
                    Some(Value::String(text)) => *text == term.value,
                    Some(Value::Bool(flag)) => flag.to_string() == term.value,
                    Some(Value::Number(number)) => number.to_string() == term.value,
                    // An absent flag is false, and text that is absent is empty.
                    _ if term.path.last().is_some_and(|name| is_flag(name)) => {
                        term.value == "false"
                    }
                    _ => term.value.is_empty(),
                };
                equal == term.equal
            })
    }
}

fn is_flag(name: &str) -> bool {
    ["unschedulable", "hostNetwork"].contains(&name)
}

fn field_term(term: &str) -> Result<FieldTerm, Status> {
    let (path, value, equal) = if let Some((path, value)) = term.split_once("!=") {
        (path, value, false)
    } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (path, value, true)
    } else {
        let message = format!("invalid selector: {term:?}; can't understand {term:?}");
        return Err(Status::bad_request(&message));
    };
    Ok(FieldTerm {
        path: path.split('.').map(str::to_owned).collect(),
        value: value.to_owned(),
        equal,
    })
}

fn selectable(kind: &Kind, path: &str) -> bool {
    if path == "metadata.name" || path == "metadata.namespace" {
        return true;
    }
    let more: &[&str] = match kind.names() {
        ("", "pods") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("", "nodes") => &["spec.unschedulable"],
        ("", "namespaces") => &["status.phase"],
        ("", "secrets") => &["type"],
        ("", "services") => &["spec.clusterIP", "spec.type"],
        ("", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("apps", "replicasets") => &["status.replicas"],
        ("batch", "jobs") => &["status.successful"],
        _ => &[],
    };
    more.contains(&path)
}

fn not_selectable(kind: &Kind, path: &str) -> String {
    let has_own_text = matches!(
        kind.names(),
        (
            "",
            "pods" | "nodes" | "namespaces" | "secrets" | "services" | "events"
        ) | (
            "apps",
            "replicasets" | "deployments" | "statefulsets" | "daemonsets"
        )
    );
    if has_own_text || kind.custom.is_some() {
        format!("field label not supported: {path}")
    } else {
        format!(
            "{path:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
        )
    }
}
