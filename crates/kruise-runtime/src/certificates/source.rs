//! Where certificates come from: one answer for every mode.

use rustls::pki_types::CertificateDer;

use super::{
    config::Mode, error::CertificatesError, files, offer::Offer, plan::View, secret::SharedSecret,
};

/// A source of certificates.
pub(crate) struct Source {
    mode: Mode,
    secret: SharedSecret,
}

impl Source {
    pub(crate) fn new(mode: Mode, secret: SharedSecret) -> Self {
        Self { mode, secret }
    }

    /// Looks, and for certificates of our own does what has to be done.
    pub(crate) async fn refresh(&mut self, view: &View<'_>) -> Result<Offer, CertificatesError> {
        match &self.mode {
            Mode::SelfMade => self.secret.maintain(view).await,
            Mode::Files(directory) => files::read(directory).await,
            Mode::External => self.secret.read_external().await,
        }
    }

    /// Whom clients must trust, as of now; `None` when that can't be told for the moment.
    pub(crate) async fn bundle_now(
        &self,
        view: &View<'_>,
        known: &Offer,
    ) -> Result<Option<Vec<CertificateDer<'static>>>, CertificatesError> {
        match &self.mode {
            Mode::SelfMade => self.secret.bundle_now(view).await,
            Mode::Files(_) | Mode::External => Ok(Some(known.bundle.clone())),
        }
    }

    /// Whether places are ours to write.
    pub(crate) fn writes_places(&self) -> bool {
        self.mode != Mode::External
    }
}
