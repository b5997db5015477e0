//! From a plan to API calls. Names, order, batches and preconditions come with the plan; here is
//! only how many calls run side by side, and which event tells of each.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use futures::stream::{self, StreamExt};
use kruise_api::{apps::v1beta1::CloneSet, inplace::PodWrite, object::CustomResource};
use kruise_runtime::{
    ApiClient, ApiError, CONTROLLER_REVISIONS, EventTarget, EventType, ObjectKey,
    POD_UNAVAILABLE_BUDGETS, PODS, PatchKind, Recorder, Resource, Writer, Written, chain,
};
use serde_json::Value;

use crate::{
    CLONESETS,
    error::Error,
    plan::{BudgetPatch, InPlaceUpdate, NewPod, Plan, PodPatch, PodRef, Step},
    refused::RefusedResize,
    snapshot::Found,
};

mod claims;
mod pre_download;
mod trim;

/// Calls in flight for one CloneSet.
const CONCURRENCY: usize = 32;

/// What a plan is executed with.
pub(crate) struct Executor<'a> {
    pub(crate) set: &'a CloneSet,
    pub(crate) client: &'a ApiClient,
    pub(crate) writer: Writer,
    pub(crate) recorder: &'a Recorder,
    /// What was refused before is not told again.
    pub(crate) refused_before: &'a BTreeMap<String, RefusedResize>,
    /// What is found out now.
    pub(crate) found: Mutex<Found>,
}

/// What came of a pod's writes.
enum PodWritten {
    All,
    /// The resize was refused, and what follows it left out.
    Refused,
}

impl Executor<'_> {
    /// Carries out the steps in order; the first that fails ends them.
    pub(crate) async fn steps(&self, plan: &Plan) -> Result<(), Error> {
        for step in &plan.steps {
            self.step(step).await?;
        }
        Ok(())
    }

    /// Tells what belongs to no single write.
    pub(crate) fn events(&self, plan: &Plan) {
        for event in &plan.events {
            self.event(event.warning, event.reason, event.message.clone());
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

    async fn step(&self, step: &Step) -> Result<(), Error> {
        match step {
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
            Step::DeleteClaims { claims } => self.delete_claims(claims).await,
            Step::CreatePods { batches } => self.create_pods(batches).await,
            Step::DeletePods { pods } => self.delete_pods(pods).await,
            Step::AdoptPods { patches } => {
                self.check_before_adoption().await?;
                self.patch_pods(patches).await
            }
            Step::PatchPods { patches } => self.patch_pods(patches).await,
            Step::UpdatePodsInPlace { updates } => {
                all(updates
                    .iter()
                    .map(|update| self.update_in_place(update))
                    .collect())
                .await
            }
            Step::MarkPodsForRecreate { patches } => {
                all(patches
                    .iter()
                    .map(|patch| self.mark_for_recreate(patch))
                    .collect())
                .await
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
        }
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

    async fn delete_pods(&self, pods: &[PodRef]) -> Result<(), Error> {
        for pod in pods {
            let deleted = self.delete(&PODS, &pod.name, &pod.uid).await;
            self.tell(&deleted, "SuccessfulDelete", "FailedDelete", || {
                format!("deleted pod {}", pod.name)
            });
            deleted?;
        }
        Ok(())
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

    async fn patch_pods(&self, patches: &[PodPatch]) -> Result<(), Error> {
        all(patches.iter().map(|patch| self.patch_pod(patch)).collect()).await
    }

    async fn patch_pod(&self, patch: &PodPatch) -> Result<(), Error> {
        self.write_pod(&patch.pod, patch.writes.clone())
            .await
            .map(drop)
    }

    /// One write after the other; each follows the version that the one before returned, or nothing.
    async fn write_pod(&self, pod: &PodRef, writes: Vec<PodWrite>) -> Result<PodWritten, Error> {
        let mut version = None;
        for PodWrite {
            subresource,
            mut patch,
        } in writes
        {
            if let Some(version) = version.take()
                && let Some(read) = patch.pointer_mut("/metadata/resourceVersion")
            {
                *read = version;
            }
            let written = self
                .patch(&PODS, &pod.name, subresource, PatchKind::Strategic, &patch)
                .await;
            let written = match written {
                Err(error) if subresource == Some("resize") && error.is_refusal() => {
                    self.note_refusal(pod, &error);
                    return Ok(PodWritten::Refused);
                }
                written => written?,
            };
            version = Some(Value::String(written.resource_version));
        }
        Ok(PodWritten::All)
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_refusal(&self, pod: &PodRef, error: &Error) {
        let why = error.api_message().to_owned();
        let is_told = self
            .refused_before
            .get(&pod.uid)
            .is_some_and(|before| before.why == why);
        if !is_told {
            self.event(true, "FailedUpdatePodInPlace", chain(error));
        }
        self.found().refused_resizes.push((pod.uid.clone(), why));
    }

    async fn mark_for_recreate(&self, patch: &PodPatch) -> Result<(), Error> {
        let marked = self.patch_pod(patch).await;
        self.tell(
            &marked,
            "SuccessfulUpdatePodReCreate",
            "FailedUpdatePodReCreate",
            || format!("marked pod {} to be made anew", patch.pod.name),
        );
        marked
    }

    async fn update_in_place(&self, update: &InPlaceUpdate) -> Result<(), Error> {
        let updated = match self.write_pod(&update.pod, update.writes()).await {
            Ok(PodWritten::Refused) => return Ok(()),
            written => written.map(drop),
        };
        self.tell(
            &updated,
            "SuccessfulUpdatePodInPlace",
            "FailedUpdatePodInPlace",
            || {
                format!(
                    "updated pod {} in place to {}",
                    update.pod.name, update.revision
                )
            },
        );
        updated
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

/// Runs calls, some side by side. All are run; the first error is returned.
async fn all<F>(calls: Vec<F>) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>>,
{
    let results: Vec<_> = stream::iter(calls).buffered(CONCURRENCY).collect().await;
    results.into_iter().collect()
}
