//! Admission of a SidecarSet: before it is answered, the API server asks the pod webhook about the SidecarSet's pods.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::StatusCode;
use jiff::SignedDuration;
use kruise_runtime::{
    ApiError, Rounds, chain,
    webhook::{AdmissionRequest, AdmissionResponse},
};
use tokio::time::{Instant, sleep};

use super::{
    anchor::{Anchor, Reach},
    configuration::Configuration,
    error::ScopeError,
    extent::Extent,
    probe::{self, Told},
    record,
    writer::{Change, Writer},
};

/// How long pods of a SidecarSet wait for its replicas after its admission.
const FRESH_FOR: SignedDuration = SignedDuration::from_secs(120);
/// How much of that must be left at least, so that nothing is written: longer than a request goes on after this webhook was
/// asked, other webhooks (30 s) and the database included.
const FRESH_LEFT: SignedDuration = SignedDuration::from_secs(75);
/// How long the API server has for putting a configuration into use. It usually takes it some milliseconds.
const IN_USE_WITHIN: Duration = Duration::from_secs(4);
/// How long to wait where the API server's answers say nothing.
const UNKNOWN_FOR: Duration = Duration::from_secs(2);
/// Bound on one question.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_millis(100);
/// Writes that others may get ahead of.
const TRIES: u32 = 10;

/// What is known of the API server once a SidecarSet is covered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Covered {
    /// It asks about the SidecarSet's pods.
    Surely,
    /// It should do so by now; its answers don't tell.
    Presumably,
}

/// Makes the webhook's scope wider for SidecarSets that are admitted. Clones share it.
#[derive(Clone)]
pub struct Scope {
    inner: Option<Arc<Inner>>,
}

struct Inner {
    writer: Writer,
    /// Number of the configuration that the API server was last seen to use.
    proven: AtomicU64,
    rounds: Rounds<BTreeSet<Anchor>, Result<Covered, Arc<ScopeError>>>,
}

/// What a live read says of some anchors.
enum Found {
    /// There is nothing to prove.
    Done(Covered),
    /// The configuration of this number covers them.
    In(u64),
}

impl Scope {
    pub(crate) fn new(writer: Writer) -> Self {
        Self {
            inner: Some(Arc::new(Inner {
                writer,
                proven: AtomicU64::new(0),
                rounds: Rounds::default(),
            })),
        }
    }

    /// A scope that is somebody else's: where this process injects nothing.
    #[must_use]
    pub fn inert() -> Self {
        Self { inner: None }
    }

    /// What is answered to the admission of a SidecarSet, given what would be answered otherwise. To be called last, when
    /// nothing else can refuse the SidecarSet. A SidecarSet whose reach doesn't change needs nothing; neither does a dry
    /// run.
    pub async fn answer(
        &self,
        request: &AdmissionRequest,
        old: Option<&Reach>,
        new: &Reach,
        response: AdmissionResponse,
    ) -> AdmissionResponse {
        if !response.is_allowed() || request.dry_run || old == Some(new) {
            return response;
        }
        match self.admit(new).await {
            Ok(Covered::Surely) => response,
            Ok(Covered::Presumably) => response.warn(
                "it could not be verified that the API server asks the pod webhook about pods of this SidecarSet: pods \
                 created within the next seconds may lack its containers",
            ),
            Err(error) => AdmissionResponse::deny(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!(
                    "pods of this SidecarSet would not get its containers yet, try again: {}",
                    chain(&*error)
                ),
            ),
        }
    }

    /// Returns when the API server asks the pod webhook about all new pods that a SidecarSet of this reach can match, and
    /// has them wait until every replica knows the SidecarSet.
    ///
    /// # Errors
    /// When that can't be brought about. The SidecarSet must not be admitted then.
    pub async fn admit(&self, reach: &Reach) -> Result<Covered, Arc<ScopeError>> {
        let (Some(inner), Some(anchor)) = (&self.inner, reach.anchor()) else {
            return Ok(Covered::Surely);
        };
        let ask = |asked: &mut BTreeSet<Anchor>| {
            asked.insert(anchor);
        };
        let work = async |anchors| inner.cover(&anchors).await.map_err(Arc::new);
        inner.rounds.join(ask, work).await
    }
}

impl Inner {
    /// Each turn looks at the configuration anew: others may have changed it, and whoever did covers these too, or is
    /// covered over.
    async fn cover(&self, anchors: &BTreeSet<Anchor>) -> Result<Covered, ScopeError> {
        let begin = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut unknown_since: Option<Instant> = None;
        loop {
            let number = match self.find(anchors).await? {
                Found::Done(covered) => return Ok(covered),
                Found::In(number) => number,
            };
            if self.proven.load(Ordering::Relaxed) == number {
                return Ok(Covered::Surely);
            }
            let left = IN_USE_WITHIN.saturating_sub(begin.elapsed());
            let patience = left.clamp(LAST_PAUSE, ANSWER_WITHIN);
            let Writer {
                client, namespace, ..
            } = &self.writer;
            match probe::ask(client, namespace, number, patience).await {
                Told::InUse => {
                    self.proven.store(number, Ordering::Relaxed);
                    return Ok(Covered::Surely);
                }
                Told::NotYet => unknown_since = None,
                Told::Nothing(error) => {
                    let error = chain(&error);
                    tracing::debug!(error, number, "can't tell which configuration is in use");
                    let since = *unknown_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= UNKNOWN_FOR {
                        tracing::warn!(error, number, "can't tell which configuration is in use");
                        return Ok(Covered::Presumably);
                    }
                }
            }
            if begin.elapsed() >= IN_USE_WITHIN {
                return Err(ScopeError::NotInUse {
                    number,
                    time: IN_USE_WITHIN,
                });
            }
            sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Looks whether the anchors are covered, and covers them if need be.
    async fn find(&self, anchors: &BTreeSet<Anchor>) -> Result<Found, ScopeError> {
        for _ in 0..TRIES {
            let Some(found) = self.writer.read().await? else {
                return Ok(Found::Done(Covered::Surely));
            };
            let until = self.writer.clock.now() + FRESH_LEFT;
            if anchors.iter().all(|anchor| found.covers(anchor, until)) {
                return Ok(Found::In(found.number()));
            }
            let changed = if self.writer.is_without_conditions() {
                self.do_without_conditions(&found).await
            } else {
                self.widen(&found, anchors).await
            };
            match changed {
                Ok(Some(covered)) => return Ok(Found::Done(covered)),
                Ok(None) => {}
                Err(ScopeError::Write(error)) if is_worth_another_look(&error) => {
                    let error = chain(&error);
                    tracing::debug!(error, "the configuration is looked at again");
                }
                Err(error) => return Err(error),
            }
        }
        Err(ScopeError::Contended(TRIES))
    }

    async fn widen(
        &self,
        found: &Configuration,
        anchors: &BTreeSet<Anchor>,
    ) -> Result<Option<Covered>, ScopeError> {
        let now = self.writer.clock.now();
        let fresh = record::refreshed(found.fresh(), anchors, now, FRESH_FOR);
        let extent = found.widest_extent().with(anchors);
        self.writer.revise(found, extent, fresh).await?;
        Ok(None)
    }

    /// Where the API server drops conditions, nobody can be told to wait. That it asks about all pods is all there is.
    async fn do_without_conditions(
        &self,
        found: &Configuration,
    ) -> Result<Option<Covered>, ScopeError> {
        let asks_about_all = found.sure_extent() == Extent::everything();
        match self.writer.widen_to_everything(found).await? {
            Change::Needless => Ok(Some(Covered::Surely)),
            Change::Made if asks_about_all => Ok(Some(Covered::Surely)),
            Change::Made => {
                sleep(UNKNOWN_FOR).await;
                Ok(Some(Covered::Presumably))
            }
            Change::Refused => Ok(None),
        }
    }
}

/// Whether the write may have been carried out, or another one came before it.
fn is_worth_another_look(error: &ApiError) -> bool {
    matches!(error, ApiError::Conflict { .. }) || error.may_have_happened()
}
