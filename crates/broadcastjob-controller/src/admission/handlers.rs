//! What is served: [`mutate()`] and [`Validator`].

use futures::future::{BoxFuture, FutureExt};
use kruise_runtime::{
    Metrics, ProtectionLog,
    webhook::{
        Admission, AdmissionRequest, AdmissionResponse,
        kind::{self, Guard, TemplateCheck},
    },
};

use super::kind::BroadcastJobs;
use crate::gates::Gates;

/// Fills in defaults on create and update (BJ-1, BJ-2). The patch has nothing but what they change (PF-212).
pub fn mutate(request: &AdmissionRequest, gates: &Gates) -> AdmissionResponse {
    kind::mutate::<BroadcastJobs>(request, gates)
}

/// Refuses what is wrong with BroadcastJobs.
pub struct Validator {
    /// Judges pod templates.
    pub template_check: Box<dyn TemplateCheck>,
    /// Asked for by what all kinds share; no BroadcastJob is protected from being deleted.
    pub metrics: Metrics,
    /// Likewise.
    pub protection_log: ProtectionLog,
}

impl Admission for Validator {
    fn admit<'a>(&'a self, request: &'a AdmissionRequest) -> BoxFuture<'a, AdmissionResponse> {
        let guard = Guard {
            deletion_protection: false,
            template_check: &*self.template_check,
            metrics: &self.metrics,
            protection_log: &self.protection_log,
        };
        async move { guard.validate::<BroadcastJobs>(request, &()).await }.boxed()
    }
}
