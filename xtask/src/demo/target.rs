//! The cluster that the demo plays on.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use localkube::cluster::{self, Cluster};
use localkube::process;
use localkube::progress::Progress;
use serde_json::{Value, json};

/// The demo image on a cluster of ours, where any registry's name leads to the same registry.
const LOCAL_IMAGE: &str = "registry.local/demo";
/// Everything of the demo is in this namespace.
pub(super) const NAMESPACE: &str = "demo";
/// The CloneSet.
pub(super) const CLONESET: &str = "web";
pub(super) const REPLICAS: usize = 6;
const MAX_UNAVAILABLE: usize = 2;
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

    pub(super) fn create_cloneset(&self, tag: &str) -> Result<()> {
        let cloneset = cloneset(&self.image, tag).to_string();
        let mut command = self.kubectl();
        process::output_with_input(command.args(["create", "--filename=-"]), &cloneset)
            .context("create the CloneSet")
            .map(drop)
    }

    /// A new image for the app, and the way pods get it.
    pub(super) fn update_app(&self, tag: &str, pod_update_policy: &str) -> Result<()> {
        let patch = json!([
            {"op": "test", "path": "/spec/template/spec/containers/0/name", "value": super::pods::APP},
            {"op": "replace", "path": "/spec/template/spec/containers/0/image",
             "value": format!("{}:{tag}", self.image)},
            {"op": "replace", "path": "/spec/updateStrategy/rollingUpdate/podUpdatePolicy",
             "value": pod_update_policy},
        ]);
        let mut command = self.kubectl();
        command.args([
            "--namespace",
            NAMESPACE,
            "patch",
            "cloneset",
            CLONESET,
            "--type=json",
        ]);
        process::output(command.arg(format!("--patch={patch}")))
            .context("change the CloneSet")
            .map(drop)
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

fn cloneset(image: &str, tag: &str) -> Value {
    let image = format!("{image}:{tag}");
    json!({
        "apiVersion": "apps.kruise.io/v1beta1",
        "kind": "CloneSet",
        "metadata": {"name": CLONESET, "namespace": NAMESPACE},
        "spec": {
            "replicas": REPLICAS,
            "selector": {"matchLabels": {"app": CLONESET}},
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {
                    "podUpdatePolicy": "InPlaceIfPossible",
                    "maxUnavailable": MAX_UNAVAILABLE,
                },
            },
            "template": {
                "metadata": {"labels": {"app": CLONESET}},
                "spec": {
                    "containers": [
                        {"name": super::pods::APP, "image": image},
                        // Two servers on one port would not get on.
                        {"name": super::pods::SIDECAR, "image": image,
                         "command": ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait"]},
                    ],
                },
            },
        },
    })
}
