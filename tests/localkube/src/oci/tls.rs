//! Whom a registry's certificate is trusted from: the machine's own authorities, as every other
//! program here does, so that a company's own authority works once it is installed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// Where distributions keep the authorities in one file: Debian and Alpine, Fedora, SUSE, others.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

pub(super) fn config() -> Result<TlsConfig> {
    let path = bundle()?;
    let pem = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
    let certificates = certificates(&pem)
        .with_context(|| format!("certificate authorities in {}", path.display()))?;
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&certificates))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}

/// `$SSL_CERT_FILE`, else the first of the usual files.
fn bundle() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    match BUNDLES.iter().map(Path::new).find(|path| path.is_file()) {
        Some(path) => Ok(path.to_owned()),
        None => bail!(
            "this machine has no certificate authorities (package ca-certificates); name a PEM \
             file of them in $SSL_CERT_FILE"
        ),
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate<'static>>> {
    let mut certificates = Vec::new();
    for item in parse_pem(pem) {
        if let PemItem::Certificate(certificate) = item.context("not PEM")? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        bail!("there are none");
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_certificates_are_taken_and_none_is_an_error() {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new(Vec::new())
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let pem = format!("# a comment\n{}{}", key.serialize_pem(), certificate.pem());
        assert_eq!(certificates(pem.as_bytes()).unwrap().len(), 1);
        assert!(certificates(b"").is_err());
    }
}
