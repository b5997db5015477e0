//! New pods that a SidecarSet can match which was admitted lately: they are answered when this replica knows every SidecarSet
//! that was stored when they were asked about.

use std::{sync::Arc, time::Duration};

use futures::future::{BoxFuture, FutureExt};
use kruise_runtime::{
    chain,
    webhook::{Admission, AdmissionRequest, AdmissionResponse},
};
use tokio::time::sleep;

use super::known_sets::KnownSets;

/// Between two questions to an API server that doesn't answer.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Answers as the handler of all pods does, once the index is as new as the request.
pub(crate) struct FreshPods {
    pub(crate) known: KnownSets,
    pub(crate) pods: Arc<dyn Admission>,
}

impl Admission for FreshPods {
    /// The server gives up when the caller's time is over. That is no review, so that the webhook's `failurePolicy` decides.
    fn admit<'a>(&'a self, request: &'a AdmissionRequest) -> BoxFuture<'a, AdmissionResponse> {
        async move {
            let mut is_told = false;
            while let Err(error) = self.known.all().await {
                if !std::mem::replace(&mut is_told, true) {
                    let error = chain(&error);
                    tracing::warn!(
                        error,
                        "a new pod waits, since it isn't known which SidecarSets there are"
                    );
                }
                sleep(AGAIN_AFTER).await;
            }
            self.pods.admit(request).await
        }
        .boxed()
    }
}
