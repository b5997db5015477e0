//! Resources that change in place: what a revision asks for, and how it reaches a pod (IP-6, IP-30).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    meta::{StringMap, map},
    pod::{Amounts, Container},
    quantity,
};

/// The resources that can change in place.
const CHANGEABLE: [&str; 2] = ["cpu", "memory"];

/// Limits and requests of a container that change. The others are not named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resources {
    /// Limits, by resource.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "map")]
    pub limits: StringMap,
    /// Requests, by resource.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "map")]
    pub requests: StringMap,
}

impl Resources {
    pub(super) fn is_empty(&self) -> bool {
        self.limits.is_empty() && self.requests.is_empty()
    }

    /// Records one change, and says whether it can be made in place. It can if it is a limit or a request
    /// of CPU or memory, and the new value is an amount; no other change is recorded.
    pub(super) fn record(&mut self, field: &str, resource: &str, amount: &str) -> bool {
        let amounts = match field {
            "limits" => &mut self.limits,
            "requests" => &mut self.requests,
            _ => return false,
        };
        if !CHANGEABLE.contains(&resource) || quantity::nanos(amount).is_none() {
            return false;
        }
        amounts.insert(resource.to_owned(), amount.to_owned());
        true
    }

    /// Whether the change means a restart of the container (IP-16).
    pub(super) fn restart(&self, container: &Container) -> bool {
        let changes =
            |resource| self.limits.contains_key(resource) || self.requests.contains_key(resource);
        let policy = container.resize_policy;
        (policy.cpu_restarts && changes("cpu")) || (policy.memory_restarts && changes("memory"))
    }

    /// Adds what `other` names and this does not.
    pub(super) fn complete_with(&mut self, other: Self) {
        for (amounts, others) in [
            (&mut self.limits, other.limits),
            (&mut self.requests, other.requests),
        ] {
            for (resource, amount) in others {
                amounts.entry(resource).or_insert(amount);
            }
        }
    }

    /// Keeps what the container of a template still asks for.
    pub(super) fn keep_wanted(&mut self, container: Option<&Value>) {
        for (field, amounts) in [
            ("limits", &mut self.limits),
            ("requests", &mut self.requests),
        ] {
            amounts.retain(|resource, amount| {
                let wanted = container
                    .and_then(|container| container.get("resources")?.get(field)?.get(resource))
                    .and_then(Value::as_str);
                wanted.is_some_and(|wanted| quantity::same_amount(wanted, amount))
            });
        }
    }

    /// `resources` of a strategic merge patch of the container: the amounts that the pod's container has
    /// not got yet. None when the container has them all.
    pub(super) fn patch(&self, container: &Container) -> Option<Value> {
        let none = Amounts::default();
        let (limits, requests) = match &container.resources {
            Some(present) => (&present.limits, &present.requests),
            None => (&none, &none),
        };
        let mut patch = Map::new();
        for (field, wanted, present) in [
            ("limits", &self.limits, limits),
            ("requests", &self.requests, requests),
        ] {
            let changes: StringMap = wanted
                .iter()
                .filter(|(resource, _)| CHANGEABLE.contains(&resource.as_str()))
                .filter(|(resource, amount)| {
                    present
                        .get(resource)
                        .is_none_or(|present| !quantity::same_amount(present, amount))
                })
                .map(|(resource, amount)| (resource.clone(), amount.clone()))
                .collect();
            if !changes.is_empty() {
                patch.insert(field.to_owned(), json!(changes));
            }
        }
        (!patch.is_empty()).then_some(Value::Object(patch))
    }
}
