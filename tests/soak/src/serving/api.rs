//! The cluster's API server by plain HTTP, fast enough for a load, which kubectl isn't.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use ureq::http::Response;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// For one request. A conversion may take the API server 30 s.
const CALL_TIMEOUT: Duration = Duration::from_secs(40);
/// Kept connections: one for each thread of a load.
const CONNECTIONS: usize = 64;

/// An API server, and who we are there. Clones share connections.
#[derive(Clone)]
pub(super) struct Api {
    agent: Agent,
    server: String,
}

impl Api {
    /// The cluster of a kubeconfig with one cluster and one user, who has a certificate.
    pub(super) fn of(kubeconfig: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(kubeconfig)
            .with_context(|| format!("read {}", kubeconfig.display()))?;
        let config: Value = serde_yaml_ng::from_str(&text)
            .with_context(|| format!("parse {}", kubeconfig.display()))?;
        let text = |pointer: &str| {
            let text = config.pointer(pointer).and_then(Value::as_str);
            text.with_context(|| format!("{} has no {pointer}", kubeconfig.display()))
        };
        let pem = |pointer: &str| {
            let pem = BASE64.decode(text(pointer)?);
            pem.with_context(|| format!("decode {pointer} of {}", kubeconfig.display()))
        };
        let authority = pem("/clusters/0/cluster/certificate-authority-data")?;
        let certificate = pem("/users/0/user/client-certificate-data")?;
        let key = pem("/users/0/user/client-key-data")?;
        let us = ClientCert::new_with_certs(
            &[Certificate::from_pem(&certificate)?],
            PrivateKey::from_pem(&key)?,
        );
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&[Certificate::from_pem(
                &authority,
            )?]))
            .client_cert(Some(us))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_idle_connections_per_host(CONNECTIONS)
            .max_idle_connections(CONNECTIONS)
            .timeout_global(Some(CALL_TIMEOUT))
            .tls_config(tls)
            .build()
            .new_agent();
        Ok(Self {
            agent,
            server: text("/clusters/0/cluster/server")?.to_owned(),
        })
    }

    /// An object or a list.
    pub(super) fn get(&self, path: &str) -> Result<Value> {
        self.find(path)?
            .with_context(|| format!("GET {path}: it isn't there"))
    }

    /// An object, or nothing if there is none.
    pub(super) fn find(&self, path: &str) -> Result<Option<Value>> {
        let answer = self.agent.get(self.url(path)).call();
        let answer = answer.with_context(|| format!("GET {path}"))?;
        if answer.status() == 404 {
            return Ok(None);
        }
        read(answer, "GET", path).map(Some)
    }

    /// Plain text, such as a log.
    pub(super) fn text(&self, path: &str) -> Result<String> {
        let answer = self.agent.get(self.url(path)).call();
        let mut answer = answer.with_context(|| format!("GET {path}"))?;
        let text = answer.body_mut().read_to_string()?;
        if !answer.status().is_success() {
            bail!("GET {path}: {text}");
        }
        Ok(text)
    }

    pub(super) fn create(&self, path: &str, object: &Value) -> Result<Value> {
        let request = self.agent.post(self.url(path));
        let request = request.header("Content-Type", "application/json");
        let answer = request.send(object.to_string());
        read(
            answer.with_context(|| format!("POST {path}"))?,
            "POST",
            path,
        )
    }

    /// A JSON merge patch.
    pub(super) fn patch(&self, path: &str, patch: &Value) -> Result<Value> {
        let request = self.agent.patch(self.url(path));
        let request = request.header("Content-Type", "application/merge-patch+json");
        let answer = request.send(patch.to_string());
        read(
            answer.with_context(|| format!("PATCH {path}"))?,
            "PATCH",
            path,
        )
    }

    /// Fine if there is none.
    pub(super) fn delete(&self, path: &str) -> Result<()> {
        let answer = self.agent.delete(self.url(path)).call();
        let answer = answer.with_context(|| format!("DELETE {path}"))?;
        if answer.status() == 404 {
            return Ok(());
        }
        read(answer, "DELETE", path).map(drop)
    }

    /// The events of a watch, until it ends: `path` has the query that says of what and how long.
    pub(super) fn watch(&self, path: &str, mut on_event: impl FnMut(&Value)) -> Result<()> {
        let answer = self.agent.get(self.url(path)).call();
        let mut answer = answer.with_context(|| format!("watch {path}"))?;
        if !answer.status().is_success() {
            return read(answer, "watch", path).map(drop);
        }
        for line in BufReader::new(answer.body_mut().as_reader()).lines() {
            let line = line.with_context(|| format!("watch {path}"))?;
            let event = serde_json::from_str(&line).context("parse an event of a watch")?;
            on_event(&event);
        }
        Ok(())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server)
    }
}

fn read(mut answer: Response<Body>, verb: &str, path: &str) -> Result<Value> {
    let status = answer.status();
    let body = answer
        .body_mut()
        .with_config()
        .limit(64 * 1024 * 1024)
        .read_to_string()
        .with_context(|| format!("{verb} {path}: read the answer"))?;
    let object: Value = serde_json::from_str(&body).unwrap_or_default();
    if !status.is_success() {
        let message = object.get("message").and_then(Value::as_str);
        bail!("{verb} {path}: {status}: {}", message.unwrap_or(&body));
    }
    Ok(object)
}
