//! What the apps of a process serve to the API server, and how this is put together: one server, one certificate, and
//! the objects that have to trust the certificate.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    api::client::ApiClient,
    certificates::{Certificates, CertificatesConfig},
    clock::Clock,
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
    /// Names of the configurations: each app has its own (DV-D5).
    mutating: BTreeSet<String>,
    validating: BTreeSet<String>,
    conversions: Conversions,
}

/// What serving needs besides the webhooks.
pub(crate) struct Serving<'a> {
    /// Name of the process, after which its Secret and its Services are named.
    pub(crate) name: &'static str,
    pub(crate) args: &'a WebhookArgs,
    pub(crate) gates: &'a FeatureGates,
    /// While OpenKruise's own manager is alive, CRDs are left to it.
    pub(crate) yield_to_manager: Option<Leadership>,
    pub(crate) metrics: WebhookMetrics,
    /// A client that writes without leading.
    pub(crate) client: ApiClient,
    pub(crate) clock: Clock,
}

impl Webhooks {
    pub(crate) fn mutate(&mut self, app: &'static str, path: &str, handler: impl Admission) {
        let configuration = format!("kruise-{app}-mutating-webhook-configuration");
        self.mutating.insert(configuration);
        self.admit(path, handler);
    }

    pub(crate) fn mutate_pods(
        &mut self,
        place: u8,
        app: &'static str,
        path: &str,
        handler: impl Admission,
    ) {
        self.mutating.insert(pod_configuration(place, app));
        self.admit(path, handler);
    }

    pub(crate) fn validate(&mut self, app: &'static str, path: &str, handler: impl Admission) {
        let configuration = format!("kruise-{app}-validating-webhook-configuration");
        self.validating.insert(configuration);
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

    /// What has to trust the certificates. A CRD has to only if its kind is converted.
    fn certificates(&self, serving: &Serving<'_>) -> CertificatesConfig {
        let external = serving.gates.enabled(Gate::EnableExternalCerts);
        // Without a CRD there is nothing to leave to it.
        let manager = serving.yield_to_manager.clone();
        CertificatesConfig {
            crds: self.conversions.crds(),
            mutating: self.mutating.iter().cloned().collect(),
            validating: self.validating.iter().cloned().collect(),
            yield_to_manager: manager.filter(|_| !self.conversions.is_empty()),
            ..serving
                .args
                .certificates(serving.name, &pod_namespace(), external)
        }
    }

    /// What answers at which path.
    pub(crate) fn into_routes(self) -> Routes {
        let conversions = self.conversions;
        if conversions.is_empty() {
            return self.admissions;
        }
        let convert = move |object, to: &str| conversions.convert(object, to);
        self.admissions.conversion(convert)
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
        let config = self.certificates(&serving);
        let (certificates, keeper) = Certificates::new(config, serving.client, serving.clock);
        let server = Server::new(
            self.into_routes(),
            certificates.resolver(),
            Limits::default(),
            serving.metrics,
        )?;
        Ok((certificates, keeper, server))
    }
}

/// Name of the configuration by which the API server asks an app about pods (PF-908).
pub(crate) fn pod_configuration(place: u8, app: &str) -> String {
    format!("kruise-{place:02}-{app}-mutating-webhook-configuration")
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::{
        test_server::{Answer, TestServer},
        webhook::{AdmissionRequest, AdmissionResponse},
    };

    fn places(webhooks: &Webhooks) -> CertificatesConfig {
        let server = TestServer::new(|_| Answer::Hang);
        webhooks.certificates(&Serving {
            name: "app",
            args: &WebhookArgs::off(),
            gates: &FeatureGates::default(),
            yield_to_manager: Some(Leadership::always()),
            metrics: WebhookMetrics::default(),
            client: server.client(),
            clock: Clock::system(),
        })
    }

    fn allow(_: &AdmissionRequest) -> AdmissionResponse {
        AdmissionResponse::allow()
    }

    // PF-908
    #[tokio::test]
    async fn who_mutates_pods_has_a_configuration_with_a_place_in_its_name() {
        let mut webhooks = Webhooks::default();
        webhooks.mutate("sidecarset-controller", "/mutate-sidecarset", allow);
        webhooks.mutate_pods(20, "sidecarset-controller", "/mutate-pod", allow);
        webhooks.mutate_pods(10, "workloadspread-controller", "/mutate-pod-first", allow);
        let expected = [
            "kruise-10-workloadspread-controller-mutating-webhook-configuration",
            "kruise-20-sidecarset-controller-mutating-webhook-configuration",
            "kruise-sidecarset-controller-mutating-webhook-configuration",
        ];
        assert_eq!(places(&webhooks).mutating, expected);
    }

    // PF-402: a kind with one version needs no conversion, so its CRD is left as it is.
    #[tokio::test]
    async fn a_kind_without_a_converter_has_admission_and_no_place_in_a_crd() {
        let mut webhooks = Webhooks::default();
        assert!(webhooks.is_empty());
        webhooks.validate("ephemeraljob-controller", "/validate", allow);
        let config = places(&webhooks);
        assert!(config.crds.is_empty());
        assert!(config.yield_to_manager.is_none());
        let configurations = ["kruise-ephemeraljob-controller-validating-webhook-configuration"];
        assert_eq!(config.validating, configurations);

        let convert = |object, _: &str| Ok::<_, Infallible>(object);
        webhooks.convert("clonesets.apps.kruise.io", "CloneSet", convert);
        let config = places(&webhooks);
        assert_eq!(config.crds, ["clonesets.apps.kruise.io"]);
        assert!(config.yield_to_manager.is_some());
    }
}
