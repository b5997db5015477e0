//! A real cluster as the ground of the demo's story.

use std::time::Duration;

use anyhow::{Context, Result};
use demo::{CLONESET, Ground, NAMESPACE, PodView};
use jiff::Timestamp;
use localkube::interrupt::Interrupt;
use localkube::object_watch::{Change, ObjectWatch};
use localkube::pod_writes::{self, PodWrites, Span};
use localkube::process;
use serde_json::Value;

use super::target::Target;

/// How soon an interrupt is noticed.
const PATIENCE: Duration = Duration::from_millis(100);

/// The cluster, and a watch of the demo's pods.
pub(super) struct OnCluster<'a> {
    target: &'a Target,
    interrupt: &'a Interrupt,
    watch: ObjectWatch<PodView>,
}

impl<'a> OnCluster<'a> {
    pub(super) fn new(target: &'a Target, interrupt: &'a Interrupt) -> Result<Self> {
        let mut kubectl = target.kubectl();
        kubectl.args(["--namespace", NAMESPACE]);
        let watch = ObjectWatch::start(kubectl, &["pods"], PodView::parse)?;
        Ok(Self {
            target,
            interrupt,
            watch,
        })
    }
}

impl Ground for OnCluster<'_> {
    fn image(&self) -> String {
        self.target.image.clone()
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn create_cloneset(&mut self, cloneset: &Value) -> Result<()> {
        let mut command = self.target.kubectl();
        process::output_with_input(
            command.args(["create", "--filename=-"]),
            &cloneset.to_string(),
        )
        .context("create the CloneSet")
        .map(drop)
    }

    fn change_cloneset(&mut self, patch: &Value) -> Result<()> {
        let mut command = self.target.kubectl();
        command.args(["--namespace", NAMESPACE, "patch", "cloneset", CLONESET]);
        process::output(command.args(["--type=json", &format!("--patch={patch}")]))
            .context("change the CloneSet")
            .map(drop)
    }

    fn next_change(&mut self) -> Result<Option<Change<PodView>>> {
        self.interrupt.check()?;
        let change = self.watch.next(PATIENCE);
        // The watch ends by the same Ctrl-C; that is the better message.
        self.interrupt.check()?;
        change
    }

    fn writes(&self, span: Span<'_>) -> Result<Option<PodWrites>> {
        let log = self.target.audit_log.as_deref();
        log.map(|log| {
            pod_writes::count_in(log, span).with_context(|| format!("read {}", log.display()))
        })
        .transpose()
    }

    fn about_seconds(&self) -> &'static str {
        "Seconds depend on how long images take to pull and containers to start: next to nothing for these."
    }
}
