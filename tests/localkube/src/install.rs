//! Installing the controller by `cargo xtask deploy`, and taking it away from a cluster that was there
//! before. As processes of their own, which Ctrl-C ends at once, whatever they wait for.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

/// This program, also when a build has replaced its file since it started.
const OURSELVES: &str = "/proc/self/exe";

/// Builds the images of an overlay, pushes them, and installs it.
pub fn install(kubeconfig: &Path, overlay: &str, registry: &str, insecure: bool) -> Result<()> {
    let mut command = xtask()?;
    command.args(["deploy", overlay, "--as-a-step", "--registry", registry]);
    command.arg("--kubeconfig").arg(kubeconfig);
    if insecure {
        command.arg("--insecure");
    }
    run(command, "deploy", overlay)
}

/// Takes it away again, and its CRDs if they came with it.
pub fn uninstall(kubeconfig: &Path, overlay: &str, crds: bool) -> Result<()> {
    let mut command = xtask()?;
    command.args(["undeploy", overlay]);
    command.arg("--kubeconfig").arg(kubeconfig);
    if crds {
        command.args(["--crds", "--yes"]);
    }
    run(command, "undeploy", overlay)
}

fn run(mut command: Command, what: &str, overlay: &str) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("start `cargo xtask {what}`"))?;
    if !status.success() {
        bail!("`cargo xtask {what} {overlay}` failed; it says above why");
    }
    Ok(())
}

fn xtask() -> Result<Command> {
    if Path::new(OURSELVES).exists() {
        return Ok(Command::new(OURSELVES));
    }
    Ok(Command::new(
        std::env::current_exe().context("find this program")?,
    ))
}
