//! What is served: [`mutate()`] and [`Validator`].

use futures::future::{BoxFuture, FutureExt};
use kruise_runtime::{
    Metrics, ProtectionLog,
    webhook::{
        Admission, AdmissionRequest, AdmissionResponse,
        kind::{self, Guard, TemplateCheck},
    },
};

use super::{
    kind::{SidecarSets, reaches},
    known::Known,
};
use crate::scope::Scope;

/// Fills in defaults and writes the hashes, on create and update (SS-10 to SS-16). The patch has nothing but what they
/// change (PF-212).
pub fn mutate(request: &AdmissionRequest) -> AdmissionResponse {
    kind::mutate::<SidecarSets>(request, &())
}

/// Refuses what is wrong with SidecarSets.
pub struct Validator {
    /// Looks other objects up.
    pub known: Known,
    /// Judges containers and volumes as those of a pod.
    pub template_check: Box<dyn TemplateCheck>,
    /// Has the API server ask about pods of a SidecarSet before that is stored.
    pub scope: Scope,
    /// Asked for by what all kinds share; no SidecarSet is protected from being deleted.
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
        async move {
            let response = guard.validate::<SidecarSets>(request, &self.known).await;
            match reaches(request) {
                Some((old, new)) => {
                    let old = old.as_ref();
                    self.scope.answer(request, old, &new, response).await
                }
                None => response,
            }
        }
        .boxed()
    }
}
