//! Certificates in files that somebody else replaces. They are read again at every look: three small
//! files, and no way to miss a change.

use std::path::Path;

use super::{error::CertificatesError, offer::Offer, serving::Serving, x509::read_chain};

const CHAIN: &str = "tls.crt";
const KEY: &str = "tls.key";
const AUTHORITIES: &str = "ca.crt";

pub(crate) async fn read(directory: &Path) -> Result<Offer, CertificatesError> {
    let chain = read_file(directory, CHAIN).await?;
    let key = read_file(directory, KEY).await?;
    let serving = Serving::read(&chain, &key).map_err(CertificatesError::UseServing)?;
    let bundle = match read_file(directory, AUTHORITIES).await {
        Ok(pem) => read_chain(&pem).map_err(CertificatesError::UseAuthorities)?,
        Err(CertificatesError::ReadFile { source, .. })
            if source.kind() == std::io::ErrorKind::NotFound =>
        {
            vec![]
        }
        Err(error) => return Err(error),
    };
    Ok(Offer {
        serving,
        authority: None,
        bundle,
        next: None,
    })
}

async fn read_file(directory: &Path, name: &str) -> Result<Vec<u8>, CertificatesError> {
    let path = directory.join(name);
    tokio::fs::read(&path)
        .await
        .map_err(|source| CertificatesError::ReadFile { path, source })
}
