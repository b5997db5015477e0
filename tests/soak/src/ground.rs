//! The cluster that is soaked, and what every stage does with it.

use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use localkube::cluster::{self, Cluster};
use localkube::interrupt::Interrupt;
use localkube::process;
use localkube::progress::{Patience, Progress};
use serde_json::{Value, json};

use super::plan::Sets;
use super::record::{Now, Record};
use super::seen::{APP, SIDECAR, Terms};

/// Everything that is made in the cluster is in this namespace.
pub(super) const NAMESPACE: &str = "soak";
/// Where the controller is, its name and its lease's, and its account as the API server names it.
pub(super) const SYSTEM: &str = "kruise-system";
pub(super) const CONTROLLER: &str = "cloneset-controller";
pub(super) const ACCOUNT: &str = "system:serviceaccount:kruise-system:cloneset-controller";

/// How soon an interrupt is noticed, and how soon a change is seen.
const PATIENCE: Duration = Duration::from_millis(20);

/// How the API server says that no replica answered.
const UNANSWERED: &str = "failed calling webhook";
/// Until one that was killed is asked no more.
const ADMITTED: Duration = Duration::from_secs(15);

/// A cluster with the controller in it.
pub(super) struct Ground<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) interrupt: &'a Interrupt,
    pub(super) progress: &'a Progress,
    pub(super) audit_log: PathBuf,
    kubectl: PathBuf,
}

impl<'a> Ground<'a> {
    /// A cluster of our own, with an audit log.
    pub(super) fn of(
        cluster: &'a Cluster,
        interrupt: &'a Interrupt,
        progress: &'a Progress,
    ) -> Result<Self> {
        Ok(Self {
            cluster,
            interrupt,
            progress,
            audit_log: cluster
                .audit_log()
                .context("the cluster has no audit log")?,
            kubectl: cluster::kubectl_binary(progress)?,
        })
    }

    /// kubectl for this cluster.
    pub(super) fn kubectl(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        command.arg("--kubeconfig").arg(self.cluster.kubeconfig());
        command
    }

    /// An object or a list of some, as it is now.
    pub(super) fn get(&self, what: &[&str]) -> Result<Value> {
        let mut command = self.kubectl();
        command.arg("get").args(what).arg("--output=json");
        let text = self.interrupt.prefer(process::output(&mut command))?;
        serde_json::from_str(&text).context("read kubectl's answer")
    }

    /// An empty namespace, whatever an earlier stage left.
    pub(super) fn begin(&self) -> Result<()> {
        let delete = [
            "delete",
            "namespace",
            NAMESPACE,
            "--ignore-not-found",
            "--timeout=120s",
        ];
        let mut command = self.kubectl();
        let what = format!("for what an earlier stage left in namespace {NAMESPACE:?} to go");
        self.interrupt
            .prefer(process::output_of_long(command.args(delete), &what))?;
        let create = ["create", "namespace", NAMESPACE];
        self.interrupt
            .prefer(process::output(self.kubectl().args(create)))
            .map(drop)
    }

    /// Makes CloneSets.
    pub(super) fn create(&self, sets: &Sets) -> Result<()> {
        for (name, terms) in sets {
            let set = clone_set(name, terms).to_string();
            self.write(|| {
                let mut command = self.kubectl();
                command.args(["create", "--filename=-"]);
                process::output_with_input(&mut command, &set)
            })
            .with_context(|| format!("create CloneSet {name}"))?;
        }
        Ok(())
    }

    /// Asks other things of CloneSets that are there.
    pub(super) fn ask(&self, sets: &Sets) -> Result<()> {
        for (name, terms) in sets {
            let patch = json!({ "spec": spec(name, terms) }).to_string();
            self.write(|| {
                let mut command = self.kubectl();
                command.args(["--namespace", NAMESPACE, "patch", "cloneset", name]);
                process::output(command.args(["--type=merge", "--patch", &patch]))
            })
            .with_context(|| format!("change CloneSet {name}"))?;
        }
        Ok(())
    }

    /// Writes a CloneSet, again and again while admission is asked of a replica that was killed: its kubelet
    /// takes a second or two to tell.
    fn write(&self, write: impl Fn() -> Result<String>) -> Result<()> {
        let start = Instant::now();
        loop {
            match self.interrupt.prefer(write()) {
                Err(error)
                    if format!("{error:#}").contains(UNANSWERED) && start.elapsed() < ADMITTED =>
                {
                    self.sleep(PATIENCE)?;
                }
                written => return written.map(drop),
            }
        }
    }

    /// Records until `done`.
    pub(super) fn record_until(
        &self,
        record: &mut Record,
        what: &str,
        timeout: Duration,
        done: impl Fn(&Now) -> bool,
    ) -> Result<()> {
        let start = Instant::now();
        let mut patience = Patience::new(format!("for {what}"));
        while !done(record.now()) {
            patience.look(|| record.now().describe());
            if start.elapsed() > timeout {
                bail!(
                    "waited {} s for {what}, in vain: {}",
                    timeout.as_secs(),
                    record.now().describe()
                );
            }
            self.record_once(record)?;
        }
        Ok(())
    }

    /// Records for a while.
    pub(super) fn record_for(&self, record: &mut Record, time: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < time {
            self.record_once(record)?;
        }
        Ok(())
    }

    fn record_once(&self, record: &mut Record) -> Result<()> {
        self.interrupt.check()?;
        // The watches end by the same Ctrl-C; that is the better message.
        self.interrupt.prefer(record.take(PATIENCE))
    }

    /// Waits, with an ear for interrupts.
    pub(super) fn sleep(&self, time: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < time {
            self.interrupt.check()?;
            thread::sleep(PATIENCE.min(time.saturating_sub(start.elapsed())));
        }
        Ok(())
    }
}

fn clone_set(name: &str, terms: &Terms) -> Value {
    json!({
        "apiVersion": "apps.kruise.io/v1beta1",
        "kind": "CloneSet",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": spec(name, terms),
    })
}

fn spec(name: &str, terms: &Terms) -> Value {
    let Terms {
        replicas,
        max_unavailable,
        max_surge,
        partition,
        in_place,
        image,
    } = terms;
    json!({
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "updateStrategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {
                "podUpdatePolicy": if *in_place { "InPlaceIfPossible" } else { "ReCreate" },
                "partition": partition,
                "maxUnavailable": max_unavailable,
                "maxSurge": max_surge,
            },
        },
        "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {
                "terminationGracePeriodSeconds": 2,
                "containers": [
                    {"name": APP, "image": image},
                    // Never another image, and no server: two on one port would not get on.
                    {"name": SIDECAR, "image": super::plan::image(0),
                     "command": ["/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait"]},
                ],
            },
        },
    })
}
