//! The Secret that replicas share: read, decided about, and written under guard of its version.

use kruise_api::resource::{ObjectKey, PatchKind, Resource};
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};

use super::{
    error::CertificatesError,
    material::{Data, Material, ReadMaterialError, Stored},
    offer::Offer,
    plan::{Occasion, Step, View, carry_out, plan},
    serving::Serving,
    x509::read_chain,
};
use crate::api::{client::ApiClient, error::ApiError};

/// `v1` secrets.
const SECRETS: Resource = Resource {
    group: "",
    version: "v1",
    plural: "secrets",
    kind: "Secret",
    namespaced: true,
};

/// Looks in a row before the rest is left to the next round. Each step is one write, and every other replica may be
/// faster.
const LOOKS: usize = 50;

/// Keys of a Secret that somebody else maintains (PF-216).
const EXTERNAL_CHAIN: &str = "tls.crt";
const EXTERNAL_KEY: &str = "tls.key";
const EXTERNAL_AUTHORITIES: &str = "ca.crt";

pub(crate) struct SharedSecret {
    client: ApiClient,
    key: ObjectKey,
    /// What this replica last read and could use; the way back when the Secret is lost.
    remembered: Option<Material>,
}

impl SharedSecret {
    pub(crate) fn new(client: ApiClient, key: ObjectKey) -> Self {
        Self {
            client,
            key,
            remembered: None,
        }
    }

    /// Reads the Secret, and takes steps until nothing is left to do now.
    pub(crate) async fn maintain(&mut self, view: &View<'_>) -> Result<Offer, CertificatesError> {
        for _ in 0..LOOKS {
            let secret = self.get().await?;
            let stored = Stored::read(secret.as_ref());
            let view = View {
                remembered: self.remembered.as_ref(),
                ..*view
            };
            let step = plan(&stored, &view);
            let changed = carry_out(step, &stored, &view).map_err(CertificatesError::Make)?;
            if let Some(changed) = changed {
                match self.write(secret.as_ref(), &changed).await {
                    Ok(()) => tell(step, &stored, &changed, &self.key),
                    Err(error) if error.is_race() => {
                        tracing::debug!(secret = %self.key, "another replica was faster");
                    }
                    Err(error) => return Err(error),
                }
                continue;
            }
            if let Stored::Material(material) = stored
                && let Ok(serving) = material.serving.clone()
            {
                let next = material.next.as_ref().map(|next| next.certificate.clone());
                let offer = Offer {
                    serving,
                    authority: Some(material.authority.certificate.clone()),
                    bundle: material.bundle(),
                    next,
                };
                self.remembered = Some(*material);
                return Ok(offer);
            }
        }
        Err(CertificatesError::Contended)
    }

    /// The bundle of this moment. `None` while the Secret lacks what this replica serves under: then the Secret has
    /// to be put right first.
    pub(crate) async fn bundle_now(
        &self,
        view: &View<'_>,
    ) -> Result<Option<Vec<CertificateDer<'static>>>, CertificatesError> {
        let secret = self.get().await?;
        let Stored::Material(material) = Stored::read(secret.as_ref()) else {
            return Ok(None);
        };
        let complete = view
            .served_under
            .is_none_or(|authority| material.trusts(authority));
        Ok(complete.then(|| material.bundle()))
    }

    /// Reads a Secret that somebody else maintains.
    pub(crate) async fn read_external(&self) -> Result<Offer, CertificatesError> {
        let secret = self.get().await?;
        let data = secret
            .as_ref()
            .and_then(|secret| secret.get("data"))
            .and_then(Value::as_object);
        let Some(data) = data.map(Data) else {
            return Err(CertificatesError::SecretMissing {
                secret: self.key.to_string(),
            });
        };
        let in_secret = |source| CertificatesError::use_secret(&self.key, source);
        let chain = data.get(EXTERNAL_CHAIN).map_err(in_secret)?;
        let key = data.get(EXTERNAL_KEY).map_err(in_secret)?;
        let bundle = match data.get(EXTERNAL_AUTHORITIES) {
            Ok(pem) => read_chain(&pem).map_err(CertificatesError::UseAuthorities)?,
            Err(ReadMaterialError::Missing(_)) => vec![],
            Err(error) => return Err(in_secret(error)),
        };
        Ok(Offer {
            serving: Serving::read(&chain, &key).map_err(CertificatesError::UseServing)?,
            authority: None,
            bundle,
            next: None,
        })
    }

    async fn get(&self) -> Result<Option<Value>, CertificatesError> {
        let secret = self.client.get(&SECRETS, &self.key).await;
        secret.map_err(CertificatesError::ReadSecret)
    }

    async fn write(
        &self,
        secret: Option<&Value>,
        material: &Material,
    ) -> Result<(), CertificatesError> {
        let written = match secret {
            None => self.create(material).await,
            Some(secret) => self.patch(secret, material).await,
        };
        written.map(drop).map_err(CertificatesError::WriteSecret)
    }

    async fn create(&self, material: &Material) -> Result<Value, ApiError> {
        let mut data = material.data();
        if let Some(data) = data.as_object_mut() {
            data.retain(|_, value| !value.is_null());
        }
        let secret = json!({
            "apiVersion": SECRETS.api_version(),
            "kind": SECRETS.kind,
            "metadata": { "namespace": self.key.namespace, "name": self.key.name },
            "type": "Opaque",
            "data": data,
        });
        self.client
            .create(&SECRETS, &self.key.namespace, &secret)
            .await
    }

    async fn patch(&self, secret: &Value, material: &Material) -> Result<Value, ApiError> {
        let version = secret.pointer("/metadata/resourceVersion").cloned();
        let patch = json!({
            "metadata": { "resourceVersion": version.unwrap_or_default() },
            "data": material.data(),
        });
        self.client
            .patch(&SECRETS, &self.key, None, PatchKind::Merge, &patch)
            .await
    }
}

fn tell(step: Step, stored: &Stored, changed: &Material, secret: &ObjectKey) {
    if let Stored::Unreadable(error) = stored {
        let error = crate::api::error::chain(error);
        tracing::error!(%secret, error, "replaced an unreadable Secret of certificates");
    }
    match step {
        Step::Restore(Occasion::NothingStored) => tracing::warn!(
            %secret,
            new_authority = changed.next.is_some(),
            "the Secret of certificates was gone; written back"
        ),
        Step::Begin(Occasion::NothingStored) => tracing::info!(%secret, "made first certificates"),
        Step::Begin(cause) | Step::Restore(cause) => {
            tracing::error!(%secret, ?cause, "replaced certificates that can't be used");
        }
        Step::Renew(cause) => tracing::info!(%secret, ?cause, "made a new serving certificate"),
        Step::Announce(cause) => tracing::info!(
            %secret,
            ?cause,
            "made a new authority; it signs once everybody trusts it"
        ),
        Step::Promote => tracing::info!(%secret, "the new authority signs from now on"),
        Step::Vouch => tracing::warn!(
            %secret,
            "keeping an authority trusted that this replica still serves under"
        ),
        Step::Retire => tracing::info!(%secret, "the old authorities are trusted no more"),
        Step::Keep => {}
    }
}
