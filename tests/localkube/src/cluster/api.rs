//! The few questions to the API server that bringing a cluster up takes, by `kubectl --raw`: no discovery,
//! and no second HTTP client in this program.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::processes::POLL;
use super::site::{Node, Site};
use crate::process;
use crate::progress::Patience;

const STORAGE_CLASSES: &str = "/apis/storage.k8s.io/v1/storageclasses";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

/// kubectl for this cluster, with the administrator's rights.
pub(super) fn kubectl(site: &Site) -> Command {
    let mut command = Command::new(site.program("kubectl"));
    command
        .arg("--kubeconfig")
        .arg(site.kubeconfig())
        .arg("--cache-dir")
        .arg(site.path("kubectl-cache"));
    command
}

/// Whether the API server says that it is ready.
pub(super) fn is_ready(site: &Site) -> bool {
    get(site, "/readyz").is_ok_and(|answer| answer.trim() == "ok")
}

/// Makes hostpath volumes the default.
pub(super) fn ensure_storage_class(site: &Site) -> Result<()> {
    if get(site, &format!("{STORAGE_CLASSES}/standard")).is_ok() {
        return Ok(());
    }
    let class = json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "kubernetes.io/host-path",
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": true,
    });
    let file = site.path("storage-class.json");
    fs::write(&file, serde_json::to_vec(&class)?)
        .with_context(|| format!("write {}", file.display()))?;
    process::output(
        kubectl(site)
            .args(["create", "--raw", STORAGE_CLASSES, "--filename"])
            .arg(file),
    )
    .context("create the StorageClass")
    .map(drop)
}

/// A kubelet's last sign of life, as it stands in its lease.
pub(super) fn lease_renewal(site: &Site, node: &str) -> Option<String> {
    let lease: Value = serde_json::from_str(&get(site, &format!("{LEASES}/{node}")).ok()?).ok()?;
    Some(lease.pointer("/spec/renewTime")?.as_str()?.to_owned())
}

/// Names of the nodes that are Ready.
pub(super) fn ready_nodes(site: &Site) -> Result<Vec<String>> {
    let answer = get(site, "/api/v1/nodes")?;
    let nodes: Value = serde_json::from_str(&answer).context("parse the list of nodes")?;
    let nodes = nodes
        .get("items")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    Ok(nodes
        .iter()
        .filter(|node| is_node_ready(node))
        .filter_map(name)
        .collect())
}

/// Waits until every node is Ready and pods can be made. `stale` holds what the leases of nodes said
/// whose kubelets were started since: those must have said something new.
pub(super) fn wait_until_usable(
    site: &Site,
    stale: &[(String, Option<String>)],
    timeout: Duration,
) -> Result<()> {
    let start = Instant::now();
    let mut patience = Patience::new("until the cluster is usable");
    loop {
        let waiting = waiting_for(site, stale);
        patience.look(|| match &waiting {
            Ok(what) => what.clone().unwrap_or_default(),
            Err(error) => format!("{error:#}"),
        });
        match waiting {
            Ok(None) => return Ok(()),
            Ok(Some(what)) if start.elapsed() > timeout => {
                bail!(
                    "waited {} s for {what}, in vain; see {}",
                    timeout.as_secs(),
                    site.path("log").display()
                )
            }
            Err(error) if start.elapsed() > timeout => return Err(error),
            Ok(Some(_)) | Err(_) => std::thread::sleep(POLL),
        }
    }
}

fn waiting_for(site: &Site, stale: &[(String, Option<String>)]) -> Result<Option<String>> {
    let ready = ready_nodes(site)?;
    if let Some(node) = site
        .nodes()
        .map(|node: Node<'_>| node.name())
        .find(|name| !ready.contains(name))
    {
        return Ok(Some(format!("{node} to be Ready")));
    }
    for (node, before) in stale {
        if lease_renewal(site, node) == *before {
            return Ok(Some(format!("a sign of life of {node}")));
        }
    }
    // Made by the controller manager; without it pods are refused.
    let account = get(site, "/api/v1/namespaces/default/serviceaccounts/default");
    Ok(account
        .err()
        .map(|_| "the default service account".to_owned()))
}

fn get(site: &Site, path: &str) -> Result<String> {
    process::output(kubectl(site).args(["--request-timeout=5s", "get", "--raw", path]))
}

fn name(object: &Value) -> Option<String> {
    Some(object.pointer("/metadata/name")?.as_str()?.to_owned())
}

fn is_node_ready(node: &Value) -> bool {
    let conditions = node.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        condition.get("type").and_then(Value::as_str) == Some("Ready")
            && condition.get("status").and_then(Value::as_str) == Some("True")
    })
}
