//! Programs from the distribution that the cluster needs: what is missing is installed where that is
//! possible, else named. The packages' own services are never used or touched.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::progress::Progress;

/// Where Debian's containernetworking-plugins and others put the plugins.
const CNI_DIRS: [&str; 2] = ["/usr/lib/cni", "/opt/cni/bin"];

/// A Debian package, and the programs that are used of it.
const PACKAGES: [(&str, &[&str]); 8] = [
    (
        "containerd",
        &["containerd", "ctr", "containerd-shim-runc-v2"],
    ),
    ("runc", &["runc"]),
    ("docker-registry", &["docker-registry"]),
    ("skopeo", &["skopeo"]),
    ("nftables", &["nft"]),
    ("iproute2", &["ip"]),
    ("util-linux", &["nsenter", "unshare", "setsid"]),
    ("mount", &["mount"]),
];

/// Packages of which something is missing.
pub(super) fn missing() -> Vec<&'static str> {
    let mut missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|(_, programs)| programs.iter().any(|program| find(program).is_none()))
        .map(|(package, _)| *package)
        .collect();
    if cni_dir().is_none() {
        missing.push("containernetworking-plugins");
    }
    if static_busybox().is_none() {
        missing.push("busybox-static");
    }
    missing
}

/// Why missing packages can't be installed from here, or `None` if they can.
pub(super) fn cannot_install() -> Option<&'static str> {
    if !nix::unistd::geteuid().is_root() {
        Some("not root")
    } else if find("apt-get").is_none() {
        Some("no apt-get here")
    } else {
        None
    }
}

/// Installs what is missing.
pub(super) fn install(progress: &Progress) -> Result<()> {
    let wanted = missing();
    if wanted.is_empty() {
        return Ok(());
    }
    if let Some(reason) = cannot_install() {
        bail!("{}", advice(&wanted, reason));
    }
    progress.step(format!("installing {}", wanted.join(" ")));
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    let install = || {
        let mut command = apt();
        command
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(&wanted);
        process::output_of_long(&mut command, "for apt-get to install them")
    };
    let mut update = apt();
    process::output_of_long(update.args(["update", "--quiet"]), "for apt's lists")
        .context("update apt's lists")?;
    install().with_context(|| advice(&wanted, "apt-get failed"))?;
    let still = missing();
    if !still.is_empty() {
        bail!(
            "{}",
            advice(
                &still,
                "installed, but their programs are not where they are looked for"
            )
        );
    }
    Ok(())
}

/// What to tell someone who has to install by hand.
pub(super) fn advice(packages: &[&str], reason: &str) -> String {
    let packages = packages.join(" ");
    format!(
        "missing packages: {packages} ({reason}). On Debian or Ubuntu: apt-get install --no-install-recommends \
         {packages}. Elsewhere, install the same programs by the system's own means"
    )
}

/// A program's path, looked for in PATH and in the administrator's directories.
pub(super) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|path| path.is_file())
}

/// The directory with the CNI plugins that the nodes' networks are made of.
pub(super) fn cni_dir() -> Option<&'static Path> {
    CNI_DIRS.iter().map(Path::new).find(|dir| {
        ["bridge", "host-local", "loopback"]
            .iter()
            .all(|plugin| dir.join(plugin).is_file())
    })
}

/// A busybox that runs in an image of its own, which a dynamically linked one doesn't.
pub(super) fn static_busybox() -> Option<PathBuf> {
    let path = find("busybox")?;
    let program = std::fs::read(&path).ok()?;
    let is_dynamic = program
        .windows(6)
        .any(|bytes| bytes == b"/ld-li" || bytes == b"/ld-mu");
    (!is_dynamic).then_some(path)
}
