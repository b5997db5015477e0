//! What is wrong with a request, as an answer.

use http::StatusCode;
use kruise_api::validation::FieldErrors;
use serde_json::Value;

use super::{
    rules::{AdmittedKind, AdmittedVersion, Versions, Visitor, not_served},
    template_check::TemplateCheck,
};
use crate::{
    tell::{metrics::Metrics, protection_log::ProtectionLog},
    webhook::{
        refused_deletion::RefusedDeletion,
        request::{AdmissionRequest, Operation, UnreadableObject},
        response::AdmissionResponse,
    },
};

/// Refuses what is wrong with objects of a kind, and deletions that their labels forbid.
#[derive(Clone, Copy)]
pub struct Guard<'a> {
    /// Gate `ResourcesDeletionProtection`.
    pub deletion_protection: bool,
    /// Judges pod templates.
    pub template_check: &'a dyn TemplateCheck,
    /// Where refused deletions are counted (DP-23).
    pub metrics: &'a Metrics,
    /// Where refused deletions are noted (DP-25).
    pub protection_log: &'a ProtectionLog,
}

impl Guard<'_> {
    /// The answer to a request about this kind.
    pub async fn validate<K: AdmittedKind>(
        &self,
        request: &AdmissionRequest,
        known: &K::Known,
    ) -> AdmissionResponse {
        let deciding = Deciding {
            guard: self,
            request,
            known,
        };
        match K::Versions::visit(request, deciding) {
            Some(Decision::Answer(answer)) => answer,
            Some(Decision::AskServer { pod_template, code }) => {
                let check = self.template_check.check(&request.namespace, &pod_template);
                answer(code, &check.await)
            }
            None => not_served(request),
        }
    }

    /// DP-8 to DP-14. A dry run is judged and counted like any other request.
    fn judge_deletion<K, V>(
        &self,
        request: &AdmissionRequest,
    ) -> Result<AdmissionResponse, UnreadableObject>
    where
        K: AdmittedKind,
        V: AdmittedVersion<K>,
    {
        if request.raw_old_object.is_none() {
            return Ok(AdmissionResponse::allow());
        }
        let object: V = request.old_object()?;
        let refusal = object.protected().filter(|_| self.deletion_protection);
        Ok(match refusal {
            None => AdmissionResponse::allow(),
            Some(why) => {
                let refused = RefusedDeletion::of(request);
                refused.note(self.protection_log);
                refused.count_workload(self.metrics);
                AdmissionResponse::deny(StatusCode::FORBIDDEN, why)
            }
        })
    }
}

struct Deciding<'a, Known: ?Sized> {
    guard: &'a Guard<'a>,
    request: &'a AdmissionRequest,
    known: &'a Known,
}

/// What the request and what the process knows lead to.
enum Decision {
    /// This answer.
    Answer(AdmissionResponse),
    /// Nothing is wrong so far; the API server is still to judge a new template.
    AskServer {
        pod_template: Value,
        /// Code of the answer, if the API server finds something wrong.
        code: StatusCode,
    },
}

impl Decision {
    fn allowed() -> Self {
        Self::Answer(AdmissionResponse::allow())
    }
}

impl<K: AdmittedKind> Visitor<K> for Deciding<'_, K::Known> {
    type Answer = Decision;

    fn see<Version: AdmittedVersion<K>>(self) -> Decision {
        let Self {
            guard,
            request,
            known,
        } = self;
        // Nobody reviews subresources (CS-6).
        if !request.sub_resource.is_empty() {
            return Decision::allowed();
        }
        let decision = match request.operation {
            Operation::Create => judge::<K, Version>(request, None, known),
            Operation::Update => request
                .old_object()
                .and_then(|old| judge::<K, Version>(request, Some(old), known)),
            Operation::Delete => guard
                .judge_deletion::<K, Version>(request)
                .map(Decision::Answer),
            Operation::Connect => Ok(Decision::allowed()),
        };
        decision.unwrap_or_else(|error| Decision::Answer(error.into()))
    }
}

fn judge<K, V>(
    request: &AdmissionRequest,
    old: Option<V>,
    known: &K::Known,
) -> Result<Decision, UnreadableObject>
where
    K: AdmittedKind,
    V: AdmittedVersion<K>,
{
    let mut object: V = request.object()?;
    // The controller will read the object with its defaults, whoever wrote it (PF-907).
    object.apply_defaults();
    // PF-211: OpenKruise couldn't decode such an object at all.
    if let Some(why) = object.unreadable() {
        let refusal = AdmissionResponse::deny(StatusCode::BAD_REQUEST, why);
        return Ok(Decision::Answer(refusal));
    }
    let errors = object.errors(old.as_ref(), &request.namespace, known);
    let code = K::invalid(request.operation);
    if !errors.is_empty() {
        return Ok(Decision::Answer(answer(code, &errors)));
    }
    let new = object.pod_template();
    let is_stored = old.is_some_and(|old| old.pod_template() == new);
    Ok(match new {
        Some(pod_template) if !is_stored => Decision::AskServer { pod_template, code },
        _ => Decision::allowed(),
    })
}

fn answer(code: StatusCode, errors: &FieldErrors) -> AdmissionResponse {
    if errors.is_empty() {
        AdmissionResponse::allow()
    } else {
        AdmissionResponse::invalid(code, errors)
    }
}
