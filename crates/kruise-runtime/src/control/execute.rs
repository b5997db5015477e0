//! Makes the calls of a plan's stages. Names, order and preconditions come with the stages, and so does what follows
//! from each answer: nothing is chosen here.

mod error;
mod order;
#[cfg(test)]
mod tests;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use kruise_api::{object::names_owner, pod::Pod, resource::ObjectKey};
use kruise_plan::{
    Event,
    pod_writes::is_as_seen,
    refused::{Asked, Refusal, RefusedResizes, RefusedWrites},
    stage::{About, Answer, Call, IfRefused, Order, Patch, Stage, Verb, Work},
};
use serde_json::Value;

use self::order::{side_by_side, widening};
pub use self::{error::StageError, order::Flow};
use crate::{
    api::error::chain,
    control::own_writes::Writer,
    tell::events::{EventTarget, EventType, Recorder},
};

/// How often a later write of a work is sent again when the kubelet was faster.
const SENT_AGAIN: usize = 2;
/// How often a status is sent again that met conflicts, and after which pause (BJ-65).
const STATUS_SENT_AGAIN: usize = 4;
const STATUS_PAUSE: Duration = Duration::from_millis(10);

/// Carries out the stages of one plan.
pub struct Executor<'a> {
    owner: EventTarget,
    writer: Writer,
    recorder: &'a Recorder,
    known: Option<(&'a RefusedWrites, &'a RefusedResizes)>,
    found: Mutex<Refused>,
    done: Mutex<Done>,
}

/// How many objects were created and deleted, answers that were tolerated not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Creations.
    pub created: usize,
    /// Deletions.
    pub deleted: usize,
}

/// What the API server has refused.
#[derive(Debug, Clone, Default)]
pub struct Refused {
    /// Writes to pods.
    pub writes: Vec<Refusal>,
    /// Resizes: UID of the pod, and the server's words.
    pub resizes: Vec<(String, String)>,
}

/// What follows one call.
enum Next {
    /// The next call, after a patch that gave the object this version.
    Call { version: Option<String> },
    /// The next work.
    Work,
    /// Nothing: the plan ends.
    Nothing,
    /// Nothing, because of this failure.
    Failure(Box<StageError>),
}

impl<'a> Executor<'a> {
    /// An executor for the plan of one object.
    #[must_use]
    pub fn new(owner: EventTarget, writer: Writer, recorder: &'a Recorder) -> Self {
        Self {
            owner,
            writer,
            recorder,
            known: None,
            found: Mutex::default(),
            done: Mutex::default(),
        }
    }

    /// Keeps the executor from telling again what these refusals have told.
    #[must_use]
    pub fn knowing(self, writes: &'a RefusedWrites, resizes: &'a RefusedResizes) -> Self {
        Self {
            known: Some((writes, resizes)),
            ..self
        }
    }

    /// Carries stages out in order. The first stage that fails, or is to end the plan, is the last.
    ///
    /// # Errors
    /// The failure.
    pub async fn stages(&self, stages: &[Stage<'_>]) -> Result<Flow, StageError> {
        for stage in stages {
            if self.stage(stage).await? == Flow::Ends {
                return Ok(Flow::Ends);
            }
        }
        Ok(Flow::GoesOn)
    }

    /// Writes the owner's status.
    ///
    /// # Errors
    /// When it is not written.
    pub async fn status(&self, patch: &Call<'_>) -> Result<(), StageError> {
        self.status_at(patch, None).await
    }

    /// Writes the owner's status for this version, or else for the one that the patch carries.
    async fn status_at(&self, patch: &Call<'_>, version: Option<&str>) -> Result<(), StageError> {
        match self.call(&self.writer, patch, version).await {
            Err(StageError::Write {
                kind,
                object,
                source,
                ..
            }) => Err(StageError::Status {
                kind,
                object,
                source,
            }),
            written => {
                self.tell_done(patch, written.is_ok());
                written.map(drop)
            }
        }
    }

    /// Writes the owner's status, which this controller alone writes: a conflict says only that the owner was changed
    /// meanwhile, so that the status is sent again for its new version.
    ///
    /// # Errors
    /// When it is not written, or the owner is another one by now.
    pub async fn own_status(&self, patch: &Call<'_>, uid: &str) -> Result<(), StageError> {
        let mut written = self.status(patch).await;
        for _ in 0..STATUS_SENT_AGAIN {
            if !matches!(&written, Err(error) if error.is(Answer::Conflict)) {
                break;
            }
            tokio::time::sleep(STATUS_PAUSE).await;
            let live = self.live(patch).await?;
            let Some(live) = live.filter(|live| has_uid(live, uid)) else {
                break;
            };
            let version = live.pointer("/metadata/resourceVersion");
            let version = version.and_then(Value::as_str);
            written = self.status_at(patch, version).await;
        }
        written
    }

    /// Tells what belongs to no single write.
    pub fn tell(&self, event: &Event) {
        let Event {
            warning,
            reason,
            message,
        } = event;
        self.event(&self.owner, *warning, reason, message.clone());
    }

    /// What was done so far.
    #[must_use]
    pub fn done(&self) -> Done {
        *self.done_so_far()
    }

    /// What was refused on the way.
    #[must_use]
    pub fn refused(self) -> Refused {
        let found = self.found.into_inner();
        found.unwrap_or_else(PoisonError::into_inner)
    }

    async fn stage(&self, stage: &Stage<'_>) -> Result<Flow, StageError> {
        let Stage { order, works } = stage;
        let works = works.iter().map(|work| self.work(work));
        match order {
            Order::OneByOne => {
                for work in works {
                    if work.await? == Flow::Ends {
                        return Ok(Flow::Ends);
                    }
                }
                Ok(Flow::GoesOn)
            }
            Order::SideBySide => side_by_side(works.collect()).await,
            Order::Widening => widening(works).await,
        }
    }

    async fn work(&self, work: &Work<'_>) -> Result<Flow, StageError> {
        let Work {
            calls,
            prepaid,
            seen,
        } = work;
        let writer = if *prepaid {
            self.writer.prepaid(calls.len()).await
        } else {
            self.writer.clone()
        };
        let mut version: Option<String> = None;
        for call in calls {
            let mut made = self.call(&writer, call, version.as_deref()).await;
            if let (Some(seen), Some(_)) = (seen, &version) {
                made = self.again(call, seen, made).await;
            }
            match self.follow(call, made) {
                Next::Call { version: written } => version = written,
                Next::Work => return Ok(Flow::GoesOn),
                Next::Nothing => return Ok(Flow::Ends),
                Next::Failure(error) => return Err(*error),
            }
        }
        Ok(Flow::GoesOn)
    }

    /// Sends a patch again that met a conflict, while the pod is still what the patch was planned for.
    async fn again(
        &self,
        call: &Call<'_>,
        seen: &Pod,
        mut made: Result<Option<String>, StageError>,
    ) -> Result<Option<String>, StageError> {
        for _ in 0..SENT_AGAIN {
            if !matches!(&made, Err(error) if error.is_lost_race()) {
                break;
            }
            let live = self.live(call).await?;
            let live = live.and_then(|live| serde_json::from_value::<Pod>(live).ok());
            let Some(live) = live.filter(|live| is_as_seen(live, seen)) else {
                break;
            };
            let version = &live.metadata.resource_version;
            made = self.call(&self.writer, call, Some(version)).await;
        }
        made
    }

    /// Returns the version that a patch gave the object.
    async fn call(
        &self,
        writer: &Writer,
        call: &Call<'_>,
        version: Option<&str>,
    ) -> Result<Option<String>, StageError> {
        let (resource, key) = (&call.resource, self.key(call));
        let made = match &call.verb {
            Verb::Create { body } | Verb::Ensure { body, .. } => {
                let created = writer.create(resource, &key.namespace, &body.whole()).await;
                created.map(|_| None)
            }
            Verb::Patch(Patch {
                subresource,
                kind,
                patch,
            }) => {
                let patch = with_version(patch, version);
                let patched = writer
                    .patch(resource, &key, *subresource, *kind, &patch)
                    .await;
                patched.map(|written| Some(written.resource_version))
            }
            Verb::TryPatch(Patch {
                subresource,
                kind,
                patch,
            }) => {
                let tried = writer.dry_run_patch(resource, &key, *subresource, *kind, patch);
                tried.await.map(|()| None)
            }
            Verb::Delete { uid, version } => {
                let deleted = writer.delete(resource, &key, uid, version.as_deref());
                deleted.await.map(|()| None)
            }
            Verb::MustStay { uid, before } => {
                let live = self.live(call).await?;
                return match live.filter(|live| has_uid(live, uid) && !is_terminating(live)) {
                    Some(_) => Ok(None),
                    None => Err(StageError::OwnerChanged {
                        before,
                        kind: resource.kind,
                        object: key.to_string(),
                    }),
                };
            }
        };
        let made = made.map_err(|source| StageError::Write {
            verb: verb(&call.verb),
            kind: resource.kind,
            object: key.to_string(),
            source,
        });
        match (&call.verb, made) {
            (Verb::Ensure { owner, .. }, Err(error)) if error.is(Answer::AlreadyThere) => {
                self.check_taken(call, owner).await
            }
            (_, made) => made,
        }
    }

    /// Whether the object that has the name already is usable.
    async fn check_taken(
        &self,
        call: &Call<'_>,
        owner: &str,
    ) -> Result<Option<String>, StageError> {
        let live = self.live(call).await?;
        match why_not_usable(live.as_ref(), owner) {
            None => Ok(None),
            Some(why) => Err(StageError::NameTaken {
                kind: call.resource.kind,
                object: self.key(call).to_string(),
                why,
            }),
        }
    }

    async fn live(&self, call: &Call<'_>) -> Result<Option<Value>, StageError> {
        let key = self.key(call);
        let client = self.writer.client();
        let live = client.get(&call.resource, &key).await;
        live.map_err(|source| StageError::Write {
            verb: "get",
            kind: call.resource.kind,
            object: key.to_string(),
            source,
        })
    }

    /// What follows from an answer.
    fn follow(&self, call: &Call<'_>, made: Result<Option<String>, StageError>) -> Next {
        let error = match made {
            Ok(version) => {
                self.tell_done(call, true);
                self.count(&call.verb);
                return Next::Call { version };
            }
            Err(error) => error,
        };
        if call.tolerated.iter().any(|answer| error.is(*answer)) {
            if call.failed.is_some_and(|failed| failed.though_tolerated) {
                self.tell_failure(call, &error);
            }
            return Next::Call { version: None };
        }
        let mut is_news = true;
        if error.is_refusal() {
            match &call.refused {
                IfRefused::Fails => {}
                IfRefused::FailsNoted { uid, asked } => {
                    is_news = self.note_refusal(uid, *asked, error.api_message());
                }
                // A refused live read says nothing of the write.
                IfRefused::EndsWork { .. } | IfRefused::EndsPlan { .. } if error.is_of_a_look() => {
                }
                IfRefused::EndsWork { uid, told } => {
                    self.note_refused_resize(uid, told, &error);
                    return Next::Work;
                }
                IfRefused::EndsPlan { uid, told } => {
                    self.note_refused_resize(uid, told, &error);
                    return Next::Nothing;
                }
            }
        }
        if is_news {
            self.tell_failure(call, &error);
        }
        Next::Failure(Box::new(error))
    }

    fn tell_done(&self, call: &Call<'_>, is_done: bool) {
        if let Some(done) = call.done.as_ref().filter(|_| is_done) {
            let message = done.message.clone();
            self.event(&self.about(call), done.warning, done.reason, message);
        }
    }

    fn count(&self, verb: &Verb<'_>) {
        let mut done = self.done_so_far();
        match verb {
            Verb::Create { .. } => done.created += 1,
            Verb::Delete { .. } => done.deleted += 1,
            Verb::Ensure { .. } | Verb::Patch(_) | Verb::TryPatch(_) | Verb::MustStay { .. } => {}
        }
    }

    fn done_so_far(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody has to know of an answer that says only that somebody was faster.
    fn tell_failure(&self, call: &Call<'_>, error: &StageError) {
        if let Some(failed) = call.failed.filter(|_| !error.is(Answer::LostRace)) {
            let message = format!("{}{}", failed.before, chain(error));
            self.event(&self.about(call), failed.warning, failed.reason, message);
        }
    }

    /// Notes a refusal; returns whether its words are new.
    fn note_refusal(&self, uid: &str, asked: Asked, why: &str) -> bool {
        let mut found = self.found();
        let is_said = self.known.is_some_and(|(writes, _)| writes.say(why))
            || found.writes.iter().any(|known| known.why == why);
        found.writes.push(Refusal {
            uid: uid.to_owned(),
            asked,
            why: why.to_owned(),
        });
        !is_said
    }

    fn note_refused_resize(&self, uid: &str, told: &'static str, error: &StageError) {
        let why = error.api_message().to_owned();
        let is_said = self
            .known
            .is_some_and(|(_, resizes)| resizes.say(uid, &why));
        if !is_said {
            self.event(&self.owner, true, told, chain(error));
        }
        self.found().resizes.push((uid.to_owned(), why));
    }

    fn found(&self) -> MutexGuard<'_, Refused> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn key(&self, call: &Call<'_>) -> ObjectKey {
        let namespace = call.namespace.as_ref().unwrap_or(&self.owner.namespace);
        ObjectKey::new(namespace.clone(), call.name.clone())
    }

    /// What the events of a call are about.
    fn about(&self, call: &Call<'_>) -> EventTarget {
        let uid = match &call.about {
            About::Owner => return self.owner.clone(),
            About::Object { uid } => uid.clone(),
        };
        let ObjectKey { namespace, name } = self.key(call);
        EventTarget {
            api_version: call.resource.api_version(),
            kind: call.resource.kind.to_owned(),
            namespace,
            name,
            uid,
            resource_version: String::new(),
        }
    }

    fn event(&self, about: &EventTarget, warning: bool, reason: &str, message: String) {
        let type_ = if warning {
            EventType::Warning
        } else {
            EventType::Normal
        };
        self.recorder.event(about, type_, reason, message);
    }
}

/// The verb, as errors name it.
fn verb(verb: &Verb<'_>) -> &'static str {
    match verb {
        Verb::Create { .. } | Verb::Ensure { .. } => "create",
        Verb::Patch(_) | Verb::TryPatch(_) => "patch",
        Verb::Delete { .. } => "delete",
        Verb::MustStay { .. } => "get",
    }
}

/// A patch that carries the version read, with a newer one in its place.
fn with_version(patch: &Value, version: Option<&str>) -> Value {
    let mut patch = patch.clone();
    if let Some(version) = version
        && let Some(read) = patch.pointer_mut("/metadata/resourceVersion")
    {
        *read = Value::from(version);
    }
    patch
}

/// Why an object that is there already is not one that this owner can use.
fn why_not_usable(live: Option<&Value>, owner: &str) -> Option<&'static str> {
    match live {
        None => Some("it was there, and is gone by now"),
        Some(live) if !names_owner(live, owner) => {
            Some("it is there already and belongs to somebody else")
        }
        Some(live) if is_terminating(live) => Some("the one of that name is still terminating"),
        Some(_) => None,
    }
}

fn has_uid(live: &Value, uid: &str) -> bool {
    live.pointer("/metadata/uid").and_then(Value::as_str) == Some(uid)
}

fn is_terminating(live: &Value) -> bool {
    live.pointer("/metadata/deletionTimestamp").is_some()
}
