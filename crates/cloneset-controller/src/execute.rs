//! From a plan to API calls. Names, order, batches and preconditions come with the plan; here is
//! only how many calls run side by side, and which event tells of each.

use std::sync::{Mutex, MutexGuard, PoisonError};

use kruise_api::{
    apps::v1beta1::CloneSet,
    budget::POD_UNAVAILABLE_BUDGETS,
    object::CustomResource,
    resource::{CONTROLLER_REVISIONS, ObjectKey, PODS, Resource},
};
use kruise_runtime::{
    ApiClient, ApiError, EventTarget, EventType, PatchKind, Recorder, Writer, Written, chain,
};
use serde_json::Value;

use kruise_plan::{Event, PodRef, refused::Asked};

use crate::{
    CLONESETS,
    error::Error,
    memory::{Found, Memory},
    plan::{BudgetPatch, NewPod, Phase, Plan, Step},
};

mod claims;
mod images_ahead;
mod pods;
#[cfg(test)]
mod tests;
mod trim;
mod window;

use pods::PodWritten;
use window::{all, until_failure};

/// What a plan is executed with.
pub(crate) struct Executor<'a> {
    pub(crate) set: &'a CloneSet,
    pub(crate) client: &'a ApiClient,
    pub(crate) writer: Writer,
    pub(crate) recorder: &'a Recorder,
    /// What was refused before is not told again.
    pub(crate) memory: &'a Memory,
    /// What is found out now.
    pub(crate) found: Mutex<Found>,
}

impl Executor<'_> {
    /// Carries out the steps in order; the first that fails, or is refused, ends them.
    pub(crate) async fn steps(&self, plan: &Plan) -> Result<(), Error> {
        for step in &plan.steps {
            if let PodWritten::Refused = self.step(plan.phase, step).await? {
                break;
            }
        }
        Ok(())
    }

    /// Tells what belongs to no single write.
    pub(crate) fn events(&self, plan: &Plan) {
        for event in &plan.events {
            let Event {
                warning,
                reason,
                message,
            } = event;
            self.event(*warning, reason, message.clone());
        }
    }

    /// Writes the status, if the plan has one.
    pub(crate) async fn status(&self, plan: &Plan) -> Result<(), Error> {
        let Some(patch) = &plan.status else {
            return Ok(());
        };
        let key = self.key(&self.set.metadata.name);
        self.writer
            .patch(&CLONESETS, &key, Some("status"), PatchKind::Merge, patch)
            .await
            .map(drop)
            .map_err(|source| Error::Status {
                set: key.to_string(),
                source,
            })
    }

    async fn step(&self, phase: Phase, step: &Step) -> Result<PodWritten, Error> {
        let done = match step {
            Step::TryUpdate { update } => return self.try_update(update).await,
            Step::CreateRevision { body } => self.create_revision(body).await,
            Step::PatchRevision { name, patch } => self
                .patch(&CONTROLLER_REVISIONS, name, None, PatchKind::Merge, patch)
                .await
                .map(drop),
            Step::DeleteRevision { name, uid } => {
                self.delete(&CONTROLLER_REVISIONS, name, uid).await
            }
            Step::MoveClaims { moves } => {
                all(moves.iter().map(|claim| self.move_claim(claim)).collect()).await
            }
            Step::DeleteOrphanClaims { claims } => {
                for orphan in claims {
                    self.delete_orphan(orphan).await?;
                }
                Ok(())
            }
            Step::CreatePods { batches } => self.create_pods(batches).await,
            Step::DeletePods { pods, claims } => {
                let of = |pod: &PodRef| claims.get(&pod.uid).map_or(&[][..], Vec::as_slice);
                until_failure(pods.iter().map(|pod| self.delete_pod(pod, of(pod)))).await
            }
            Step::AdoptPods { patches } => {
                self.check_before_adoption().await?;
                all(patches.iter().map(|patch| self.patch_pod(patch)).collect()).await
            }
            Step::PatchPods { patches } => {
                let asked = asked_by_patches(phase);
                let patches = patches.iter();
                until_failure(patches.map(|patch| self.keep_pod(asked, patch))).await
            }
            Step::UpdatePodsInPlace { updates } => {
                until_failure(updates.iter().map(|update| self.update_in_place(update))).await
            }
            Step::MarkPodsForRecreate { patches } => {
                until_failure(patches.iter().map(|patch| self.mark_for_recreate(patch))).await
            }
            Step::SpendBudgets { patches } => self.spend_budgets(patches).await,
            Step::PatchCloneSet { patch } => self
                .patch(
                    &CLONESETS,
                    &self.set.metadata.name,
                    None,
                    PatchKind::Merge,
                    patch,
                )
                .await
                .map(drop),
        };
        done.map(|()| PodWritten::All)
    }

    /// One after the other: after a failure, what is not paid yet need not be. A budget that is gone wants
    /// nothing any more (PB-48).
    async fn spend_budgets(&self, patches: &[BudgetPatch]) -> Result<(), Error> {
        for BudgetPatch { budget, patch } in patches {
            let (kind, status) = (PatchKind::Merge, Some("status"));
            let spent = self
                .patch(&POD_UNAVAILABLE_BUDGETS, budget, status, kind, patch)
                .await;
            match spent {
                Err(error) if !error.is_not_found() => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    async fn create_revision(&self, body: &Value) -> Result<(), Error> {
        let name = body
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        self.create(&CONTROLLER_REVISIONS, name, body).await
    }

    async fn create_pods(&self, batches: &[Vec<NewPod>]) -> Result<(), Error> {
        for batch in batches {
            all(batch.iter().map(|pod| self.create_pod(pod)).collect()).await?;
        }
        Ok(())
    }

    async fn create_pod(&self, pod: &NewPod) -> Result<(), Error> {
        for claim in &pod.claims {
            let created = self.create_claim(claim).await;
            self.tell_failure(&created, "FailedCreate");
            created?;
        }
        let created = self.create(&PODS, &pod.name, &pod.body()).await;
        self.tell(&created, "SuccessfulCreate", "FailedCreate", || {
            format!("created pod {}", pod.name)
        });
        created
    }

    /// A CloneSet that was deleted and made again under its name must not take over the old one's
    /// pods (CS-28); the index may not know yet.
    async fn check_before_adoption(&self) -> Result<(), Error> {
        let key = self.key(&self.set.metadata.name);
        let live = self.client.get(&CLONESETS, &key).await.map_err(|source| {
            self.write_error("get", "CloneSet", &self.set.metadata.name, source)
        })?;
        let is_same = live.is_some_and(|live| {
            live.pointer("/metadata/uid").and_then(Value::as_str)
                == Some(self.set.metadata.uid.as_str())
                && live.pointer("/metadata/deletionTimestamp").is_none()
        });
        if is_same {
            Ok(())
        } else {
            Err(Error::AdoptionRefused {
                set: key.to_string(),
            })
        }
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn create(
        &self,
        resource: &'static Resource,
        name: &str,
        body: &Value,
    ) -> Result<(), Error> {
        self.writer
            .create(resource, &self.set.metadata.namespace, body)
            .await
            .map(drop)
            .map_err(|source| self.write_error("create", resource.kind, name, source))
    }

    async fn patch(
        &self,
        resource: &'static Resource,
        name: &str,
        subresource: Option<&str>,
        kind: PatchKind,
        patch: &Value,
    ) -> Result<Written, Error> {
        self.writer
            .patch(resource, &self.key(name), subresource, kind, patch)
            .await
            .map_err(|source| self.write_error("patch", resource.kind, name, source))
    }

    async fn delete(
        &self,
        resource: &'static Resource,
        name: &str,
        uid: &str,
    ) -> Result<(), Error> {
        self.writer
            .delete(resource, &self.key(name), uid)
            .await
            .map(drop)
            .map_err(|source| self.write_error("delete", resource.kind, name, source))
    }

    fn key(&self, name: &str) -> ObjectKey {
        ObjectKey {
            namespace: self.set.metadata.namespace.clone(),
            name: name.to_owned(),
        }
    }

    fn write_error(
        &self,
        verb: &'static str,
        kind: &'static str,
        name: &str,
        source: ApiError,
    ) -> Error {
        Error::Write {
            verb,
            kind,
            object: self.key(name).to_string(),
            source,
        }
    }

    fn tell(
        &self,
        result: &Result<(), Error>,
        success: &'static str,
        failure: &'static str,
        message: impl FnOnce() -> String,
    ) {
        if result.is_ok() {
            self.event(false, success, message());
        }
        self.tell_failure(result, failure);
    }

    fn tell_failure(&self, result: &Result<(), Error>, failure: &'static str) {
        match result {
            Err(error) if !error.is_lost_race() => self.event(true, failure, chain(error)),
            Ok(()) | Err(_) => {}
        }
    }

    fn event(&self, warning: bool, reason: &'static str, message: String) {
        let metadata = &self.set.metadata;
        let target = EventTarget {
            api_version: CloneSet::API_VERSION.to_owned(),
            kind: CloneSet::KIND.to_owned(),
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
        };
        let type_ = if warning {
            EventType::Warning
        } else {
            EventType::Normal
        };
        self.recorder.event(&target, type_, reason, message);
    }
}

/// What patches of a phase are for. Those before scaling are tried again like any other failure: without
/// them no pod is looked at. Tidying up patches no pods.
fn asked_by_patches(phase: Phase) -> Option<Asked> {
    match phase {
        Phase::Prepare | Phase::Trim => None,
        Phase::Scale => Some(Asked::Deletion),
        Phase::Update => Some(Asked::Patch),
    }
}
