//! The certificate authority: made, read from what is stored, and used to sign serving certificates.
//! Pure but for the randomness of keys; what time it is, the caller says.
//!
//! Serial numbers are rcgen's: a hash of the certificate's public key, which is new each time.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
};

use super::{
    lifetimes::{Lifetimes, after, before},
    names::ServingNames,
    serving::{ReadServingError, Serving},
    x509::{Certificate, ReadCertificateError},
};

/// Certificates hold from this long before they are made, for API servers whose clocks are behind.
pub(crate) const CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);
/// Common name of every authority of ours (PF-217).
const COMMON_NAME: &str = "webhook-cert-ca";

/// Why a certificate can't be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum MakeCertificateError {
    /// No key.
    #[error("can't generate a key")]
    GenerateKey(#[source] rcgen::Error),
    /// A name that can't stand in a certificate.
    #[error("can't put the DNS name {name:?} into a certificate")]
    Name {
        /// The name.
        name: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// No signature.
    #[error("can't sign the certificate of {subject}")]
    Sign {
        /// Whose.
        subject: String,
        /// Why.
        #[source]
        source: rcgen::Error,
    },
    /// The key of the authority isn't there, or is of a kind that this process can't sign with.
    #[error("the authority has no key to sign with")]
    NoSigningKey,
    /// What was just made can't be read.
    #[error("can't read back the certificate that was made")]
    ReadBack(#[source] ReadCertificateError),
    /// What was just made can't be served.
    #[error("can't use the serving certificate that was made")]
    UseServing(#[source] ReadServingError),
}

/// An authority. Without a key it is trusted, but signs nothing.
#[derive(Clone)]
pub(crate) struct Authority {
    pub(crate) certificate: Certificate,
    key: Option<SigningKey>,
}

#[derive(Clone)]
struct SigningKey {
    pair: Arc<KeyPair>,
    pem: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Authority")
            .field("validity", &self.certificate.validity)
            .field("can_sign", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

impl Authority {
    /// Makes a new authority.
    pub(crate) fn generate(
        now: Timestamp,
        lifetimes: &Lifetimes,
    ) -> Result<Self, MakeCertificateError> {
        let key = KeyPair::generate().map_err(MakeCertificateError::GenerateKey)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(COMMON_NAME);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
        ];
        set_validity(
            &mut params,
            before(now, CLOCK_SKEW),
            after(now, lifetimes.authority),
        );
        let certificate =
            params
                .self_signed(&key)
                .map_err(|source| MakeCertificateError::Sign {
                    subject: COMMON_NAME.to_owned(),
                    source,
                })?;
        Ok(Self {
            certificate: Certificate::from_der(certificate.der().clone())
                .map_err(MakeCertificateError::ReadBack)?,
            key: Some(SigningKey {
                pem: key.serialize_pem(),
                pair: Arc::new(key),
            }),
        })
    }

    /// Reads a stored authority. A key that can't be used, or belongs to another certificate, counts as missing: what
    /// the authority has signed is still good.
    pub(crate) fn read(
        certificate_pem: &[u8],
        key_pem: Option<&[u8]>,
    ) -> Result<Self, ReadCertificateError> {
        let certificate = Certificate::from_pem(certificate_pem)?;
        let key = key_pem.and_then(|pem| {
            let pem = std::str::from_utf8(pem).ok()?;
            let pair = KeyPair::from_pem(pem).ok()?;
            let is_its_own = pair.subject_public_key_info() == certificate.public_key;
            is_its_own.then(|| SigningKey {
                pair: Arc::new(pair),
                pem: pem.to_owned(),
            })
        });
        Ok(Self { certificate, key })
    }

    pub(crate) fn can_sign(&self) -> bool {
        self.key.is_some()
    }

    pub(crate) fn key_pem(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.pem.as_str())
    }

    /// Makes a key and a certificate for it.
    pub(crate) fn sign(
        &self,
        names: &ServingNames,
        now: Timestamp,
        lifetimes: &Lifetimes,
    ) -> Result<Serving, MakeCertificateError> {
        let signing_key = self
            .key
            .as_ref()
            .ok_or(MakeCertificateError::NoSigningKey)?;
        let mut params = CertificateParams::default();
        for name in names.all() {
            let as_name = |source| MakeCertificateError::Name {
                name: name.clone(),
                source,
            };
            let of_one = CertificateParams::new(vec![name.clone()]).map_err(as_name)?;
            params.subject_alt_names.extend(of_one.subject_alt_names);
        }
        params.distinguished_name = common_name(names.common_name());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        // Tells clients which of two authorities of the same name to look at.
        params.use_authority_key_identifier_extension = true;
        let of_authority = self.certificate.validity;
        set_validity(
            &mut params,
            before(now, CLOCK_SKEW).max(of_authority.not_before),
            after(now, lifetimes.serving).min(of_authority.not_after),
        );
        let sign_error = |source| MakeCertificateError::Sign {
            subject: names.common_name().to_owned(),
            source,
        };
        let key = KeyPair::generate().map_err(MakeCertificateError::GenerateKey)?;
        let issuer = Issuer::from_ca_cert_der(&self.certificate.der, &*signing_key.pair)
            .map_err(sign_error)?;
        let certificate = params.signed_by(&key, &issuer).map_err(sign_error)?;
        Serving::read(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
            .map_err(MakeCertificateError::UseServing)
    }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, name);
    distinguished_name
}

fn set_validity(params: &mut CertificateParams, from: Timestamp, until: Timestamp) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let since_epoch =
        |at: Timestamp| Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0));
    params.not_before = epoch + since_epoch(from);
    params.not_after = epoch + since_epoch(until);
}
