use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use http::StatusCode;
use kruise_api::{
    apps::{v1alpha1, v1beta1},
    deletion_protection,
    kinds::cloneset::validation,
    pod::Pod,
    resource::ObjectKey,
    validation::FieldErrors,
};
use kruise_runtime::{
    Metrics, ProtectionLabels, ProtectionLog, Refusal,
    webhook::{Admission, AdmissionRequest, AdmissionResponse, Operation, UnreadableObject},
};
use serde_json::Value;

use super::{
    object::{AnyCloneSet, Version, version},
    template_check::{TemplateCheck, pod_template},
};

/// Looks a pod up.
pub type FindPod = dyn Fn(&ObjectKey) -> Option<Arc<Pod>> + Send + Sync;

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
        async move {
            let decision = match version(request) {
                Ok(Some(Version::V1alpha1)) => self.decide::<v1alpha1::CloneSet>(request),
                Ok(Some(Version::V1beta1)) => self.decide::<v1beta1::CloneSet>(request),
                Ok(None) => Decision::allowed(),
                Err(refusal) => Decision::Answer(refusal),
            };
            match decision {
                Decision::Answer(answer) => answer,
                Decision::AskServer(template) => {
                    let check = self.template_check.check(&request.namespace, &template);
                    answer(&check.await)
                }
            }
        }
        .boxed()
    }
}

/// What the request and the index alone lead to.
enum Decision {
    Answer(AdmissionResponse),
    /// Nothing is wrong so far; a new template is still to be judged.
    AskServer(Value),
}

impl Decision {
    fn allowed() -> Self {
        Self::Answer(AdmissionResponse::allow())
    }
}

impl Validator {
    fn decide<K: AnyCloneSet>(&self, request: &AdmissionRequest) -> Decision {
        let decision = match request.operation {
            Operation::Create => self.judge::<K>(request, None),
            Operation::Update => request
                .old_object()
                .and_then(|old| self.judge::<K>(request, Some(old))),
            Operation::Delete => self.judge_deletion::<K>(request).map(Decision::Answer),
            Operation::Connect => Ok(Decision::allowed()),
        };
        decision.unwrap_or_else(|error| Decision::Answer(error.into()))
    }

    fn judge<K: AnyCloneSet>(
        &self,
        request: &AdmissionRequest,
        old: Option<K>,
    ) -> Result<Decision, UnreadableObject> {
        let mut set: K = request.object()?;
        // Whoever wrote it, this is what the controller will read (PF-907).
        set.apply_defaults();
        // PF-211: OpenKruise couldn't decode such an object at all.
        if let Err(error) = validation::template(set.template()) {
            let refusal = AdmissionResponse::deny(StatusCode::BAD_REQUEST, error.to_string());
            return Ok(Decision::Answer(refusal));
        }
        let errors = set.errors(old.as_ref(), &|name| {
            let namespace = request.namespace.as_str();
            (self.find_pod)(&ObjectKey::new(namespace, name))
        });
        if !errors.is_empty() {
            return Ok(Decision::Answer(answer(&errors)));
        }
        let template = pod_template(set.template(), set.claims());
        let is_new = old.is_none_or(|old| pod_template(old.template(), old.claims()) != template);
        Ok(if is_new {
            Decision::AskServer(template)
        } else {
            Decision::allowed()
        })
    }

    /// CS-21, DP-8 to DP-14. A dry run is judged and counted like any other request.
    fn judge_deletion<K: AnyCloneSet>(
        &self,
        request: &AdmissionRequest,
    ) -> Result<AdmissionResponse, UnreadableObject> {
        if request.raw_old_object.is_none() {
            return Ok(AdmissionResponse::allow());
        }
        let set: K = request.old_object()?;
        let refusal = deletion_protection::of_workload(set.metadata(), set.replicas())
            .filter(|_| self.deletion_protection);
        Ok(match refusal {
            None => AdmissionResponse::allow(),
            Some(why) => {
                self.count(request);
                AdmissionResponse::deny(StatusCode::FORBIDDEN, why)
            }
        })
    }

    /// DP-23, DP-25
    fn count(&self, request: &AdmissionRequest) {
        let AdmissionRequest {
            kind,
            namespace,
            name,
            user_info,
            ..
        } = request;
        let username = &user_info.username;
        tracing::info!(
            event = "DeletionProtection",
            kind = %kind.kind,
            namespace,
            name,
            username,
            "deletion refused"
        );
        self.protection_log.note(Refusal {
            event: "DeletionProtection",
            kind: &kind.kind,
            namespace,
            name,
            user_agent: username,
        });
        let labels = ProtectionLabels {
            kind_namespace_name: format!("{}_{namespace}_{name}", kind.kind),
            username: username.clone(),
        };
        self.metrics
            .workload_deletion_protection
            .get_or_create(&labels)
            .inc();
    }
}

/// PF-211
fn answer(errors: &FieldErrors) -> AdmissionResponse {
    if errors.is_empty() {
        AdmissionResponse::allow()
    } else {
        AdmissionResponse::invalid(StatusCode::UNPROCESSABLE_ENTITY, errors)
    }
}
