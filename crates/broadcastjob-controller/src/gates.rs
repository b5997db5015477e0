//! The feature gates and flags that concern BroadcastJobs.

use kruise_plan::workload::Filled;

/// Feature gates and flags that concern BroadcastJobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gates {
    /// How much is filled in of what a pod template leaves open, in admission and in pods alike (BJ-2, PF-907).
    pub filled: Filled,
    /// The flag `--assign-bcj-pods-by-scheduler` (BJ-53).
    pub assign_by_scheduler: bool,
}

/// As gates and flags are when nothing is said.
impl Default for Gates {
    fn default() -> Self {
        Self {
            filled: Filled::Defaults,
            assign_by_scheduler: true,
        }
    }
}
