//! When reconcilers may begin: after this process has got the lease, when every index is at least as
//! new as the API server was at that moment. So a new leader never plans on a view older than its predecessor's last
//! write.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::{
    api::{
        client::ApiClient,
        error::{ApiError, chain},
        query::ListQuery,
        server_version::ServerVersion,
    },
    control::{backoff::Backoff, work_gate::WorkGate},
    leader::{fence::LeaderState, leadership::Leadership},
    watch::{restore::Restores, shared::Watching, version::version_number},
};

const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A kind in which nothing happens tells no version until its next bookmark, up to a minute later. After this time a
/// list is asked for.
const LIST_AFTER: Duration = Duration::from_secs(1);
const LIST_AGAIN_AFTER: Duration = Duration::from_secs(30);
/// Writes end within 5 s, and reconciles that can't write end soon. A reconcile that runs longer than this hangs.
const STOP_WITHIN: Duration = Duration::from_secs(30);

pub(crate) struct Starter {
    pub(crate) client: ApiClient,
    pub(crate) leadership: Leadership,
    pub(crate) server_version: ServerVersion,
    pub(crate) watches: Vec<Watching>,
    pub(crate) gate: watch::Sender<WorkGate>,
    pub(crate) busy: Arc<AtomicUsize>,
    pub(crate) report_after: Duration,
    pub(crate) restores: Restores,
}

impl Starter {
    /// Opens and closes the gate. Returns only when reconcilers don't stop: then the process must end,
    /// since another leader may be at work.
    pub(crate) async fn run(self) {
        let mut state = self.leadership.subscribe();
        let mut has_led = false;
        self.server_version.read(&self.client).await;
        let mut restores = 0;
        loop {
            let leading = |state: &LeaderState| *state != LeaderState::Standby;
            let Ok(term) = state.wait_for(leading).await.map(|term| *term) else {
                return;
            };
            let LeaderState::Leading { term: number } = term else {
                continue;
            };
            loop {
                tokio::select! {
                    biased;
                    _ = state.wait_for(|now| *now != term) => break,
                    () = self.indexes_fresh(&mut restores) => {}
                }
                if has_led {
                    // Another process may have led meanwhile, and only it knew what it wanted to look at again later.
                    // And after a restore nothing is as it was.
                    for watching in &self.watches {
                        watching.store.replay();
                    }
                }
                has_led = true;
                tracing::info!(?term, "reconcilers start");
                WorkGate::set(&self.gate, WorkGate::Open { term: number });
                let lost = tokio::select! {
                    biased;
                    // An error says that the election is gone, and with it the process.
                    _ = state.wait_for(|now| *now != term) => true,
                    () = self.restores.more_than(restores) => false,
                };
                WorkGate::set(&self.gate, WorkGate::Closed);
                if !self.reconcilers_end().await {
                    return;
                }
                self.restores.reconcilers_rest(true);
                if lost {
                    break;
                }
                tracing::warn!("reconcilers wait until every kind is listed again");
            }
        }
    }

    /// Waits for reconcilers to end, and says whether they did so in time.
    async fn reconcilers_end(&self) -> bool {
        let stop_by = Instant::now() + STOP_WITHIN;
        while self.busy.load(Ordering::SeqCst) > 0 {
            if Instant::now() >= stop_by {
                tracing::error!("reconcilers don't stop");
                return false;
            }
            sleep(LOOK_EVERY).await;
        }
        true
    }

    /// Returns when all watches show what is there now, all from the same data. Lists of restored data don't enter
    /// after that.
    async fn indexes_fresh(&self, restores: &mut u64) {
        loop {
            if self.restores.count() > *restores {
                let lists = self.watches.iter().map(Watching::listed_again);
                futures::future::join_all(lists).await;
                // Each watch may have found the same restore.
                *restores = self.restores.count();
            }
            self.indexes_newer_than_now().await;
            // From now on a watch that finds a restore waits for us. A restore that was found before is counted
            // below.
            self.restores.reconcilers_rest(false);
            if self.restores.count() == *restores {
                return;
            }
            self.restores.reconcilers_rest(true);
        }
    }

    async fn indexes_newer_than_now(&self) {
        let fresh = futures::future::join_all(self.watches.iter().map(|watching| async {
            watching.fresh(&self.client).await;
        }));
        let report = async {
            sleep(self.report_after).await;
            let late = self
                .watches
                .iter()
                .filter(|watching| !watching.store.synced());
            let late: Vec<_> = late.map(|watching| watching.resource.to_string()).collect();
            tracing::error!(?late, "reconcilers still wait for their watches");
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            _ = fresh => {}
            () = report => {}
        }
    }
}

impl Watching {
    /// Returns when the store is as new as a list made now. A kind that is missing has no objects to miss.
    async fn fresh(&self, client: &ApiClient) {
        let seen = self.store.newest_version();
        let version = loop {
            match self.version_now(client).await {
                Some(version) => break version,
                None if self.store.is_empty() => return,
                // An API server that starts may not know a kind for a moment. If the kind stays away, its watch
                // forgets the objects.
                None => sleep(LIST_AFTER).await,
            }
        };
        if version < seen {
            // The API server's data was restored from a backup. A watch that waits for an earlier, higher version is
            // silent.
            return self.listed_again().await;
        }
        // The API server answers, so a watch that backs off because it didn't may go on.
        self.store.hurry_watch();
        while !self.store.synced() {
            sleep(LOOK_EVERY).await;
        }
        let mut list_at = Instant::now() + LIST_AFTER;
        while self.store.newest_version() < version {
            sleep(LOOK_EVERY).await;
            if Instant::now() >= list_at {
                self.store.want_list();
                // The attempt that was hurried above may have ended with 410, so the watch waits again.
                self.store.hurry_watch();
                list_at = Instant::now() + LIST_AGAIN_AFTER;
            }
        }
    }

    /// Returns when a list that began after now has entered. A kind that is missing has no list.
    async fn listed_again(&self) {
        let lists = self.store.lists();
        self.store.want_list();
        self.store.hurry_watch();
        while self.store.lists() == lists && !(self.store.kind_missing() && self.store.is_empty()) {
            sleep(LOOK_EVERY).await;
        }
    }

    async fn version_now(&self, client: &ApiClient) -> Option<u64> {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        let query = ListQuery {
            namespace: if self.resource.namespaced {
                &self.namespace
            } else {
                ""
            },
            label_selector: self.options.label_selector.as_deref(),
            field_selector: self.options.field_selector.as_deref(),
            limit: Some(1),
            after: None,
        };
        loop {
            match client.list_page(&self.resource, query).await {
                Ok(page) => return Some(version_number(&page.resource_version)),
                Err(ApiError::NotFound { .. }) => return None,
                Err(error) => {
                    let error = chain(&error);
                    tracing::warn!(resource = %self.resource, error, "can't read the version of now");
                    sleep(backoff.next()).await;
                }
            }
        }
    }
}
