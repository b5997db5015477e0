//! Paths of this checkout, and what Cargo knows of it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// This package, seen from the workspace's root.
const OURSELVES: &str = "tests/localkube/Cargo.toml";

/// The workspace's root directory. Cargo says where the package is that it runs, which may be any of
/// the workspace's; a binary that another checkout built, in a target directory that both share, is
/// right that way too. Without Cargo it is the checkout that built us.
pub fn root() -> PathBuf {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR"));
    let told = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let root = told.as_deref().and_then(root_above);
    let root = root.or_else(|| root_above(built_in));
    root.unwrap_or(built_in).to_owned()
}

fn root_above(package: &Path) -> Option<&Path> {
    package
        .ancestors()
        .find(|directory| directory.join(OURSELVES).is_file())
}

/// The cargo that runs us, in the workspace's root.
///
/// What Cargo tells a process that it starts is not passed on: build scripts that watch such
/// variables would run again, and half of the dependencies with them, whenever the way in differs.
pub fn cargo() -> Command {
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
pub struct Metadata {
    /// The workspace's own.
    pub packages: Vec<Package>,
    /// Where Cargo puts what it builds.
    pub target_directory: PathBuf,
}

/// A package of the workspace.
#[derive(Deserialize)]
pub struct Package {
    /// As Cargo.toml has it.
    pub name: String,
    /// Its Cargo.toml.
    pub manifest_path: PathBuf,
    /// What is built of it.
    pub targets: Vec<Target>,
}

/// A library, binary or test of a package.
#[derive(Deserialize)]
pub struct Target {
    /// What it is called.
    pub name: String,
    /// `lib`, `bin`, `test` and so on.
    pub kind: Vec<String>,
    /// Its root file.
    pub src_path: PathBuf,
}

impl Metadata {
    /// Asks Cargo, without the network.
    pub fn read() -> Result<Self> {
        let json = process::output(cargo().args([
            "metadata",
            "--format-version=1",
            "--no-deps",
            "--offline",
        ]))?;
        serde_json::from_str(&json).context("read the output of `cargo metadata`")
    }

    /// The deployables: packages in crates/ with a binary of the same name.
    pub fn deployables(&self) -> impl Iterator<Item = &Package> {
        let crates = root().join("crates");
        self.packages.iter().filter(move |package| {
            // What lies deeper is an example.
            let directory = package.manifest_path.parent();
            directory.and_then(Path::parent) == Some(&crates) && package.main().is_some()
        })
    }
}

impl Package {
    /// The binary that carries the package's name.
    pub fn main(&self) -> Option<&Target> {
        self.targets
            .iter()
            .find(|target| target.name == self.name && target.kind.iter().any(|kind| kind == "bin"))
    }
}
