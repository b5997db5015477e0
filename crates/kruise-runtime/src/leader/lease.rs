//! The Lease object, and whether its holder is alive. Only this process's own clock counts: a lease
//! lives as long as it keeps changing, whatever times stand in it.

use std::{collections::HashMap, time::Duration};

use kruise_api::resource::{LEASES, ObjectKey, PatchKind};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::api::{
    client::ApiClient,
    error::{ApiError, chain},
};

/// Bound on one call about a lease. A call on a connection that has died unnoticed is never answered; with
/// this, several of them fit into the 10 s in which a leader must renew.
pub(crate) const CALL_WITHIN: Duration = Duration::from_millis(2_500);
/// How long an answer of [`LeaseObserver::is_live`] is good for.
const ANSWER_AGE: Duration = Duration::from_secs(10);
/// For a lease that doesn't say how long it holds: client-go's usual value.
const USUAL_DURATION: Duration = Duration::from_secs(15);

/// A Lease's time as Kubernetes' clients write it: MicroTime, always with six digits. Servers and clients in Go
/// read no other number of digits.
pub(crate) fn micro_time(time: jiff::Timestamp) -> String {
    format!("{time:.6}")
}

async fn in_time<T>(
    call: impl Future<Output = Result<T, ApiError>>,
    key: &ObjectKey,
) -> Result<T, ApiError> {
    let answer = tokio::time::timeout(CALL_WITHIN, call).await;
    answer.unwrap_or_else(|elapsed| {
        Err(ApiError::Ambiguous {
            call: format!("call about lease {key}"),
            message: format!("no answer within {CALL_WITHIN:?}"),
            code: None,
            source: Some(elapsed.into()),
        })
    })
}

/// What a lease says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Record {
    pub(crate) holder: String,
    pub(crate) duration: Duration,
    pub(crate) acquire_time: String,
    pub(crate) renew_time: String,
    pub(crate) transitions: i64,
}

impl Record {
    pub(crate) fn read(lease: &Value) -> Self {
        let text = |name: &str| {
            let value = lease.pointer(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let number = |name: &str| lease.pointer(name).and_then(Value::as_i64);
        let seconds = number("/spec/leaseDurationSeconds").and_then(|s| u64::try_from(s).ok());
        Self {
            holder: text("/spec/holderIdentity"),
            duration: seconds.map_or(USUAL_DURATION, Duration::from_secs),
            acquire_time: text("/spec/acquireTime"),
            renew_time: text("/spec/renewTime"),
            transitions: number("/spec/leaseTransitions").unwrap_or(0),
        }
    }

    pub(crate) fn spec(&self) -> Value {
        json!({
            "holderIdentity": self.holder,
            "leaseDurationSeconds": self.duration.as_secs().max(1),
            "acquireTime": self.acquire_time,
            "renewTime": self.renew_time,
            "leaseTransitions": self.transitions,
        })
    }
}

/// A lease as last seen, and when it last changed.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    pub(crate) record: Record,
    pub(crate) changed_at: Instant,
}

impl Observed {
    /// Takes a new look into account.
    pub(crate) fn update(observed: &mut Option<Self>, record: Record) {
        if observed
            .as_ref()
            .is_none_or(|observed| observed.record != record)
        {
            *observed = Some(Self {
                record,
                changed_at: Instant::now(),
            });
        }
    }

    /// When the holder loses the lease, unless it renews.
    pub(crate) fn expires_at(&self) -> Instant {
        self.changed_at + self.record.duration
    }

    /// Who holds the lease now.
    pub(crate) fn holder(&self) -> Option<&str> {
        let held = !self.record.holder.is_empty() && Instant::now() < self.expires_at();
        held.then_some(self.record.holder.as_str())
    }
}

/// Looks at the leases of others.
pub(crate) struct LeaseObserver {
    client: ApiClient,
    namespace: String,
    /// Locked during a look: of many callers who ask at once, only one looks.
    seen: tokio::sync::Mutex<HashMap<String, Seen>>,
}

#[derive(Default)]
struct Seen {
    observed: Option<Observed>,
    looked_at: Option<Instant>,
}

impl LeaseObserver {
    pub(crate) fn new(client: ApiClient, namespace: &str) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
            seen: tokio::sync::Mutex::default(),
        }
    }

    /// Looks now. Says who holds the lease, and when it ends unless it is renewed. The holder at the first look
    /// counts as alive until the lease has gone without a change for its duration.
    pub(crate) async fn look(&self, name: &str) -> Result<Option<(String, Instant)>, ApiError> {
        let mut seen = self.seen.lock().await;
        let seen = seen.entry(name.to_owned()).or_default();
        self.update(name, seen).await?;
        let observed = seen.observed.as_ref();
        Ok(observed
            .and_then(|observed| Some((observed.holder()?.to_owned(), observed.expires_at()))))
    }

    /// Whether a lease is held. The lease is looked at no more often than every 10 s. When a look fails, what is
    /// known counts.
    pub(crate) async fn is_live(&self, name: &str) -> bool {
        let mut seen = self.seen.lock().await;
        let seen = seen.entry(name.to_owned()).or_default();
        if seen.looked_at.is_none_or(|at| at.elapsed() >= ANSWER_AGE)
            && let Err(error) = self.update(name, seen).await
        {
            tracing::warn!(lease = name, error = chain(&error), "can't look at a lease");
            // A server that doesn't answer must not be asked again for each object that is reconciled.
            seen.looked_at = Some(Instant::now());
        }
        seen.observed.as_ref().and_then(Observed::holder).is_some()
    }

    async fn update(&self, name: &str, seen: &mut Seen) -> Result<(), ApiError> {
        let key = ObjectKey::new(self.namespace.clone(), name);
        match in_time(self.client.get(&LEASES, &key), &key).await? {
            Some(lease) => Observed::update(&mut seen.observed, Record::read(&lease)),
            None => seen.observed = None,
        }
        seen.looked_at = Some(Instant::now());
        Ok(())
    }
}

/// One lease, as its would-be holder reads and writes it.
pub(crate) struct LeaseClient {
    pub(crate) client: ApiClient,
    pub(crate) key: ObjectKey,
}

impl LeaseClient {
    /// The record, and the version that a write of the lease must name.
    pub(crate) async fn get(&self) -> Result<Option<(Record, String)>, ApiError> {
        let lease = in_time(self.client.get(&LEASES, &self.key), &self.key).await?;
        Ok(lease.map(|lease| {
            let version = lease
                .pointer("/metadata/resourceVersion")
                .and_then(Value::as_str);
            (Record::read(&lease), version.unwrap_or_default().to_owned())
        }))
    }

    pub(crate) async fn create(&self, record: &Record) -> Result<(), ApiError> {
        let lease = json!({
            "apiVersion": LEASES.api_version(),
            "kind": LEASES.kind,
            "metadata": { "namespace": self.key.namespace, "name": self.key.name },
            "spec": record.spec(),
        });
        let created = self.client.create(&LEASES, &self.key.namespace, &lease);
        in_time(created, &self.key).await.map(drop)
    }

    pub(crate) async fn write(&self, record: &Record, version: &str) -> Result<(), ApiError> {
        let patch = json!({ "metadata": { "resourceVersion": version }, "spec": record.spec() });
        let patched = self
            .client
            .patch(&LEASES, &self.key, None, PatchKind::Merge, &patch);
        in_time(patched, &self.key).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case::nanoseconds("2026-11-29T02:53:41.222290973Z", "2026-11-29T02:53:41.222290Z")]
    #[case::nothing_is_rounded_up("2026-11-29T02:53:41.999999999Z", "2026-11-29T02:53:41.999999Z")]
    #[case::zeros_are_written("2026-11-29T02:53:41.5Z", "2026-11-29T02:53:41.500000Z")]
    #[case::whole_seconds("2026-11-29T02:53:41Z", "2026-11-29T02:53:41.000000Z")]
    fn a_lease_has_times_of_six_digits(#[case] time: &str, #[case] written: &str) {
        assert_eq!(micro_time(time.parse().unwrap()), written);
    }

    #[test]
    fn a_lease_is_written_as_kubernetes_clients_write_it() {
        let time = micro_time("2026-11-29T02:53:41.2Z".parse().unwrap());
        let record = Record {
            holder: "host_id".to_owned(),
            duration: Duration::from_secs(15),
            acquire_time: time.clone(),
            renew_time: time,
            transitions: 3,
        };
        let golden = concat!(
            r#"{"holderIdentity":"host_id","leaseDurationSeconds":15,"#,
            r#""acquireTime":"2026-11-29T02:53:41.200000Z","#,
            r#""renewTime":"2026-11-29T02:53:41.200000Z","leaseTransitions":3}"#
        );
        assert_eq!(record.spec().to_string(), golden);
    }
}
