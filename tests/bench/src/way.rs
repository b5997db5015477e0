//! The way from the API server to a deployable that runs as a process of this machine.

use std::time::Duration;

use anyhow::{Context, Result};
use localkube::deploy;
use localkube::progress::Progress;
use serde_json::{Value, json};

use super::api::PatchKind;
use super::controller::Controller;
use super::ground::{Deployable, Ground, INSTALLED_IN};

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1";
const SERVICES: [&str; 2] = ["webhook", "conversion"];
const SERVED_TIMEOUT: Duration = Duration::from_secs(120);

/// Which deployable the API server asks, and how.
pub(super) struct Way<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) progress: &'a Progress,
    pub(super) deployable: Deployable,
    /// Paths of its webhooks' configurations.
    pub(super) configurations: Vec<String>,
}

impl<'a> Way<'a> {
    /// Starts the process; no webhook leads to it yet.
    pub(super) fn start_unasked(&self) -> Result<Controller<'a>> {
        let process = Controller::start(&self.ground.program, self.ground.interrupt)?;
        for service in SERVICES {
            self.point(service, process.webhook_port)?;
        }
        Ok(process)
    }

    /// Has the Service lead to this process: no controller does.
    fn point(&self, service: &str, port: u16) -> Result<()> {
        let name = format!("kruise-{}-{service}-service", self.deployable.controller);
        let path = format!("/apis/discovery.k8s.io/v1/namespaces/{INSTALLED_IN}/endpointslices");
        let services = format!("/api/v1/namespaces/{INSTALLED_IN}/services/{name}");
        let found = self.ground.api.get(&services)?;
        let found = found.with_context(|| format!("there is no Service {name}"))?;
        let port_name = found.pointer("/spec/ports/0/name").cloned();
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [self.ground.api.host()?], "conditions": {"ready": true}}],
            "ports": [{"name": port_name.unwrap_or(json!("")), "port": port, "protocol": "TCP"}],
        });
        self.ground.api.ensure(&path, &slice)?;
        let patch = json!({"endpoints": slice.get("endpoints"), "ports": slice.get("ports")});
        let patched = self
            .ground
            .api
            .patch(&format!("{path}/{name}"), PatchKind::Merge, &patch);
        patched.map(drop)
    }

    /// Installs its webhooks, and waits until an object passes their admission as a dry run.
    pub(super) fn install_webhooks(&self, objects: &str, sample: &Value) -> Result<()> {
        let kubeconfig = self.ground.kubeconfig();
        deploy::install_webhooks(self.deployable.overlay, &kubeconfig, self.progress)?;
        let path = format!("{objects}?dryRun=All");
        self.ground
            .wait_for("admission to be trusted", SERVED_TIMEOUT, || {
                Ok(self.ground.api.create(&path, sample).is_ok())
            })
    }

    /// Has the API server ask nobody.
    pub(super) fn forget_webhooks(&self) -> Result<()> {
        for path in &self.configurations {
            if self.ground.api.get(path)?.is_some() {
                self.ground.api.delete_at_once(path, None)?;
            }
        }
        Ok(())
    }
}

/// Path of a webhook configuration of this kind and name.
pub(super) fn configuration(kind: &str, name: &str) -> String {
    format!("{CONFIGURATIONS}/{kind}webhookconfigurations/{name}")
}
