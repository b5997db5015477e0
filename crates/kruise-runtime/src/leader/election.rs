//! Leader election by Lease: client-go's algorithm on monotonic time (PF-107, DV-PF16).
//! What the rest of the process knows of it is in [`Leadership`].
//!
//! Losing the lease stops reconcilers and their writes, not the process: it stands by and campaigns
//! again. A live lease of OpenKruise's own manager keeps this process from leading (PF-904).

use std::time::Duration;

use kruise_api::resource::ObjectKey;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    api::{
        client::ApiClient,
        error::{ApiError, chain},
    },
    clock::Clock,
    leader::{
        fence::{Fence, LeaderState},
        leadership::Leadership,
        lease::{LeaseClient, LeaseObserver, Observed, Record, micro_time},
    },
    random::{self, jitter},
    tell::metrics::{Metrics, NameLabels},
};

/// Lease of OpenKruise's own manager.
pub(crate) const KRUISE_MANAGER_LEASE: &str = "kruise-manager";

/// How often the manager's lease is looked at: often enough to stop before the manager has done much.
const LOOK_AT_MANAGER_EVERY: Duration = Duration::from_secs(5);
/// How often, in each retry period, a standby looks at a lease that another holds. A standby takes the lease to end a
/// lease duration after it saw the last renewal. So a standby that sees a renewal late takes the lease late: here by
/// less than a second, with client-go by up to its retry period.
const LOOKS_PER_RETRY: u32 = 3;
/// Bound on giving the lease back, at exit.
const RELEASE_WITHIN: Duration = Duration::from_secs(5);

/// How to elect.
#[derive(Clone, Debug)]
pub(crate) struct ElectionConfig {
    /// Off: this process leads unless OpenKruise's manager is alive.
    pub enabled: bool,
    /// Namespace of the leases.
    pub namespace: String,
    /// Name of the lease.
    pub name: String,
    /// How long the lease holds without being renewed.
    pub lease_duration: Duration,
    /// How long the leader tries to renew.
    pub renew_deadline: Duration,
    /// Time between attempts.
    pub retry_period: Duration,
    /// Lead although OpenKruise's manager is alive.
    pub allow_kruise_manager: bool,
}

/// What is known of OpenKruise's manager.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Manager {
    /// Not yet looked.
    Unknown(String),
    Absent,
    Live {
        holder: String,
    },
}

enum Attempt {
    Held { begun: Instant },
    HeldByOther { holder: String, until: Instant },
}

/// The candidate.
pub(crate) struct Election {
    config: ElectionConfig,
    identity: String,
    lease: LeaseClient,
    manager_client: ApiClient,
    observed: Option<Observed>,
    fence: Fence,
    leadership: Leadership,
    metrics: Metrics,
    clock: Clock,
    term: u64,
}

impl Election {
    /// A candidate. `client` must have no limits and, where that is possible, connections of its own. Otherwise
    /// others' requests could delay a renewal.
    #[must_use]
    pub(crate) fn new(config: ElectionConfig, client: ApiClient, metrics: Metrics) -> Self {
        let observer = LeaseObserver::new(client.clone(), &config.namespace);
        let fence = Fence::new(LeaderState::Standby, config.renew_deadline);
        let key = ObjectKey::new(config.namespace.clone(), config.name.clone());
        let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self {
            identity: format!("{}_{}", hostname.trim(), random::identity()),
            lease: LeaseClient {
                client: client.clone(),
                key,
            },
            manager_client: client,
            observed: None,
            leadership: Leadership::new(fence.clone(), observer),
            fence,
            metrics,
            clock: Clock::system(),
            term: 0,
            config,
        }
    }

    /// The same candidate, which writes times of this clock into the lease. It measures time on its own.
    #[must_use]
    pub(crate) fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// The same candidate, with another client for the looks at leases that other parts ask for.
    /// [`Leadership::live_lease`] is called from wherever a pass runs, and the connections that it opens there must
    /// not be those that renew the lease.
    #[must_use]
    pub(crate) fn with_client_of_others(mut self, client: ApiClient) -> Self {
        let observer = LeaseObserver::new(client, &self.config.namespace);
        self.leadership = Leadership::new(self.fence.clone(), observer);
        self
    }

    /// What the other parts get.
    #[must_use]
    pub(crate) fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Campaigns and leads until told to stop, then gives the lease back.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let (sender, manager) = watch::channel(Manager::Unknown("not yet looked".to_owned()));
        let look = look_at_manager(
            self.config.allow_kruise_manager,
            LeaseObserver::new(self.manager_client.clone(), &self.config.namespace),
            sender,
        );
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = look => {}
            () = self.elect(manager) => {}
        }
        self.stop_leading("stopping".to_owned());
        if self.config.enabled
            && let Err(elapsed) = tokio::time::timeout(RELEASE_WITHIN, self.release()).await
        {
            tracing::warn!(lease = %self.lease.key, error = %elapsed, "can't release the lease");
        }
    }

    async fn elect(&mut self, mut manager: watch::Receiver<Manager>) {
        loop {
            let state = manager.borrow_and_update().clone();
            match state {
                Manager::Absent => {}
                Manager::Unknown(why) => {
                    self.fence.stand_by(format!(
                        "whether {KRUISE_MANAGER_LEASE} is alive is not known: {why}"
                    ));
                    if manager.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
                Manager::Live { holder } => {
                    let why = format!(
                        "OpenKruise's own manager is alive (lease {}/{KRUISE_MANAGER_LEASE}, held by \
                         {holder}); stop it, or start with --allow-kruise-manager",
                        self.config.namespace
                    );
                    tracing::error!("not reconciling: {why}");
                    self.fence.stand_by(why);
                    if manager.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
            }
            let lead = async {
                if self.config.enabled {
                    self.campaign().await;
                    self.start_leading();
                    self.hold().await
                } else {
                    self.start_leading();
                    std::future::pending().await
                }
            };
            let why = tokio::select! {
                biased;
                _ = manager.wait_for(|manager| matches!(manager, Manager::Live { .. })) => {
                    "OpenKruise's own manager has appeared".to_owned()
                }
                why = lead => why,
            };
            self.stop_leading(why);
        }
    }

    fn start_leading(&mut self) {
        self.term += 1;
        tracing::info!(lease = %self.lease.key, identity = self.identity, "leading");
        self.set_metrics(1);
        self.fence.lead(self.term);
    }

    fn stop_leading(&self, why: String) {
        if self.fence.term().is_some() {
            tracing::warn!(lease = %self.lease.key, why, "no longer leading");
        }
        self.set_metrics(0);
        self.fence.stand_by(why);
    }

    fn set_metrics(&self, leading: i64) {
        let name = NameLabels {
            name: self.config.name.clone(),
        };
        self.metrics.leader.get_or_create(&name).set(leading);
        self.metrics.manager_is_leader.set(leading);
    }

    /// Returns when the lease is ours.
    async fn campaign(&mut self) {
        loop {
            let start = Instant::now();
            match self.attempt().await {
                Ok(Attempt::Held { begun }) => {
                    self.fence.renewed(begun);
                    return;
                }
                Ok(Attempt::HeldByOther { holder, until }) => {
                    self.fence
                        .stand_by(format!("the lease is held by {holder}"));
                    let look_at = start + jitter(self.config.retry_period / LOOKS_PER_RETRY);
                    // The moment of expiry is known, so nobody has to wait for the next round.
                    sleep_until(until.min(look_at)).await;
                }
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(lease = %self.lease.key, error, "can't get the lease");
                    self.fence.stand_by(format!("can't get the lease: {error}"));
                    sleep_until(start + jitter(self.config.retry_period)).await;
                }
            }
        }
    }

    /// Renews until renewals have failed for too long, and says why. Attempts begin a retry period apart. An attempt
    /// that was never answered has used up that period, so the next one follows at once.
    async fn hold(&mut self) -> String {
        let mut next = Instant::now() + self.config.retry_period;
        loop {
            let renewed_at = self.fence.renewed_at().unwrap_or_else(Instant::now);
            let deadline = renewed_at + self.config.renew_deadline;
            sleep_until(deadline.min(next)).await;
            if Instant::now() >= deadline {
                return format!(
                    "the lease wasn't renewed within {:?}",
                    self.config.renew_deadline
                );
            }
            next = Instant::now() + self.config.retry_period;
            match timeout_at(deadline, self.attempt()).await {
                Ok(Ok(Attempt::Held { begun })) => self.fence.renewed(begun),
                Ok(Ok(Attempt::HeldByOther { holder, .. })) => {
                    return format!("the lease was taken by {holder}");
                }
                Ok(Err(error)) => {
                    let error = chain(&error);
                    tracing::warn!(lease = %self.lease.key, error, "can't renew the lease");
                }
                Err(_elapsed) => {}
            }
        }
    }

    /// Gets or renews the lease, unless another holds it (client-go: `tryAcquireOrRenew`).
    async fn attempt(&mut self) -> Result<Attempt, ApiError> {
        let begun = Instant::now();
        let now = micro_time(self.clock.now());
        let mut record = Record {
            holder: self.identity.clone(),
            duration: self.config.lease_duration,
            acquire_time: now.clone(),
            renew_time: now,
            transitions: 0,
        };
        let Some((current, version)) = self.lease.get().await? else {
            self.lease.create(&record).await?;
            return Ok(Attempt::Held { begun });
        };
        Observed::update(&mut self.observed, current.clone());
        if current.holder == self.identity {
            record.acquire_time = current.acquire_time;
            record.transitions = current.transitions;
        } else {
            let observed = self.observed.as_ref();
            if let Some((observed, holder)) = observed.and_then(|o| Some((o, o.holder()?))) {
                let (holder, until) = (holder.to_owned(), observed.expires_at());
                return Ok(Attempt::HeldByOther { holder, until });
            }
            record.transitions = current.transitions + 1;
        }
        self.lease.write(&record, &version).await?;
        Ok(Attempt::Held { begun })
    }

    /// Lets the next holder begin at once (client-go: `release`). A renewal that was under way when we were told to
    /// stop may still arrive and win the race. The lease is still ours then, so the release is tried again.
    async fn release(&self) {
        loop {
            match self.try_release().await {
                Ok(()) => return,
                Err(ApiError::Conflict { .. }) => {}
                Err(error) => {
                    tracing::warn!(lease = %self.lease.key, error = chain(&error), "can't release");
                    return;
                }
            }
        }
    }

    async fn try_release(&self) -> Result<(), ApiError> {
        let Some((record, version)) = self.lease.get().await? else {
            return Ok(());
        };
        if record.holder != self.identity {
            return Ok(());
        }
        let now = micro_time(self.clock.now());
        let released = Record {
            holder: String::new(),
            duration: Duration::from_secs(1),
            acquire_time: now.clone(),
            renew_time: now,
            transitions: record.transitions,
        };
        self.lease.write(&released, &version).await?;
        tracing::info!(lease = %self.lease.key, "released the lease");
        Ok(())
    }
}

/// Keeps looking at the manager's lease. Never returns while anyone listens.
async fn look_at_manager(allow: bool, observer: LeaseObserver, manager: watch::Sender<Manager>) {
    if allow {
        manager.send_replace(Manager::Absent);
        return std::future::pending().await;
    }
    loop {
        let mut look_at = Instant::now() + jitter(LOOK_AT_MANAGER_EVERY);
        let found = match observer.look(KRUISE_MANAGER_LEASE).await {
            Ok(Some((holder, until))) => {
                look_at = look_at.min(until);
                Manager::Live { holder }
            }
            Ok(None) => Manager::Absent,
            // What was known before stays: an outage is no reason to stop.
            Err(error) => match &*manager.borrow() {
                Manager::Unknown(_) => Manager::Unknown(chain(&error)),
                known => known.clone(),
            },
        };
        manager.send_if_modified(|known| {
            let modified = *known != found;
            *known = found;
            modified
        });
        sleep_until(look_at).await;
    }
}
