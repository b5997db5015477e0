//! The task that looks after the certificates, and the handle that others have of it.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::{
    config::CertificatesConfig, error::CertificatesError, offer::Offer, plan::View,
    resolver::CertificateResolver, secret::SharedSecret, source::Source, status::Status,
    trust::TrustKeeper, x509::Certificate,
};
use crate::{
    api::{client::ApiClient, error::chain},
    clock::Clock,
    control::backoff::Backoff,
    random::jitter,
};

/// How often the source is looked at. A watch would tell sooner, but nobody waits: what was valid
/// before a change stays valid for a day after it. Looking needs no right but `get` of one name, and
/// can't be interrupted unnoticed.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How often places are looked at when nothing has changed. CRDs are large.
const KEEP_EVERY: Duration = Duration::from_secs(30);
const FIRST_RETRY: Duration = Duration::from_millis(500);

/// What a process knows of its certificates. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Certificates {
    resolver: Arc<CertificateResolver>,
    status: watch::Receiver<Status>,
}

impl Certificates {
    /// The handle, and the task that must run as long as the process. The client must be one that
    /// writes without leading: every replica does this.
    pub(crate) fn new(
        config: CertificatesConfig,
        client: ApiClient,
        clock: Clock,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let resolver = Arc::<CertificateResolver>::default();
        let (sender, status) = watch::channel(Status::at_start());
        let secret = SharedSecret::new(client.clone(), config.secret_key());
        let task = Task {
            source: Source::new(config.mode.clone(), secret),
            trust: TrustKeeper::new(client, config.places(), config.yield_to_manager.clone()),
            config,
            clock,
            resolver: Arc::clone(&resolver),
            status: sender,
            served: None,
            offer: None,
            kept: None,
        };
        (Self { resolver, status }, task.run())
    }

    /// What a TLS server asks for its certificate.
    #[must_use]
    pub(crate) fn resolver(&self) -> Arc<CertificateResolver> {
        Arc::clone(&self.resolver)
    }

    /// Tells how far the certificates are.
    #[must_use]
    pub(crate) fn ready(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }
}

struct Task {
    config: CertificatesConfig,
    clock: Clock,
    source: Source,
    trust: TrustKeeper,
    resolver: Arc<CertificateResolver>,
    status: watch::Sender<Status>,
    served: Option<Offer>,
    /// What the source last had.
    offer: Option<Offer>,
    /// When places were last all right, and with which offer's bundle.
    kept: Option<Kept>,
}

struct Kept {
    next_at: Instant,
    bundle: Vec<rustls::pki_types::CertificateDer<'static>>,
}

impl Task {
    async fn run(mut self) {
        let mut backoff = Backoff::new(FIRST_RETRY, LOOK_EVERY);
        loop {
            let all_good = self.look().await;
            let pause = if all_good {
                backoff.reset();
                jitter(LOOK_EVERY)
            } else {
                backoff.next()
            };
            sleep(pause).await;
        }
    }

    /// One look at everything; whether all of it succeeded.
    async fn look(&mut self) -> bool {
        let names = self.config.names();
        let lifetimes = self.config.lifetimes;
        let now = self.clock.now();
        let served_under = self.served_under().cloned();
        let next_is_trusted = self
            .offer
            .as_ref()
            .and_then(|offer| offer.next.as_ref())
            .is_some_and(|next| self.trust.is_settled(next));
        let view = View {
            now,
            names: &names,
            lifetimes: &lifetimes,
            remembered: None,
            served_under: served_under.as_ref(),
            next_is_trusted,
        };
        let refreshed = self.source.refresh(&view).await;
        let is_fresh = refreshed.is_ok();
        match refreshed {
            Ok(offer) => self.offer = Some(offer),
            Err(error) => self.tell_of_source(&error),
        }
        self.serve(now);
        let served_under = self.served_under().cloned();
        let view = View {
            served_under: served_under.as_ref(),
            ..view
        };
        // Trust is kept even if the offer couldn't be looked at again: places are edited meanwhile, too.
        self.keep_trust(&view).await && is_fresh
    }

    fn served_under(&self) -> Option<&Certificate> {
        let served = self.served.as_ref()?;
        served.authority.as_ref()
    }

    /// Serves what is offered, unless clients may not trust it yet.
    fn serve(&mut self, now: Timestamp) {
        let Some(offer) = &self.offer else {
            return;
        };
        let may_serve = match &self.served {
            None => true,
            Some(served) if served.serving == offer.serving => return,
            Some(served) => match (&served.authority, &offer.authority) {
                (Some(old), Some(new)) if old != new => {
                    let ends = served.serving.certificate.validity.not_after;
                    self.trust.is_settled(new) || now > ends.min(old.validity.not_after)
                }
                _ => true,
            },
        };
        if !may_serve {
            return;
        }
        self.resolver.set(Arc::clone(&offer.serving.certified_key));
        let until = offer.serving.certificate.validity.not_after;
        tracing::info!(%until, "serving with a new certificate");
        self.status.send_modify(|status| {
            status.has_certificate = true;
            status.certificate = format!("certificate valid until {until}");
        });
        self.served = Some(offer.clone());
    }

    async fn keep_trust(&mut self, view: &View<'_>) -> bool {
        let Some(offer) = &self.offer else {
            return true;
        };
        let is_due = self
            .kept
            .as_ref()
            .is_none_or(|kept| Instant::now() >= kept.next_at || kept.bundle != offer.bundle);
        if !is_due {
            return true;
        }
        let round = self.trust.round(&self.source, view, offer).await;
        let is_good = round.is_good();
        for error in round.errors.iter().filter(|error| !error.is_race()) {
            tracing::warn!(error = chain(error), "caBundle may not be live");
        }
        self.kept = is_good.then(|| Kept {
            next_at: Instant::now() + jitter(KEEP_EVERY),
            bundle: offer.bundle.clone(),
        });
        self.status.send_if_modified(|status| {
            let before = status.clone();
            status.is_trusted |= is_good;
            status.trust = round.describe();
            *status != before
        });
        is_good
    }

    fn tell_of_source(&self, error: &CertificatesError) {
        let error = chain(error);
        tracing::warn!(error, "can't look after the certificate");
        if self.served.is_none() {
            self.status.send_if_modified(|status| {
                let line = format!("no certificate yet: {error}");
                let changed = status.certificate != line;
                status.certificate = line;
                changed
            });
        }
    }
}
