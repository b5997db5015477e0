//! What is served: [`mutate()`] and [`Validator`].

use futures::future::{BoxFuture, FutureExt};
use kruise_runtime::{
    Metrics, ProtectionLog,
    webhook::{
        Admission, AdmissionRequest, AdmissionResponse,
        kind::{self, Guard, TemplateCheck},
    },
};

use super::kind::{CloneSets, FindPod};
use crate::snapshot::Gates;

/// Fills in defaults on create and update (CS-6 to CS-10). The patch has nothing but what they change
/// (PF-212).
///
/// What comes out is in the form in which it will be served, in either version, so that nobody who writes
/// back what they read or applied before changes the spec, and with it the object's generation (DV-CS15).
pub fn mutate(request: &AdmissionRequest, gates: &Gates) -> AdmissionResponse {
    kind::mutate::<CloneSets>(request, gates)
}

/// Refuses what is wrong with CloneSets.
pub struct Validator {
    /// Gate `ResourcesDeletionProtection`.
    pub deletion_protection: bool,
    /// Finds a pod in the index (CS-14). A pod that isn't there yet doesn't exist.
    pub find_pod: Box<FindPod>,
    /// Judges pod templates.
    pub template_check: Box<dyn TemplateCheck>,
    /// Where refused deletions are counted (DP-23).
    pub metrics: Metrics,
    /// Where refused deletions are noted (DP-25).
    pub protection_log: ProtectionLog,
}

impl Admission for Validator {
    fn admit<'a>(&'a self, request: &'a AdmissionRequest) -> BoxFuture<'a, AdmissionResponse> {
        let guard = Guard {
            deletion_protection: self.deletion_protection,
            template_check: &*self.template_check,
            metrics: &self.metrics,
            protection_log: &self.protection_log,
        };
        async move { guard.validate::<CloneSets>(request, &*self.find_pod).await }.boxed()
    }
}
