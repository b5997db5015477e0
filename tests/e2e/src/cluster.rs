//! Finding or starting the one cluster.

use std::{
    ffi::OsString,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, bail};
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::OnceCell;

/// Name of the local cluster that tests run on: `$KRUISE_E2E_CLUSTER`, so that several checkouts can
/// test side by side, or `kruise-test`.
#[must_use]
pub fn name() -> String {
    std::env::var("KRUISE_E2E_CLUSTER").unwrap_or_else(|_| "kruise-test".to_owned())
}

/// The cluster under test.
pub struct Cluster {
    kubeconfig: PathBuf,
    local: bool,
}

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

/// Whether the tests have a cluster that is not theirs: then they leave this machine alone.
#[must_use]
pub fn is_given() -> bool {
    given().is_some()
}

fn given() -> Option<OsString> {
    std::env::var_os("KRUISE_E2E_KUBECONFIG")
}

impl Cluster {
    /// The cluster, started by the first test that asks.
    pub async fn get() -> &'static Self {
        CLUSTER
            .get_or_try_init(|| async { tokio::task::block_in_place(Self::find_or_start) })
            .await
            .expect("find or start the cluster")
    }

    fn find_or_start() -> Result<Self> {
        // Only one provider is compiled in; that it is installed already is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        if let Some(kubeconfig) = given() {
            return Ok(Self {
                kubeconfig: kubeconfig.into(),
                local: false,
            });
        }
        let name = name();
        // They tell what they wait for while they run, which can be minutes.
        for arguments in [
            ["cluster", "up", "--audit", "--name", &name].as_slice(),
            &["deploy", "all", "--name", &name],
        ] {
            succeeded(&command(arguments).stderr(Stdio::inherit()).output()?)?;
        }
        let kubeconfig = succeeded(&xtask(&["cluster", "kubeconfig", "--name", &name])?)?;
        Ok(Self {
            kubeconfig: kubeconfig.trim().into(),
            local: true,
        })
    }

    /// A client of the cluster's administrator. One a test: a client lives on the runtime that
    /// made it.
    pub async fn client(&self) -> kube::Client {
        kube::Client::try_from(self.config().await).expect("a client")
    }

    /// The administrator's configuration.
    pub async fn config(&self) -> kube::Config {
        let kubeconfig = Kubeconfig::read_from(&self.kubeconfig).expect("read the kubeconfig");
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .expect("a config from the kubeconfig")
    }

    /// Path of the kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self) -> &std::path::Path {
        &self.kubeconfig
    }

    /// Whether this is our own cluster, whose nodes and processes a test may break.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.local
    }

    /// Runs kubectl on the cluster. Whether it succeeded, and what it said.
    #[must_use]
    pub fn kubectl(&self, arguments: &[&str]) -> (bool, String) {
        let kubeconfig = self.kubeconfig.to_str().expect("a path in UTF-8");
        let mut all = vec!["cluster", "--kubeconfig", kubeconfig, "kubectl", "--"];
        // A new cluster may have the address of an earlier one, and kubectl's own cache goes by address.
        let cache = self.kubeconfig.with_file_name("kubectl-cache");
        let cache = format!("--cache-dir={}", cache.display());
        if self.local {
            all.push(&cache);
        }
        all.extend(arguments);
        let output = tokio::task::block_in_place(|| xtask(&all)).expect("run kubectl");
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        (output.status.success(), text)
    }

    /// Cordons a node until what is returned ends.
    #[must_use]
    pub fn cordon(&'static self, node: &'static str) -> Cordoned {
        let (ok, said) = self.kubectl(&["cordon", node]);
        assert!(ok, "{said}");
        Cordoned(self, node)
    }

    /// Runs `cargo xtask cluster …` on the local cluster.
    pub fn control(&self, arguments: &[&str]) {
        let name = name();
        let mut all = vec!["cluster"];
        all.extend(arguments);
        all.extend(["--name", &name]);
        tokio::task::block_in_place(|| succeeded(&xtask(&all)?)).expect("control the cluster");
    }
}

/// A node to which no new pods come, until this is dropped.
pub struct Cordoned(&'static Cluster, &'static str);

impl Drop for Cordoned {
    fn drop(&mut self) {
        let Self(cluster, node) = self;
        let (ok, said) = cluster.kubectl(&["uncordon", node]);
        if !ok {
            eprintln!("node {node} stays cordoned: {said}");
        }
    }
}

/// Runs one of those `cargo xtask …` that the local cluster's own binary has too (cluster, image, deploy,
/// undeploy), and returns what it said, whatever its exit code.
pub fn xtask(arguments: &[&str]) -> Result<Output> {
    command(arguments)
        .output()
        .with_context(|| format!("run xtask {}", arguments.join(" ")))
}

fn command(arguments: &[&str]) -> Command {
    let mut command = if let Some(binary) = std::env::var_os("KRUISE_LOCALKUBE") {
        Command::new(binary)
    } else {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["run", "--quiet", "--package", "localkube", "--"]);
        command
    };
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Standard output of a run that must have worked.
pub fn succeeded(output: &Output) -> Result<String> {
    if !output.status.success() {
        bail!(
            "xtask ended with {}:\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
