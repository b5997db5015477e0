//! Waiting until an installation runs, saying what for.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::Value;

use super::kubectl::Kubectl;
use super::manifests::{Manifests, ObjectRef};
use super::{items, state};
use crate::process;
use crate::progress::Progress;

const POLL: Duration = Duration::from_secs(1);
/// How often an unchanged list of what is waited for is shown again.
const REPEAT: Duration = Duration::from_secs(15);
/// Changes are shown no faster than a person reads.
const SHOW: Duration = Duration::from_secs(3);
/// Of a crashed container's log.
const LOG_LINES: &str = "--tail=5";

/// Returns when workloads are rolled out and webhooks can be called; fails at the time-out with
/// everything that is known about what is missing.
pub(super) fn wait(
    kubectl: &Kubectl,
    manifests: &Manifests,
    timeout: Duration,
    progress: &Progress,
) -> Result<()> {
    let start = Instant::now();
    let mut shown = Vec::new();
    let mut shown_logs = Vec::new();
    let mut shown_at: Option<Instant> = None;
    loop {
        let waiting = waiting_for(kubectl, manifests)?;
        if waiting.is_empty() {
            return Ok(());
        }
        if start.elapsed() >= timeout {
            let logs = logs(kubectl, manifests)?;
            bail!(
                "not everything runs after {} s:\n{}{}",
                timeout.as_secs(),
                indented(&waiting),
                if logs.is_empty() {
                    String::new()
                } else {
                    format!("\n{}", indented(&logs))
                }
            );
        }
        let since = shown_at.map(|at| at.elapsed());
        let due = since.is_none_or(|since| since >= if shown == waiting { REPEAT } else { SHOW });
        if due {
            progress.step(format!("waiting for:\n{}", indented(&waiting)));
            let logs = logs(kubectl, manifests)?;
            if !logs.is_empty() && logs != shown_logs {
                eprintln!("{}", indented(&logs));
                shown_logs = logs;
            }
            shown = waiting;
            shown_at = Some(Instant::now());
        }
        std::thread::sleep(POLL);
    }
}

fn indented(lines: &[String]) -> String {
    lines
        .iter()
        .map(|line| format!("    {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A line for each thing that isn't ready.
fn waiting_for(kubectl: &Kubectl, manifests: &Manifests) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for workload in workloads(manifests) {
        match get(kubectl, workload)? {
            None => lines.push(format!("{}: is gone", ObjectRef::of(workload).name)),
            Some(live) => {
                if let Some(line) = state::workload(&live) {
                    lines.push(line);
                    let pods = pods(kubectl, &live)?;
                    let reasons = items(&pods, "/items").iter().filter_map(state::pod);
                    lines.extend(reasons.map(|reason| format!("  pod {reason}")));
                }
            }
        }
    }
    for caller in callers(manifests) {
        let Some(live) = get(kubectl, caller)? else {
            continue;
        };
        lines.extend(state::without_ca_bundle(&live));
        for (namespace, name) in state::services(&live) {
            let selector = format!("--selector=kubernetes.io/service-name={name}");
            let slices = kubectl.get(&["endpointslices", "--namespace", &namespace, &selector])?;
            if !slices.as_ref().is_some_and(state::has_ready_endpoint) {
                lines.push(format!("Service {namespace}/{name}: no ready endpoint"));
            }
        }
    }
    Ok(lines)
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

/// The last lines of what crashed containers wrote.
fn logs(kubectl: &Kubectl, manifests: &Manifests) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for workload in workloads(manifests) {
        let Some(live) = get(kubectl, workload)? else {
            continue;
        };
        for pod in items(&pods(kubectl, &live)?, "/items") {
            let reference = ObjectRef::of(pod);
            for container in state::crashed_containers(pod) {
                lines.push(format!("log of {}/{container}:", reference.name));
                lines.extend(log(kubectl, &reference, &container)?);
            }
        }
    }
    Ok(lines)
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
