//! Everything that replicas share, as it stands in the Secret: the authority, the serving certificate,
//! and the state of a rotation. Pure.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use kruise_api::meta::timestamp;
use rustls::pki_types::CertificateDer;
use serde_json::Value;

use super::{
    authority::Authority,
    serving::{ReadServingError, Serving},
    x509::{Certificate, ReadCertificateError, bundle_pem, read_chain},
};

/// Keys of the Secret. The first six are OpenKruise's (PF-216), in both of its spellings.
mod keys {
    pub(super) const AUTHORITY: &str = "ca-cert.pem";
    pub(super) const AUTHORITY_KEY: &str = "ca-key.pem";
    pub(super) const SERVING: &str = "cert.pem";
    pub(super) const SERVING_KEY: &str = "key.pem";
    pub(super) const SERVING_ALIAS: &str = "tls.crt";
    pub(super) const SERVING_KEY_ALIAS: &str = "tls.key";
    /// The authority that is trusted already, and signs once everybody trusts it.
    pub(super) const NEXT: &str = "next-ca-cert.pem";
    pub(super) const NEXT_KEY: &str = "next-ca-key.pem";
    /// Authorities that sign no more, and are still trusted.
    pub(super) const RETIRED: &str = "old-ca-cert.pem";
    /// Until when these authorities are trusted, in RFC 3339.
    pub(super) const RETIRED_UNTIL: &str = "old-ca-until";
}

/// What the Secret holds.
#[derive(Clone, Debug)]
pub(crate) enum Stored {
    /// There is no Secret.
    Missing,
    /// It has no data; that is how installations create it.
    Empty,
    /// There is something, but no authority can be read from it.
    Unreadable(ReadMaterialError),
    /// At least an authority.
    Material(Box<Material>),
}

/// Why the Secret's content can't be used.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum ReadMaterialError {
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("can't decode {key} from base64")]
    Base64 {
        key: &'static str,
        #[source]
        source: base64::DecodeError,
    },
    #[error("can't read {key}")]
    Authority {
        key: &'static str,
        #[source]
        source: std::sync::Arc<ReadCertificateError>,
    },
    #[error("can't read the serving certificate and its key")]
    Serving(#[source] std::sync::Arc<ReadServingError>),
}

/// What replicas share.
#[derive(Clone, Debug)]
pub(crate) struct Material {
    /// Signs serving certificates.
    pub(crate) authority: Authority,
    pub(crate) serving: Result<Serving, ReadMaterialError>,
    pub(crate) next: Option<Authority>,
    pub(crate) retired: Vec<Certificate>,
    pub(crate) retired_until: Option<Timestamp>,
}

impl Stored {
    pub(crate) fn read(secret: Option<&Value>) -> Self {
        let Some(secret) = secret else {
            return Self::Missing;
        };
        let data = secret.get("data").and_then(Value::as_object);
        let is_blank = |value: &Value| value.as_str().is_none_or(str::is_empty);
        let Some(data) = data.filter(|data| !data.values().all(is_blank)) else {
            return Self::Empty;
        };
        match Material::read(&Data(data)) {
            Ok(material) => Self::Material(Box::new(material)),
            Err(error) => Self::Unreadable(error),
        }
    }
}

/// The data of a Secret.
pub(crate) struct Data<'a>(pub(crate) &'a serde_json::Map<String, Value>);

impl Data<'_> {
    pub(crate) fn get(&self, key: &'static str) -> Result<Vec<u8>, ReadMaterialError> {
        let text = self.0.get(key).and_then(Value::as_str).unwrap_or_default();
        if text.is_empty() {
            return Err(ReadMaterialError::Missing(key));
        }
        BASE64
            .decode(text)
            .map_err(|source| ReadMaterialError::Base64 { key, source })
    }

    fn authority(
        &self,
        key: &'static str,
        private_key: &'static str,
    ) -> Result<Authority, ReadMaterialError> {
        let certificate = self.get(key)?;
        Authority::read(&certificate, self.get(private_key).ok().as_deref())
            .map_err(|source| ReadMaterialError::authority(key, source))
    }

    fn serving(&self) -> Result<Serving, ReadMaterialError> {
        let chain = self
            .get(keys::SERVING)
            .or_else(|_| self.get(keys::SERVING_ALIAS))?;
        let key = self
            .get(keys::SERVING_KEY)
            .or_else(|_| self.get(keys::SERVING_KEY_ALIAS))?;
        Serving::read(&chain, &key).map_err(|error| ReadMaterialError::Serving(error.into()))
    }

    fn retired(&self) -> Result<Vec<Certificate>, ReadMaterialError> {
        let pem = self.get(keys::RETIRED)?;
        let as_retired = |source| ReadMaterialError::authority(keys::RETIRED, source);
        read_chain(&pem)
            .map_err(as_retired)?
            .into_iter()
            .map(|der| Certificate::from_der(der).map_err(as_retired))
            .collect()
    }
}

impl ReadMaterialError {
    fn authority(key: &'static str, source: ReadCertificateError) -> Self {
        Self::Authority {
            key,
            source: source.into(),
        }
    }
}

impl Material {
    /// Reads what is there. Without the authority nothing is worth keeping; of the rest, each part
    /// that can't be read is made anew by whoever misses it.
    fn read(data: &Data<'_>) -> Result<Self, ReadMaterialError> {
        let retired_until = data
            .get(keys::RETIRED_UNTIL)
            .ok()
            .and_then(|text| String::from_utf8(text).ok()?.parse().ok());
        Ok(Self {
            authority: data.authority(keys::AUTHORITY, keys::AUTHORITY_KEY)?,
            serving: data.serving(),
            next: optional(data.authority(keys::NEXT, keys::NEXT_KEY)),
            retired: optional(data.retired()).unwrap_or_default(),
            retired_until,
        })
    }

    /// All authorities that clients must trust, the signing one first.
    pub(crate) fn trusted(&self) -> Vec<&Certificate> {
        let next = self.next.as_ref().map(|next| &next.certificate);
        let mut trusted = vec![&self.authority.certificate];
        for certificate in next.into_iter().chain(&self.retired) {
            if !trusted.contains(&certificate) {
                trusted.push(certificate);
            }
        }
        trusted
    }

    pub(crate) fn trusts(&self, certificate: &Certificate) -> bool {
        self.trusted().contains(&certificate)
    }

    pub(crate) fn bundle(&self) -> Vec<CertificateDer<'static>> {
        let trusted = self.trusted().into_iter();
        trusted.map(|certificate| certificate.der.clone()).collect()
    }

    /// The Secret's data, with `null` for each key that must not be there.
    pub(crate) fn data(&self) -> Value {
        let Self {
            authority,
            serving,
            next,
            retired,
            retired_until,
        } = self;
        let chain = serving.as_ref().ok().map(|serving| &serving.chain_pem);
        let key = serving.as_ref().ok().map(|serving| &serving.key_pem);
        let next_certificate = next.as_ref().map(|next| next.certificate.to_pem());
        let is_retiring = !retired.is_empty();
        let data: BTreeMap<&str, Option<String>> = [
            (keys::AUTHORITY, Some(authority.certificate.to_pem())),
            (keys::AUTHORITY_KEY, authority.key_pem().map(str::to_owned)),
            (keys::SERVING, chain.cloned()),
            (keys::SERVING_ALIAS, chain.cloned()),
            (keys::SERVING_KEY, key.cloned()),
            (keys::SERVING_KEY_ALIAS, key.cloned()),
            (keys::NEXT, next_certificate),
            (
                keys::NEXT_KEY,
                next.as_ref()
                    .and_then(|next| next.key_pem().map(str::to_owned)),
            ),
            (
                keys::RETIRED,
                is_retiring.then(|| bundle_pem(retired.iter().map(|retired| &retired.der))),
            ),
            (
                keys::RETIRED_UNTIL,
                retired_until.filter(|_| is_retiring).map(timestamp),
            ),
        ]
        .into();
        data.into_iter()
            .map(|(key, text)| {
                let encoded = text.map_or(Value::Null, |text| Value::from(BASE64.encode(text)));
                (key.to_owned(), encoded)
            })
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}

/// A part that may be missing; a warning says when it is there and can't be read.
fn optional<T>(read: Result<T, ReadMaterialError>) -> Option<T> {
    match read {
        Ok(value) => Some(value),
        Err(ReadMaterialError::Missing(_)) => None,
        Err(error) => {
            let error = crate::api::error::chain(&error);
            tracing::warn!(
                error,
                "ignoring an unreadable part of the certificates' Secret"
            );
            None
        }
    }
}
