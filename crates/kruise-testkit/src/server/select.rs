//! Selectors of lists and watches: which objects they are about.

use kruise_api::{
    meta::{LabelSelector, LabelSelectorRequirement},
    selector::{Labels, Selector},
};
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
        let labels = labels(query.get("labelSelector"))
            .map_err(|why| Status::bad_request(&format!("unable to parse requirement: {why}")))?;
        let terms = split(query.get("fieldSelector"));
        let fields = terms.iter().map(|term| field_term(term));
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

/// Splits at commas that stand outside of parentheses.
fn split(selector: &str) -> Vec<String> {
    let mut terms = vec![String::new()];
    let mut depth = 0;
    for character in selector.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        match terms.last_mut() {
            Some(term) if character != ',' || depth > 0 => term.push(character),
            _ => terms.push(String::new()),
        }
    }
    terms.retain(|term| !term.trim().is_empty());
    terms
}

fn labels(selector: &str) -> Result<Selector, String> {
    let terms = split(selector);
    let expressions = terms.iter().map(|term| label_term(term.trim()));
    let selector = LabelSelector {
        match_expressions: Some(expressions.collect::<Result<_, _>>()?),
        ..LabelSelector::default()
    };
    Selector::parse(&selector).map_err(|error| error.to_string())
}

fn label_term(term: &str) -> Result<LabelSelectorRequirement, String> {
    let requirement = |key: &str, operator: &str, values: &[&str]| {
        let key = key.trim();
        let is_word = |word: &str| !word.contains([' ', '(', ')']);
        if key.is_empty() || !is_word(key) || !values.iter().all(|value| is_word(value.trim())) {
            return Err(format!("found {term:?}"));
        }
        Ok(LabelSelectorRequirement {
            key: key.to_owned(),
            operator: operator.to_owned(),
            values: Some(values.iter().map(|value| value.trim().to_owned()).collect()),
        })
    };
    if let Some((key, value)) = term.split_once("!=") {
        return requirement(key, "NotIn", &[value]);
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return requirement(key, "In", &[value]);
    }
    if let Some((words, values)) = term.split_once('(') {
        let values = values.strip_suffix(')').ok_or("no closing parenthesis")?;
        let values: Vec<_> = values.split(',').collect();
        let (key, operator) = words.trim().rsplit_once(' ').unwrap_or((words, ""));
        return match operator {
            "in" => requirement(key, "In", &values),
            "notin" => requirement(key, "NotIn", &values),
            _ => Err(format!("found {operator:?}")),
        };
    }
    match term.strip_prefix('!') {
        Some(key) => requirement(key, "DoesNotExist", &[]),
        None => requirement(term, "Exists", &[]),
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn selects(selector: &str, labels: &Value) -> bool {
        super::labels(selector)
            .unwrap()
            .matches(&StoredLabels(labels.as_object()))
    }

    #[test]
    fn label_selectors_are_read() {
        let labels = json!({ "app": "web", "tier": "front" });
        for selector in [
            "",
            "app",
            "app=web",
            "app==web,tier=front",
            "app in (web, db)",
            "tier notin (back),app",
            "!other",
            "other!=x",
        ] {
            assert!(selects(selector, &labels), "{selector}");
        }
        for selector in [
            "other",
            "app=db",
            "app in (db)",
            "app notin (web)",
            "!app",
            "app!=web",
        ] {
            assert!(!selects(selector, &labels), "{selector}");
        }
        assert!(super::labels("app in web").is_err());
    }
}
