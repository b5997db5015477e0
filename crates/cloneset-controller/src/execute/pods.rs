//! Writes to pods that are there: their updates, what keeps them, and their end.

use kruise_api::{inplace::PodWrite, pod::Pod, resource::PODS};
use kruise_runtime::{PatchKind, Writer, Written, chain};
use serde_json::Value;

use kruise_plan::{
    InPlaceUpdate, PodPatch, PodRef,
    pod_writes::is_as_seen,
    refused::{Asked, Refusal},
};

use super::Executor;
use crate::{error::Error, plan::ClaimRef};

/// How often the second write of an update is sent again when the kubelet was faster.
const SENT_AGAIN: usize = 2;

/// What came of a pod's writes.
pub(super) enum PodWritten {
    All,
    /// The resize was refused, and what follows it left out.
    Refused,
}

impl Executor<'_> {
    /// Asks what would come of an update.
    pub(super) async fn try_update(&self, update: &InPlaceUpdate) -> Result<PodWritten, Error> {
        for PodWrite { subresource, patch } in update.writes() {
            let tried = self
                .writer
                .dry_run_patch(
                    &PODS,
                    &self.key(&update.pod.name),
                    subresource,
                    PatchKind::Strategic,
                    &patch,
                )
                .await
                .map_err(|source| self.write_error("patch", PODS.kind, &update.pod.name, source));
            match tried {
                // That says nothing about the pod; the first one finds out.
                Err(error) if error.knows_no_dry_run() => {}
                Err(error) if subresource == Some("resize") && error.is_refusal() => {
                    self.note_refused_resize(&update.pod, &error);
                    return Ok(PodWritten::Refused);
                }
                tried => {
                    let failure = Some("FailedUpdatePodInPlace");
                    self.tell_of_pod(&update.pod, Asked::Update, &tried, failure);
                    tried?;
                }
            }
        }
        Ok(PodWritten::All)
    }

    pub(super) async fn update_in_place(&self, update: &InPlaceUpdate) -> Result<(), Error> {
        let updated = match self.write_update(update).await {
            Ok(PodWritten::Refused) => return Ok(()),
            written => written.map(drop),
        };
        if updated.is_ok() {
            let message = format!(
                "updated pod {} in place to {}",
                update.pod.name, update.revision
            );
            self.event(false, "SuccessfulUpdatePodInPlace", message);
        }
        let failure = Some("FailedUpdatePodInPlace");
        self.tell_of_pod(&update.pod, Asked::Update, &updated, failure);
        updated
    }

    /// A pod that is out of service waits neither for its turn nor, if nothing but its conditions has changed,
    /// for the next pass (DV-IP15).
    async fn write_update(&self, update: &InPlaceUpdate) -> Result<PodWritten, Error> {
        let writes = update.writes();
        let writer = self.writer.prepaid(writes.len()).await;
        let mut version: Option<String> = None;
        for write in writes {
            let mut sent = self
                .send(&writer, &update.pod, &write, version.as_deref())
                .await;
            for _ in 0..SENT_AGAIN {
                if version.is_none() || !matches!(&sent, Err(error) if error.is_lost_race()) {
                    break;
                }
                let Some(live) = self.version_as_seen(update).await? else {
                    break;
                };
                sent = self
                    .send(&self.writer, &update.pod, &write, Some(&live))
                    .await;
            }
            match sent? {
                None => return Ok(PodWritten::Refused),
                Some(written) => version = Some(written.resource_version),
            }
        }
        Ok(PodWritten::All)
    }

    /// The version of the pod that is there, if it is what the update was planned for.
    async fn version_as_seen(&self, update: &InPlaceUpdate) -> Result<Option<String>, Error> {
        let name = &update.pod.name;
        let live = self.client.get(&PODS, &self.key(name)).await;
        let live = live.map_err(|source| self.write_error("get", PODS.kind, name, source))?;
        Ok(live
            .and_then(|live| serde_json::from_value::<Pod>(live).ok())
            .filter(|live| is_as_seen(live, &update.seen))
            .map(|live| live.metadata.resource_version))
    }

    /// One write after the other; each follows the version that the one before returned, or nothing.
    pub(super) async fn patch_pod(&self, patch: &PodPatch) -> Result<(), Error> {
        let mut version: Option<String> = None;
        for write in &patch.writes {
            let sent = self
                .send(&self.writer, &patch.pod, write, version.as_deref())
                .await?;
            let Some(written) = sent else { break };
            version = Some(written.resource_version);
        }
        Ok(())
    }

    /// None: a resize that was refused.
    async fn send(
        &self,
        writer: &Writer,
        pod: &PodRef,
        PodWrite { subresource, patch }: &PodWrite,
        version: Option<&str>,
    ) -> Result<Option<Written>, Error> {
        let mut patch = patch.clone();
        if let Some(version) = version
            && let Some(read) = patch.pointer_mut("/metadata/resourceVersion")
        {
            *read = Value::from(version);
        }
        let key = self.key(&pod.name);
        let sent = writer
            .patch(&PODS, &key, *subresource, PatchKind::Strategic, &patch)
            .await
            .map_err(|source| self.write_error("patch", PODS.kind, &pod.name, source));
        match sent {
            Err(error) if *subresource == Some("resize") && error.is_refusal() => {
                self.note_refused_resize(pod, &error);
                Ok(None)
            }
            sent => sent.map(Some),
        }
    }

    /// Conditions, lifecycle states and the like; `asked` says what they are for, where a refusal is noted.
    pub(super) async fn keep_pod(
        &self,
        asked: Option<Asked>,
        patch: &PodPatch,
    ) -> Result<(), Error> {
        let kept = self.patch_pod(patch).await;
        if let Some(asked) = asked {
            self.tell_of_pod(&patch.pod, asked, &kept, None);
        }
        kept
    }

    pub(super) async fn mark_for_recreate(&self, patch: &PodPatch) -> Result<(), Error> {
        let marked = self.patch_pod(patch).await;
        if marked.is_ok() {
            let message = format!("marked pod {} to be made anew", patch.pod.name);
            self.event(false, "SuccessfulUpdatePodReCreate", message);
        }
        let failure = Some("FailedUpdatePodReCreate");
        self.tell_of_pod(&patch.pod, Asked::Update, &marked, failure);
        marked
    }

    /// The pod, and then its volume claims.
    pub(super) async fn delete_pod(&self, pod: &PodRef, claims: &[ClaimRef]) -> Result<(), Error> {
        let deleted = self.delete(&PODS, &pod.name, &pod.uid).await;
        if deleted.is_ok() {
            let message = format!("deleted pod {}", pod.name);
            self.event(false, "SuccessfulDelete", message);
        }
        self.tell_of_pod(pod, Asked::Deletion, &deleted, Some("FailedDelete"));
        deleted?;
        for claim in claims {
            self.delete_claim(claim).await?;
        }
        Ok(())
    }

    /// Notes a refusal, and tells of a failure in an event; of a refusal only in words that were not heard before.
    fn tell_of_pod(
        &self,
        pod: &PodRef,
        asked: Asked,
        result: &Result<(), Error>,
        failure: Option<&'static str>,
    ) {
        let Err(error) = result else { return };
        let is_news = !error.is_refusal() || self.note_refusal(pod, asked, error.api_message());
        if let Some(failure) = failure.filter(|_| is_news) {
            self.tell_failure(result, failure);
        }
    }

    /// Whether the words are new.
    fn note_refusal(&self, pod: &PodRef, asked: Asked, why: &str) -> bool {
        let mut found = self.found();
        let is_said = self.memory.refused_writes.say(why)
            || found.refused_writes.iter().any(|it| it.why == why);
        found.refused_writes.push(Refusal {
            uid: pod.uid.clone(),
            asked,
            why: why.to_owned(),
        });
        !is_said
    }

    fn note_refused_resize(&self, pod: &PodRef, error: &Error) {
        let why = error.api_message().to_owned();
        if !self.memory.refused_resizes.say(&pod.uid, &why) {
            self.event(true, "FailedUpdatePodInPlace", chain(error));
        }
        self.found().refused_resizes.push((pod.uid.clone(), why));
    }
}
