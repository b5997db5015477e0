//! Whom a refusal is about.

use std::fmt;

use crate::{meta::ObjectMeta, pod::Pod};

/// Whom a refusal is about, for metric and log: the pod's controller, or the pod itself if it has none
/// (PB-60, PB-61).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Kind of the controller; `unknown` for a pod without one.
    pub kind: String,
    /// Namespace; `default` if the pod has none.
    pub namespace: String,
    /// Name of the controller, or of the pod.
    pub name: String,
}

impl Subject {
    /// The subject of a refused operation on this pod.
    #[must_use]
    pub fn of(pod: &Pod) -> Self {
        Self::of_pod_with(&pod.metadata)
    }

    /// The subject of a refused operation on the pod with this metadata.
    #[must_use]
    pub fn of_pod_with(metadata: &ObjectMeta) -> Self {
        let (kind, name) = metadata.controller().map_or_else(
            || ("unknown", metadata.name.as_str()),
            |owner| (owner.kind.as_str(), owner.name.as_str()),
        );
        let namespace = match metadata.namespace.as_str() {
            "" => "default",
            namespace => namespace,
        };
        Self {
            kind: kind.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

/// The label `kind_namespace_name` of metric `pod_unavailable_budget`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            namespace,
            name,
        } = self;
        write!(f, "{kind}_{namespace}_{name}")
    }
}
