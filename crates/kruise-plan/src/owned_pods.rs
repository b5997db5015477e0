//! The pods of an owner at one moment.

use std::sync::Arc;

use kruise_api::{meta::Time, pod::Pod, shared_list::SharedList};

/// What memories of pods are judged by: whether pod and owner are still what they were.
#[derive(Debug)]
pub struct OwnedPods<'a, P = Pod> {
    /// The pods, in any state.
    pub pods: &'a SharedList<Arc<P>>,
    /// Generation of the owner.
    pub generation: Option<i64>,
    /// The controller's clock.
    pub now: Time,
}

// By hand, since derived impls would ask that P be Clone.
impl<P> Clone for OwnedPods<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for OwnedPods<'_, P> {}

impl<'a, P: AsRef<Pod>> OwnedPods<'a, P> {
    /// The pod with this UID.
    #[must_use]
    pub fn pod(&self, uid: &str) -> Option<&'a Pod> {
        let mut pods = self.pods.iter().map(|pod| P::as_ref(pod));
        pods.find(|pod| pod.metadata.uid == uid)
    }
}
