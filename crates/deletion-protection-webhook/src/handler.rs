//! From a request to its answer. Nothing is decided here: [`crate::judge`] does, and this carries out what it asks for.

use futures::future::{BoxFuture, FutureExt};
use http::StatusCode;
use kruise_runtime::{
    ProtectionLog,
    webhook::{Admission, AdmissionRequest, AdmissionResponse, RefusedDeletion, UnreadableObject},
};
use tokio::time::Instant;

use crate::{
    count::{Counter, PATIENCE},
    gates::Gates,
    judge::{self, Verdict},
    metrics::Metrics,
    protected::ProtectedKind,
};

/// Answers about a kind.
pub struct Protector {
    /// The kind.
    pub kind: ProtectedKind,
    /// What is protected at all.
    pub gates: Gates,
    /// Counts what is below an object.
    pub counter: Counter,
    /// Where refusals are counted (DP-23).
    pub metrics: Metrics,
    /// Where refusals are noted (DP-25).
    pub protection_log: ProtectionLog,
}

impl Admission for Protector {
    fn admit<'a>(&'a self, request: &'a AdmissionRequest) -> BoxFuture<'a, AdmissionResponse> {
        async move {
            match self.refusal(request).await {
                Ok(None) => AdmissionResponse::allow(),
                Ok(Some(why)) => {
                    self.tell(request);
                    AdmissionResponse::deny(StatusCode::FORBIDDEN, why)
                }
                Err(error) => error.into(),
            }
        }
        .boxed()
    }
}

impl Protector {
    /// Why the object may not be deleted.
    async fn refusal(
        &self,
        request: &AdmissionRequest,
    ) -> Result<Option<String>, UnreadableObject> {
        let until = Instant::now() + PATIENCE;
        let mut verdict = judge::request(self.kind, request, self.gates)?;
        loop {
            match verdict {
                Verdict::Allowed => return Ok(None),
                Verdict::Refused(why) => return Ok(Some(why)),
                Verdict::Depends(below) => {
                    let counted = self.counter.count(&below, until).await;
                    verdict = judge::counted(below, counted);
                }
            }
        }
    }

    /// DP-23 to DP-25. A dry run counts like any other request: what is told is that somebody tried.
    fn tell(&self, request: &AdmissionRequest) {
        if self.kind.is_noted() {
            let refused = RefusedDeletion::of(request);
            self.metrics.count(self.kind, &refused);
            refused.note(&self.protection_log);
        }
    }
}
