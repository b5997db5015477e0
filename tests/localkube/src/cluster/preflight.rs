//! Whether this machine can run a cluster: tried on throwaway namespaces, so that it changes nothing,
//! and everything that is wrong is told at once.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::{cgroups, localkube, packages};
use crate::{cache, process};

/// Everything that stands in the way of `cluster up`, with what to do about it.
pub fn preflight() -> Result<()> {
    let mut problems = Vec::new();
    if !cfg!(target_os = "linux") {
        problems.push("this is not Linux: run it in a Linux virtual machine".to_owned());
    } else {
        if nix::unistd::geteuid().is_root() {
            problems.extend(kernel_problems());
        } else {
            problems.push(
                "not root: namespaces, bridges and mounts need it; run it by sudo or in a VM"
                    .to_owned(),
            );
        }
        let missing = packages::missing();
        if let Some(reason) = packages::cannot_install()
            && !missing.is_empty()
        {
            problems.push(packages::advice(&missing, reason));
        }
        if !localkube::is_built() && !localkube::can_build() {
            problems.push(localkube::go_advice());
        }
    }
    report(&problems)
}

/// The probes that need packages which may have been installed since.
pub(super) fn after_install() -> Result<()> {
    report(&kernel_problems())
}

fn report(problems: &[String]) -> Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    let list: String = problems
        .iter()
        .map(|problem| format!("\n  - {problem}"))
        .collect();
    bail!("this machine can't run a local cluster:{list}")
}

/// A kernel feature, a script that tries it, and what to do where it is refused.
struct Probe {
    what: &'static str,
    needs: &'static [&'static str],
    namespaces: &'static [&'static str],
    script: &'static str,
    advice: &'static str,
}

const PROBES: [Probe; 5] = [
    Probe {
        what: "mount namespaces",
        needs: &["unshare", "mount"],
        namespaces: &["--mount"],
        script: "mount -t tmpfs probe \"$0\"",
        advice: "CAP_SYS_ADMIN is missing; use a VM or a privileged container",
    },
    Probe {
        what: "overlay mounts in the cache directory",
        needs: &["unshare", "mount"],
        namespaces: &["--mount"],
        script: "mkdir -p \"$0/l\" \"$0/u\" \"$0/w\" \"$0/m\" && \
                 mount -t overlay -o \"lowerdir=$0/l,upperdir=$0/u,workdir=$0/w\" probe \"$0/m\"",
        advice: "load the kernel module overlay, and set KRUISE_CACHE_DIR to a directory on a disk (ext4, xfs), \
                 not on another overlay or a network file system",
    },
    Probe {
        what: "network namespaces",
        needs: &["unshare"],
        namespaces: &["--net"],
        script: "true",
        advice: "CAP_SYS_ADMIN is missing; use a VM or a privileged container",
    },
    Probe {
        what: "bridges and virtual cables",
        needs: &["unshare", "ip"],
        namespaces: &["--net"],
        script: "ip link add probe0 type bridge && ip link add probe1 type veth peer name probe2",
        advice: "load the kernel modules bridge and veth; CAP_NET_ADMIN is needed",
    },
    Probe {
        what: "nftables with address translation",
        needs: &["unshare", "nft"],
        namespaces: &["--net"],
        script: "nft 'table ip probe { chain c { type nat hook prerouting priority dstnat; \
                 ip daddr 192.0.2.1 tcp dport 1 dnat to 192.0.2.2:2; }; }'",
        advice: "load the kernel modules nf_tables and nft_nat",
    },
];

fn kernel_problems() -> Vec<String> {
    let mut problems = Vec::new();
    let scratch = cache::dir()
        .and_then(|dir| Ok(tempfile::Builder::new().prefix(".probe").tempdir_in(dir)?));
    match scratch {
        Ok(scratch) => problems.extend(
            PROBES
                .iter()
                .filter_map(|probe| probe.problem(scratch.path())),
        ),
        Err(error) => problems.push(format!("the cache directory can't be written: {error:#}")),
    }
    problems.extend(cgroup_problem());
    problems
}

impl Probe {
    fn problem(&self, scratch: &Path) -> Option<String> {
        // A program that is missing is told as a package, and tried once it is there.
        if self
            .needs
            .iter()
            .any(|program| packages::find(program).is_none())
        {
            return None;
        }
        let mut command = Command::new("unshare");
        command
            .args(self.namespaces)
            .args(["sh", "-c", self.script])
            .arg(scratch);
        let refusal = match process::outcome(&mut command) {
            Ok(output) if output.status.success() => return None,
            Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            Err(error) => format!("{error:#}"),
        };
        Some(format!(
            "{} are refused ({refusal}): {}",
            self.what, self.advice
        ))
    }
}

fn cgroup_problem() -> Option<String> {
    const ADVICE: &str = "mount cgroup v2 on /sys/fs/cgroup writable, or the v1 hierarchies cpu, cpuacct, cpuset, \
                          memory, devices, freezer, blkio and pids below it";
    let roots = cgroups::hierarchies();
    if !cgroups::is_v2() {
        let lacking: Vec<&str> = ["cpu", "cpuset", "memory", "devices", "freezer", "pids"]
            .into_iter()
            .filter(|name| {
                !Path::new("/sys/fs/cgroup")
                    .join(name)
                    .join("cgroup.procs")
                    .exists()
            })
            .collect();
        if !lacking.is_empty() {
            return Some(format!(
                "cgroup hierarchies {} are missing: {ADVICE}",
                lacking.join(", ")
            ));
        }
    }
    for root in roots {
        let probe = root.join(format!("kruise-probe-{}", std::process::id()));
        if let Err(error) = std::fs::create_dir(&probe).and_then(|()| std::fs::remove_dir(&probe)) {
            return Some(format!(
                "cgroups can't be made in {} ({error}): {ADVICE}",
                root.display()
            ));
        }
    }
    None
}
