//! One of several that play sequences side by side, each in a namespace of its own.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use kruise_testkit::clock::VirtualClock;
use kruise_testkit::server::ApiServer;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use crate::custom;
use crate::kinds::Kind;
use crate::play::{self, Difference, Patience};
use crate::request::Request;
use crate::side::Side;

/// What the cluster puts into each namespace.
const ROOT_CERTIFICATE: &str = "kube-root-ca.crt";
/// The ConfigMap that holds the namespace that is being ended.
const HOLDS: &str = "holds";
const PAUSE: Duration = Duration::from_millis(15);
/// How often a sequence is played again because of what the cluster does by the clock.
const DISTURBED_AT_MOST: usize = 5;
/// How often is asked for a namespace's service account before the namespace is changed.
const NUDGE_AFTER: usize = 60;
/// Until the cluster has prepared or emptied a namespace.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of a cluster, with what runs it.
pub(crate) struct Worker {
    runtime: Runtime,
    client: kube::Client,
    namespace: String,
    /// The same cluster in another namespace, in place of the test kit's server.
    itself: Option<Box<Worker>>,
    runs: usize,
    /// How often a sequence was played again because of what the cluster does by the clock.
    pub(crate) disturbed: usize,
}

impl Worker {
    pub(crate) fn new(kubeconfig: &Path, number: usize, itself: bool) -> Result<Self> {
        let mut worker = Self::of_namespace(kubeconfig, format!("conformance-{number}"))?;
        if itself {
            let other = Self::of_namespace(kubeconfig, format!("conformance-other-{number}"))?;
            worker.itself = Some(Box::new(other));
        }
        Ok(worker)
    }

    fn of_namespace(kubeconfig: &Path, namespace: String) -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .context("start a runtime")?;
        let client = runtime.block_on(async {
            let read = Kubeconfig::read_from(kubeconfig)?;
            let options = KubeConfigOptions::default();
            let mut config = kube::Config::from_custom_kubeconfig(read, &options).await?;
            config.default_retry = false;
            anyhow::Ok(kube::Client::try_from(config)?)
        })?;
        Ok(Self {
            runtime,
            client,
            namespace,
            itself: None,
            runs: 0,
            disturbed: 0,
        })
    }

    /// Installs the custom kind, and waits until the cluster's controllers know it.
    pub(crate) fn install(&self) -> Result<()> {
        let side = self.bare_side("default")?;
        custom::install(&side)?;
        custom::wait_until_collected(&side)
    }

    fn bare_side(&self, namespace: &str) -> Result<Side<'_>> {
        Side::new(&self.runtime, self.client.clone(), namespace, "nobody")
    }

    /// Makes the namespace, or empties what an earlier run left.
    pub(crate) fn begin(&self) -> Result<()> {
        let side = self.bare_side("default")?;
        let namespace = &self.namespace;
        let body = json!({ "metadata": { "name": namespace } });
        let path = format!("/api/v1/namespaces/{namespace}");
        // One that an earlier run let go has to be gone first.
        wait("for a namespace", || {
            let content = Some(("application/json", &body));
            side.call(http::Method::POST, "/api/v1/namespaces", content)?;
            let found = side.call(http::Method::GET, &path, None)?;
            Ok(found.body["status"]["phase"] == "Active")
        })?;
        let mut asked: usize = 0;
        wait("for the namespace's service account", || {
            asked += 1;
            if asked.is_multiple_of(NUDGE_AFTER) {
                // A controller that took this namespace for the one before it looks again when it changes.
                let patch =
                    json!({ "metadata": { "annotations": { "asked": asked.to_string() } } });
                let content = Some(("application/merge-patch+json", &patch));
                side.call(http::Method::PATCH, &path, content)?;
            }
            let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
            Ok(side.call(http::Method::GET, &path, None)?.code == 200
                && self.root(&side)?.is_some())
        })?;
        self.begin_ending(&side)?;
        let all: Vec<&Kind> = crate::kinds::KINDS.iter().collect();
        self.empty(&all)?;
        self.itself.as_ref().map_or(Ok(()), |other| other.begin())
    }

    /// Makes the namespace that is being ended all the time: an object in it holds it.
    fn begin_ending(&self, side: &Side<'_>) -> Result<()> {
        let path = format!("/api/v1/namespaces/{}-ending", self.namespace);
        let held = format!("{path}/configmaps/{HOLDS}");
        let is = |path: &str, code| Ok(side.call(http::Method::GET, path, None)?.code == code);
        if is(&held, 200)? {
            return Ok(());
        }
        // One that an earlier run let go.
        wait("until the namespace that ended is gone", || is(&path, 404))?;
        for (method, path, object) in ending(&self.namespace) {
            let answer = side.call(method, &path, Some(("application/json", &object)))?;
            if answer.code >= 300 {
                bail!("{path} answered {}: {}", answer.code, answer.body);
            }
        }
        Ok(())
    }

    pub(crate) fn end(&self) -> Result<()> {
        let side = self.bare_side("default")?;
        let path = format!(
            "/api/v1/namespaces/{}-ending/configmaps/{HOLDS}",
            self.namespace
        );
        let patch = json!({ "metadata": { "finalizers": null } });
        let content = Some(("application/merge-patch+json", &patch));
        side.call(http::Method::PATCH, &path, content)?;
        let path = format!("/api/v1/namespaces/{}", self.namespace);
        side.call(http::Method::DELETE, &path, None)?;
        self.itself.as_ref().map_or(Ok(()), |other| other.end())
    }

    fn root(&self, side: &Side<'_>) -> Result<Option<Value>> {
        let path = format!(
            "/api/v1/namespaces/{}/configmaps/{ROOT_CERTIFICATE}",
            self.namespace
        );
        let answer = side.call(http::Method::GET, &path, None)?;
        Ok((answer.code == 200).then_some(answer.body))
    }

    /// Plays requests on the cluster and on a test kit's server of their own; once more when they differ and the cluster
    /// did something by the clock meanwhile.
    pub(crate) fn play(
        &mut self,
        requests: &[Request],
        patience: Patience,
    ) -> Result<Option<Difference>> {
        for _ in 0..DISTURBED_AT_MOST {
            let (difference, disturbed) = self.play_once(requests, patience)?;
            if !disturbed {
                return Ok(difference);
            }
            self.disturbed += 1;
        }
        Ok(self.play_once(requests, patience)?.0)
    }

    /// What differs, and whether the cluster did something by the clock then.
    fn play_once(
        &mut self,
        requests: &[Request],
        patience: Patience,
    ) -> Result<(Option<Difference>, bool)> {
        self.runs += 1;
        let ghost = format!("ghost-{}-{}", self.namespace, self.runs);
        let virtual_time = Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .context("start a runtime with a clock that stands")?;
        let mut cluster = Side::new(&self.runtime, self.client.clone(), &self.namespace, &ghost)?;
        let kinds = play::kinds_of(requests);
        if let Some(other) = &self.itself {
            let client = self.client.clone();
            let mut kit = Side::new(&self.runtime, client, &other.namespace, &ghost)?;
            let difference = play::play(requests, &mut kit, &mut cluster, patience)?;
            let disturbed =
                difference.is_some() && (kit.is_disturbed()? || cluster.is_disturbed()?);
            self.empty(&kinds)?;
            other.empty(&kinds)?;
            return Ok((difference, disturbed));
        }
        let root = self
            .root(&cluster)?
            .context("the namespace lacks its root certificate")?;
        let (server, client) = virtual_time.block_on(async { self.kit(&root).await })?;
        let mut kit = Side::new(&virtual_time, client, &self.namespace, &ghost)?;
        kit.kit = Some(server);
        let difference = play::play(requests, &mut kit, &mut cluster, patience)?;
        let disturbed = difference.is_some() && cluster.is_disturbed()?;
        drop((kit, cluster));
        self.empty(&kinds)?;
        Ok((difference, disturbed))
    }

    /// A client of a test kit's server that has what every cluster has.
    async fn kit(&self, root: &Value) -> Result<(ApiServer, kube::Client)> {
        let server = ApiServer::new(VirtualClock::new(), 1);
        server.install(custom::definition()?);
        let client = server.client_of("conformance");
        let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": self.namespace } });
        let account = json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "default" } });
        let root = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": root["data"],
            "metadata": { "name": ROOT_CERTIFICATE, "annotations": root["metadata"]["annotations"] } });
        let inside = format!("/api/v1/namespaces/{}", self.namespace);
        let post = http::Method::POST;
        let mut calls = vec![
            (post.clone(), "/api/v1/namespaces".to_owned(), namespace),
            (post.clone(), format!("{inside}/serviceaccounts"), account),
            (post, format!("{inside}/configmaps"), root),
        ];
        calls.extend(ending(&self.namespace));
        for (method, path, object) in calls {
            let request = http::Request::builder()
                .method(method)
                .uri(&path)
                .header("Content-Type", "application/json")
                .body(kube::client::Body::from(object.to_string().into_bytes()))
                .with_context(|| path.clone())?;
            let response = client.send(request).await.with_context(|| path.clone())?;
            // One that has them already is as good.
            if !response.status().is_success() && response.status() != 409 {
                bail!("{path} of the test kit answered {}", response.status());
            }
        }
        Ok((server, client))
    }

    /// Takes everything out of the namespace.
    fn empty(&self, kinds: &[&Kind]) -> Result<()> {
        let side = self.bare_side(&self.namespace)?;
        let options = json!({ "kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0,
            "propagationPolicy": "Background" });
        for kind in kinds {
            let path = kind.path(&self.namespace);
            let others = format!("fieldSelector=metadata.name%21%3D{ROOT_CERTIFICATE}");
            let delete = || {
                side.call(
                    http::Method::DELETE,
                    &format!("{path}?{others}"),
                    Some(("application/json", &options)),
                )
            };
            delete()?;
            wait("until what a sequence made is gone", || {
                let list = side.call(http::Method::GET, &format!("{path}?{others}"), None)?;
                let items = list.body["items"].as_array().cloned().unwrap_or_default();
                for item in &items {
                    let name = item["metadata"]["name"].as_str().unwrap_or_default();
                    if item["metadata"]["finalizers"].is_array() {
                        let patch = json!({ "metadata": { "finalizers": null } });
                        let content = Some(("application/merge-patch+json", &patch));
                        side.call(http::Method::PATCH, &format!("{path}/{name}"), content)?;
                    }
                }
                if !items.is_empty() {
                    delete()?;
                }
                Ok(items.is_empty())
            })?;
        }
        Ok(())
    }
}

/// What makes a namespace that never ends ending.
fn ending(namespace: &str) -> [(http::Method, String, Value); 3] {
    let name = format!("{namespace}-ending");
    let made = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    let held = json!({ "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": HOLDS, "finalizers": ["example.com/hold"] } });
    let all = "/api/v1/namespaces";
    [
        (http::Method::POST, all.to_owned(), made),
        (http::Method::POST, format!("{all}/{name}/configmaps"), held),
        (http::Method::DELETE, format!("{all}/{name}"), json!({})),
    ]
}

/// Asks again until it is so.
pub(crate) fn wait(what: &str, mut so: impl FnMut() -> Result<bool>) -> Result<()> {
    let since = Instant::now();
    while !so()? {
        if since.elapsed() > PATIENCE {
            bail!("waited {} s {what}", PATIENCE.as_secs());
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}
