//! Whose a pod is: kept, adopted or released (CS-27 to CS-29).

use kruise_api::pod::Pod;
use serde_json::json;

use crate::{owner::Owner, pod_writes::PodPatch};

/// Whose an active pod is, as this owner sees it.
#[derive(Debug, Clone, PartialEq)]
pub enum Ownership {
    /// The owner manages it, and its selector matches it.
    Ours,
    /// The owner manages it, and its selector does not match it any more: this patch lets it go.
    Released(PodPatch),
    /// Nobody manages it, and the owner's selector matches it: this patch makes it the owner's. The patch may be sent
    /// only after the live owner was read again and is the same (CS-28).
    Adopted(PodPatch),
    /// It is left alone.
    NotOurs,
}

impl Ownership {
    /// `manager` is the UID of the owner that manages the pod, and `is_selected` whether the selector of this owner
    /// matches it. An owner that is being deleted takes and lets go nothing.
    #[must_use]
    pub fn of(owner: &Owner<'_>, pod: &Pod, manager: Option<&str>, is_selected: bool) -> Self {
        let is_terminating = owner.metadata.is_terminating();
        match manager {
            Some(manager) if manager != owner.uid() => Self::NotOurs,
            Some(_) if is_selected => Self::Ours,
            Some(_) if !is_terminating => Self::Released(release(owner, pod)),
            None if is_selected && !is_terminating => Self::Adopted(adopt(owner, pod)),
            Some(_) | None => Self::NotOurs,
        }
    }
}

fn release(owner: &Owner<'_>, pod: &Pod) -> PodPatch {
    let gone = json!({ "$patch": "delete", "uid": owner.uid() });
    with_owners(pod, &gone)
}

fn adopt(owner: &Owner<'_>, pod: &Pod) -> PodPatch {
    with_owners(pod, &owner.reference())
}

fn with_owners(pod: &Pod, change: &serde_json::Value) -> PodPatch {
    let patch = json!({
        "metadata": {
            "uid": pod.metadata.uid,
            "resourceVersion": pod.metadata.resource_version,
            "ownerReferences": [change],
        },
    });
    PodPatch::of(pod, patch)
}
