//! The cluster in memory as the ground of the demo's story.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Context, Result, bail};
use cloneset_controller::{CloneSetArgs, NAME, app};
use demo::{CLONESET, Ground, NAMESPACE, PodView};
use http::{Method, Request, header::CONTENT_TYPE};
use jiff::Timestamp;
use kruise_api::{
    apps::v1beta1::CLONESETS,
    resource::{NAMESPACES, NODES, ObjectKey, PODS},
};
use kruise_testkit::{
    builders,
    server::Change as ServerChange,
    world::{World, flags},
};
use localkube::{
    object_watch::Change,
    pod_writes::{PodWrites, Span},
};
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// How much time goes by between two looks at the pods.
const MOMENT: Duration = Duration::from_millis(50);
/// Whose requests those of the story are.
const USER: &str = "user";

/// A world with three nodes, and the controller.
pub(crate) struct InMemory {
    /// The world lives on it, so it is dropped first.
    world: World,
    runtime: Runtime,
    /// The last version whose changes were looked at.
    seen: u64,
    changes: VecDeque<Change<PodView>>,
}

impl InMemory {
    pub(crate) fn new(seed: u64) -> Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .context("make a runtime")?;
        kruise_runtime::seed_this_thread(seed);
        let mut world = runtime.block_on(async { World::new(seed) });
        for definition in world.install("apps.kruise.io_clonesets.yaml") {
            world.serve_conversion(&definition, &[NAME]);
        }
        world.serve_webhooks(NAME, &[NAME]);
        for namespace in ["kruise-system", NAMESPACE] {
            world
                .server
                .put(USER, NAMESPACES, builders::namespace(namespace));
        }
        for node in ["node1", "node2", "node3"] {
            world.server.put(USER, NODES, builders::node(node));
        }
        runtime.block_on(async {
            world.run_app(NAME, &[], || vec![app(flags::<CloneSetArgs>(&[]))]);
            let server = world.server.clone();
            tokio::spawn(async move { server.collect_garbage_every(MOMENT).await });
        });
        Ok(Self {
            seen: world.server.version(),
            world,
            runtime,
            changes: VecDeque::new(),
        })
    }

    fn send(&self, method: Method, path: &str, content_type: &str, body: &Value) -> Result<()> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, content_type)
            .body(body.to_string().into_bytes())?;
        let server = &self.world.server;
        self.runtime
            // A client has tasks of its own.
            .block_on(async { server.client_of(USER).request::<Value>(request).await })
            .map(drop)
            .with_context(|| format!("send {path}"))
    }

    fn take(&mut self, change: ServerChange) -> Result<()> {
        if change.resource != PODS {
            return Ok(());
        }
        let view = |pod: &Value| PodView::parse(pod.clone());
        let change = match (change.before, change.after) {
            (_, Some(pod)) => Change::Seen(view(&pod)?),
            (Some(pod), None) => Change::Gone(view(&pod)?),
            (None, None) => bail!("a change of nothing"),
        };
        self.changes.push_back(change);
        Ok(())
    }
}

impl Ground for InMemory {
    fn image(&self) -> String {
        "registry.example/demo".to_owned()
    }

    fn now(&self) -> Timestamp {
        self.runtime.block_on(async { self.world.clock.now() })
    }

    fn create_cloneset(&mut self, cloneset: &Value) -> Result<()> {
        let path = CLONESETS.collection_path(NAMESPACE);
        self.send(Method::POST, &path, "application/json", cloneset)
    }

    fn change_cloneset(&mut self, patch: &Value) -> Result<()> {
        let path = CLONESETS.object_path(&ObjectKey::new(NAMESPACE, CLONESET), None);
        self.send(Method::PATCH, &path, "application/json-patch+json", patch)
    }

    fn next_change(&mut self) -> Result<Option<Change<PodView>>> {
        if self.changes.is_empty() {
            self.runtime.block_on(self.world.run_for(MOMENT));
            if let Some((name, why)) = self.world.ended() {
                bail!("{name} ended: {why}");
            }
            for change in self.world.server.changes_since(self.seen) {
                self.seen = change.version;
                self.take(change)?;
            }
        }
        Ok(self.changes.pop_front())
    }

    fn writes(&self, span: Span<'_>) -> Result<Option<PodWrites>> {
        let mut writes = PodWrites::default();
        for request in self.world.server.requests() {
            let is_meant = request.by == NAME
                && request.plural == PODS.plural
                && !request.dry_run
                && request.key.namespace == span.namespace
                && (span.from..=span.to).contains(&request.at);
            if !is_meant {
                continue;
            }
            match request.verb {
                "create" => writes.creates += 1,
                "patch" => writes.patches += 1,
                "delete" => writes.deletes += 1,
                _ => continue,
            }
            match request.code {
                Some(409) => writes.conflicts += 1,
                Some(200..=299) => {}
                _ => writes.refused += 1,
            }
        }
        Ok(Some(writes))
    }

    fn about_seconds(&self) -> &'static str {
        "Seconds are those of a clock that stands still while anybody works; how long containers take is made up."
    }
}
