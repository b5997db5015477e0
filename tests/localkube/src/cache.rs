//! Where things that outlive a checkout are kept: the built control plane, cluster state.

use std::path::PathBuf;

use anyhow::{Context, Result};

/// The cache directory, made if it is missing: `$KRUISE_CACHE_DIR`, else `$XDG_CACHE_HOME/kruise`,
/// else `$HOME/.cache/kruise`. Always outside the checkout, so that a fresh clone is warm.
pub fn dir() -> Result<PathBuf> {
    let dir = if let Some(dir) = std::env::var_os("KRUISE_CACHE_DIR") {
        PathBuf::from(dir)
    } else if let Some(dir) = std::env::var_os("XDG_CACHE_HOME") {
        PathBuf::from(dir).join("kruise")
    } else {
        let home = std::env::var_os("HOME").context("HOME is not set; set KRUISE_CACHE_DIR")?;
        PathBuf::from(home).join(".cache/kruise")
    };
    // Daemons that are given paths in it run elsewhere.
    let dir = std::path::absolute(&dir).with_context(|| format!("resolve {}", dir.display()))?;
    std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    Ok(dir)
}
