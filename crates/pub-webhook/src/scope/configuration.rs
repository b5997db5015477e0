//! A webhook's configuration as it is found, and as it shall be. Pure.
//!
//! Of the object the process owns one requirement of the namespace selector and one match condition of each entry for pods,
//! and, where an annotation asks for one, the failure policy. It changes nothing else: what an administrator changes stays
//! (DV-PF21).

use serde_json::{Map, Value, json};

use super::extent::Extent;
use crate::gates::Gates;

/// The entry for new pods. Brought by the installation (PF-201).
pub const NEW_PODS: &str = "mpod.kb.io";
/// The entry for changes and deletions.
pub const PODS: &str = "vpod.kb.io";
/// The entry for evictions.
pub const EVICTIONS: &str = "vpodeviction.kb.io";
/// The match condition that this process writes.
pub const SCOPE_CONDITION: &str = "pub-scope";
/// By this annotation of a configuration the installation asks for a failure policy, `Fail` or `Ignore`. Until the API
/// server trusts the webhook, the policy stays what the installation brought.
pub const POLICY_ANNOTATION: &str = "pub.kruise.io/failure-policy";

/// What is to be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Namespaces with budgets.
    pub namespaces: Extent,
    /// Feature gates.
    pub gates: Gates,
}

impl Wanted {
    /// The namespaces that an entry asks about, and its condition. None: the entry is none of ours.
    fn of(&self, entry: &str) -> Option<(Extent, Option<&'static str>)> {
        let namespaces = |is_on: bool| match is_on {
            true => self.namespaces.clone(),
            false => Extent::nothing(),
        };
        let Gates { delete, update, .. } = self.gates;
        Some(match entry {
            NEW_PODS => (namespaces(delete || update), None),
            EVICTIONS => (namespaces(delete), None),
            PODS => {
                let condition = match (delete, update) {
                    (true, false) => Some("request.operation == 'DELETE'"),
                    (false, true) => Some("request.operation == 'UPDATE'"),
                    _ => None,
                };
                (namespaces(delete || update), condition)
            }
            _ => return None,
        })
    }
}

/// Where pods are asked about by this configuration; `None`: it has no entry for pods.
#[must_use]
pub fn found(object: &Value) -> Option<Extent> {
    let entries = entries(object).iter();
    let entries = entries.filter(|entry| [NEW_PODS, EVICTIONS, PODS].contains(&name(entry)));
    let extents = entries.map(|entry| {
        let own = requirements(entry).iter().filter_map(Extent::read);
        own.reduce(Extent::and).unwrap_or(Extent::Everything)
    });
    extents.reduce(Extent::and)
}

/// The merge patch that makes the configuration so; `None`: it is so. It holds for the version that was read.
#[must_use]
pub fn revise(object: &Value, wanted: &Wanted) -> Option<Value> {
    let policy = policy(object);
    let revised: Vec<Value> = entries(object)
        .iter()
        .map(|entry| match wanted.of(name(entry)) {
            Some((namespaces, condition)) => {
                let entry = conditioned(&narrowed(entry, &namespaces), condition);
                with_policy(entry, policy)
            }
            None => entry.clone(),
        })
        .collect();
    if revised == entries(object) {
        return None;
    }
    let version = object.pointer("/metadata/resourceVersion");
    Some(json!({ "metadata": { "resourceVersion": version }, "webhooks": revised }))
}

/// Whether the API server has kept a condition that was written. Servers before 1.28 drop them.
#[must_use]
pub(crate) fn keeps_conditions(patch: &Value, stored: &Value) -> bool {
    let n_conditions = |object: &Value| -> usize {
        let entries = entries(object).iter();
        entries.map(|entry| conditions(entry).len()).sum()
    };
    n_conditions(patch) == 0 || n_conditions(stored) > 0
}

fn policy(object: &Value) -> Option<&'static str> {
    let annotations = object.pointer("/metadata/annotations");
    let asked = annotations.and_then(|all| all.get(POLICY_ANNOTATION));
    match asked.and_then(Value::as_str) {
        Some("Fail") => Some("Fail"),
        Some("Ignore") => Some("Ignore"),
        _ => None,
    }
}

/// A webhook that the API server does not trust yet must not be one that fails.
fn with_policy(mut entry: Value, policy: Option<&str>) -> Value {
    let bundle = entry.pointer("/clientConfig/caBundle");
    let is_trusted = bundle
        .and_then(Value::as_str)
        .is_some_and(|it| !it.is_empty());
    if let Some(policy) = policy.filter(|policy| *policy == "Ignore" || is_trusted)
        && let Some(members) = entry.as_object_mut()
    {
        members.insert("failurePolicy".to_owned(), json!(policy));
    }
    entry
}

/// The entry with its namespace selector narrowed to these. Other requirements stay where they are.
fn narrowed(entry: &Value, namespaces: &Extent) -> Value {
    let mut entry = entry.clone();
    let mut all = requirements(&entry).to_vec();
    let is_own = |requirement: &Value| Extent::read(requirement).is_some();
    if put(&mut all, is_own, namespaces.requirement())
        && let Some(members) = entry.as_object_mut()
    {
        let selector = members
            .entry("namespaceSelector")
            .or_insert_with(|| json!({}));
        if let Some(selector) = selector.as_object_mut() {
            insert_list(selector, "matchExpressions", all);
        }
    }
    entry
}

/// The entry with this condition, or without it. Other conditions stay where they are.
fn conditioned(entry: &Value, expression: Option<&str>) -> Value {
    let mut entry = entry.clone();
    let mut all = conditions(&entry).to_vec();
    let wanted = expression.map(|text| json!({ "name": SCOPE_CONDITION, "expression": text }));
    let is_own = |condition: &Value| name(condition) == SCOPE_CONDITION;
    if put(&mut all, is_own, wanted)
        && let Some(members) = entry.as_object_mut()
    {
        insert_list(members, "matchConditions", all);
    }
    entry
}

/// Puts the wanted element in the place of the own one, or takes that away. Whether anything has changed.
fn put(all: &mut Vec<Value>, is_own: impl Fn(&Value) -> bool, wanted: Option<Value>) -> bool {
    let place = all.iter().position(is_own);
    match (place, wanted) {
        (None, None) => return false,
        (None, Some(wanted)) => all.push(wanted),
        (Some(at), None) => drop(all.remove(at)),
        (Some(at), Some(wanted)) => {
            if let Some(own) = all.get_mut(at) {
                if *own == wanted {
                    return false;
                }
                *own = wanted;
            }
        }
    }
    true
}

/// An empty list is left out, and not `null`, which a list in a merge patch would keep.
fn insert_list(members: &mut Map<String, Value>, name: &str, list: Vec<Value>) {
    members.shift_remove(name);
    if !list.is_empty() {
        members.insert(name.to_owned(), list.into());
    }
}

fn entries(object: &Value) -> &[Value] {
    let all = object.get("webhooks").and_then(Value::as_array);
    all.map(Vec::as_slice).unwrap_or_default()
}

fn conditions(entry: &Value) -> &[Value] {
    let all = entry.get("matchConditions").and_then(Value::as_array);
    all.map(Vec::as_slice).unwrap_or_default()
}

fn requirements(entry: &Value) -> &[Value] {
    let all = entry.pointer("/namespaceSelector/matchExpressions");
    let all = all.and_then(Value::as_array);
    all.map(Vec::as_slice).unwrap_or_default()
}

fn name(value: &Value) -> &str {
    text(value, "name")
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    let text = value.get(member).and_then(Value::as_str);
    text.unwrap_or_default()
}
