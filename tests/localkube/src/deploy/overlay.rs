//! The overlays below deploy/overlays, and what kustomize makes of them.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::kubectl::Kubectl;
use super::manifests::Manifests;
use crate::workspace;

/// The overlay's directory; an error names those that exist.
pub(super) fn find(name: &str) -> Result<PathBuf> {
    find_in(&workspace::root().join("deploy/overlays"), name)
}

fn find_in(directory: &Path, name: &str) -> Result<PathBuf> {
    let mut names = Vec::new();
    let entries =
        std::fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("list {}", directory.display()))?;
        if entry.path().join("kustomization.yaml").is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    if names.iter().any(|known| known == name) {
        return Ok(directory.join(name));
    }
    bail!(
        "there is no overlay \"{name}\" in deploy/overlays; there are: {}",
        names.join(", ")
    )
}

/// Everything in the overlay, as plain `kubectl apply -k` would see it.
pub(super) fn render(kubectl: &Kubectl, overlay: &Path) -> Result<Manifests> {
    let path = overlay.to_string_lossy();
    let yaml = kubectl
        .output(&["kustomize", &path])
        .with_context(|| format!("render {}", overlay.display()))?;
    Manifests::parse(&yaml).with_context(|| format!("read the manifests of {}", overlay.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_overlay_lists_those_that_exist() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["two", "one", "not-an-overlay"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        for name in ["two", "one"] {
            std::fs::write(directory.path().join(name).join("kustomization.yaml"), "").unwrap();
        }
        assert!(find_in(directory.path(), "one").is_ok());
        let error = find_in(directory.path(), "three").unwrap_err().to_string();
        assert!(error.ends_with("there are: one, two"), "{error}");
    }
}
