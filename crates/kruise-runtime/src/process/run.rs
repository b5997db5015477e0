//! One process: builds what all apps share, sets them up, runs everything, and stops in order.

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use prometheus_client::registry::Registry;
use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{
        client::ApiClient,
        connect::{connect, host, read_config},
        error::chain,
        server_version::ServerVersion,
    },
    certificates::{Certificates, Status},
    clock::Clock,
    control::{own_writes::OwnWrites, work_gate::WorkGate},
    leader::election::{Election, ElectionConfig},
    process::{
        app::{App, Reconciles, Setup, Shared},
        args::{
            RuntimeArgs, check,
            controller::{ControllerArgs, SyncPeriod},
        },
        error::RunError,
        health::{HealthServer, Readiness},
        http_server,
        logging::{self, LogLevel},
        metrics_server::MetricsServer,
        pulse::Pulse,
        signals::stop_signal,
        start::Starter,
        tasks::Tasks,
        vital::{self, Vital},
        webhooks::Serving,
    },
    random,
    tell::{events, metrics::Metrics, protection_log::ProtectionLog},
    watch::{restore::Restores, shared::Watching},
    webhook::InProcessWebhooks,
};

/// Bound on finishing reconciles at shutdown, within the usual 30 s of grace.
const FINISH_WITHIN: Duration = Duration::from_secs(20);
/// Bound on writing the last events.
const TELL_WITHIN: Duration = Duration::from_secs(2);
/// How long watches wait for webhooks to be trusted.
const TRUSTED_WITHIN: Duration = Duration::from_secs(10);
/// Name of a process that runs several apps, and of its lease.
const SEVERAL_APPS: &str = "kruise";

/// Runs the apps until a signal, or until a task ends that must not end. `args` are the groups of flags that the
/// binary has.
#[must_use]
pub fn run(args: impl Into<RuntimeArgs>, apps: Vec<App>) -> ExitCode {
    let args = args.into();
    let log_level = logging::init(&args.process);
    // An error says that there is a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtimes = runtime.and_then(|runtime| Ok((runtime, vital::thread()?)));
    let result = runtimes
        .map_err(RunError::StartRuntime)
        .and_then(|(runtime, vital)| {
            let result = runtime.block_on(async {
                let config = read_config(&args.process.kubeconfig).await?;
                let stop = stop_signal()?;
                let process = Process {
                    args,
                    apps,
                    client: connect(&config, runtime.handle())?,
                    host: host(&config),
                    log_level,
                    clock: Clock::system(),
                    in_process: None,
                };
                let vital = Vital {
                    client: connect(&config, vital.handle())?,
                    thread: vital.handle().clone(),
                };
                process.run_with(vital, stop).await
            });
            // Blocking calls that hang must not keep the process.
            runtime.shutdown_timeout(Duration::from_secs(1));
            vital.shutdown_background();
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

/// A process before it runs.
pub(crate) struct Process {
    pub(crate) args: RuntimeArgs,
    pub(crate) apps: Vec<App>,
    pub(crate) client: kube::Client,
    pub(crate) host: String,
    pub(crate) log_level: LogLevel,
    pub(crate) clock: Clock,
    /// Where webhooks go that no server serves.
    pub(crate) in_process: Option<InProcessWebhooks>,
}

impl Process {
    /// Runs everything on the caller's runtime, with one client.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), RunError> {
        let vital = Vital {
            thread: Handle::current(),
            client: self.client.clone(),
        };
        self.run_with(vital, stop).await
    }

    pub(crate) async fn run_with(
        self,
        vital: Vital,
        stop: CancellationToken,
    ) -> Result<(), RunError> {
        let Self {
            args,
            apps,
            client,
            host,
            log_level,
            clock,
            in_process,
        } = self;
        let is_on_leader = |app: &App| app.reconciles == Reconciles::OnLeader;
        let elects = args.controller.enable_leader_election && apps.iter().any(is_on_leader);
        let reconciles = apps.iter().any(|app| app.reconciles != Reconciles::Nowhere);
        check::check(&args, elects)?;
        let name = match apps.as_slice() {
            [app] => app.name,
            _ => SEVERAL_APPS,
        };
        let mut registry = Registry::default();
        let metrics = Metrics::new(&mut registry);
        let bare = ApiClient::new(client, name, metrics.clone()).with_host(&host);
        // Each client has limits of its own, so a roll-out makes nobody else wait (DV-D11).
        let limited = || {
            let (qps, burst) = (
                args.controller.rest_config_qps,
                args.controller.rest_config_burst,
            );
            bare.clone().with_limits(qps, burst)
        };
        let upkeep = limited();
        let election_config = ElectionConfig {
            enabled: elects,
            ..election_config(&args.controller, name)
        };
        let of_lease = ApiClient::new(vital.client, name, metrics.clone()).with_host(&host);
        let election = Election::new(election_config, of_lease, metrics.clone())
            .with_client_of_others(bare.clone())
            .with_clock(clock.clone());
        let leadership = election.leadership();
        if !reconciles {
            leadership
                .fence()
                .stand_by("there is nothing to lead".to_owned());
        }
        let gate = watch::Sender::new(WorkGate::Closed);
        let for_reconcilers = || {
            limited()
                .with_fence(leadership.fence())
                .with_gate(gate.subscribe())
        };
        // Events don't wait for reconcilers' writes, nor these writes for events.
        let (recorder, event_writer) = events::recorder(name, bare.clone(), metrics.clone());
        let event_writer = event_writer.with_clock(clock.clone());
        let shared = Shared {
            args: args.clone(),
            clock: clock.clone(),
            client: for_reconcilers(),
            replica_client: limited(),
            recorder,
            own_writes: OwnWrites::new(
                for_reconcilers(),
                args.controller.expectation_timeout,
                metrics.clone(),
            ),
            leadership: leadership.clone(),
            metrics: metrics.clone(),
            server_version: ServerVersion::default(),
            protection_log: match &args.controller.protection_log_path {
                Some(directory) => ProtectionLog::open(directory)?,
                None => ProtectionLog::default(),
            },
        };
        let server_version = shared.server_version.clone();
        let mut setup = Setup::new(shared, registry);
        for app in apps {
            let name = app.name;
            setup
                .set_up(app)
                .map_err(|source| RunError::SetUp { app: name, source })?;
        }
        let registry = std::mem::take(&mut setup.registry);
        let asked_watches = std::mem::take(&mut setup.watches);
        let restores = Restores::default();
        let (watches, watch_tasks) =
            asked_watches.start(&upkeep, &args.controller.namespace, &metrics, &restores);

        let mut tasks = Tasks::default();
        let mut servers = Tasks::default();
        let stop_serving = CancellationToken::new();
        let webhooks = std::mem::take(&mut setup.webhooks);
        let mut serving = None;
        let certificates = if webhooks.is_empty() {
            None
        } else if let Some(in_process) = in_process {
            serving = Some(in_process.serve(webhooks.into_routes()));
            None
        } else if args.webhook.webhook_port == 0 {
            None
        } else {
            let listener = listen(&format!(":{}", args.webhook.webhook_port)).await?;
            let (certificates, keeper, server) = webhooks.assemble(Serving {
                name,
                args: &args.webhook,
                gates: &args.process.feature_gates,
                yield_to_manager: (!args.controller.allow_kruise_manager)
                    .then(|| leadership.clone()),
                metrics: metrics.webhooks.clone(),
                client: upkeep.clone(),
                clock,
            })?;
            tasks.spawn("certificates", keeper);
            if let Some(listener) = listener {
                servers.spawn(
                    "webhook server",
                    server.serve(listener, stop_serving.clone()),
                );
            }
            Some(certificates)
        };
        for (task_name, task) in watch_tasks {
            let certificates = certificates.clone();
            tasks.spawn(&task_name, async move {
                trusted(certificates).await;
                task.await;
            });
        }
        if let SyncPeriod(Some(period)) = args.controller.sync_period {
            tasks.spawn("resync", resync(period, watches.clone()));
        }
        let stopping = Arc::new(AtomicBool::new(false));
        let readiness = Readiness {
            client: bare,
            leadership: leadership.clone(),
            watches: watches.clone(),
            certificates,
            stopping: Arc::clone(&stopping),
            started: tokio::time::Instant::now(),
        };
        let pulse = Pulse::new();
        tasks.spawn("pulse", pulse.clone().beat());
        // A listener belongs to the runtime that it was opened on.
        if let Some(listener) = listen_on(&vital.thread, &args.process.health_probe_addr).await? {
            let server = Arc::new(HealthServer {
                readiness,
                log_level,
                pulse,
            });
            let serve = http_server::serve("health", listener, server);
            tasks.spawn_on("health server", serve, &vital.thread);
        }
        if let Some(listener) = listen(&args.process.metrics_addr).await? {
            let server = Arc::new(MetricsServer(Arc::new(registry)));
            let serve = http_server::serve("metrics", listener, server);
            tasks.spawn("metrics server", serve);
        }
        for (task_name, task) in std::mem::take(&mut setup.tasks) {
            tasks.spawn(&task_name, task);
        }
        let starter = Starter {
            client: upkeep,
            leadership,
            server_version,
            watches,
            gate: gate.clone(),
            busy: Arc::clone(&setup.busy),
            report_after: args.controller.controller_cache_sync_timeout,
            restores,
        };
        tasks.spawn("start of reconcilers", starter.run());
        let stop_workers = CancellationToken::new();
        let mut workers = Tasks::default();
        for (controller, run) in std::mem::take(&mut setup.controllers) {
            workers.spawn(controller, run(gate.subscribe(), stop_workers.clone()));
        }
        let stop_election = CancellationToken::new();
        let mut elections = Tasks::default();
        if reconciles {
            elections.spawn_on(
                "leader election",
                election.run(stop_election.clone()),
                &vital.thread,
            );
        }
        // The event writer ends with the last recorder; the set-up holds one.
        let mut events = Tasks::default();
        events.spawn("event writer", event_writer.run());

        let result = tokio::select! {
            biased;
            () = stop.cancelled() => Ok(()),
            error = tasks.first_end() => Err(error),
            error = workers.first_end() => Err(error),
            error = elections.first_end() => Err(error),
            error = servers.first_end() => Err(error),
            error = events.first_end() => Err(error),
        };
        stopping.store(true, Ordering::Relaxed);
        // The webhook server serves on for some seconds, until everyone knows that this replica isn't ready any more.
        stop_serving.cancel();
        if let Err(error) = &result {
            tracing::error!(error = chain(error), "stopping");
        }
        // Reconciles end first, and only then the lease: no other process may begin before they have ended. What they
        // have not sent yet is for the next leader.
        WorkGate::set(&gate, WorkGate::Stopped);
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
        drop(serving);
        // Once the last recorders are dropped, the event writer ends when it has written what it was given.
        drop((setup, tasks));
        if tokio::time::timeout(TELL_WITHIN, events.all_end())
            .await
            .is_err()
        {
            tracing::warn!("the last events can't be written");
        }
        result
    }
}

/// Our own lists may need our own conversion, so watches begin when the API server can call us. It may never be able
/// to, so the wait is bounded: objects that aren't stored in another version need no conversion.
async fn trusted(certificates: Option<Certificates>) {
    if let Some(certificates) = certificates {
        let mut ready = certificates.ready();
        let trusted = ready.wait_for(Status::is_ready);
        if tokio::time::timeout(TRUSTED_WITHIN, trusted).await.is_err() {
            tracing::warn!("watches begin although the API server doesn't trust our webhooks yet");
        }
    }
}

/// Looks at everything again from time to time (`--sync-period`), behind all news.
async fn resync(period: Duration, watches: Vec<Watching>) {
    loop {
        tokio::time::sleep(random::jitter(period)).await;
        for watching in &watches {
            watching.store.replay();
        }
    }
}

fn election_config(args: &ControllerArgs, name: &str) -> ElectionConfig {
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

async fn listen_on(
    runtime: &Handle,
    address: &str,
) -> Result<Option<tokio::net::TcpListener>, RunError> {
    let named = address.to_owned();
    let listener = runtime.spawn(async move { listen(&named).await });
    listener.await.unwrap_or_else(|ended| {
        Err(RunError::Listen {
            address: address.to_owned(),
            source: std::io::Error::other(ended),
        })
    })
}
