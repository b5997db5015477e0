//! SidecarSets, the way from the API server to the controller, and the controller's starts.

use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use localkube::progress::Progress;
use serde_json::{Value, json};

use super::super::api::PatchKind;
use super::super::controller::Controller;
use super::super::ground::{Ground, INSTALLED_IN};
use super::super::way::{Way, configuration};
use super::super::{load, pods};
use super::SIDECARSET;

const SETS: &str = "/apis/apps.kruise.io/v1beta1/sidecarsets";
const POD_WEBHOOK: &str = "kruise-20-sidecarset-controller-mutating-webhook-configuration";
const ENTRY: &str = "mpod.kb.io";
const FRESH_ENTRY: &str = "mpod-fresh.kb.io";
const INJECTING: &str = "injecting";
/// What is asked for a minute and a half after a SidecarSet was admitted, and another half until somebody looks.
const NARROW_TIMEOUT: Duration = Duration::from_secs(300);
const SERVED_TIMEOUT: Duration = Duration::from_secs(120);
const SETTLED_TIMEOUT: Duration = Duration::from_secs(900);
/// The queue of SidecarSets.
const QUEUE: &str = "name=\"sidecarset\"";
/// The queue is empty so often in a row when there is nothing more to do.
const LOOKS_AT_REST: u32 = 6;
const POLL: Duration = Duration::from_millis(10);

/// Everything around the controller.
pub(super) struct Surroundings<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) way: Way<'a>,
}

impl<'a> Surroundings<'a> {
    pub(super) fn new(ground: &'a Ground<'a>, progress: &'a Progress) -> Self {
        let ours = format!("kruise-{}", SIDECARSET.controller);
        let configurations = vec![
            configuration("mutating", POD_WEBHOOK),
            configuration(
                "mutating",
                &format!("{ours}-mutating-webhook-configuration"),
            ),
            configuration(
                "validating",
                &format!("{ours}-validating-webhook-configuration"),
            ),
        ];
        let way = Way {
            ground,
            progress,
            deployable: SIDECARSET,
            configurations,
        };
        Self { ground, way }
    }

    /// Takes away what an earlier run left.
    pub(super) fn prepare(&self) -> Result<()> {
        self.way.forget_webhooks()?;
        self.ground.empty(SETS)?;
        let revisions = format!("/apis/apps/v1/namespaces/{INSTALLED_IN}/controllerrevisions");
        self.ground.empty(&revisions)?;
        for namespace in ["bench", "kube-system"] {
            self.ground
                .empty(&format!("/api/v1/namespaces/{namespace}/pods"))?;
        }
        // The controller manager would make it, did it run.
        let accounts = "/api/v1/namespaces/kube-system/serviceaccounts";
        let account = json!({"metadata": {"name": "default"}});
        self.ground.api.ensure(accounts, &account)
    }

    /// Starts the controller, and lets the API server ask it.
    pub(super) fn start(&self) -> Result<Controller<'a>> {
        let process = self.way.start_unasked()?;
        self.install_webhooks()?;
        Ok(process)
    }

    fn install_webhooks(&self) -> Result<()> {
        self.way.install_webhooks(SETS, &idle("dry-run"))
    }

    /// SidecarSets that no pod has the labels for.
    pub(super) fn create_idle(&self, numbers: Range<usize>) -> Result<()> {
        load::each(numbers.len(), |idx| {
            let set = idle(&format!("idle-{}", numbers.start + idx));
            self.ground.api.create(SETS, &set).map(drop)
        })
        .map(drop)
    }

    /// The same, while nobody is asked.
    pub(super) fn store_idle(&self, numbers: Range<usize>) -> Result<()> {
        self.way.forget_webhooks()?;
        self.create_idle(numbers)
    }

    /// One that pods of this app get a container of.
    pub(super) fn create_injecting(&self, app: &str) -> Result<()> {
        let set = sidecar_set(INJECTING, app);
        self.ground.api.create(SETS, &set).map(drop)
    }

    pub(super) fn delete_injecting(&self) -> Result<()> {
        let path = format!("{SETS}/{INJECTING}");
        if self.ground.api.get(&path)?.is_some() {
            self.ground.api.delete_at_once(&path, None)?;
        }
        Ok(())
    }

    /// Until the webhook has a condition, and what followed the last admission of a SidecarSet is over.
    pub(super) fn wait_until_narrow(&self) -> Result<()> {
        let path = configuration("mutating", POD_WEBHOOK);
        let what = "the pod webhook to be narrow";
        self.ground.wait_for(what, NARROW_TIMEOUT, || {
            let configuration = self.ground.api.get(&path)?.unwrap_or_default();
            let entry = |name: &str| {
                let entries = configuration.get("webhooks")?.as_array()?;
                entries
                    .iter()
                    .find(|entry| entry.get("name").and_then(Value::as_str) == Some(name))
            };
            let conditions = entry(ENTRY).and_then(|entry| entry.get("matchConditions"));
            let is_narrow = conditions
                .and_then(Value::as_array)
                .is_some_and(|all| !all.is_empty());
            Ok(is_narrow && entry(FRESH_ENTRY).is_none())
        })
    }

    /// Until the controller has looked at every SidecarSet, and there is nothing more to do.
    pub(super) fn wait_until_settled(&self, process: &mut Controller<'_>) -> Result<()> {
        let mut at_rest = 0;
        let what = "the controller to have nothing to do";
        while at_rest < LOOKS_AT_REST {
            process.wait_for(what, SETTLED_TIMEOUT, |process| {
                Ok(process.metric("workqueue_depth", QUEUE)? == 0.0)
            })?;
            std::thread::sleep(Duration::from_millis(500));
            let is_at_rest = process.metric("workqueue_depth", QUEUE)? == 0.0;
            at_rest = if is_at_rest { at_rest + 1 } else { 0 };
        }
        Ok(())
    }

    /// A new process; and how many seconds it takes from its start until a change of a SidecarSet has passed its
    /// admission and is in its status.
    pub(super) fn restart(&self) -> Result<(Controller<'a>, f64)> {
        self.way.forget_webhooks()?;
        let start = Instant::now();
        let process = self.way.start_unasked()?;
        let ready = start.elapsed();
        self.install_webhooks()?;
        let changed = Instant::now();
        let path = format!("{SETS}/idle-0");
        let patch = json!({"spec": {"containers": [container(&start_tag())]}});
        let answer = self.ground.api.patch(&path, PatchKind::Merge, &patch)?;
        let stored: Value = serde_json::from_slice(&answer).context("read the SidecarSet")?;
        let generation = stored.pointer("/metadata/generation").cloned();
        while self
            .ground
            .api
            .get(&path)?
            .and_then(|set| set.pointer("/status/observedGeneration").cloned())
            != generation
        {
            self.ground.interrupt.check()?;
            if changed.elapsed() > SERVED_TIMEOUT {
                let words = process.last_words();
                bail!("the change of a SidecarSet is not in its status{words}");
            }
            std::thread::sleep(POLL);
        }
        // Applying the webhooks by kubectl is not its time.
        Ok((process, (ready + changed.elapsed()).as_secs_f64()))
    }
}

/// Another one in each run.
fn start_tag() -> String {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    since.map_or(0, |since| since.as_millis()).to_string()
}

fn idle(name: &str) -> Value {
    sidecar_set(name, &format!("nobody-{name}"))
}

fn sidecar_set(name: &str, app: &str) -> Value {
    json!({
        "apiVersion": "apps.kruise.io/v1beta1",
        "kind": "SidecarSet",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {pods::APP: app}},
            "containers": [container("1")],
        },
    })
}

fn container(tag: &str) -> Value {
    json!({
        "name": "sidecar",
        "image": pods::image("sidecar", tag),
        "env": [{"name": "LEVEL", "value": "info"}],
        "resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "10m"}},
    })
}

/// Whether the pod that was created has the container.
pub(super) fn is_injected(created: &[u8]) -> bool {
    const MARK: &[u8] = b"\"IS_INJECTED\"";
    created.windows(MARK.len()).any(|window| window == MARK)
}
