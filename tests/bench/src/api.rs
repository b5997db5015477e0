//! A small client of the API server, for load: blocking, one connection a thread, nothing repeated.
//! kubectl would cost more than what is measured.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use ureq::http::Response;
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};
use ureq::{Agent, Body, RequestBuilder};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Threads that write at the same time, and the watches beside them.
const CONNECTIONS: usize = 80;
/// The largest answer: a page of a list.
const LARGEST_ANSWER: u64 = 1 << 28;
/// Of an error answer, what is worth showing.
const SHOWN_ERROR: usize = 300;

/// How a patch is applied.
#[derive(Clone, Copy, Debug)]
pub(super) enum PatchKind {
    Merge,
    Strategic,
}

/// One user on one API server. Clones share connections.
#[derive(Clone)]
pub(super) struct Api {
    agent: Agent,
    server: String,
    certificate_authority: String,
    /// Of a user without a certificate.
    token: Option<String>,
}

impl Api {
    /// The user of this kubeconfig, which must hold certificates and key itself, as those of our
    /// clusters do.
    pub(super) fn connect(kubeconfig: &Path) -> Result<Self> {
        let file = kubeconfig.display();
        let text = std::fs::read(kubeconfig).with_context(|| format!("read {file}"))?;
        let config: Value =
            serde_json::from_slice(&text).with_context(|| format!("{file} is not JSON"))?;
        let field = |pointer: &str| {
            config
                .pointer(pointer)
                .and_then(Value::as_str)
                .with_context(|| format!("{file} has no {pointer}"))
        };
        let pem = |pointer: &str| {
            let text = BASE64.decode(field(pointer)?);
            text.with_context(|| format!("{pointer} in {file} is not base64"))
        };
        let authority = pem("/clusters/0/cluster/certificate-authority-data")?;
        let certificate = Certificate::from_pem(&pem("/users/0/user/client-certificate-data")?)
            .context("read the client certificate")?;
        let key = PrivateKey::from_pem(&pem("/users/0/user/client-key-data")?)
            .context("read the client key")?;
        let client = ClientCert::new_with_certs(&[certificate], key);
        Ok(Self {
            agent: agent(&authority, Some(client))?,
            server: field("/clusters/0/cluster/server")?.to_owned(),
            certificate_authority: BASE64.encode(authority),
            token: None,
        })
    }

    /// The same API server for a service account, over connections of its own.
    pub(super) fn as_account(&self, namespace: &str, account: &str) -> Result<Self> {
        let authority = BASE64.decode(&self.certificate_authority);
        let authority = authority.context("decode the CA's certificate")?;
        Ok(Self {
            agent: agent(&authority, None)?,
            token: Some(self.token_of(namespace, account)?),
            ..self.clone()
        })
    }

    /// The address of the API server, and so of this machine as the API server sees it.
    pub(super) fn host(&self) -> Result<&str> {
        let host = self.server.strip_prefix("https://");
        let host = host.and_then(|host| host.rsplit_once(':'));
        let (host, _) = host.with_context(|| format!("{} has no port", self.server))?;
        Ok(host)
    }

    /// Reads one object or list; `None` if it isn't there.
    pub(super) fn get(&self, path: &str) -> Result<Option<Value>> {
        let answer = self.authorised(self.agent.get(self.url(path))).call();
        let mut answer = answer.with_context(|| format!("get {path}"))?;
        if answer.status().as_u16() == 404 {
            return Ok(None);
        }
        parse(&read(&mut answer, "get", path)?).map(Some)
    }

    /// Creates an object. The answer is as it is stored, unparsed, since most callers don't look at it.
    pub(super) fn create(&self, path: &str, object: &Value) -> Result<Vec<u8>> {
        let request = self
            .authorised(self.agent.post(self.url(path)))
            .content_type(JSON);
        let answer = request.send(object.to_string());
        let mut answer = answer.with_context(|| format!("create {path}"))?;
        read(&mut answer, "create", path)
    }

    /// Creates an object unless there is one of its name.
    pub(super) fn ensure(&self, path: &str, object: &Value) -> Result<()> {
        let name = object.pointer("/metadata/name").and_then(Value::as_str);
        let name = name.context("an object without a name")?;
        if self.get(&format!("{path}/{name}"))?.is_none() {
            self.create(path, object)?;
        }
        Ok(())
    }

    /// Patches an object or a subresource. The answer is as it is stored, unparsed.
    pub(super) fn patch(&self, path: &str, kind: PatchKind, patch: &Value) -> Result<Vec<u8>> {
        let content_type = match kind {
            PatchKind::Merge => "application/merge-patch+json",
            PatchKind::Strategic => "application/strategic-merge-patch+json",
        };
        let request = self
            .authorised(self.agent.patch(self.url(path)))
            .content_type(content_type);
        let answer = request.send(patch.to_string());
        let mut answer = answer.with_context(|| format!("patch {path}"))?;
        read(&mut answer, "patch", path)
    }

    /// Deletes an object at once, without a grace period. With a UID, only if it has that.
    pub(super) fn delete_at_once(&self, path: &str, uid: Option<&str>) -> Result<()> {
        let options = json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "gracePeriodSeconds": 0,
            "preconditions": uid.map(|uid| json!({"uid": uid})),
        });
        let request = self
            .authorised(self.agent.delete(self.url(path)))
            .force_send_body();
        let answer = request.content_type(JSON).send(options.to_string());
        let mut answer = answer.with_context(|| format!("delete {path}"))?;
        read(&mut answer, "delete", path).map(drop)
    }

    /// The lines of a watch that begins with all objects there are.
    pub(super) fn watch(&self, path: &str, selector: &str) -> Result<impl BufRead + use<>> {
        let url = self.url(&format!(
            "{path}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan\
             &allowWatchBookmarks=true&timeoutSeconds=3600&{selector}"
        ));
        let answer = self.authorised(self.agent.get(url)).call();
        let mut answer = answer.with_context(|| format!("watch {path}"))?;
        if !answer.status().is_success() {
            read(&mut answer, "watch", path)?;
        }
        Ok(BufReader::with_capacity(
            1 << 16,
            answer.into_body().into_reader(),
        ))
    }

    /// A kubeconfig for a service account, with a token for some hours.
    pub(super) fn kubeconfig_of(&self, namespace: &str, account: &str) -> Result<String> {
        let token = self.token_of(namespace, account)?;
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "bench", "cluster": {
                "server": self.server,
                "certificate-authority-data": self.certificate_authority,
            }}],
            "users": [{"name": account, "user": {"token": token}}],
            "contexts": [{"name": "bench", "context": {"cluster": "bench", "user": account}}],
            "current-context": "bench",
        });
        Ok(config.to_string())
    }

    fn token_of(&self, namespace: &str, account: &str) -> Result<String> {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 6 * 3600},
        });
        let answer = parse(&self.create(&path, &request)?)?;
        let token = answer.pointer("/status/token").and_then(Value::as_str);
        let token = token.context("the API server gave no token")?;
        Ok(token.to_owned())
    }

    fn authorised<T>(&self, request: RequestBuilder<T>) -> RequestBuilder<T> {
        match &self.token {
            Some(token) => request.header("Authorization", format!("Bearer {token}")),
            None => request,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server)
    }
}

fn agent(authority: &[u8], client: Option<ClientCert>) -> Result<Agent> {
    let root = Certificate::from_pem(authority).context("read the CA's certificate")?;
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&[root]))
        .client_cert(client)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Ok(Agent::config_builder()
        .http_status_as_error(false)
        .timeout_connect(Some(CONNECT_TIMEOUT))
        // The server is on this machine.
        .proxy(None)
        .max_idle_connections(CONNECTIONS)
        .max_idle_connections_per_host(CONNECTIONS)
        .tls_config(tls)
        .build()
        .new_agent())
}

const JSON: &str = "application/json";

/// Reads the answer to its end, so that the connection can be used again; what isn't a success is an error.
fn read(answer: &mut Response<Body>, verb: &str, path: &str) -> Result<Vec<u8>> {
    let body = answer.body_mut().with_config().limit(LARGEST_ANSWER);
    let body = body
        .read_to_vec()
        .with_context(|| format!("{verb} {path}: read the answer"))?;
    if answer.status().is_success() {
        return Ok(body);
    }
    let said: String = String::from_utf8_lossy(&body)
        .chars()
        .take(SHOWN_ERROR)
        .collect();
    bail!("{verb} {path}: {}: {said}", answer.status())
}

fn parse(body: &[u8]) -> Result<Value> {
    serde_json::from_slice(body).context("the API server's answer is not JSON")
}
