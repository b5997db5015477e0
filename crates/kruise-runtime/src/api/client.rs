//! One thin client: raw JSON in and out, nothing decoded that the caller didn't ask for, every request counted. The
//! client never repeats a request: only the caller knows whether a repetition is safe.

mod reads;
mod send;
mod writes;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    api::limits::Limits,
    control::{permission::Permission, work_gate::WorkGate},
    leader::fence::Fence,
    tell::metrics::Metrics,
};

/// Below 5 s, so that a write begun within the renew deadline has ended, or been given up, before
/// anyone else can hold the lease (15 s).
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_millis(4_500);
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// A page of a list may have to be read from etcd.
const LIST_TIMEOUT: Duration = Duration::from_secs(60);

/// The client. Clones share the connection, the limits and the metrics.
#[derive(Clone)]
pub struct ApiClient {
    client: kube::Client,
    limits: Limits,
    permission: Permission,
    field_manager: Arc<str>,
    host: Arc<str>,
    metrics: Metrics,
    /// Whether the API server has ever answered.
    answered: Arc<AtomicBool>,
}

impl std::fmt::Debug for ApiClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ApiClient")
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

impl ApiClient {
    /// A client without limits, that writes as `field_manager`.
    #[must_use]
    pub fn new(client: kube::Client, field_manager: &str, metrics: Metrics) -> Self {
        Self {
            client,
            limits: Limits::default(),
            permission: Permission::default(),
            field_manager: field_manager.into(),
            host: "".into(),
            metrics,
            answered: Arc::default(),
        }
    }

    /// The same client with limits of its own, which its clones share; 0 or less is client-go's default.
    #[must_use]
    pub fn with_limits(mut self, qps: f64, burst: i32) -> Self {
        self.limits = Limits::new(qps, burst);
        self
    }

    /// The same client, after it has waited for tokens for this many calls. Calls that belong together then go out
    /// with no others in between. Tokens that aren't used are lost.
    pub async fn prepaid(&self, n_calls: usize) -> Self {
        let mut paid = 0;
        while paid < n_calls {
            tokio::select! {
                biased;
                () = self.limits.token() => paid += 1,
                // The calls themselves return the error.
                _ = self.permission.withheld("") => break,
            }
        }
        Self {
            limits: self.limits.prepaid(paid),
            ..self.clone()
        }
    }

    /// The same client, named in the metrics as talking to `host`.
    #[must_use]
    pub(crate) fn with_host(mut self, host: &str) -> Self {
        self.host = host.into();
        self
    }

    /// The same client, which writes, reads and waits only while this process leads: what reconcilers get.
    #[must_use]
    pub(crate) fn with_fence(mut self, fence: Fence) -> Self {
        self.permission.fence = Some(fence);
        self
    }

    /// The same client, which writes, reads and waits only while reconcilers may work.
    #[must_use]
    pub(crate) fn with_gate(mut self, gate: watch::Receiver<WorkGate>) -> Self {
        self.permission.gate = Some(gate);
        self
    }

    /// Whether the API server has ever answered, to this client or one it was made from.
    #[must_use]
    pub fn has_been_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }
}
