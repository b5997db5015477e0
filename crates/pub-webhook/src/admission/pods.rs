//! Changes, deletions and evictions of pods (PB-32 to PB-43).

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use http::StatusCode;
use kruise_api::{
    budget::{self, Checked, Decision, Free},
    meta::ObjectMeta,
    pod::Pod,
    resource::{ObjectKey, PODS},
    selector::SelectorError,
};
use kruise_runtime::{
    ApiError, Clock, chain,
    webhook::{Admission, AdmissionRequest, AdmissionResponse, Operation, UnreadableObject},
};

use super::{
    change::{self, RawPod},
    dry_run,
    lookup::Lookup,
    refusal::{self, Reporter},
};
use crate::{
    budget::Budget,
    gates::Gates,
    newest::{Attempt, Ended},
};

/// Lets pods go as far as their budgets allow.
pub struct PodValidator {
    /// Feature gates.
    pub gates: Gates,
    /// Looks pods and budgets up.
    pub lookup: Lookup,
    /// The wall clock.
    pub clock: Clock,
    /// Tells of refusals.
    pub reporter: Reporter,
}

/// A pod that is about to become unavailable.
struct Asked<'a> {
    metadata: &'a ObjectMeta,
    checked: Checked<'a>,
    operation: budget::Operation,
    dry_run: bool,
    user: &'a str,
}

/// What a budget answers.
enum Verdict {
    Free(Free),
    Spent,
    /// With the copy on which it rests.
    Refused(budget::BudgetRefusal, Box<Budget>),
}

impl Admission for PodValidator {
    fn admit<'a>(&'a self, request: &'a AdmissionRequest) -> BoxFuture<'a, AdmissionResponse> {
        async move {
            match self.answer(request).await {
                Ok(answer) | Err(answer) => answer,
            }
        }
        .boxed()
    }
}

/// An answer that is given at once, whatever else would have been asked.
type Early = AdmissionResponse;

impl PodValidator {
    /// PB-32
    async fn answer(&self, request: &AdmissionRequest) -> Result<AdmissionResponse, Early> {
        match request.operation {
            Operation::Update if self.gates.update => self.update(request).await,
            Operation::Delete if self.gates.delete => self.deletion(request).await,
            Operation::Create if self.gates.delete => self.eviction(request).await,
            _ => Ok(AdmissionResponse::allow()),
        }
    }

    /// PB-33
    async fn update(&self, request: &AdmissionRequest) -> Result<AdmissionResponse, Early> {
        let new: RawPod = request.object().map_err(unreadable)?;
        if budget::related_in(&new.metadata).is_none() {
            return Ok(AdmissionResponse::allow());
        }
        let old: RawPod = request.old_object().map_err(unreadable)?;
        let operation = change::operation(request, &old, &new).map_err(unreadable)?;
        let Some(operation) = operation else {
            return Ok(AdmissionResponse::allow());
        };
        let dry_run = dry_run::by_options(request).map_err(unreadable)?;
        self.old_pod(request, operation, dry_run).await
    }

    /// PB-35
    async fn deletion(&self, request: &AdmissionRequest) -> Result<AdmissionResponse, Early> {
        if request.raw_old_object.is_none() || !request.sub_resource.is_empty() {
            return Ok(AdmissionResponse::allow());
        }
        let dry_run = dry_run::by_options(request).map_err(unreadable)?;
        self.old_pod(request, budget::Operation::Delete, dry_run)
            .await
    }

    /// The pod is judged as it is stored.
    async fn old_pod(
        &self,
        request: &AdmissionRequest,
        operation: budget::Operation,
        dry_run: bool,
    ) -> Result<AdmissionResponse, Early> {
        let mut pod: Pod = request.old_object().map_err(unreadable)?;
        if pod.metadata.namespace.is_empty() {
            pod.metadata.namespace.clone_from(&request.namespace);
        }
        let asked = Asked {
            metadata: &pod.metadata,
            checked: Checked::of(&pod, &self.gates.in_place()),
            operation,
            dry_run,
            user: &request.user_info.username,
        };
        self.judge(&asked).await
    }

    /// PB-36
    async fn eviction(&self, request: &AdmissionRequest) -> Result<AdmissionResponse, Early> {
        if request.sub_resource != "eviction" {
            return Ok(AdmissionResponse::allow());
        }
        let dry_run = dry_run::by_body(request).map_err(unreadable)?;
        let key = ObjectKey::new(request.namespace.clone(), request.name.clone());
        let found = self.lookup.evicted(&key).await;
        let pod = found.map_err(|error| bad_request(chain(&error)))?;
        let pod = pod.ok_or_else(|| bad_request(format!("{PODS} {:?} not found", key.name)))?;
        let asked = Asked {
            metadata: &pod.metadata,
            checked: pod.checked(self.gates.vertical_scaling),
            operation: budget::Operation::Evict,
            dry_run,
            user: &request.user_info.username,
        };
        self.judge(&asked).await
    }

    /// PB-38 to PB-42
    async fn judge(&self, asked: &Asked<'_>) -> Result<AdmissionResponse, Early> {
        let Some(name) = budget::related_in(asked.metadata) else {
            return Ok(AdmissionResponse::allow());
        };
        // Whoever is free anyway asks nobody.
        if asked.checked.why_free().is_some() {
            return Ok(AdmissionResponse::allow());
        }
        let key = ObjectKey::new(asked.metadata.namespace.clone(), name);
        let found = self.lookup.budget(&key).await;
        let Some(seen) = found.map_err(|error| bad_request(chain(&error)))? else {
            return Ok(AdmissionResponse::allow());
        };
        match self.spend(asked, &seen).await {
            Ok(Ended::Gone) => Ok(AdmissionResponse::allow()),
            Ok(Ended::Decided(Ok(verdict))) => Ok(self.tell(asked, verdict)),
            Ok(Ended::Decided(Err(error))) => {
                let why = format!("spec.ignoredPodSelector of {key}: {}", chain(&error));
                Err(bad_request(why))
            }
            // PB-48
            Err(error) => Ok(refusal::refused(words(&error))),
        }
    }

    /// PB-38, PB-39, PB-47. Whatever the answer rests on is what is stored: where it is written down a conflict tells of an
    /// older copy, and otherwise the API server is asked (DV-PB14).
    async fn spend(
        &self,
        asked: &Asked<'_>,
        seen: &Arc<Budget>,
    ) -> Result<Ended<Result<Verdict, SelectorError>>, Arc<ApiError>> {
        let options = self.gates.options(asked.dry_run);
        let decide = |newest: &Budget| {
            // Attempts may be seconds apart.
            let now = self.clock.now();
            let asked_of = Some(&newest.asked);
            let decision =
                budget::decide_on(&asked.checked, asked.operation, asked_of, now, &options);
            match decision {
                Ok(Decision::Allowed(why)) => Attempt::IfStored(Ok(Verdict::Free(why))),
                Ok(Decision::Refused(refusal)) => {
                    let newest = Box::new(newest.clone());
                    Attempt::IfStored(Ok(Verdict::Refused(refusal, newest)))
                }
                Ok(Decision::Spend(spend)) => Attempt::Write {
                    patch: spend.patch(&newest.asked),
                    then: Ok(Verdict::Spent),
                },
                Err(error) => Attempt::IfStored(Err(error)),
            }
        };
        let newest = &self.lookup.newest;
        newest.write(&self.lookup.client, seen, decide).await
    }

    fn tell(&self, asked: &Asked<'_>, verdict: Verdict) -> AdmissionResponse {
        let (pod, operation) = (&asked.metadata.name, asked.operation.as_str());
        match verdict {
            Verdict::Free(why) => {
                tracing::debug!(pod, operation, ?why, "free");
                AdmissionResponse::allow()
            }
            Verdict::Spent => {
                tracing::debug!(pod, operation, "paid for");
                AdmissionResponse::allow()
            }
            // A refused dry run is told, too (PB-41).
            Verdict::Refused(refusal, budget) => {
                self.reporter
                    .report(asked.metadata, &budget, operation, asked.user);
                refusal::by_budget(refusal, &budget, self.clock.now())
            }
        }
    }
}

/// The API server's own words, as clients know them.
fn words(error: &ApiError) -> String {
    match error.message() {
        "" => chain(error),
        message => message.to_owned(),
    }
}

fn unreadable(error: UnreadableObject) -> Early {
    error.into()
}

/// PB-37
fn bad_request(why: impl Into<String>) -> Early {
    AdmissionResponse::deny(StatusCode::BAD_REQUEST, why)
}
