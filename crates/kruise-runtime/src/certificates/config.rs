//! What a deployable says about its certificates.

use std::path::PathBuf;

use kruise_api::resource::ObjectKey;

use super::{
    lifetimes::Lifetimes,
    names::ServingNames,
    places::{Place, PlaceKind, ServiceRef},
};
use crate::leader::leadership::Leadership;

/// Where certificates come from (PF-216).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// Made here, kept in the Secret, and written into every place that has to trust them.
    SelfMade,
    /// Files `tls.crt`, `tls.key` and perhaps `ca.crt` of a directory, which somebody else replaces.
    /// `ca.crt`, if it is there, is written into the places. Whoever changes the authority puts the old
    /// and the new one into `ca.crt` first.
    Files(PathBuf),
    /// Keys `tls.crt`, `tls.key` and perhaps `ca.crt` of the Secret, which cert-manager or the like
    /// maintains, as it does the places. Nothing is written.
    External,
}

/// What a deployable says about its certificates.
#[derive(Clone)]
pub(crate) struct CertificatesConfig {
    /// Where certificates come from.
    pub mode: Mode,
    /// Namespace of the installation, of the Secret and of the Services.
    pub namespace: String,
    /// Name of the Secret.
    pub secret: String,
    /// Service for admission.
    pub webhook_service: String,
    /// Service for conversion, in CRDs.
    pub conversion_service: String,
    /// Our own CRDs. Those that don't convert by webhook are left alone.
    pub crds: Vec<String>,
    /// Our own mutating webhook configurations.
    pub mutating: Vec<String>,
    /// Our own validating webhook configurations.
    pub validating: Vec<String>,
    /// How long certificates hold.
    pub lifetimes: Lifetimes,
    /// How to tell whether OpenKruise's own manager is alive: as long as it is, CRDs are left to it. `None` when CRDs
    /// are never left to it (`--allow-kruise-manager`).
    pub yield_to_manager: Option<Leadership>,
}

impl CertificatesConfig {
    /// The configuration of a binary, with the usual names (PF-902), certificates of its own, and no
    /// CRDs yet.
    #[must_use]
    pub(crate) fn new(binary: &str, namespace: &str) -> Self {
        Self {
            mode: Mode::SelfMade,
            namespace: namespace.to_owned(),
            secret: format!("kruise-{binary}-webhook-certs"),
            webhook_service: format!("kruise-{binary}-webhook-service"),
            conversion_service: format!("kruise-{binary}-conversion-service"),
            crds: vec![],
            mutating: vec![format!("kruise-{binary}-mutating-webhook-configuration")],
            validating: vec![format!("kruise-{binary}-validating-webhook-configuration")],
            lifetimes: Lifetimes::default(),
            yield_to_manager: None,
        }
    }

    pub(super) fn secret_key(&self) -> ObjectKey {
        ObjectKey::new(self.namespace.clone(), self.secret.clone())
    }

    pub(super) fn names(&self) -> ServingNames {
        let services = [&self.webhook_service, &self.conversion_service];
        ServingNames::of_services(&self.namespace, services.map(String::as_str))
    }

    /// CRDs first: a list that can't be converted holds up more than an admission.
    pub(super) fn places(&self) -> Vec<Place> {
        let of_kind = |kind, service: &str, names: &[String]| {
            let service = ServiceRef {
                namespace: self.namespace.clone(),
                name: service.to_owned(),
            };
            let place = |name: &String| Place {
                kind,
                name: name.clone(),
                service: service.clone(),
            };
            names.iter().map(place).collect::<Vec<_>>()
        };
        [
            of_kind(PlaceKind::Crd, &self.conversion_service, &self.crds),
            of_kind(PlaceKind::Mutating, &self.webhook_service, &self.mutating),
            of_kind(
                PlaceKind::Validating,
                &self.webhook_service,
                &self.validating,
            ),
        ]
        .concat()
    }
}
