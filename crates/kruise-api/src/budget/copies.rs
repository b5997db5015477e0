//! The copies of a budget that a process has, and which of them is the newest.

use crate::read::PodUnavailableBudget;

/// The copies of one budget that a process has. Where it keeps none of its own, both are the same.
#[derive(Debug, Clone, Copy)]
pub struct Copies<'a> {
    /// As the watch shows it.
    pub seen: &'a PodUnavailableBudget,
    /// The newest that is known: what was written last, if the watch does not show it yet (PB-46).
    pub newest: &'a PodUnavailableBudget,
}

impl<'a> Copies<'a> {
    /// The budget as the watch shows it, and as this process wrote it last. Of the two, the one with the higher
    /// version is the newest; a version that is no number counts as 0 (PB-46).
    #[must_use]
    pub fn new(seen: &'a PodUnavailableBudget, written: Option<&'a PodUnavailableBudget>) -> Self {
        let newest = match written {
            Some(written) if version(seen) <= version(written) => written,
            _ => seen,
        };
        Self { seen, newest }
    }
}

fn version(budget: &PodUnavailableBudget) -> u64 {
    budget.metadata.resource_version.parse().unwrap_or(0)
}
