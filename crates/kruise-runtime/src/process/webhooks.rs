//! What the apps of a process serve to the API server, and how that is put together: one server, one
//! certificate, and the objects that have to trust it.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    api::client::ApiClient,
    certificates::{Certificates, CertificatesConfig},
    leader::leadership::Leadership,
    process::{
        args::{process::pod_namespace, webhook::WebhookArgs},
        gates::{FeatureGates, Gate},
    },
    webhook::{
        Admission, Limits, Routes, Server, ServerError, WebhookMetrics, converters::Conversions,
    },
};

/// What is served.
#[derive(Default)]
pub(crate) struct Webhooks {
    admissions: Routes,
    /// Names of the apps that mutate, resp. validate: each has a configuration of its own (DV-D5).
    mutating: BTreeSet<&'static str>,
    validating: BTreeSet<&'static str>,
    conversions: Conversions,
}

/// What serving takes besides.
pub(crate) struct Serving<'a> {
    /// Of the process: its Secret and its Services are named after it.
    pub(crate) name: &'static str,
    pub(crate) args: &'a WebhookArgs,
    pub(crate) gates: &'a FeatureGates,
    /// While OpenKruise's own manager is alive, CRDs are left to it.
    pub(crate) yield_to_manager: Option<Leadership>,
    pub(crate) metrics: WebhookMetrics,
    /// One that writes without leading.
    pub(crate) client: ApiClient,
}

impl Webhooks {
    pub(crate) fn mutate(&mut self, app: &'static str, path: &str, handler: impl Admission) {
        self.mutating.insert(app);
        self.admit(path, handler);
    }

    pub(crate) fn validate(&mut self, app: &'static str, path: &str, handler: impl Admission) {
        self.validating.insert(app);
        self.admit(path, handler);
    }

    fn admit(&mut self, path: &str, handler: impl Admission) {
        self.admissions = std::mem::take(&mut self.admissions).admission(path, handler);
    }

    pub(crate) fn convert<C, E>(&mut self, crd: &'static str, kind: &'static str, converter: C)
    where
        C: Fn(Value, &str) -> Result<Value, E> + Send + Sync + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        self.conversions.add(crd, kind, converter);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.admissions.is_empty() && self.conversions.is_empty()
    }

    /// Certificates, the task that looks after them, and the server.
    pub(crate) fn assemble(
        self,
        serving: Serving<'_>,
    ) -> Result<
        (
            Certificates,
            impl Future<Output = ()> + Send + 'static,
            Server,
        ),
        ServerError,
    > {
        let external = serving.gates.enabled(Gate::EnableExternalCerts);
        let names = |apps: &BTreeSet<&str>, kind: &str| {
            apps.iter()
                .map(|app| format!("kruise-{app}-{kind}-webhook-configuration"))
                .collect()
        };
        let config = CertificatesConfig {
            crds: self.conversions.crds(),
            mutating: names(&self.mutating, "mutating"),
            validating: names(&self.validating, "validating"),
            yield_to_manager: serving.yield_to_manager,
            ..serving
                .args
                .certificates(serving.name, &pod_namespace(), external)
        };
        let (certificates, keeper) = Certificates::new(config, serving.client);
        let mut routes = self.admissions;
        if !self.conversions.is_empty() {
            let conversions = self.conversions;
            routes = routes.conversion(move |object, to| conversions.convert(object, to));
        }
        let server = Server::new(
            routes,
            certificates.resolver(),
            Limits::default(),
            serving.metrics,
        )?;
        Ok((certificates, keeper, server))
    }
}
