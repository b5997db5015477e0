//! Whether a request on a pod is a dry run (PB-33, PB-35, PB-36).

use kruise_runtime::webhook::{AdmissionRequest, UnreadableObject};
use serde::Deserialize;

/// The part of `DeleteOptions` and `UpdateOptions` that is read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    dry_run: Option<Vec<String>>,
}

/// An Eviction of either version.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Eviction {
    delete_options: Option<Options>,
}

impl Options {
    fn is_dry_run(&self) -> bool {
        self.dry_run.as_ref().is_some_and(|all| !all.is_empty())
    }
}

/// Of a request that says so in its options.
///
/// # Errors
/// When there are none, or they can't be read (PB-37).
pub(super) fn by_options(request: &AdmissionRequest) -> Result<bool, UnreadableObject> {
    let options: Options = request.options()?;
    Ok(options.is_dry_run() || request.dry_run)
}

/// Of an eviction, which says so in its body (DV-PB5).
///
/// # Errors
/// When the body can't be read (PB-37).
pub(super) fn by_body(request: &AdmissionRequest) -> Result<bool, UnreadableObject> {
    let eviction: Eviction = request.object()?;
    let options = eviction.delete_options.unwrap_or_default();
    Ok(options.is_dry_run() || request.dry_run)
}
