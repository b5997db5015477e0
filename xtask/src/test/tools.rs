//! Cargo plug-ins that checks need, installed into the cache when they are missing.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use localkube::progress::Progress;
use localkube::{cache, process, workspace};

use super::child::Children;

/// Pinned: another version may find other things, and a check shouldn't change by itself.
const CARGO_DENY: &str = "0.20.2";

/// `cargo-deny`, to be run in the workspace's root.
pub(super) fn cargo_deny(children: &Children) -> Result<Command> {
    let tools = cache::dir()?.join("tools");
    let binary = tools.join("bin/cargo-deny");
    if !is_version(&binary, CARGO_DENY) {
        Progress::begin().step(format!(
            "installing cargo-deny {CARGO_DENY}; once, some minutes"
        ));
        let mut install = workspace::cargo();
        // Unoptimised: it builds in half the time, and runs for a second.
        install.args([
            "install",
            "cargo-deny",
            "--version",
            CARGO_DENY,
            "--locked",
            "--debug",
        ]);
        install.arg("--root").arg(&tools);
        install.env("CARGO_TARGET_DIR", cache::dir()?.join("tools-target"));
        children.run(&mut install).context("install cargo-deny")?;
    }
    let mut command = Command::new(binary);
    command.current_dir(workspace::root());
    Ok(command)
}

fn is_version(binary: &Path, version: &str) -> bool {
    let output = process::output(Command::new(binary).arg("--version"));
    output.is_ok_and(|output| output.trim().ends_with(version))
}
