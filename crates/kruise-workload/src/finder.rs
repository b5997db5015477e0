//! The finder, as its users see it.

use std::sync::Arc;

use crate::{
    covered::{self, Claim, Covered},
    error::FindError,
    look_ups::LookUps,
    pods::{self, PodIndex, TargetPods},
    reference::{Reference, Target},
    search,
    workload::Workload,
};

/// Finds workloads and their pods. Clones share what they know.
#[derive(Clone)]
pub struct Finder {
    look_ups: Arc<dyn LookUps>,
}

impl Finder {
    /// A finder over these look-ups: for tests. [`crate::WorkloadWatches`] makes that of a process.
    #[must_use]
    pub fn over(look_ups: impl LookUps) -> Self {
        Self {
            look_ups: Arc::new(look_ups),
        }
    }

    /// The workload that is meant, or none (PB-25). A ReplicaSet of a Deployment stands for the Deployment. The returned
    /// workload may be on its way out ([`Workload::deleting`]), and of the kinds of others without scale subresource it
    /// is only known that the object exists, maybe under another UID.
    ///
    /// The API server is asked only about kinds that are none of [`crate::IndexedKind`]. Of these, a finder for admission
    /// waits a moment for what the watches don't show yet.
    ///
    /// # Errors
    /// When it can't be said whether there is one.
    pub async fn find(&self, asked: &Reference) -> Result<Option<Workload>, FindError> {
        search::find(&*self.look_ups, asked).await
    }

    /// The workload that a `targetRef` in this namespace means, and its pods (PB-21, PB-22). A ReplicaSet is that
    /// ReplicaSet, even if a Deployment owns it.
    ///
    /// # Errors
    /// When it can't be said which they are.
    pub async fn pods_of<'a, I: PodIndex>(
        &self,
        namespace: &str,
        target: impl Into<Target<'a>>,
        pods: &I,
    ) -> Result<TargetPods<I::Pod>, FindError> {
        let asked = Reference::to_target(namespace, target);
        pods::of_target(&*self.look_ups, &asked, pods).await
    }

    /// The pods that a budget of this namespace covers, and how many there should be (PB-20, PB-24). `pods` are the
    /// active ones.
    ///
    /// # Errors
    /// When a workload can't be searched for.
    pub async fn covered<I: PodIndex>(
        &self,
        namespace: &str,
        claim: Claim<'_>,
        pods: &I,
    ) -> Result<Covered<I::Pod>, FindError> {
        covered::covered(&*self.look_ups, namespace, claim, pods).await
    }
}
