//! Versions of objects.

/// The version as a number, which is how versions of one resource compare. The API server promises that versions are
/// numbers. A version that isn't a number counts as the oldest.
pub(crate) fn version_number(version: &str) -> u64 {
    version.parse().unwrap_or(0)
}
