//! A deployable as a value, and what it may ask for while it is set up. Nothing here is global, so one process can
//! run any choice of apps, which share client, watches and lease.

use std::sync::{Arc, atomic::AtomicUsize};

use futures::future::BoxFuture;
use kruise_api::{
    object::Object,
    resource::{ObjectKey, Resource},
};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    api::{client::ApiClient, server_version::ServerVersion},
    clock::Clock,
    control::{
        own_writes::OwnWrites,
        queue::{Queue, RateLimit},
        reconcile::{Controller, Reconciler},
        work_gate::WorkGate,
    },
    leader::leadership::Leadership,
    process::{
        args::{RuntimeArgs, process::pod_namespace},
        error::SetupError,
        gates::FeatureGates,
        webhooks::{Webhooks, pod_configuration},
    },
    tell::{events::Recorder, metrics::Metrics, protection_log::ProtectionLog},
    watch::{
        fresh::Freshness, shared::SharedWatches, store::Store, store_view::StoreView,
        watcher::WatchOptions,
    },
    webhook::Admission,
};

type SetUp = Box<dyn FnOnce(&mut Setup) -> Result<(), SetupError> + Send>;
type RunController = Box<dyn FnOnce(watch::Receiver<WorkGate>, CancellationToken) -> Task + Send>;
type Task = BoxFuture<'static, ()>;

/// One deployable.
pub struct App {
    pub(crate) name: &'static str,
    pub(crate) set_up: SetUp,
    pub(crate) reconciles: Reconciles,
}

/// Which replicas of an app reconcile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reconciles {
    /// The one that has the lease.
    OnLeader,
    /// Every one.
    Everywhere,
    /// None.
    Nowhere,
}

impl App {
    /// A deployable of this name, wired by `set_up`.
    pub fn new<F>(name: &'static str, set_up: F) -> Self
    where
        F: FnOnce(&mut Setup) -> Result<(), SetupError> + Send + 'static,
    {
        Self {
            name,
            set_up: Box::new(set_up),
            reconciles: Reconciles::OnLeader,
        }
    }

    /// The same app, of which every replica reconciles, as an agent on each node does. Its controllers begin as soon
    /// as the watches are synced, unless another app of the process needs the lease.
    #[must_use]
    pub fn without_leader_election(self) -> Self {
        Self {
            reconciles: Reconciles::Everywhere,
            ..self
        }
    }

    /// The same app, which has no controllers: it answers webhooks, and each replica does the same. Unless another app
    /// of the process has some, there is no lease, and whether OpenKruise's own manager is alive doesn't matter.
    #[must_use]
    pub fn without_controllers(self) -> Self {
        Self {
            reconciles: Reconciles::Nowhere,
            ..self
        }
    }
}

/// What every process has, whatever it runs.
pub(crate) struct Shared {
    pub(crate) args: RuntimeArgs,
    pub(crate) clock: Clock,
    /// The client that writes only while this process leads.
    pub(crate) client: ApiClient,
    /// The client that writes without leading.
    pub(crate) replica_client: ApiClient,
    pub(crate) recorder: Recorder,
    pub(crate) own_writes: OwnWrites,
    pub(crate) leadership: Leadership,
    pub(crate) metrics: Metrics,
    pub(crate) server_version: ServerVersion,
    pub(crate) protection_log: ProtectionLog,
}

/// Gives an app what it needs, and takes what the app wants to have run.
pub struct Setup {
    shared: Shared,
    pub(crate) registry: Registry,
    /// The app that is being set up.
    app: &'static str,
    pub(crate) watches: SharedWatches,
    pub(crate) controllers: Vec<(&'static str, RunController)>,
    pub(crate) tasks: Vec<(String, Task)>,
    pub(crate) busy: Arc<AtomicUsize>,
    pub(crate) webhooks: Webhooks,
}

/// A watched kind.
pub struct Watched<K> {
    store: Store<K>,
}

impl<K: Object> Watched<K> {
    /// What the watch has seen.
    #[must_use]
    pub fn store(&self) -> Store<K> {
        self.store.clone()
    }

    /// Adds keys to `queue` for each change: those that `keys` returns for the object before and after the change.
    /// Each object of the first list is such a change.
    pub fn on_change<F>(&self, queue: &Queue, keys: F)
    where
        F: FnMut(Option<&K>, Option<&K>) -> Vec<ObjectKey> + Send + 'static,
    {
        self.store.on_change(queue, keys);
    }

    /// Calls `follower` with the object before and after each change, for an index of one's own: it is complete whenever
    /// the store is synced, and knows of a change before a key enters a queue because of it. Each object of the first
    /// list is such a change. `follower` may take its time, but keeps the watch waiting.
    pub fn follow(&self, follower: impl FnMut(Option<&K>, Option<&K>) + Send + 'static) {
        self.store.follow(follower);
    }
}

impl Setup {
    pub(crate) fn new(shared: Shared, registry: Registry) -> Self {
        Self {
            shared,
            registry,
            app: "",
            watches: SharedWatches::default(),
            controllers: vec![],
            tasks: vec![],
            busy: Arc::default(),
            webhooks: Webhooks::default(),
        }
    }

    pub(crate) fn set_up(&mut self, app: App) -> Result<(), SetupError> {
        self.app = app.name;
        (app.set_up)(self)
    }

    /// Name of the app that is being set up.
    #[must_use]
    pub fn app_name(&self) -> &'static str {
        self.app
    }

    /// The namespace that this process is installed in: `POD_NAMESPACE`, or the usual one.
    #[must_use]
    pub fn installation_namespace(&self) -> String {
        pod_namespace()
    }

    /// A client that writes without leading: for what every replica does. It has limits of its own, so that a
    /// roll-out doesn't make admission wait.
    #[must_use]
    pub fn replica_client(&self) -> ApiClient {
        self.shared.replica_client.clone()
    }

    /// The client for reconcilers: it writes while this process leads and reconcilers may work. A call at any other
    /// time fails at once. So does a call that waits for the limits when reconcilers must stop
    /// ([`crate::ApiError::was_withheld`]).
    #[must_use]
    pub fn client(&self) -> ApiClient {
        self.shared.client.clone()
    }

    /// Which features are on.
    #[must_use]
    pub fn gates(&self) -> &FeatureGates {
        &self.shared.args.process.feature_gates
    }

    /// The flags that every deployable has.
    #[must_use]
    pub fn args(&self) -> &RuntimeArgs {
        &self.shared.args
    }

    /// Writes events as this component.
    #[must_use]
    pub fn recorder(&self, component: &'static str) -> Recorder {
        self.shared.recorder.for_component(component)
    }

    /// Tells reconcilers which own writes the watches show. It reads live while reconcilers may work, with limits of
    /// its own.
    #[must_use]
    pub fn own_writes(&self) -> OwnWrites {
        self.shared.own_writes.clone()
    }

    /// Whether this process leads, and which other leases are live.
    #[must_use]
    pub fn leadership(&self) -> Leadership {
        self.shared.leadership.clone()
    }

    /// The API server's version, known when reconcilers begin.
    #[must_use]
    pub fn server_version(&self) -> ServerVersion {
        self.shared.server_version.clone()
    }

    /// The wall clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.shared.clock.clone()
    }

    /// Notes refusals where `--protection-log-path` says.
    #[must_use]
    pub fn protection_log(&self) -> ProtectionLog {
        self.shared.protection_log.clone()
    }

    /// Metrics of the runtime.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Where an app registers metrics of its own.
    pub fn registry(&mut self) -> &mut Registry {
        &mut self.registry
    }

    /// A queue limited as the flags say (PF-103, PF-104).
    #[must_use]
    pub fn queue(&self, name: &'static str) -> Queue {
        let limit = self.shared.args.controller.rate_limit();
        Queue::new(name, limit, &self.shared.metrics)
    }

    /// A queue limited as the library limits its own, whatever the flags say (PF-103, PF-104).
    #[must_use]
    pub fn queue_with_library_limits(&self, name: &'static str) -> Queue {
        Queue::new(name, RateLimit::LIBRARY, &self.shared.metrics)
    }

    /// Watches a kind, on every replica. Apps that ask for the same kind share one watch. Where their selectors
    /// differ, the watch does without that selector, so a store may show more than its app asked for.
    pub fn watch<K: Object>(&mut self, resource: Resource, options: WatchOptions) -> Watched<K> {
        let store: Store<K> = self.watches.store(resource, options);
        let metrics = self.shared.metrics.clone();
        store
            .on_gone(move |gone| metrics.forget_object(resource.kind, &ObjectKey::of(gone.meta())));
        Watched { store }
    }

    /// Waits until the store of a watched kind is as new as the API server, on every replica.
    #[must_use]
    pub fn freshness<K: Object>(&self, watched: &Watched<K>) -> Freshness {
        let store = watched.store();
        let namespace = match StoreView::resource(&store).namespaced {
            true => self.shared.args.controller.namespace.as_str(),
            false => "",
        };
        Freshness::new(self.replica_client(), namespace, Arc::new(store))
    }

    /// Reconciles the keys of a queue, `workers` at once, while this process leads.
    pub fn controller<R: Reconciler>(
        &mut self,
        name: &'static str,
        workers: usize,
        queue: Queue,
        reconciler: R,
    ) {
        let controller = Controller {
            name,
            workers,
            queue,
            reconciler: Arc::new(reconciler),
            metrics: self.shared.metrics.clone(),
            busy: Arc::clone(&self.busy),
        };
        self.controllers.push((
            name,
            Box::new(|gate, stop| Box::pin(controller.run(gate, stop))),
        ));
    }

    /// Answers mutating admissions at this path, on every replica, once it is ready. The API server is told of the
    /// path by `kruise-<app>-mutating-webhook-configuration`, which the installation brings. This process keeps the
    /// configuration's caBundle right, and waits for nothing where the configuration is missing.
    pub fn mutating_webhook(&mut self, path: &str, handler: impl Admission) {
        self.webhooks.mutate(self.app, path, handler);
    }

    /// The same for pods, which the mutating webhooks of several deployables may change one after the other. The API
    /// server asks these webhooks in the order of their configurations' names, so the name holds the webhook's place:
    /// `kruise-<place>-<app>-mutating-webhook-configuration`, with a place from 10 to 99 (PF-908). That order is a
    /// habit of the server's, not a promise: the handler must be right in any order, and when it is asked again.
    pub fn mutating_pod_webhook(&mut self, place: u8, path: &str, handler: impl Admission) {
        self.webhooks.mutate_pods(place, self.app, path, handler);
    }

    /// Name of the configuration that [`Setup::mutating_pod_webhook`] speaks of.
    #[must_use]
    pub fn pod_webhook_configuration(&self, place: u8) -> String {
        pod_configuration(place, self.app)
    }

    /// The same as [`Setup::mutating_webhook`] for validating admissions and
    /// `kruise-<app>-validating-webhook-configuration`.
    pub fn validating_webhook(&mut self, path: &str, handler: impl Admission) {
        self.webhooks.validate(self.app, path, handler);
    }

    /// Converts objects of a kind between the versions of its CRD, on every replica. The converter is told the wanted
    /// version, such as `apps.kruise.io/v1beta1`. Users read the converter's error, which should name the object.
    pub fn conversion<C, E>(&mut self, crd: &'static str, kind: &'static str, converter: C)
    where
        C: Fn(Value, &str) -> Result<Value, E> + Send + Sync + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        self.webhooks.convert(crd, kind, converter);
    }

    /// Runs another task as long as the process; when the task ends, the process ends.
    pub fn task(&mut self, name: &str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.push((name.to_owned(), Box::pin(task)));
    }
}
