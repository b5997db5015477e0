//! The pods of an owner at one moment.

use std::sync::Arc;

use kruise_api::{meta::Time, pod::Pod, shared_list::SharedList};

/// What memories of pods are judged by: whether pod and owner are still what they were.
#[derive(Debug, Clone, Copy)]
pub struct OwnedPods<'a> {
    /// The pods, in any state.
    pub pods: &'a SharedList<Arc<Pod>>,
    /// Generation of the owner.
    pub generation: Option<i64>,
    /// The controller's clock.
    pub now: Time,
}

impl<'a> OwnedPods<'a> {
    /// The pod with this UID.
    #[must_use]
    pub fn pod(&self, uid: &str) -> Option<&'a Pod> {
        let mut pods = self.pods.iter().map(AsRef::as_ref);
        pods.find(|pod: &&Pod| pod.metadata.uid == uid)
    }
}
