//! Pushing over the registry HTTP API (the OCI distribution specification): blobs that aren't
//! there yet, then the manifest under its tag.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

use super::auth::{Challenge, Credentials, token};
use super::{Blob, Destination, Image, tls};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For one request; an upload of some megabytes over a slow line must fit.
const CALL_TIMEOUT: Duration = Duration::from_secs(300);
/// Of an error answer, what is worth showing.
const SHOWN_ERROR: usize = 300;

impl Image {
    /// Uploads the image as `name`; returns the reference that a pod uses.
    pub(crate) fn push(&self, name: &str, destination: &Destination) -> Result<String> {
        let reference = destination.reference(name, &self.tag());
        let mut registry = Registry::new(name, destination)?;
        for blob in self.blobs() {
            registry
                .upload_blob(blob)
                .with_context(|| format!("push {reference}: upload {}", blob.digest))?;
        }
        registry
            .put_manifest(&self.manifest, &self.tag())
            .with_context(|| format!("push {reference}: upload the manifest"))?;
        Ok(reference)
    }
}

/// One repository in a registry, with what it takes to be let in.
struct Registry<'a> {
    agent: Agent,
    destination: &'a Destination,
    repository: String,
    /// The `Authorization` header that the registry's last challenge led to.
    authorization: Option<String>,
}

#[derive(Clone, Copy)]
enum Method {
    Head,
    Post,
    Put,
}

impl<'a> Registry<'a> {
    fn new(name: &str, destination: &'a Destination) -> Result<Self> {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(CALL_TIMEOUT));
        let config = if destination.insecure {
            // A registry without TLS is near; a proxy for the internet doesn't know the way.
            config.proxy(None)
        } else {
            config.tls_config(tls::config()?)
        };
        let agent = config.build().new_agent();
        let repository = destination.repository(name);
        Ok(Self {
            agent,
            destination,
            repository,
            authorization: None,
        })
    }

    fn upload_blob(&mut self, blob: &Blob) -> Result<()> {
        let url = self.url(&format!("blobs/{}", blob.digest));
        let there = self.send(Method::Head, &url, None)?;
        if there.status() == StatusCode::OK {
            return Ok(());
        }
        let session = self.send(Method::Post, &self.url("blobs/uploads/"), None)?;
        let session = expect(session, StatusCode::ACCEPTED, "start an upload")?;
        let location = session
            .headers()
            .get("location")
            .and_then(|value| value.to_str().ok())
            .context("the registry named no place to upload to (Location)")?;
        let location = absolute(&self.destination.base_url(), location);
        let separator = if location.contains('?') { '&' } else { '?' };
        let url = format!("{location}{separator}digest={}", blob.digest);
        let body = Upload {
            content_type: "application/octet-stream",
            bytes: &blob.bytes,
        };
        expect(
            self.send(Method::Put, &url, Some(body))?,
            StatusCode::CREATED,
            "upload",
        )?;
        Ok(())
    }

    fn put_manifest(&mut self, manifest: &Blob, tag: &str) -> Result<()> {
        let url = self.url(&format!("manifests/{tag}"));
        let body = Upload {
            content_type: manifest.media_type,
            bytes: &manifest.bytes,
        };
        expect(
            self.send(Method::Put, &url, Some(body))?,
            StatusCode::CREATED,
            "put the manifest",
        )?;
        Ok(())
    }

    fn url(&self, rest: &str) -> String {
        format!(
            "{}/v2/{}/{rest}",
            self.destination.base_url(),
            self.repository
        )
    }

    /// Sends a request; answers the registry's challenge once if it asks who we are.
    fn send(
        &mut self,
        method: Method,
        url: &str,
        upload: Option<Upload<'_>>,
    ) -> Result<Response<Body>> {
        let response = self.send_once(method, url, upload)?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let challenge = response
            .headers()
            .get("www-authenticate")
            .and_then(|value| value.to_str().ok())
            .context("the registry answers 401 without saying how to authenticate")?;
        self.authorization = Some(self.answer(&Challenge::parse(challenge)?)?);
        let response = self.send_once(method, url, upload)?;
        if matches!(
            response.status(),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            bail!("{}", self.not_let_in());
        }
        Ok(response)
    }

    fn send_once(
        &self,
        method: Method,
        url: &str,
        upload: Option<Upload<'_>>,
    ) -> Result<Response<Body>> {
        let authorization = self.authorization.as_deref();
        let result = match (method, upload) {
            (Method::Head, _) => authorized(self.agent.head(url), authorization).call(),
            (Method::Post, _) => authorized(self.agent.post(url), authorization).send_empty(),
            (Method::Put, None) => authorized(self.agent.put(url), authorization).send_empty(),
            (Method::Put, Some(upload)) => authorized(self.agent.put(url), authorization)
                .content_type(upload.content_type)
                .send(upload.bytes),
        };
        result.with_context(|| self.unreachable())
    }

    /// The `Authorization` header for a challenge.
    fn answer(&self, challenge: &Challenge) -> Result<String> {
        let credentials = Credentials::find(&self.destination.registry)?;
        let Challenge::Bearer {
            realm,
            service,
            scope,
        } = challenge
        else {
            return credentials
                .map(|credentials| credentials.basic_header())
                .with_context(|| self.not_let_in());
        };
        let default_scope = format!("repository:{}:pull,push", self.repository);
        let mut request = self
            .agent
            .get(realm)
            .query("scope", scope.as_deref().unwrap_or(&default_scope));
        if let Some(service) = service {
            request = request.query("service", service);
        }
        let basic = credentials.as_ref().map(Credentials::basic_header);
        let response = authorized(request, basic.as_deref())
            .call()
            .with_context(|| format!("ask {realm} for a token"))?;
        if !response.status().is_success() {
            bail!(
                "{realm} gives no token ({}): {}",
                response.status(),
                self.not_let_in()
            );
        }
        let text = response
            .into_body()
            .read_to_string()
            .context("read the token")?;
        let answer =
            serde_json::from_str(&text).context("the token server's answer is not JSON")?;
        Ok(format!("Bearer {}", token(&answer)?))
    }

    fn not_let_in(&self) -> String {
        format!(
            "the registry {0} doesn't let us push to {1}; log in with `docker login {0}` or \
             `podman login --authfile ~/.docker/config.json {0}` (credential helpers are not read, \
             only `auths` in ~/.docker/config.json or $DOCKER_CONFIG/config.json)",
            self.destination.registry, self.repository
        )
    }

    fn unreachable(&self) -> String {
        let hint = if self.destination.insecure {
            "is it running?"
        } else {
            "is it running? A registry without TLS needs --insecure; a private certificate \
             authority goes into $SSL_CERT_FILE"
        };
        format!(
            "the registry at {} doesn't answer; {hint}",
            self.destination.base_url()
        )
    }
}

#[derive(Clone, Copy)]
struct Upload<'a> {
    content_type: &'static str,
    bytes: &'a [u8],
}

fn authorized<B>(
    request: ureq::RequestBuilder<B>,
    authorization: Option<&str>,
) -> ureq::RequestBuilder<B> {
    match authorization {
        Some(authorization) => request.header("authorization", authorization),
        None => request,
    }
}

/// Passes the expected answer on; anything else becomes an error with what the registry said.
fn expect(response: Response<Body>, expected: StatusCode, what: &str) -> Result<Response<Body>> {
    let status = response.status();
    if status == expected {
        return Ok(response);
    }
    let text = response.into_body().read_to_string().unwrap_or_default();
    let text: String = text.trim().chars().take(SHOWN_ERROR).collect();
    bail!("{what}: the registry answered {status} {text}")
}

/// Registries may answer a path instead of a URL.
fn absolute(base_url: &str, location: &str) -> String {
    if location.starts_with('/') {
        format!("{base_url}{location}")
    } else {
        location.to_owned()
    }
}

#[cfg(test)]
mod tests;
