//! Writes to pods that are there.

use std::sync::Arc;

use kruise_api::{
    apps::v1beta1::LifecycleHook,
    inplace::{PodWrite, lifecycle},
    meta::Time,
    pod::Pod,
};
use serde_json::Value;

/// A pod, by name and identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodRef {
    /// Its name.
    pub name: String,
    /// Its UID, as precondition.
    pub uid: String,
}

impl PodRef {
    /// The reference to this pod.
    #[must_use]
    pub fn of(pod: &Pod) -> Self {
        Self {
            name: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
        }
    }
}

/// One or a few strategic merge patches of one pod, in order. Where several carry the resourceVersion read, the
/// executor puts in the version that the patch before returned, so that nothing slips in between.
#[derive(Debug, Clone, PartialEq)]
pub struct PodPatch {
    /// The pod.
    pub pod: PodRef,
    /// The writes.
    pub writes: Vec<PodWrite>,
}

impl PodPatch {
    /// One patch of the pod itself.
    #[must_use]
    pub fn of(pod: &Pod, patch: Value) -> Self {
        let write = PodWrite {
            subresource: None,
            patch,
        };
        Self {
            pod: PodRef::of(pod),
            writes: vec![write],
        }
    }

    /// Moves the pod to another lifecycle state, and holds it not ready if `hook` wants that (IP-66). `None` when the
    /// pod is in that state already, and held if need be.
    #[must_use]
    pub fn transition(
        pod: &Pod,
        state: &str,
        hook: Option<&LifecycleHook>,
        now: Time,
    ) -> Option<Self> {
        let marks = hook.is_some_and(lifecycle::marks_not_ready);
        Self::with_writes(pod, lifecycle::transition(pod, state, marks, now))
    }

    /// These writes, if there are any.
    #[must_use]
    pub fn with_writes(pod: &Pod, writes: Vec<PodWrite>) -> Option<Self> {
        (!writes.is_empty()).then(|| Self {
            pod: PodRef::of(pod),
            writes,
        })
    }
}

/// The writes that start an update in place, in order (IP-15, IP-17, IP-30).
#[derive(Debug, Clone, PartialEq)]
pub struct InPlaceUpdate {
    /// The pod.
    pub pod: PodRef,
    /// The pod that the writes were made for. While the live pod is still like this one, they may be sent again
    /// (DV-IP15).
    pub seen: Arc<Pod>,
    /// Patch of `pods/status` that marks the pod not ready. Absent when the pod has no readiness gate, or stays ready
    /// (IP-16).
    pub not_ready: Option<Value>,
    /// Patch of `pods/resize` that changes resources.
    pub resize: Option<Value>,
    /// Patch of the pod itself.
    pub start: Value,
    /// Name of the revision that the pod goes to.
    pub revision: String,
}

impl InPlaceUpdate {
    /// All writes in order: of which subresource, and the patch.
    pub fn writes(&self) -> impl Iterator<Item = (Option<&'static str>, &Value)> {
        let Self {
            pod: _,
            seen: _,
            not_ready,
            resize,
            start,
            revision: _,
        } = self;
        [
            (Some("status"), not_ready.as_ref()),
            (Some("resize"), resize.as_ref()),
            (None, Some(start)),
        ]
        .into_iter()
        .filter_map(|(subresource, patch)| Some((subresource, patch?)))
    }
}

/// Whether nothing of a pod has changed but conditions and probes, which the kubelet reports as soon as a pod is
/// out of service.
#[must_use]
pub fn is_as_seen(live: &Pod, seen: &Pod) -> bool {
    let without_reports = |pod: &Pod| {
        let mut pod = pod.clone();
        pod.metadata.resource_version.clear();
        pod.status.conditions.clear();
        for status in &mut pod.status.container_statuses {
            status.ready = false;
        }
        pod
    };
    without_reports(live) == without_reports(seen)
}
