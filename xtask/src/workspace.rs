//! Paths of this checkout, and what Cargo knows of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// The workspace's root directory. Cargo says where xtask is when it runs it; another crate's
/// tests that start this binary pass on where *they* are, which is why the answer is checked.
pub(crate) fn root() -> PathBuf {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR"));
    let told = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let xtask = told
        .filter(|dir| dir.ends_with("xtask"))
        .unwrap_or_else(|| built_in.to_owned());
    xtask.parent().map(Path::to_path_buf).unwrap_or(xtask)
}

/// The cargo that runs us, in the workspace's root.
///
/// What Cargo tells a process that it starts is not passed on: build scripts that watch such
/// variables would run again, and half of the dependencies with them, whenever the way in differs.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    for (name, _) in std::env::vars_os() {
        let told_by_cargo = name.to_str().is_some_and(|name| {
            [
                "CARGO_PKG_",
                "CARGO_MANIFEST_",
                "CARGO_BIN_",
                "CARGO_CRATE_",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix))
                || name == "CARGO_PRIMARY_PACKAGE"
        });
        if told_by_cargo {
            command.env_remove(name);
        }
    }
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
