//! The certificate that the server presents, changed while it serves.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::{
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// Gives each new connection the certificate of the moment. Once it has one it always has one.
#[derive(Debug, Default)]
pub(crate) struct CertificateResolver {
    current: RwLock<Option<Arc<CertifiedKey>>>,
}

impl CertificateResolver {
    /// What a connection that begins now is given; `None` before the first certificate.
    #[must_use]
    pub(crate) fn current(&self) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }

    pub(crate) fn set(&self, certified_key: Arc<CertifiedKey>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Some(certified_key);
    }
}

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current()
    }
}
