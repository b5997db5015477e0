//! A real Kubernetes cluster of several nodes on this machine, without Docker: control plane, kubelets and
//! containerds as processes, nodes as namespaces. See tests/localkube/README.md.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};

mod api;
mod cgroups;
mod cli;
mod control_plane;
mod etcd;
mod images;
mod lifecycle;
mod localkube;
mod net;
mod node;
mod packages;
mod pki;
mod preflight;
mod processes;
mod site;

pub use cli::{Args, run};
pub use preflight::preflight;

use crate::process;
use crate::progress::Progress;
use crate::times::{self, Ahead};
use site::{Lock, Site};

/// Older kubectls lack `--subresource` and `kubectl events`.
const KUBECTL_MINOR: u32 = 30;

/// What a cluster should be like.
pub struct UpOptions {
    /// What tells it from others on this machine.
    pub name: String,
    /// How many nodes; with 0, a control plane alone.
    pub nodes: u8,
    /// Whether the API server logs the requests of service accounts.
    pub audit: bool,
}

/// A cluster that runs.
pub struct Cluster {
    site: Site,
}

impl Cluster {
    /// Makes sure that it runs: starts, mends or finds it.
    pub fn up(options: &UpOptions, progress: &Progress) -> Result<Self> {
        Ok(Self {
            site: lifecycle::up(options, progress)?,
        })
    }

    /// The cluster of this name, if its API server runs.
    pub fn find(name: &str) -> Result<Option<Self>> {
        let site = Site::load(name)?;
        Ok(site
            .filter(|site| processes::pid(site, control_plane::API_SERVER).is_some())
            .map(|site| Self { site }))
    }

    /// Takes it away with all that belongs to it; fine if there is none.
    pub fn down(name: &str, progress: &Progress) -> Result<()> {
        lifecycle::down(name, progress)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.site.name
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.site.kubeconfig()
    }

    /// Host and port of the image registry: plain HTTP, and the mirror of every registry name.
    pub fn registry(&self) -> String {
        self.site.registry()
    }

    /// Ends the API server, does something, and starts it again, whatever came of that.
    pub fn without_api_server<T>(
        &self,
        progress: &Progress,
        meanwhile: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let _lock = Lock::acquire(&self.site.name, progress)?;
        control_plane::stop(&self.site, control_plane::API_SERVER)?;
        let result = meanwhile();
        control_plane::start(&self.site, control_plane::API_SERVER, progress)?;
        result
    }

    /// Makes etcd forget every revision but the newest, so that whoever has an older one is answered
    /// 410; returns the newest.
    pub fn compact_etcd(&self) -> Result<u64> {
        etcd::compact(&self.site.etcd())
    }

    /// Stops everything but etcd, the API server and the registry, so that nobody else writes. The next
    /// `up` starts it again.
    pub fn leave_only_api_server(&self) -> Result<()> {
        control_plane::stop(&self.site, control_plane::CONTROLLER_MANAGER)?;
        control_plane::stop(&self.site, control_plane::SCHEDULER)
    }

    /// The processes that answer requests: the API server and etcd, as far as they run.
    pub fn serving(&self) -> Vec<u32> {
        let parts = [control_plane::API_SERVER, control_plane::ETCD];
        let running = parts
            .iter()
            .filter_map(|part| processes::pid(&self.site, part));
        running.collect()
    }

    /// Stops the API server and starts it again, and nothing else.
    pub fn restart_api_server(&self, progress: &Progress) -> Result<()> {
        progress.step("restarting the API server");
        control_plane::stop(&self.site, control_plane::API_SERVER)?;
        control_plane::start_api_server(&self.site)?;
        control_plane::wait_for_api_server(&self.site)
    }

    /// Where the log of a program goes that runs beside the cluster, and goes away with it.
    pub fn log(&self, program: &str) -> PathBuf {
        self.site.log(program)
    }

    /// Where the API server writes its audit log, if it does.
    pub fn audit_log(&self) -> Option<PathBuf> {
        self.site.config.audit.then(|| self.site.audit_log())
    }
}

/// What it takes until a cluster of this name runs, as far as that takes long.
pub fn ahead(name: &str) -> Vec<Ahead> {
    let is_built = localkube::is_built();
    let runs = Cluster::find(name).is_ok_and(|cluster| cluster.is_some());
    let mut steps = vec![Ahead::unless(
        packages::missing().is_empty(),
        times::PACKAGES,
        "installed",
    )];
    if !is_built {
        steps.push(Ahead::unless(localkube::has_go(), times::GO, "installed"));
    }
    steps.extend([
        Ahead::unless(is_built, times::CONTROL_PLANE, "in the cache"),
        Ahead::unless(runs, times::CLUSTER, "runs already"),
    ]);
    steps
}

/// A kubectl that is new enough: the one in PATH, or ours.
pub fn kubectl_binary(progress: &Progress) -> Result<PathBuf> {
    if let Some(kubectl) = packages::find("kubectl")
        && kubectl_minor(&kubectl).is_some_and(|minor| minor >= KUBECTL_MINOR)
    {
        return Ok(kubectl);
    }
    Ok(localkube::ensure(progress)?.join("kubectl"))
}

fn kubectl_minor(kubectl: &Path) -> Option<u32> {
    let answer =
        process::output(Command::new(kubectl).args(["version", "--client", "--output=json"]))
            .ok()?;
    let version: serde_json::Value = serde_json::from_str(&answer).ok()?;
    version
        .pointer("/clientVersion/minor")?
        .as_str()?
        .trim_end_matches('+')
        .parse()
        .ok()
}

/// Removes a directory, also while the kernel still lets go of mounts in it.
fn remove_dir(dir: &Path) -> Result<()> {
    for _ in 0..50 {
        match std::fs::remove_dir_all(dir) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !dir.exists() => {
                return Ok(());
            }
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    std::fs::remove_dir_all(dir).with_context(|| format!("remove {}", dir.display()))
}
