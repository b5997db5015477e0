//! The cluster's cgroups. Every process of the cluster lives below one directory of each hierarchy, so
//! that whatever became of a process's parent or record, it is found and ended, and nothing else is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::site::{Node, Site};

const MOUNT: &str = "/sys/fs/cgroup";
/// Hierarchies to keep our own daemons in, by preference. Only one: in the others they stay where this
/// command was started, so that its limits go on to hold for them.
const DAEMON_HIERARCHIES: [&str; 3] = ["pids", "freezer", "systemd"];
/// Killed processes are gone within milliseconds; slow is a container with gigabytes to give back.
const KILL_TIMEOUT: Duration = Duration::from_secs(15);

/// Whether the machine has the unified hierarchy only (cgroup v2).
pub(super) fn is_v2() -> bool {
    Path::new(MOUNT).join("cgroup.controllers").exists()
}

/// Each hierarchy's root directory. On v1, `cpu` may be a symlink to `cpu,cpuacct`: only once.
pub(super) fn hierarchies() -> Vec<PathBuf> {
    if is_v2() {
        return vec![PathBuf::from(MOUNT)];
    }
    let roots: BTreeSet<PathBuf> = fs::read_dir(MOUNT)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.path().canonicalize().ok())
        .filter(|path| path.join("cgroup.procs").exists())
        .collect();
    roots.into_iter().collect()
}

pub(super) fn exists(site: &Site) -> bool {
    hierarchies()
        .iter()
        .any(|root| root.join(site.cgroup()).exists())
}

/// Makes the directory for the daemons of one owner (`host`, `node1-host`); they join it by writing
/// to the returned file.
pub(super) fn ensure_daemons(site: &Site, owner: &str) -> Result<PathBuf> {
    let roots = hierarchies();
    let root = DAEMON_HIERARCHIES
        .iter()
        .find_map(|name| roots.iter().find(|root| root.ends_with(name)))
        .or(roots.first())
        .with_context(|| format!("no cgroup hierarchy below {MOUNT}"))?;
    let dir = root.join(site.cgroup()).join(owner);
    make(&dir)?;
    Ok(dir.join("cgroup.procs"))
}

/// Makes the directories that the node's kubelet puts pods in.
pub(super) fn ensure_node(node: &Node<'_>) -> Result<()> {
    for root in hierarchies() {
        let cluster = root.join(node.site.cgroup());
        let dir = cluster.join(node.name());
        make(&dir)?;
        if is_v2() {
            for parent in [&root, &cluster, &dir] {
                delegate(parent)?;
            }
        } else if root.ends_with("cpuset") {
            // A new cpuset is empty, and nothing can run in it.
            for file in ["cpuset.cpus", "cpuset.mems"] {
                let value =
                    fs::read_to_string(root.join(file)).with_context(|| format!("read {file}"))?;
                for dir in [&cluster, &dir] {
                    fs::write(dir.join(file), value.trim())
                        .with_context(|| format!("write {}", dir.join(file).display()))?;
                }
            }
        }
    }
    Ok(())
}

/// Ends everything on the node: daemons, container shims and containers.
pub(super) fn kill_node(node: &Node<'_>) -> Result<()> {
    kill_below(&[
        node.site.path_in_cgroup(&node.name()),
        node.site.path_in_cgroup(&node.part("host")),
    ])
}

/// Ends every process of the cluster.
pub(super) fn kill_all(site: &Site) -> Result<()> {
    kill_below(&[PathBuf::from(site.cgroup())])
}

/// Removes the cluster's directories from every hierarchy.
pub(super) fn remove(site: &Site) -> Result<()> {
    let deadline = Instant::now() + KILL_TIMEOUT;
    for root in hierarchies() {
        let dir = root.join(site.cgroup());
        while dir.exists() {
            let Err(error) = remove_tree(&dir) else { break };
            if Instant::now() > deadline {
                return Err(error).with_context(|| format!("remove cgroup {}", dir.display()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

impl Site {
    fn path_in_cgroup(&self, relative: &str) -> PathBuf {
        Path::new(&self.cgroup()).join(relative)
    }
}

fn make(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("create cgroup {}", dir.display()))
}

/// v2: lets children of `dir` have controllers. Those the kernel lacks are left out.
fn delegate(dir: &Path) -> Result<()> {
    let available = fs::read_to_string(dir.join("cgroup.controllers"))
        .with_context(|| format!("read the controllers of {}", dir.display()))?;
    for controller in ["cpu", "cpuset", "io", "memory", "pids"] {
        if available.split_whitespace().any(|name| name == controller) {
            fs::write(dir.join("cgroup.subtree_control"), format!("+{controller}")).with_context(
                || {
                    format!(
                        "delegate cgroup controller {controller} in {} (do processes sit in it?)",
                        dir.display()
                    )
                },
            )?;
        }
    }
    Ok(())
}

fn kill_below(relative: &[PathBuf]) -> Result<()> {
    let dirs: Vec<PathBuf> = hierarchies()
        .iter()
        .flat_map(|root| relative.iter().map(|dir| root.join(dir)))
        .collect();
    let deadline = Instant::now() + KILL_TIMEOUT;
    loop {
        let mut pids = BTreeSet::new();
        for dir in &dirs {
            collect_pids(dir, &mut pids);
        }
        if pids.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("processes {pids:?} of the cluster don't end");
        }
        for pid in pids {
            // It may have ended since; the next round tells.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn collect_pids(dir: &Path, pids: &mut BTreeSet<i32>) {
    if let Ok(procs) = fs::read_to_string(dir.join("cgroup.procs")) {
        // 0 is a process of an outer PID namespace, and a signal to it would go to our own group.
        pids.extend(
            procs
                .lines()
                .filter_map(|pid| pid.parse::<i32>().ok())
                .filter(|pid| *pid > 1),
        );
    }
    for child in children(dir) {
        collect_pids(&child, pids);
    }
}

fn remove_tree(dir: &Path) -> std::io::Result<()> {
    for child in children(dir) {
        remove_tree(&child)?;
    }
    fs::remove_dir(dir)
}

fn children(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}
