//! Certificates as PEM and as bytes, and what is read from them: validity and public key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, pem::PemObject};

/// Why a certificate can't be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadCertificateError {
    /// There is text, but no certificate in it.
    #[error("no certificate found in the PEM text")]
    NoCertificate,
    /// What is marked as a certificate can't be decoded from PEM.
    #[error("can't decode the PEM text")]
    DecodePem(#[source] rustls::pki_types::pem::Error),
    /// The bytes are not a certificate.
    #[error("can't parse the certificate")]
    Parse(#[source] x509_parser::asn1_rs::Err<x509_parser::error::X509Error>),
    /// It holds from or until a time that can't be told.
    #[error("the certificate's validity is out of range")]
    Validity(#[source] jiff::Error),
}

/// When a certificate holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Validity {
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

/// A certificate, with what was read from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Certificate {
    pub(crate) der: CertificateDer<'static>,
    pub(crate) validity: Validity,
    /// The `SubjectPublicKeyInfo`, by which keys are compared.
    pub(crate) public_key: Vec<u8>,
}

impl Certificate {
    pub(crate) fn from_der(der: CertificateDer<'static>) -> Result<Self, ReadCertificateError> {
        let (validity, public_key) = {
            let (_, parsed) =
                x509_parser::parse_x509_certificate(&der).map_err(ReadCertificateError::Parse)?;
            let time = |at: x509_parser::time::ASN1Time| {
                Timestamp::from_second(at.timestamp()).map_err(ReadCertificateError::Validity)
            };
            let validity = Validity {
                not_before: time(parsed.validity().not_before)?,
                not_after: time(parsed.validity().not_after)?,
            };
            (validity, parsed.public_key().raw.to_vec())
        };
        Ok(Self {
            der,
            validity,
            public_key,
        })
    }

    /// Reads the first certificate of a PEM text.
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, ReadCertificateError> {
        let mut chain = read_chain(pem)?.into_iter();
        let first = chain.next().ok_or(ReadCertificateError::NoCertificate)?;
        Self::from_der(first)
    }

    pub(crate) fn to_pem(&self) -> String {
        to_pem(&self.der)
    }
}

/// Reads all certificates of a PEM text; none is an error.
pub(crate) fn read_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ReadCertificateError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(ReadCertificateError::DecodePem)?;
    if chain.is_empty() {
        return Err(ReadCertificateError::NoCertificate);
    }
    Ok(chain)
}

/// One certificate in the form that Go and OpenSSL write, so that text made from bytes equals the text
/// that the bytes were read from.
pub(crate) fn to_pem(der: &CertificateDer<'_>) -> String {
    const LINE: usize = 64;
    let base64 = BASE64.encode(der);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

/// Several certificates in one text.
pub(crate) fn bundle_pem<'a>(
    certificates: impl IntoIterator<Item = &'a CertificateDer<'static>>,
) -> String {
    certificates.into_iter().map(to_pem).collect()
}
