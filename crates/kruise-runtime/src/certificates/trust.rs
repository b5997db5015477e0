//! Keeps our authorities trusted: writes caBundle into our own CRDs and webhook configurations, puts foreign edits
//! right, and notes whom all of them trust, and since when.
//!
//! Bundles never go back to an older state, although many replicas write them without a lease. A replica reads a
//! place first, then the Secret, and its write names the version of the place. A replica that decided on an older
//! Secret than the last writer's had read the place before that last write, and is refused.

use std::{collections::HashMap, time::Duration};

use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use super::{
    error::CertificatesError,
    offer::Offer,
    places::{Place, PlaceKind},
    plan::View,
    source::Source,
    x509::Certificate,
};
use crate::{
    api::{
        client::ApiClient,
        error::{ApiError, chain},
    },
    leader::{election::KRUISE_MANAGER_LEASE, leadership::Leadership},
};

/// How long a bundle must have been in place until something signed by its new part is served: API
/// servers see a change of these objects through watches of their own, in seconds at worst.
pub(crate) const SETTLE: Duration = Duration::from_secs(60);

pub(crate) struct TrustKeeper {
    client: ApiClient,
    places: Vec<Place>,
    yield_to_manager: Option<Leadership>,
    trusted_since: HashMap<CertificateDer<'static>, Instant>,
}

/// What one round came to.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// Places that don't exist, or are another's for now.
    pub(crate) absent: Vec<String>,
    pub(crate) errors: Vec<CertificatesError>,
    /// Places whose trust isn't what it should be, although nothing failed.
    pub(crate) wrong: Vec<String>,
    pub(crate) n_present: usize,
}

impl Round {
    pub(crate) fn is_good(&self) -> bool {
        self.errors.is_empty() && self.wrong.is_empty()
    }

    /// What came of the round, for people.
    pub(crate) fn describe(&self) -> String {
        let mut text = if self.is_good() {
            format!("caBundle live in {} objects", self.n_present)
        } else {
            let errors = self.errors.iter().map(|error| chain(error));
            let wrong = self.wrong.iter().cloned();
            format!(
                "caBundle not live: {}",
                errors.chain(wrong).collect::<Vec<_>>().join("; ")
            )
        };
        if !self.absent.is_empty() {
            text.push_str(&format!("; not there: {}", self.absent.join(", ")));
        }
        text
    }
}

impl TrustKeeper {
    pub(crate) fn new(
        client: ApiClient,
        places: Vec<Place>,
        yield_to_manager: Option<Leadership>,
    ) -> Self {
        Self {
            client,
            places,
            yield_to_manager,
            trusted_since: HashMap::new(),
        }
    }

    /// Whether every place has trusted this authority for long enough, as far as this replica saw.
    pub(crate) fn is_settled(&self, authority: &Certificate) -> bool {
        let since = self.trusted_since.get(&authority.der);
        since.is_some_and(|since| since.elapsed() >= SETTLE)
    }

    /// Looks at all places once and puts them right.
    pub(crate) async fn round(&mut self, source: &Source, view: &View<'_>, known: &Offer) -> Round {
        let manager_is_live = match &self.yield_to_manager {
            Some(leadership) => leadership.live_lease(KRUISE_MANAGER_LEASE).await,
            None => false,
        };
        let mut round = Round::default();
        let mut bundles = vec![];
        for place in &self.places {
            if manager_is_live && place.kind == PlaceKind::Crd {
                let why = format!("{place} (left to {KRUISE_MANAGER_LEASE}, which is alive)");
                round.absent.push(why);
                continue;
            }
            match self.put_right(place, source, view, known).await {
                Ok(Some(found)) => {
                    round.n_present += 1;
                    if !found.iter().all(|bundle| contains(bundle, &known.bundle)) {
                        round.wrong.push(format!("{place} doesn't trust us yet"));
                    }
                    bundles.extend(found);
                }
                Ok(None) => round.absent.push(place.to_string()),
                Err(error) => round.errors.push(error),
            }
        }
        // What can't be seen can't be counted on.
        let all_seen = round.errors.is_empty();
        let candidates = known.bundle.iter().filter(|authority| {
            all_seen && bundles.iter().all(|bundle| bundle.contains(*authority))
        });
        let now = Instant::now();
        let since = |authority: &CertificateDer<'static>| {
            let before = self.trusted_since.get(authority).copied();
            (authority.clone(), before.unwrap_or(now))
        };
        self.trusted_since = candidates.map(since).collect();
        round
    }

    /// Returns what the place trusts in the end, for each of its client configurations; `None` when
    /// it doesn't exist.
    async fn put_right(
        &self,
        place: &Place,
        source: &Source,
        view: &View<'_>,
        known: &Offer,
    ) -> Result<Option<Vec<Vec<CertificateDer<'static>>>>, CertificatesError> {
        let (resource, key) = (place.resource(), place.key());
        let object = self.client.get(&resource, &key).await.map_err(|source| {
            CertificatesError::ReadPlace {
                place: place.to_string(),
                source,
            }
        })?;
        let Some(object) = object else {
            return Ok(None);
        };
        let is_right = known.bundle.is_empty() || place.patch(&object, &known.bundle).is_none();
        if is_right || !source.writes_places() {
            return Ok(Some(place.bundles(&object)));
        }
        // The Secret is read only now, after the place: see the module's first lines.
        let bundle = source.bundle_now(view, known).await?;
        let patch = bundle.and_then(|bundle| place.patch(&object, &bundle));
        let Some((kind, patch)) = patch else {
            return Ok(Some(place.bundles(&object)));
        };
        let patched = self.client.patch(&resource, &key, None, kind, &patch).await;
        match patched {
            Ok(object) => {
                tracing::info!(%place, "wrote caBundle");
                Ok(Some(place.bundles(&object)))
            }
            Err(ApiError::NotFound { .. }) => Ok(None),
            Err(source) => Err(CertificatesError::WritePlace {
                place: place.to_string(),
                source,
            }),
        }
    }
}

fn contains(bundle: &[CertificateDer<'_>], wanted: &[CertificateDer<'_>]) -> bool {
    wanted.iter().all(|authority| bundle.contains(authority))
}
