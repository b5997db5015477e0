//! Waiting until an installation runs, saying what for.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;

use super::kubectl::Kubectl;
use super::manifests::{Manifests, ObjectRef};
use super::proxy::Proxy;
use super::{advice, checks, items, state, text, warnings};
use crate::process;
use crate::progress::Patience;

const POLL: Duration = Duration::from_secs(1);
/// Of a crashed container's log.
const LOG_LINES: &str = "--tail=5";

/// Returns when workloads are rolled out and webhooks can be called; fails at the time-out with
/// everything that is known about what is missing, and what to do.
pub(super) fn wait(
    kubectl: &Kubectl,
    manifests: &Manifests,
    overlay: &str,
    timeout: Duration,
) -> Result<()> {
    let mut patience = Patience::from_the_start(format!("for {overlay} to run"));
    let mut look = Look {
        kubectl,
        manifests,
        proxy: None,
    };
    loop {
        let waiting = look.waiting_for()?;
        if waiting.is_empty() {
            return Ok(());
        }
        if patience.elapsed() >= timeout {
            let logs = look.logs()?;
            bail!(
                "not everything runs after {} s:\n{}\nwhat to do:\n{}",
                timeout.as_secs(),
                indented(waiting.iter().chain(&logs)),
                indented(&advice::of(&waiting, overlay))
            );
        }
        patience.look(|| {
            let logs = look.logs().unwrap_or_default();
            format!("\n{}", indented(waiting.iter().chain(&logs)))
        });
        std::thread::sleep(POLL);
    }
}

fn indented<'a>(lines: impl IntoIterator<Item = &'a String>) -> String {
    let lines = lines.into_iter().map(|line| format!("    {line}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Looking at an installation.
struct Look<'a> {
    kubectl: &'a Kubectl,
    manifests: &'a Manifests,
    /// Started by the first pod that runs and isn't ready.
    proxy: Option<Proxy>,
}

impl Look<'_> {
    /// A line for each thing that isn't ready, with what is known of it behind it.
    fn waiting_for(&mut self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for workload in workloads(self.manifests) {
            match get(self.kubectl, workload)? {
                None => lines.push(format!("{}: is gone", ObjectRef::of(workload).name)),
                Some(live) => {
                    if let Some(line) = state::workload(&live) {
                        lines.push(line);
                        lines.extend(self.pods_of(&live)?);
                    }
                }
            }
        }
        // Several call the same one.
        let mut services = BTreeSet::new();
        for caller in callers(self.manifests) {
            let Some(live) = get(self.kubectl, caller)? else {
                continue;
            };
            lines.extend(state::without_ca_bundle(&live));
            for (namespace, name) in state::services(&live) {
                let selector = format!("--selector=kubernetes.io/service-name={name}");
                let slices = ["endpointslices", "--namespace", &namespace, &selector];
                let slices = self.kubectl.get(&slices)?;
                if !slices.as_ref().is_some_and(state::has_ready_endpoint) {
                    services.insert(format!("Service {namespace}/{name}: no ready endpoint"));
                }
            }
        }
        lines.extend(services);
        Ok(lines)
    }

    /// Why a workload's pods aren't ready, or aren't even there.
    fn pods_of(&mut self, workload: &Value) -> Result<Vec<String>> {
        let ObjectRef {
            namespace, name, ..
        } = ObjectRef::of(workload);
        let events = [
            "events",
            "--namespace",
            &namespace,
            "--field-selector=type=Warning",
        ];
        let events = self.kubectl.get(&events)?.unwrap_or_default();
        let pods = pods(self.kubectl, workload)?;
        let pods = items(&pods, "/items");
        let mut lines = Vec::new();
        for pod in pods {
            let Some(reason) = state::pod(pod) else {
                continue;
            };
            lines.push(format!("  pod {reason}"));
            if state::is_going(pod) {
                continue;
            }
            let pod_name = text(pod, "/metadata/name");
            let mut more = self.checks_of(pod);
            more.extend(warnings::about(&events, |kind, name| {
                kind == "Pod" && name == pod_name
            }));
            lines.extend(more.iter().map(|line| format!("    {line}")));
        }
        if pods.len() < state::wanted(workload) {
            let refused = warnings::about(&events, |kind, object| {
                warnings::makes_pods_of(&name, kind, object)
            });
            lines.extend(refused.iter().map(|line| format!("  {line}")));
        }
        Ok(lines)
    }

    /// Nothing where the proxy doesn't start: the rest is told as well without.
    fn checks_of(&mut self, pod: &Value) -> Vec<String> {
        if !state::runs_unready(pod) {
            return Vec::new();
        }
        if self.proxy.is_none() {
            self.proxy = Proxy::start(self.kubectl).ok();
        }
        let proxy = self.proxy.as_ref();
        proxy.map_or_else(Vec::new, |proxy| checks::of(pod, proxy))
    }

    /// The last lines of what crashed containers wrote.
    fn logs(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for workload in workloads(self.manifests) {
            let Some(live) = get(self.kubectl, workload)? else {
                continue;
            };
            let pods = pods(self.kubectl, &live)?;
            for pod in items(&pods, "/items")
                .iter()
                .filter(|pod| !state::is_going(pod))
            {
                let reference = ObjectRef::of(pod);
                for container in state::crashed_containers(pod) {
                    lines.push(format!("log of {}/{container}:", reference.name));
                    lines.extend(log(self.kubectl, &reference, &container)?);
                }
            }
        }
        Ok(lines)
    }
}
fn workloads(manifests: &Manifests) -> impl Iterator<Item = &Value> {
    manifests.of_kind(&["Deployment", "DaemonSet", "StatefulSet"])
}

/// What calls webhooks of this overlay. A CRD whose converter isn't in the overlay doesn't count:
/// it may be installed without.
fn callers(manifests: &Manifests) -> Vec<&Value> {
    let own: Vec<(String, String)> = manifests
        .of_kind(&["Service"])
        .map(|service| {
            let reference = ObjectRef::of(service);
            (reference.namespace, reference.name)
        })
        .collect();
    let converted = manifests.crds().into_iter().filter(|crd| {
        state::services(crd)
            .iter()
            .any(|service| own.contains(service))
    });
    manifests
        .webhook_configurations()
        .into_iter()
        .chain(converted)
        .collect()
}

fn get(kubectl: &Kubectl, object: &Value) -> Result<Option<Value>> {
    let reference = ObjectRef::of(object);
    let mut args = vec![reference.resource.as_str(), reference.name.as_str()];
    if !reference.namespace.is_empty() {
        args.extend(["--namespace", &reference.namespace]);
    }
    kubectl.get(&args)
}

fn pods(kubectl: &Kubectl, workload: &Value) -> Result<Value> {
    let namespace = ObjectRef::of(workload).namespace;
    let selector = format!("--selector={}", state::selector(workload));
    Ok(kubectl
        .get(&["pods", "--namespace", &namespace, &selector])?
        .unwrap_or_default())
}

fn log(kubectl: &Kubectl, pod: &ObjectRef, container: &str) -> Result<Vec<String>> {
    // The run before this one if there was one, else the one that has just ended.
    for previous in ["--previous=true", "--previous=false"] {
        let mut command = kubectl.command();
        command.args(["logs", &pod.name, "--namespace", &pod.namespace]);
        command.args(["--container", container, LOG_LINES, previous]);
        let output = process::outcome(&mut command)?;
        let text = String::from_utf8_lossy(&output.stdout);
        // The kubelet tells of a log that is already cleaned away in the log's place.
        if output.status.success() && !text.starts_with("unable to retrieve container logs") {
            let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
            return Ok(if lines.is_empty() {
                vec!["  (empty)".to_owned()]
            } else {
                lines
            });
        }
    }
    Ok(vec!["  (not available)".to_owned()])
}
