//! A deployable as it runs: who leads, what it says, and an end by force.

mod process;
mod rights;
mod silent;
mod stood_down;
mod stopped;
mod webhooks;

use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::{apps::v1::Deployment, coordination::v1::Lease, core::v1::Pod};
use kube::{
    Api, Client,
    api::{ListParams, LogParams, Patch, PatchParams},
};
use serde_json::json;

use crate::{
    names::SYSTEM,
    wait::{PATIENCE, eventually},
};

pub use process::LocalController;
pub use silent::Silent;
pub use stood_down::StoodDown;
pub use stopped::Stopped;
pub use webhooks::WithoutWebhooks;

/// A deployable, by name.
#[derive(Clone)]
pub struct Deployable {
    name: &'static str,
    client: Client,
}

impl Deployable {
    /// The one of this name.
    #[must_use]
    pub fn of(client: &Client, name: &'static str) -> Self {
        Self {
            name,
            client: client.clone(),
        }
    }

    /// Its Deployment.
    #[must_use]
    pub fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.client.clone(), SYSTEM)
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), SYSTEM)
    }

    /// Pods of its replicas, those too that are on their way out.
    pub async fn replicas(&self) -> kube::Result<Vec<Pod>> {
        let selector = format!("app.kubernetes.io/name={}", self.name);
        let ours = ListParams::default().labels(&selector);
        Ok(self.pods().list(&ours).await?.items)
    }

    /// Who holds the lease: the pod's name, and the holder's whole identity.
    pub async fn leader(&self) -> (String, String) {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), SYSTEM);
        let what = format!("a leader of {}", self.name);
        eventually(&what, Duration::from_secs(60), || async {
            let lease = leases
                .get(self.name)
                .await
                .map_err(|error| error.to_string())?;
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
    pub async fn leader_process(&self) -> Result<u32> {
        let (pod_name, _) = self.leader().await;
        let pod = self.pods().get(&pod_name).await;
        self.process_of(&pod.context("get the leader's pod")?)
    }

    /// Ends the leader's process with SIGKILL, from outside its container, so that it can neither
    /// release its lease nor finish a write. Returns who led.
    pub async fn kill_leader(&self) -> Result<String> {
        let (_, holder) = self.leader().await;
        kill(&[self.leader_process().await?])?;
        Ok(holder)
    }

    /// The process of a replica, as it is numbered outside its container.
    pub fn process_of(&self, pod: &Pod) -> Result<u32> {
        let uid = pod.metadata.uid.as_ref();
        self.process_in_pod(uid.context("the pod has a UID")?)
    }

    /// Ends all replicas' processes with SIGKILL, at once.
    pub async fn kill_all(&self) -> Result<()> {
        let mut processes = vec![];
        for pod in self.replicas().await? {
            processes.push(self.process_of(&pod)?);
        }
        kill(&processes)
    }

    /// Waits until somebody else leads than this holder.
    pub async fn is_led_by_another_than(&self, holder: &str) {
        eventually("another leader", PATIENCE, || async {
            let (_, now) = self.leader().await;
            if now == holder { Err(now) } else { Ok(()) }
        })
        .await;
    }

    /// The process in the pod: its cgroup names the pod.
    fn process_in_pod(&self, uid: &str) -> Result<u32> {
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
            if in_pod && read("cmdline").starts_with(&format!("/{}", self.name)) {
                return Ok(pid);
            }
        }
        anyhow::bail!("no process of {} in the pod with UID {uid}", self.name)
    }

    /// What a replica answers at one of its ports.
    pub async fn ask(&self, pod: &str, port: u16, path: &str) -> kube::Result<String> {
        let uri = format!("/api/v1/namespaces/{SYSTEM}/pods/{pod}:{port}/proxy{path}");
        let request = http::Request::get(uri).body(Vec::new()).expect("a request");
        self.client.request_text(request).await
    }

    /// The metrics of a replica.
    pub async fn metrics(&self, pod: &str) -> kube::Result<String> {
        self.ask(pod, 8080, "/metrics").await
    }

    /// Has this many replicas, and waits until they are ready and there are no others.
    pub async fn scale(&self, replicas: i32) {
        let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
        self.deployments()
            .patch(self.name, &PatchParams::default(), &patch)
            .await
            .expect("scale the deployable");
        let what = format!("{replicas} replicas of {}", self.name);
        eventually(&what, PATIENCE, || async {
            // One that ends still answers for a while.
            let n_pods = i32::try_from(self.replicas().await?.len())?;
            let status = self.deployments().get_status(self.name).await?.status;
            let n_ready = status.and_then(|status| status.ready_replicas).unwrap_or(0);
            anyhow::ensure!(
                (n_pods, n_ready) == (replicas, replicas),
                "{n_pods} there, {n_ready} ready"
            );
            Ok(())
        })
        .await;
    }

    /// The last lines of a replica; of the container before it, where `previous` is set.
    pub async fn logs(&self, pod: &str, previous: bool) -> kube::Result<String> {
        let parameters = LogParams {
            tail_lines: Some(60),
            previous,
            ..LogParams::default()
        };
        self.pods().logs(pod, &parameters).await
    }

    /// Prints the last lines of every replica, and of the container before it.
    pub async fn print_logs(&self) {
        let Ok(replicas) = self.replicas().await else {
            eprintln!("no logs: pods of {} can't be listed", self.name);
            return;
        };
        for pod in replicas {
            let name = pod.metadata.name.unwrap_or_default();
            for previous in [true, false] {
                if let Ok(logs) = self.logs(&name, previous).await {
                    eprintln!("---- logs of {name} previous={previous}\n{logs}");
                }
            }
        }
    }
}

/// Ends processes of this machine with SIGKILL, at once.
pub fn kill(processes: &[u32]) -> Result<()> {
    let status = std::process::Command::new("kill")
        .arg("-9")
        .args(processes.iter().map(u32::to_string))
        .status()
        .context("run kill")?;
    anyhow::ensure!(status.success(), "kill -9 {processes:?}: {status}");
    Ok(())
}
