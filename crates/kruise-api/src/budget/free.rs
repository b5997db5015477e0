//! Why an operation costs nothing.

/// Why an operation costs nothing, in the order in which the reasons are looked for (PB-38).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Free {
    /// An annotation takes the pod out of every budget.
    NotProtected,
    /// The pod is not ready.
    NotReady,
    /// The pod is not known to run what its spec says.
    NotConsistent,
    /// The pod has no budget, or the budget does not exist.
    NoBudget,
    /// The budget leaves this pod out.
    Ignored,
    /// The budget wants no pod to be available, or its controller has not computed yet how many it wants.
    NothingDesired,
    /// The budget does not protect from this operation.
    OtherOperation,
    /// The pod was paid for before.
    Recorded,
    /// In a dry run nothing is done, so nothing is paid. Otherwise the operation would cost one unit
    /// (PB-41).
    DryRun,
}
