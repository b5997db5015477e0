//! The copies of a budget that a process has, and which of them is the newest.

use crate::read::PodUnavailableBudget;

/// Two copies of one budget. They are the same for a process that does not keep what it wrote.
#[derive(Debug, Clone, Copy)]
pub struct Copies<'a> {
    /// The budget as the watch shows it.
    pub seen: &'a PodUnavailableBudget,
    /// The newest budget that the process knows: what it wrote last, as long as the watch does not show
    /// that yet (PB-46).
    pub newest: &'a PodUnavailableBudget,
}

impl<'a> Copies<'a> {
    /// The copies of a process that sees `seen` and wrote `written` last. The newest is the one with the
    /// higher version, and `written` if the versions are equal (PB-46). A version that is no number counts
    /// as 0.
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
