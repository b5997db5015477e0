//! The leader's process, and its end by force.

use std::fs;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::ground::{CONTROLLER, Ground, SYSTEM};

/// A controller's process.
pub(super) struct Process {
    pid: Pid,
}

impl Process {
    /// The one in a pod of the controller.
    pub(super) fn of(ground: &Ground<'_>, pod: &str) -> Result<Self> {
        let object = ground.get(&["--namespace", SYSTEM, "pod", pod])?;
        let uid = object
            .pointer("/metadata/uid")
            .and_then(serde_json::Value::as_str)
            .context("the pod has no UID")?;
        let pid = process_in_pod(uid)?;
        Ok(Self {
            pid: Pid::from_raw(pid),
        })
    }

    /// Ends it with SIGKILL, from outside its container, so that it can neither release its lease nor
    /// finish a write. Says when.
    pub(super) fn kill(&self) -> Result<Timestamp> {
        kill(self.pid, Signal::SIGKILL).with_context(|| format!("kill process {}", self.pid))?;
        Ok(Timestamp::now())
    }
}

/// The controller's process in the pod: its cgroup names the pod.
fn process_in_pod(uid: &str) -> Result<i32> {
    let with_underscores = uid.replace('-', "_");
    for entry in fs::read_dir("/proc").context("list processes")? {
        let path = entry.context("list processes")?.path();
        let pid = path
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok());
        let Some(pid) = pid else {
            continue;
        };
        let read = |file: &str| fs::read_to_string(path.join(file)).unwrap_or_default();
        let cgroup = read("cgroup");
        let in_pod = cgroup.contains(uid) || cgroup.contains(&with_underscores);
        if in_pod && read("cmdline").starts_with(&format!("/{CONTROLLER}")) {
            return Ok(pid);
        }
    }
    bail!("no process of {CONTROLLER} in the pod with UID {uid}")
}
