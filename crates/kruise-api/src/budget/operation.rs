//! What costs budget.

/// What somebody wants to do to a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Delete it.
    Delete,
    /// Change its spec, or label it unavailable.
    Update,
    /// Evict it.
    Evict,
    /// Change nothing but amounts of CPU and memory, without a restart ([`is_pure_resize`]).
    Resize,
}

impl Operation {
    /// The word in `spec.protectOperations`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "DELETE",
            Self::Update => "UPDATE",
            Self::Evict => "EVICT",
            Self::Resize => "RESIZE",
        }
    }
}
