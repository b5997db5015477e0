//! The controller under test: who leads, its logs, and an end by force.

use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Pod};
use kube::{
    Api, Client,
    api::{ListParams, LogParams},
};

use crate::wait::eventually;

const NAMESPACE: &str = "kruise-system";
const NAME: &str = "cloneset-controller";

/// Who holds the lease: the pod's name, and the holder's whole identity.
pub async fn leader(client: &Client) -> (String, String) {
    let leases: Api<Lease> = Api::namespaced(client.clone(), NAMESPACE);
    eventually("a leader", Duration::from_secs(60), || async {
        let lease = leases.get(NAME).await.map_err(|error| error.to_string())?;
        let holder = lease
            .spec
            .and_then(|spec| spec.holder_identity)
            .unwrap_or_default();
        let pod = holder.split('_').next().unwrap_or_default().to_owned();
        if pod.is_empty() {
            Err(format!("holder {holder:?}"))
        } else {
            Ok((pod, holder))
        }
    })
    .await
}

/// The leader's process, as it is numbered outside its container.
pub async fn leader_process(client: &Client) -> Result<u32> {
    let (pod_name, _) = leader(client).await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let pod = pods.get(&pod_name).await.context("get the leader's pod")?;
    let uid = pod.metadata.uid.context("the pod has a UID")?;
    process_in_pod(&uid)
}

/// Ends the leader's process with SIGKILL, from outside its container, so that it can neither
/// release its lease nor finish a write.
pub async fn kill_leader(client: &Client) -> Result<String> {
    let (_, holder) = leader(client).await;
    let pid = leader_process(client).await?;
    let status = std::process::Command::new("kill")
        .args(["-9", &pid.to_string()])
        .status()
        .context("run kill")?;
    anyhow::ensure!(status.success(), "kill -9 {pid}: {status}");
    Ok(holder)
}

/// The controller's process in the pod: its cgroup names the pod.
fn process_in_pod(uid: &str) -> Result<u32> {
    for entry in std::fs::read_dir("/proc")? {
        let path = entry?.path();
        let Some(pid) = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let read = |file: &str| std::fs::read_to_string(path.join(file)).unwrap_or_default();
        let in_pod = {
            let cgroup = read("cgroup");
            cgroup.contains(uid) || cgroup.contains(&uid.replace('-', "_"))
        };
        if in_pod && read("cmdline").starts_with(&format!("/{NAME}")) {
            return Ok(pid);
        }
    }
    anyhow::bail!("no process of {NAME} in the pod with UID {uid}")
}

/// Prints the last lines of every replica, and of the container before it.
pub async fn print_logs(client: &Client) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), NAMESPACE);
    let selector = ListParams::default().labels(&format!("app.kubernetes.io/name={NAME}"));
    let Ok(found) = pods.list(&selector).await else {
        eprintln!("no logs: pods of {NAME} can't be listed");
        return;
    };
    for pod in found {
        let name = pod.metadata.name.unwrap_or_default();
        for previous in [true, false] {
            let parameters = LogParams {
                tail_lines: Some(60),
                previous,
                ..LogParams::default()
            };
            if let Ok(logs) = pods.logs(&name, &parameters).await {
                eprintln!("---- logs of {name} previous={previous}\n{logs}");
            }
        }
    }
}
