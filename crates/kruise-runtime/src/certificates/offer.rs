//! What a source of certificates has to offer.

use rustls::pki_types::CertificateDer;

use super::{serving::Serving, x509::Certificate};

/// What a source has to offer.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    pub(crate) serving: Serving,
    /// Who signed the certificate, where that decides when it may be served.
    pub(crate) authority: Option<Certificate>,
    /// Whom clients must trust; empty where that isn't known.
    pub(crate) bundle: Vec<CertificateDer<'static>>,
    /// The authority that shall sign next.
    pub(crate) next: Option<Certificate>,
}
