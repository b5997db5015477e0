//! The controller as a process of the test, in place of the deployed one.

use std::{
    fmt::Debug,
    fs::File,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use k8s_openapi::{
    ClusterResourceScope,
    api::{
        admissionregistration::v1::{MutatingWebhookConfiguration, ValidatingWebhookConfiguration},
        apps::v1::Deployment,
        authentication::v1::TokenRequest,
        core::v1::ServiceAccount,
    },
    serde::{Serialize, de::DeserializeOwned},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{controller, wait::eventually};

const NAMESPACE: &str = "kruise-system";
const NAME: &str = "cloneset-controller";
/// What of a log is printed when a test fails.
const LAST_LINES: usize = 150;
const PATIENCE: Duration = Duration::from_secs(120);
/// Twice as long as a controller serves on after the signal to end.
const END_WITHIN: Duration = Duration::from_secs(10);

/// While it exists, no replica of the deployed controller runs, and nobody is asked about CloneSets.
pub struct StoodDown {
    client: Client,
    replicas: i32,
    /// With the binary that was deployed in it.
    directory: TempDir,
    /// Without replicas, nothing could be written for want of an answer. Put back when they are there again.
    _webhooks: WithoutWebhooks,
}

impl StoodDown {
    /// Ends the deployed replicas, and waits until they are gone.
    pub async fn new(client: Client) -> Self {
        let deployment = deployments(&client)
            .get(NAME)
            .await
            .expect("the Deployment");
        let replicas = deployment.spec.and_then(|spec| spec.replicas);
        let directory = TempDir::new().expect("a directory");
        // As it runs: nothing has to be built, and what is tested is what was deployed.
        // Until a process that led before, and was killed, has lost its lease.
        let running = eventually("the leader's process", PATIENCE, || {
            controller::leader_process(&client)
        })
        .await;
        let binary = directory.path().join(NAME);
        std::fs::copy(format!("/proc/{running}/exe"), binary).expect("copy the binary");
        // Made first, so that a failure from here on is made good.
        let stood_down = Self {
            _webhooks: WithoutWebhooks::new(client.clone()).await,
            client,
            replicas: replicas.filter(|replicas| *replicas > 0).unwrap_or(2),
            directory,
        };
        stood_down.scale(0).await;
        stood_down
    }

    /// The deployed binary; or another one, for instance with debug assertions: `$KRUISE_E2E_CONTROLLER`.
    fn binary(&self) -> PathBuf {
        let other = std::env::var_os("KRUISE_E2E_CONTROLLER");
        other.map_or_else(|| self.directory.path().join(NAME), PathBuf::from)
    }

    /// Starts the controller as a process, with the credentials of the deployed one, so that what it may do is
    /// proven too, against the API server at `url`.
    pub async fn start_locally(&self, url: &str, flags: &[&str]) -> LocalController {
        let token = token(&self.client).await;
        LocalController::start(self.binary(), url, &token, flags)
    }

    async fn scale(&self, replicas: i32) {
        let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
        deployments(&self.client)
            .patch(NAME, &PatchParams::default(), &patch)
            .await
            .expect("scale the controller");
        let pods: Api<k8s_openapi::api::core::v1::Pod> =
            Api::namespaced(self.client.clone(), NAMESPACE);
        let selector =
            kube::api::ListParams::default().labels(&format!("app.kubernetes.io/name={NAME}"));
        let what = format!("{replicas} replicas of the deployed controller");
        eventually(&what, PATIENCE, || async {
            let pods = pods
                .list(&selector)
                .await
                .map_err(|error| error.to_string())?;
            let deployment = deployments(&self.client)
                .get(NAME)
                .await
                .map_err(|error| error.to_string())?;
            let ready = deployment.status.and_then(|status| status.ready_replicas);
            if (pods.items.len(), ready.unwrap_or(0))
                == (usize::try_from(replicas).unwrap_or(0), replicas)
            {
                Ok(())
            } else {
                Err(format!("{} pods, ready: {ready:?}", pods.items.len()))
            }
        })
        .await;
    }
}

impl Drop for StoodDown {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                self.scale(self.replicas).await;
            });
        });
    }
}

/// While it exists, nobody is asked about CloneSets, although replicas run.
pub struct WithoutWebhooks {
    client: Client,
    webhooks: Webhooks,
}

impl WithoutWebhooks {
    /// Takes the configurations of the deployed controller away.
    pub async fn new(client: Client) -> Self {
        let webhooks = Webhooks::of(&client).await;
        // Made first, so that a failure from here on is made good.
        let without = Self { client, webhooks };
        without.webhooks.take_away(&without.client).await;
        without
    }
}

impl Drop for WithoutWebhooks {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(self.webhooks.put_back(&self.client));
        });
    }
}

/// The configurations of the deployed controller, as they were.
struct Webhooks {
    mutating: MutatingWebhookConfiguration,
    validating: ValidatingWebhookConfiguration,
}

impl Webhooks {
    async fn of(client: &Client) -> Self {
        let name = |kind| format!("kruise-{NAME}-{kind}-webhook-configuration");
        let mutating = Api::<MutatingWebhookConfiguration>::all(client.clone());
        let validating = Api::<ValidatingWebhookConfiguration>::all(client.clone());
        Self {
            mutating: mutating.get(&name("mutating")).await.expect("webhooks"),
            validating: validating.get(&name("validating")).await.expect("webhooks"),
        }
    }

    async fn take_away(&self, client: &Client) {
        delete(client, &self.mutating).await;
        delete(client, &self.validating).await;
    }

    async fn put_back(&self, client: &Client) {
        create(client, &self.mutating).await;
        create(client, &self.validating).await;
    }
}

async fn delete<K: ClusterObject>(client: &Client, object: &K) {
    let deleted = Api::<K>::all(client.clone())
        .delete(&object.name_any(), &DeleteParams::default())
        .await;
    deleted.expect("take webhooks away");
}

async fn create<K: ClusterObject>(client: &Client, object: &K) {
    let mut object = object.clone();
    object.meta_mut().resource_version = None;
    object.meta_mut().uid = None;
    let created = Api::<K>::all(client.clone())
        .create(&PostParams::default(), &object)
        .await;
    created.expect("put webhooks back");
}

/// What both kinds of configurations are.
trait ClusterObject:
    Resource<DynamicType = (), Scope = ClusterResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
{
}

impl ClusterObject for MutatingWebhookConfiguration {}
impl ClusterObject for ValidatingWebhookConfiguration {}

fn deployments(client: &Client) -> Api<Deployment> {
    Api::namespaced(client.clone(), NAMESPACE)
}

/// The controller as a process; ended when dropped.
pub struct LocalController {
    child: Child,
    directory: TempDir,
}

impl LocalController {
    fn start(binary: PathBuf, url: &str, token: &str, flags: &[&str]) -> Self {
        let directory = TempDir::new().expect("a directory");
        let kubeconfig = directory.path().join("kubeconfig");
        std::fs::write(&kubeconfig, config(url, token).to_string()).expect("write a kubeconfig");
        let log = File::create(directory.path().join("log")).expect("create a log");
        let child = Command::new(binary)
            .arg("--kubeconfig")
            .arg(&kubeconfig)
            .args(["--metrics-addr=0", "--health-probe-addr=0"])
            .args(["--webhook-port=0", "--v=4"])
            .args(flags)
            .env("POD_NAMESPACE", NAMESPACE)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log"))
            .stderr(log)
            .spawn()
            .expect("start the controller");
        Self { child, directory }
    }

    /// Fails the test if the process has ended.
    pub fn still_runs(&mut self) {
        let ended = self.child.try_wait().expect("ask for the process");
        assert!(ended.is_none(), "the controller has ended: {ended:?}");
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }
}

impl Drop for LocalController {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            // With a signal first, so that it gives its lease back to the deployed replicas.
            let pid = self.child.id().to_string();
            let _ = Command::new("kill").arg(pid).status();
            let start = Instant::now();
            while matches!(self.child.try_wait(), Ok(None)) && start.elapsed() < END_WITHIN {
                std::thread::sleep(Duration::from_millis(100));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        });
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.len().saturating_sub(LAST_LINES);
            eprintln!(
                "---- log of the local controller\n{}",
                lines[last..].join("\n")
            );
        }
    }
}

async fn token(client: &Client) -> String {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), NAMESPACE);
    let request: TokenRequest =
        serde_json::from_value(json!({ "metadata": {}, "spec": { "audiences": [] } }))
            .expect("a request");
    let answer = accounts
        .create_token_request(NAME, &PostParams::default(), &request)
        .await
        .expect("a token of the controller's service account");
    let token = answer.status.and_then(|status| status.token);
    token.expect("a token")
}

fn config(url: &str, token: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{ "name": "proxy", "cluster": { "server": url } }],
        "users": [{ "name": "controller", "user": { "token": token } }],
        "contexts": [{ "name": "proxy", "context": { "cluster": "proxy", "user": "controller" } }],
        "current-context": "proxy",
    })
}
