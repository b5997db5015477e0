//! Pods that serve, and how they are taken away.

use std::ops::Range;

use anyhow::{Context, Result};
use jiff::Timestamp;
use kruise_api::pod::Pod;
use serde_json::{Value, json};

use super::super::api::PatchKind;
use super::super::ground::{Ground, NAMESPACE};
use super::super::{hollow_status, load, pods};

/// Pods here pass the webhook by.
pub(super) const EXEMPT: &str = "kube-system";
/// The namespace with budgets.
pub(super) const BUDGETED: &str = "bench-budgets";
/// So many of the pods that are taken away have one budget.
pub(super) const A_GROUP: usize = 10;

/// The annotation of a pod that has a budget.
const LINK: &str = "/metadata/annotations/pub.kruise.io~1related-pub";

#[derive(Clone, Copy)]
pub(super) enum Operation {
    Delete,
    Evict,
}

impl Operation {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Delete => "deletion",
            Self::Evict => "eviction",
        }
    }
}

/// Name of the group that a pod is of, and of its budget.
pub(super) fn group(idx: usize) -> String {
    format!("group-{}", idx / A_GROUP)
}

/// The pods of all namespaces.
pub(super) struct Pods<'a> {
    pub(super) ground: &'a Ground<'a>,
}

impl Pods<'_> {
    /// Makes namespaces and accounts, and takes away what an earlier run left.
    pub(super) fn prepare(&self) -> Result<()> {
        let namespace = json!({"metadata": {"name": BUDGETED}});
        self.ground.api.ensure("/api/v1/namespaces", &namespace)?;
        for namespace in [NAMESPACE, BUDGETED, EXEMPT] {
            // The controller manager would make it, did it run.
            let accounts = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
            let account = json!({"metadata": {"name": "default"}});
            self.ground.api.ensure(&accounts, &account)?;
        }
        self.ground.empty(super::BUDGETS)?;
        self.clear()
    }

    /// Deletes all pods, and the budgets of groups.
    pub(super) fn clear(&self) -> Result<()> {
        let budgets = self.ground.api.get(super::BUDGETS)?.unwrap_or_default();
        let budgets = budgets.get("items").and_then(Value::as_array);
        let names = budgets
            .into_iter()
            .flatten()
            .filter_map(|budget| budget.pointer("/metadata/name")?.as_str());
        for name in names.filter(|name| name.starts_with("group-")) {
            let path = format!("{}/{name}", super::BUDGETS);
            self.ground.api.delete_at_once(&path, None)?;
        }
        for namespace in [NAMESPACE, BUDGETED, EXEMPT] {
            self.ground.empty(&path(namespace))?;
        }
        Ok(())
    }

    /// Creates pods that serve at once.
    pub(super) fn create(
        &self,
        namespace: &str,
        numbers: Range<usize>,
        group: impl Fn(usize) -> String + Sync,
    ) -> Result<()> {
        load::each(numbers.len(), |idx| {
            let idx = numbers.start + idx;
            let created = self.create_one(namespace, &group(idx), &name(idx))?;
            let created: Pod = serde_json::from_value(created).context("read a pod")?;
            let Some(patch) = hollow_status::patch(&created, Timestamp::now()) else {
                return Ok(());
            };
            let path = format!("{}/{}/status", path(namespace), name(idx));
            let patched = self.ground.api.patch(&path, PatchKind::Strategic, &patch);
            patched.map(drop)
        })
        .map(drop)
    }

    fn create_one(&self, namespace: &str, group: &str, name: &str) -> Result<Value> {
        let mut pod = pods::plain(group, name);
        if let Some(spec) = pod.get_mut("spec").and_then(Value::as_object_mut) {
            // There is no such node, and nobody who would mind.
            spec.insert("nodeName".to_owned(), json!("node"));
        }
        let created = self.ground.api.create(&path(namespace), &pod)?;
        serde_json::from_slice(&created).context("read a pod")
    }

    /// Whether a new pod of this group gets its budget.
    pub(super) fn is_linked(&self, group: &str) -> Result<bool> {
        const PROBE: &str = "probe";
        let created = self.create_one(BUDGETED, group, PROBE)?;
        let path = format!("{}/{PROBE}", path(BUDGETED));
        self.ground.api.delete_at_once(&path, None)?;
        Ok(created.pointer(LINK).is_some())
    }

    /// Deletes or evicts a pod, which is gone at once.
    pub(super) fn take_away(
        &self,
        namespace: &str,
        idx: usize,
        operation: Operation,
    ) -> Result<()> {
        let path = format!("{}/{}", path(namespace), name(idx));
        match operation {
            Operation::Delete => self.ground.api.delete_at_once(&path, None),
            Operation::Evict => {
                let eviction = json!({
                    "apiVersion": "policy/v1",
                    "kind": "Eviction",
                    "metadata": {"name": name(idx)},
                    "deleteOptions": {"gracePeriodSeconds": 0},
                });
                let evicted = self
                    .ground
                    .api
                    .create(&format!("{path}/eviction"), &eviction);
                evicted.map(drop)
            }
        }
    }
}

fn path(namespace: &str) -> String {
    format!("/api/v1/namespaces/{namespace}/pods")
}

fn name(idx: usize) -> String {
    format!("pod-{idx}")
}
