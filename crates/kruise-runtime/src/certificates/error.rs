//! What can go wrong while certificates are looked after. Each is logged and tried again.

use std::path::PathBuf;

use super::{
    authority::MakeCertificateError, material::ReadMaterialError, serving::ReadServingError,
    x509::ReadCertificateError,
};
use crate::api::error::ApiError;

/// Why a look after the certificates failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CertificatesError {
    /// The Secret can't be read.
    #[error("can't read the certificates' Secret")]
    ReadSecret(#[source] ApiError),
    /// The Secret can't be created or patched.
    #[error("can't write the certificates' Secret")]
    WriteSecret(#[source] ApiError),
    /// Others change the Secret all the time.
    #[error("the certificates' Secret changes faster than it can be written")]
    Contended,
    /// Something can't be made.
    #[error("can't make a certificate")]
    Make(#[source] MakeCertificateError),
    /// There is no Secret, and it isn't ours to create.
    #[error("the certificates' Secret {secret} is missing")]
    SecretMissing {
        /// Its namespace and name.
        secret: String,
    },
    /// A key of the Secret can't be read.
    #[error("can't use the certificates' Secret {secret}")]
    UseSecret {
        /// Its namespace and name.
        secret: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A file can't be read.
    #[error("can't read {}", path.display())]
    ReadFile {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The serving certificate and its key can't be used. While somebody replaces the files one by
    /// one, they don't belong together for a moment.
    #[error("can't use tls.crt and tls.key")]
    UseServing(#[source] ReadServingError),
    /// The authorities can't be read.
    #[error("can't use ca.crt")]
    UseAuthorities(#[source] ReadCertificateError),
    /// A place can't be read, so nobody knows whom it trusts.
    #[error("can't read {place}")]
    ReadPlace {
        /// Resource and name.
        place: String,
        /// Why.
        #[source]
        source: ApiError,
    },
    /// A place can't be put right.
    #[error("can't write the caBundle of {place}")]
    WritePlace {
        /// Resource and name.
        place: String,
        /// Why.
        #[source]
        source: ApiError,
    },
}

impl CertificatesError {
    pub(super) fn use_secret(secret: &impl ToString, source: ReadMaterialError) -> Self {
        Self::UseSecret {
            secret: secret.to_string(),
            source: source.into(),
        }
    }

    /// Whether another replica was faster, which needs no wait and no word.
    pub(super) fn is_race(&self) -> bool {
        matches!(
            self,
            Self::WriteSecret(
                ApiError::Conflict { .. }
                    | ApiError::AlreadyExists { .. }
                    | ApiError::NotFound { .. }
            ) | Self::WritePlace {
                source: ApiError::Conflict { .. } | ApiError::NotFound { .. },
                ..
            }
        )
    }
}
