//! A serving certificate with its key, and how good it is.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rustls::{
    CertificateError, RootCertStore,
    client::{verify_server_cert_signed_by_trust_anchor, verify_server_name},
    pki_types::{PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
    sign::CertifiedKey,
};

use super::{
    lifetimes::{Lifetimes, after},
    names::ServingNames,
    x509::{Certificate, ReadCertificateError, Validity, read_chain},
};

/// Why a serving certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadServingError {
    /// The certificate.
    #[error("can't read the serving certificate")]
    Certificate(#[source] ReadCertificateError),
    /// The key.
    #[error("can't read the serving key")]
    Key(#[source] rustls::pki_types::pem::Error),
    /// The two don't belong together, or the key is of a kind that can't be served with.
    #[error("can't serve the certificate with its key")]
    Pair(#[source] rustls::Error),
}

/// What is served: a chain and its key.
#[derive(Clone)]
pub(crate) struct Serving {
    /// The first of the chain.
    pub(crate) certificate: Certificate,
    pub(crate) certified_key: Arc<CertifiedKey>,
    pub(crate) chain_pem: String,
    pub(crate) key_pem: String,
}

impl std::fmt::Debug for Serving {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Serving")
            .field("validity", &self.certificate.validity)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Serving {
    fn eq(&self, other: &Self) -> bool {
        self.chain_pem == other.chain_pem && self.key_pem == other.key_pem
    }
}

/// How good a serving certificate is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Good,
    /// Good, but to be replaced: it or its authority ends soon.
    EndsSoon,
    /// It or its authority has ended.
    Expired,
    /// It or its authority is from the future.
    NotYetValid,
    /// A name under which we are called is not in it.
    WrongNames,
    /// Its authority didn't sign it.
    NotSigned,
}

impl Serving {
    pub(crate) fn read(chain_pem: &[u8], key_pem: &[u8]) -> Result<Self, ReadServingError> {
        let chain = read_chain(chain_pem).map_err(ReadServingError::Certificate)?;
        let certificate =
            Certificate::from_pem(chain_pem).map_err(ReadServingError::Certificate)?;
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(ReadServingError::Key)?;
        let provider = rustls::crypto::ring::default_provider();
        let certified_key =
            CertifiedKey::from_der(chain, key, &provider).map_err(ReadServingError::Pair)?;
        Ok(Self {
            certificate,
            certified_key: Arc::new(certified_key),
            chain_pem: String::from_utf8_lossy(chain_pem).into_owned(),
            key_pem: String::from_utf8_lossy(key_pem).into_owned(),
        })
    }

    /// Whether a client that trusts `authority` and calls any of `names` is content with it, and for
    /// how long.
    pub(crate) fn judge(
        &self,
        authority: &Certificate,
        names: &ServingNames,
        now: Timestamp,
        lifetimes: &Lifetimes,
    ) -> Verdict {
        let own = self.certificate.validity;
        // Go's clients look at the validity of authorities too; rustls doesn't.
        let not_before = own.not_before.max(authority.validity.not_before);
        let not_after = own.not_after.min(authority.validity.not_after);
        if now > not_after {
            return Verdict::Expired;
        }
        if now < not_before {
            return Verdict::NotYetValid;
        }
        match self.verify(std::slice::from_ref(authority), names, now) {
            Ok(()) => {}
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => return Verdict::WrongNames,
            Err(_) => return Verdict::NotSigned,
        }
        if after(now, at_most_a_third(own, lifetimes.renew_before)) >= not_after {
            return Verdict::EndsSoon;
        }
        Verdict::Good
    }

    /// What a TLS client does that trusts these authorities, for every name.
    pub(crate) fn verify(
        &self,
        authorities: &[Certificate],
        names: &ServingNames,
        now: Timestamp,
    ) -> Result<(), rustls::Error> {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority.der.clone())?;
        }
        let parsed = ParsedCertificate::try_from(&self.certificate.der)?;
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let provider = rustls::crypto::ring::default_provider();
        verify_server_cert_signed_by_trust_anchor(
            &parsed,
            &roots,
            self.certified_key.cert.get(1..).unwrap_or_default(),
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            provider.signature_verification_algorithms.all,
        )?;
        for name in names.all() {
            let name = ServerName::try_from(name.as_str())
                .map_err(|_| rustls::Error::General(format!("{name:?} is not a DNS name")))?;
            verify_server_name(&parsed, &name)?;
        }
        Ok(())
    }
}

/// Whether a certificate has less than `left` of its life, or a third of its life where that is shorter: a
/// certificate that lives only for days must not be replaced all the time.
pub(crate) fn ends_within(validity: Validity, left: Duration, now: Timestamp) -> bool {
    after(now, at_most_a_third(validity, left)) >= validity.not_after
}

fn at_most_a_third(validity: Validity, left: Duration) -> Duration {
    let life = validity.not_after.duration_since(validity.not_before);
    left.min(life.unsigned_abs() / 3)
}
