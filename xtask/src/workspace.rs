//! Paths of this checkout, and what Cargo knows of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// The workspace's root directory.
pub(crate) fn root() -> PathBuf {
    let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest_dir.parent().map(Path::to_path_buf).unwrap_or(manifest_dir)
}

/// The cargo that runs us, in the workspace's root.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// What `cargo metadata` says of the workspace's own packages.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

/// A package of the workspace.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) targets: Vec<Target>,
}

/// A library, binary or test of a package.
#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: Vec<String>,
    pub(crate) src_path: PathBuf,
}

impl Metadata {
    /// Asks Cargo, without the network.
    pub(crate) fn read() -> Result<Self> {
        let json = process::output(cargo().args([
            "metadata",
            "--format-version=1",
            "--no-deps",
            "--offline",
        ]))?;
        serde_json::from_str(&json).context("read the output of `cargo metadata`")
    }

    /// The deployables: packages in crates/ with a binary of the same name.
    pub(crate) fn deployables(&self) -> impl Iterator<Item = &Package> {
        let crates = root().join("crates");
        self.packages.iter().filter(move |package| {
            package.manifest_path.starts_with(&crates) && package.main().is_some()
        })
    }
}

impl Package {
    /// The binary that carries the package's name.
    pub(crate) fn main(&self) -> Option<&Target> {
        self.targets
            .iter()
            .find(|target| target.name == self.name && target.kind.iter().any(|kind| kind == "bin"))
    }
}
