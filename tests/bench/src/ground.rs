//! What every benchmark stands on: a control plane without nodes, of which only etcd and the API server
//! run, so that nobody but the benchmark and the controller writes; CRDs, rights and a namespace.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use localkube::cluster::{Cluster, UpOptions};
use localkube::interrupt::Interrupt;
use localkube::progress::{Patience, Progress};
use localkube::{deploy, image};
use serde_json::{Value, json};

use super::api::Api;
use super::controller::Program;
use super::{load, usage};

/// The benchmarks' own cluster: nobody else's has this name.
pub(super) const CLUSTER: &str = "kruise-bench";
/// Where everything that is measured lives.
pub(super) const NAMESPACE: &str = "bench";
/// What is measured, unless a benchmark is about another deployable.
const CLONESET: Deployable = Deployable {
    overlay: "cloneset",
    controller: "cloneset-controller",
};
pub(super) const INSTALLED_IN: &str = "kruise-system";
const POLL: Duration = Duration::from_millis(200);

/// Some thousand pods are deleted a minute, on a machine that has better to do.
const CLEAR_TIMEOUT: Duration = Duration::from_secs(600);

/// Which cluster, and how the controller runs; the options that all benchmarks share.
#[derive(Clone, clap::Args)]
pub(crate) struct GroundArgs {
    /// Name of the cluster that is made for the benchmark
    #[arg(long, default_value = CLUSTER)]
    name: String,
    /// Leave the cluster up at the end; the next run uses it
    #[arg(long)]
    keep: bool,
    /// Measure this build of the controller instead of the checkout's
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// An environment variable for the controller; can be repeated
    #[arg(long = "env", value_name = "KEY=VALUE", value_parser = key_value)]
    env: Vec<(String, String)>,
}

impl GroundArgs {
    /// The same, measuring this build.
    pub(super) fn with_binary(&self, binary: &Path) -> Self {
        Self {
            binary: Some(binary.to_owned()),
            ..self.clone()
        }
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// What is measured.
#[derive(Clone, Copy)]
pub(super) struct Deployable {
    /// The overlay that installs it.
    pub(super) overlay: &'static str,
    /// The binary, and the service account.
    pub(super) controller: &'static str,
}

/// A cluster that is ready to be measured on; taken away when dropped, unless kept.
pub(super) struct Ground<'a> {
    pub(super) api: Api,
    pub(super) program: Program,
    pub(super) audit_log: Option<PathBuf>,
    cluster: Cluster,
    cleanup: Option<String>,
    progress: &'a Progress,
    pub(super) interrupt: &'a Interrupt,
    /// Holds the controller's kubeconfig.
    _directory: tempfile::TempDir,
}

impl<'a> Ground<'a> {
    pub(super) fn prepare(
        args: &GroundArgs,
        audit: bool,
        interrupt: &'a Interrupt,
        progress: &'a Progress,
    ) -> Result<Self> {
        Self::prepare_for(CLONESET, args, audit, interrupt, progress)
    }

    pub(super) fn prepare_for(
        deployable: Deployable,
        args: &GroundArgs,
        audit: bool,
        interrupt: &'a Interrupt,
        progress: &'a Progress,
    ) -> Result<Self> {
        let Deployable {
            overlay,
            controller,
        } = deployable;
        let binary = match &args.binary {
            Some(binary) => std::path::absolute(binary).context("find the controller")?,
            None => image::build_binary(controller, progress)?,
        };
        let cleanup = Cleanup {
            name: (!args.keep).then(|| args.name.clone()),
            progress,
        };
        let cluster = interrupt.prefer(Cluster::up(
            &UpOptions {
                name: args.name.clone(),
                nodes: 0,
                audit,
            },
            progress,
        ))?;
        deploy::install_without_workloads(overlay, &cluster.kubeconfig(), progress)?;
        cluster.leave_only_api_server()?;
        let api = Api::connect(&cluster.kubeconfig())?;
        let directory = tempfile::tempdir().context("make a directory")?;
        let kubeconfig = directory.path().join("kubeconfig");
        std::fs::write(&kubeconfig, api.kubeconfig_of(INSTALLED_IN, controller)?)
            .context("write the controller's kubeconfig")?;
        let ground = Self {
            program: Program {
                binary,
                kubeconfig,
                log: cluster.log("bench-controller"),
                env: args.env.clone(),
                args: Vec::new(),
            },
            audit_log: cluster.audit_log(),
            api,
            cluster,
            cleanup: cleanup.hand_over(),
            progress,
            interrupt,
            _directory: directory,
        };
        ground.make_namespace()?;
        Ok(ground)
    }

    /// Says what goes on.
    pub(super) fn step(&self, text: impl AsRef<str>) {
        self.progress.step(text);
    }

    /// The administrator's kubeconfig.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.cluster.kubeconfig()
    }

    /// Seconds of CPU that the API server and etcd have used.
    pub(super) fn cpu_of_api_server(&self) -> Result<f64> {
        let serving = self.cluster.serving();
        serving.into_iter().map(usage::cpu_seconds).sum()
    }

    /// Ends every connection to the API server, and lets it start with empty caches: watches that go on
    /// from a version are answered "410 Gone", and list again.
    pub(super) fn restart_api_server(&self) -> Result<()> {
        self.cluster.restart_api_server(self.progress)
    }

    /// Deletes all pods and CloneSets at once, also those that an earlier run left.
    pub(super) fn clear(&self) -> Result<()> {
        let namespaced = format!("namespaces/{NAMESPACE}");
        for path in [
            format!("/apis/apps.kruise.io/v1beta1/{namespaced}/clonesets"),
            format!("/api/v1/{namespaced}/pods"),
            format!("/apis/apps/v1/{namespaced}/controllerrevisions"),
            format!("/api/v1/{namespaced}/events"),
        ] {
            self.empty(&path)?;
        }
        Ok(())
    }

    /// Deletes all that is listed at a path, at once.
    pub(super) fn empty(&self, path: &str) -> Result<()> {
        // One by one, by several threads: the API server takes longer than it allows itself to
        // delete a large collection.
        self.wait_for(&format!("{path} to be empty"), CLEAR_TIMEOUT, || {
            let left = self.api.get(&format!("{path}?limit=500"))?;
            let left = left.as_ref().and_then(|left| left.get("items")?.as_array());
            let names = names_of(left.map_or(&[], Vec::as_slice));
            load::each(names.len(), |idx| {
                let name = names.get(idx).map_or("", String::as_str);
                let deleted = self.api.delete_at_once(&format!("{path}/{name}"), None);
                deleted.or_else(|error| self.is_gone(path, name, error))
            })?;
            Ok(names.is_empty())
        })
    }

    /// Somebody else may have been faster; any other failure counts.
    fn is_gone(&self, path: &str, name: &str, error: anyhow::Error) -> Result<()> {
        match self.api.get(&format!("{path}/{name}"))? {
            None => Ok(()),
            Some(_) => Err(error),
        }
    }

    /// Waits for something that the benchmark itself makes happen.
    pub(super) fn wait_for(
        &self,
        what: &str,
        timeout: Duration,
        done: impl Fn() -> Result<bool>,
    ) -> Result<()> {
        let start = Instant::now();
        let mut patience = Patience::new(format!("for {what}"));
        while !done()? {
            patience.look(String::new);
            self.interrupt.check()?;
            if start.elapsed() > timeout {
                anyhow::bail!("waited {} s for {what}, in vain", timeout.as_secs());
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// With the service account that the controller manager would make, did it run.
    fn make_namespace(&self) -> Result<()> {
        let object = |name: &str| json!({"metadata": {"name": name}});
        self.api.ensure("/api/v1/namespaces", &object(NAMESPACE))?;
        let accounts = format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts");
        self.api.ensure(&accounts, &object("default"))
    }
}

impl Drop for Ground<'_> {
    fn drop(&mut self) {
        drop(Cleanup {
            name: self.cleanup.take(),
            progress: self.progress,
        });
    }
}

fn names_of(objects: &[Value]) -> Vec<String> {
    let names = objects
        .iter()
        .filter_map(|object| object.pointer("/metadata/name")?.as_str());
    names.map(str::to_owned).collect()
}

/// Takes the cluster away when dropped, also one that came up only half.
struct Cleanup<'a> {
    name: Option<String>,
    progress: &'a Progress,
}

impl Cleanup<'_> {
    fn hand_over(mut self) -> Option<String> {
        self.name.take()
    }
}

impl Drop for Cleanup<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.name.take()
            && let Err(error) = Cluster::down(&name, self.progress)
        {
            self.progress.step(format!(
                "cluster {name:?} could not be taken away: {error:#}"
            ));
        }
    }
}
