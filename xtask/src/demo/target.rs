//! The cluster that the demo plays on.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use demo::{CLONESET, NAMESPACE};
use localkube::cluster::{self, Cluster};
use localkube::process;
use localkube::progress::Progress;

/// The demo image on a cluster of ours, where any registry's name leads to the same registry.
const LOCAL_IMAGE: &str = "registry.local/demo";
/// The last lines of each answer are the telling ones.
const DIAGNOSIS_LINES: usize = 20;

/// A cluster, and what is known of it.
pub(super) struct Target {
    pub(super) kubectl: PathBuf,
    pub(super) kubeconfig: PathBuf,
    /// The demo image without its tag.
    pub(super) image: String,
    /// Only on a cluster that we made ourselves.
    pub(super) audit_log: Option<PathBuf>,
}

impl Target {
    /// A cluster of our own.
    pub(super) fn of(cluster: &Cluster, progress: &Progress) -> Result<Self> {
        Ok(Self {
            kubectl: cluster::kubectl_binary(progress)?,
            kubeconfig: cluster.kubeconfig(),
            image: LOCAL_IMAGE.to_owned(),
            audit_log: cluster.audit_log(),
        })
    }

    /// kubectl for this cluster.
    pub(super) fn kubectl(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(&self.kubeconfig);
        command
    }

    /// Whether the cluster has this object; an error if it doesn't answer.
    pub(super) fn has(&self, object: &[&str]) -> Result<bool> {
        let mut command = self.kubectl();
        command.args([
            "--request-timeout=10s",
            "get",
            "--ignore-not-found",
            "--output=name",
        ]);
        let answer = process::output(command.args(object))
            .with_context(|| format!("ask the cluster of {}", self.kubeconfig.display()))?;
        Ok(!answer.trim().is_empty())
    }

    /// A namespace of our own; whoever has one of that name keeps it.
    pub(super) fn create_namespace(&self) -> Result<()> {
        process::output(self.kubectl().args(["create", "namespace", NAMESPACE]))
            .with_context(|| format!("create namespace {NAMESPACE:?}, which must not exist yet"))
            .map(drop)
    }

    pub(super) fn delete_namespace(&self) -> Result<()> {
        let arguments = [
            "delete",
            "namespace",
            NAMESPACE,
            "--ignore-not-found",
            "--timeout=120s",
        ];
        let mut command = self.kubectl();
        let what = format!("for namespace {NAMESPACE:?} and all in it to go");
        process::output_of_long(command.args(arguments), &what).map(drop)
    }

    /// What helps to understand a failure: the CloneSet's conditions and the controller's last words.
    pub(super) fn diagnosis(&self) -> Vec<String> {
        let conditions = "jsonpath={range .status.conditions[*]}{.type} {.status} {.reason}: {.message}{\"\\n\"}{end}";
        [
            vec![
                "--namespace",
                NAMESPACE,
                "get",
                "cloneset",
                CLONESET,
                "--output",
                conditions,
            ],
            vec![
                "--namespace",
                NAMESPACE,
                "get",
                "events",
                "--sort-by=.lastTimestamp",
            ],
            vec![
                "--namespace=kruise-system",
                "logs",
                "--selector=app.kubernetes.io/name=cloneset-controller",
                "--tail=20",
                "--prefix",
            ],
        ]
        .into_iter()
        .filter_map(|arguments| {
            let mut command = self.kubectl();
            process::output(command.arg("--request-timeout=10s").args(arguments)).ok()
        })
        .flat_map(|text| {
            let lines: Vec<String> = text.lines().map(str::to_owned).collect();
            lines
                .into_iter()
                .rev()
                .take(DIAGNOSIS_LINES)
                .rev()
                .collect::<Vec<_>>()
        })
        .collect()
    }
}
