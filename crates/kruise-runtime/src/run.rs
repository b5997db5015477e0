//! One process: builds what all apps share, sets them up, runs everything, and stops in order.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kube::config::{KubeConfigOptions, Kubeconfig};
use prometheus_client::registry::Registry;
use tokio::{signal::unix::SignalKind, sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    api_error::chain,
    app::{App, Setup, SetupError, Shared},
    args::{RuntimeArgs, pod_namespace},
    certificates::{Certificates, CertificatesConfig},
    client::ApiClient,
    conversions::Conversions,
    events, http_server,
    http_server::{HealthServer, MetricsServer, Readiness},
    leader::{Election, ElectionConfig, Leadership},
    logging::{self, LogLevel},
    metrics::Metrics,
    own_writes::OwnWrites,
    reconcile::Gate,
    server_version::ServerVersion,
    start::Starter,
    webhook::{Limits, Routes, Server, WebhookMetrics},
};

/// Bound on finishing reconciles at shutdown, within the usual 30 s of grace.
const FINISH_WITHIN: Duration = Duration::from_secs(20);
/// Name of a process that runs several apps, and of its lease.
const SEVERAL_APPS: &str = "kruise";

/// Why a process ended.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The async runtime can't be started.
    #[error("can't start the async runtime")]
    StartRuntime(#[source] std::io::Error),
    /// `--kubeconfig`, or what stands in for it, can't be read.
    #[error("can't read the client configuration")]
    ReadConfig(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The client can't be made from the configuration.
    #[error("can't build the client")]
    BuildClient(#[source] Box<kube::Error>),
    /// An address can't be listened at.
    #[error("can't listen at {address}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An app can't be set up.
    #[error("can't set up {app}")]
    SetUp {
        /// Its name.
        app: &'static str,
        /// Why.
        #[source]
        source: SetupError,
    },
    /// The webhook server can't be set up.
    #[error("can't set up the webhook server")]
    Webhooks(#[source] crate::webhook::ServerError),
    /// Signals can't be received.
    #[error("can't receive signals")]
    Signals(#[source] std::io::Error),
    /// Something that must run as long as the process has ended.
    #[error("{task} has ended")]
    TaskEnded {
        /// What.
        task: String,
    },
    /// Something that must run as long as the process has panicked.
    #[error("{task} has panicked")]
    TaskPanicked {
        /// What.
        task: String,
        /// How.
        #[source]
        source: tokio::task::JoinError,
    },
}

/// Runs the apps until a signal, or until something that must not end ends.
#[must_use]
pub fn run(args: RuntimeArgs, apps: Vec<App>) -> ExitCode {
    let log_level = logging::init(&args);
    // An error says that there is one already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let result = runtime.map_err(RunError::StartRuntime).and_then(|runtime| {
        let result = runtime.block_on(async {
            let (client, host) = connect(&args).await?;
            let stop = stop_signal()?;
            Process {
                args,
                apps,
                client,
                host,
                log_level,
            }
            .run(stop)
            .await
        });
        // Blocking calls that hang must not keep the process.
        runtime.shutdown_timeout(Duration::from_secs(1));
        result
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = chain(&error), "the process ends");
            ExitCode::FAILURE
        }
    }
}

async fn connect(args: &RuntimeArgs) -> Result<(kube::Client, String), RunError> {
    let mut config = if args.kubeconfig.is_empty() {
        kube::Config::infer()
            .await
            .map_err(|error| RunError::ReadConfig(error.into()))?
    } else {
        let file = Kubeconfig::read_from(&args.kubeconfig)
            .map_err(|error| RunError::ReadConfig(error.into()))?;
        kube::Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
            .await
            .map_err(|error| RunError::ReadConfig(error.into()))?
    };
    // It would repeat POSTs and evictions that a budget refuses; queues do our retrying.
    config.default_retry = false;
    let host = config
        .cluster_url
        .authority()
        .map(ToString::to_string)
        .unwrap_or_default();
    let client =
        kube::Client::try_from(config).map_err(|error| RunError::BuildClient(Box::new(error)))?;
    Ok((client, host))
}

/// Ends with the first signal to stop; the second one ends the process at once.
fn stop_signal() -> Result<CancellationToken, RunError> {
    let listen = |kind| tokio::signal::unix::signal(kind).map_err(RunError::Signals);
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if stopped.is_cancelled() {
                tracing::error!("second signal, ending at once");
                std::process::exit(1);
            }
            tracing::info!("signal, stopping");
            stopped.cancel();
        }
    });
    Ok(stop)
}

/// A process before it runs.
pub(crate) struct Process {
    pub(crate) args: RuntimeArgs,
    pub(crate) apps: Vec<App>,
    pub(crate) client: kube::Client,
    pub(crate) host: String,
    pub(crate) log_level: LogLevel,
}

impl Process {
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), RunError> {
        let Self {
            args,
            apps,
            client,
            host,
            log_level,
        } = self;
        let name = match apps.as_slice() {
            [app] => app.name,
            _ => SEVERAL_APPS,
        };
        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        let bare = ApiClient::new(client, name, metrics.clone()).with_host(&host);
        let limited = bare
            .clone()
            .with_limits(args.rest_config_qps, args.rest_config_burst);
        let election = Election::new(election_config(&args, name), bare.clone(), metrics.clone());
        let leadership = election.leadership();
        let reconciling = limited.clone().with_leadership(leadership.clone());
        // Events of objects don't wait for reconcilers' writes, nor these for events.
        let (recorder, event_writer) = events::recorder(name, bare.clone(), metrics.clone());
        let own_writes = OwnWrites::new(limited.clone(), args.expectation_timeout, metrics.clone());
        let server_version = ServerVersion::default();
        let webhook_metrics = metrics.webhooks.clone();
        let shared = Shared {
            args: args.clone(),
            client: reconciling,
            read_client: limited.clone(),
            recorder,
            own_writes,
            leadership: leadership.clone(),
            metrics,
            server_version: server_version.clone(),
        };
        let mut setup = Setup::new(shared, registry);
        for App { name: app, set_up } in apps {
            set_up(&mut setup).map_err(|source| RunError::SetUp { app, source })?;
        }
        let registry = std::mem::take(&mut setup.registry);
        let watches = setup.watches.clone();
        let stopping = Arc::new(AtomicBool::new(false));
        let mut tasks = Tasks::default();
        // Before any watch, whose list may need conversion.
        let stop_serving = CancellationToken::new();
        let mut servers = Tasks::default();
        let certificates = if setup.conversions.is_empty() || args.webhook_port == 0 {
            None
        } else {
            let webhooks = Webhooks {
                name,
                conversions: std::mem::take(&mut setup.conversions),
                yield_to_manager: (!args.allow_kruise_manager).then(|| leadership.clone()),
                metrics: webhook_metrics,
            };
            let address = format!(":{}", args.webhook_port);
            let listener = listen(&address).await?;
            let (certificates, keeper, server) = webhooks.assemble(limited.clone())?;
            tasks.spawn("certificates", keeper);
            if let Some(listener) = listener {
                servers.spawn(
                    "webhook server",
                    server.serve(listener, stop_serving.clone()),
                );
            }
            Some(certificates)
        };
        let readiness = Readiness {
            client: bare,
            leadership: leadership.clone(),
            watches: watches.clone(),
            certificates,
            stopping: Arc::clone(&stopping),
        };

        if let Some(listener) = listen(&args.health_probe_addr).await? {
            let server = Arc::new(HealthServer {
                readiness,
                log_level,
            });
            tasks.spawn("health server", http_server::serve(listener, server));
        }
        if let Some(listener) = listen(&args.metrics_addr).await? {
            let server = Arc::new(MetricsServer(registry));
            tasks.spawn("metrics server", http_server::serve(listener, server));
        }
        tasks.spawn("event writer", event_writer.run());
        for (task_name, task) in std::mem::take(&mut setup.tasks) {
            tasks.spawn(&task_name, task);
        }
        let (gate, closed) = watch::channel(Gate::Closed);
        let starter = Starter {
            client: limited,
            leadership,
            server_version,
            watches,
            gate,
            busy: Arc::clone(&setup.busy),
            report_after: args.controller_cache_sync_timeout,
        };
        tasks.spawn("start of reconcilers", starter.run());
        let stop_workers = CancellationToken::new();
        let mut workers = Tasks::default();
        for (controller, run) in std::mem::take(&mut setup.controllers) {
            workers.spawn(controller, run(closed.clone(), stop_workers.clone()));
        }
        let stop_election = CancellationToken::new();
        let mut elections = Tasks::default();
        elections.spawn("leader election", election.run(stop_election.clone()));

        // The set-up holds a recorder, and the event writer ends with the last of them.
        let result = tokio::select! {
            () = stop.cancelled() => Ok(()),
            error = tasks.first_end() => Err(error),
            error = workers.first_end() => Err(error),
            error = elections.first_end() => Err(error),
            error = servers.first_end() => Err(error),
        };
        stopping.store(true, Ordering::Relaxed);
        // Serves on for some seconds, until everyone knows that this replica isn't ready any more.
        stop_serving.cancel();
        if let Err(error) = &result {
            tracing::error!(error = chain(error), "stopping");
        }
        // Reconciles first, and only then the lease: nobody else may begin before they have ended.
        stop_workers.cancel();
        if tokio::time::timeout(FINISH_WITHIN, workers.all_end())
            .await
            .is_err()
        {
            tracing::error!("reconciles don't end; leaving the lease to expire");
            return result;
        }
        stop_election.cancel();
        elections.all_end().await;
        servers.all_end().await;
        drop(setup);
        result
    }
}

/// What a process serves to the API server, before it is put together.
struct Webhooks {
    name: &'static str,
    conversions: Conversions,
    /// While OpenKruise's own manager is alive, CRDs are left to it.
    yield_to_manager: Option<Leadership>,
    metrics: WebhookMetrics,
}

impl Webhooks {
    /// Certificates, the task that looks after them, and the server. The client must be one that writes
    /// without leading.
    fn assemble(
        self,
        client: ApiClient,
    ) -> Result<
        (
            Certificates,
            impl Future<Output = ()> + Send + 'static,
            Server,
        ),
        RunError,
    > {
        let Self {
            name,
            conversions,
            yield_to_manager,
            metrics,
        } = self;
        let config = CertificatesConfig {
            crds: conversions.crds(),
            // Admission isn't served yet.
            mutating: vec![],
            validating: vec![],
            yield_to_manager,
            ..CertificatesConfig::new(name, &pod_namespace())
        };
        let (certificates, keeper) = Certificates::new(config, client);
        let routes = Routes::new().conversion(move |object, to| conversions.convert(object, to));
        let server = Server::new(routes, certificates.resolver(), Limits::default(), metrics)
            .map_err(RunError::Webhooks)?;
        Ok((certificates, keeper, server))
    }
}

fn election_config(args: &RuntimeArgs, name: &str) -> ElectionConfig {
    ElectionConfig {
        enabled: args.enable_leader_election,
        namespace: args.lease_namespace(),
        name: args
            .leader_election_id
            .clone()
            .unwrap_or_else(|| name.to_owned()),
        lease_duration: args.leader_election_lease_duration,
        renew_deadline: args.leader_election_renew_deadline,
        retry_period: args.leader_election_retry_period,
        allow_kruise_manager: args.allow_kruise_manager,
    }
}

async fn listen(address: &str) -> Result<Option<tokio::net::TcpListener>, RunError> {
    http_server::bind(address)
        .await
        .map_err(|source| RunError::Listen {
            address: address.to_owned(),
            source,
        })
}

/// Tasks with names.
#[derive(Default)]
struct Tasks {
    tasks: JoinSet<()>,
    names: std::collections::HashMap<tokio::task::Id, String>,
}

impl Tasks {
    fn spawn(&mut self, name: &str, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(task).id();
        self.names.insert(id, name.to_owned());
    }

    /// Waits for ever when there are none.
    async fn first_end(&mut self) -> RunError {
        let name = |id| self.names.get(&id).cloned().unwrap_or_default();
        match self.tasks.join_next_with_id().await {
            None => std::future::pending().await,
            Some(Ok((id, ()))) => RunError::TaskEnded { task: name(id) },
            Some(Err(source)) => RunError::TaskPanicked {
                task: name(source.id()),
                source,
            },
        }
    }

    async fn all_end(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}
