//! The operations that can cost budget.

/// What somebody wants to do to a pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Delete the pod.
    Delete,
    /// Change the pod's spec, or label the pod as unavailable.
    Update,
    /// Evict the pod.
    Evict,
    /// Change nothing of the pod but amounts of CPU and memory, without a restart ([`is_pure_resize`](super::is_pure_resize)).
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
