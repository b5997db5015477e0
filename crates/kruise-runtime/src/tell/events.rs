//! Events for people: core/v1, with `source.component`, as OpenKruise writes them. They are written in
//! the background and may be lost: an event is never the cause of a failed reconcile.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use kruise_api::{
    meta::timestamp,
    resource::{EVENTS, ObjectKey, PatchKind},
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

use kruise_plan::Owner;

use crate::{
    api::{
        client::ApiClient,
        error::{ApiError, chain},
    },
    clock::Clock,
    control::token_bucket::TokenBucket,
    random,
    tell::metrics::Metrics,
};

/// Events that wait to be written; more are dropped.
const CAPACITY: usize = 1000;
/// Within this time the same event is counted on, not written anew (client-go's value).
const SAME_WITHIN: Duration = Duration::from_secs(600);
/// client-go's limits of events an object: 25 at once, one more every 5 minutes.
const BURST: u32 = 25;
const PER_SECOND: f64 = 1.0 / 300.0;
/// Bound on what is remembered, of events and of objects (client-go's value).
const REMEMBERED: usize = 4096;

/// What an event is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventTarget {
    /// `apiVersion` of the object.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty for cluster-scoped objects.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its UID.
    pub uid: String,
    /// Its version at the time.
    pub resource_version: String,
}

impl EventTarget {
    /// This owner, in the version that was read.
    #[must_use]
    pub fn of(owner: &Owner<'_>) -> Self {
        let metadata = owner.metadata;
        Self {
            api_version: owner.api_version.to_owned(),
            kind: owner.kind.to_owned(),
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
            uid: metadata.uid.clone(),
            resource_version: metadata.resource_version.clone(),
        }
    }
}

/// Whether an event is bad news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventType {
    /// No.
    Normal,
    /// Yes.
    Warning,
}

impl EventType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

struct Report {
    component: &'static str,
    about: EventTarget,
    type_: EventType,
    reason: String,
    message: String,
}

/// Takes events and returns at once. Clones feed the same writer.
#[derive(Clone)]
pub struct Recorder {
    component: &'static str,
    sender: mpsc::Sender<Report>,
    metrics: Metrics,
}

impl Recorder {
    /// A recorder for another component, with the same writer.
    #[must_use]
    pub fn for_component(&self, component: &'static str) -> Self {
        Self {
            component,
            ..self.clone()
        }
    }

    /// Reports something to those who look at the object.
    pub fn event(&self, about: &EventTarget, type_: EventType, reason: &str, message: String) {
        let report = Report {
            component: self.component,
            about: about.clone(),
            type_,
            reason: reason.to_owned(),
            message,
        };
        if self.sender.try_send(report).is_err() {
            self.metrics.events_dropped.inc();
        }
    }
}

/// Writes events.
pub struct EventWriter {
    client: ApiClient,
    receiver: mpsc::Receiver<Report>,
    metrics: Metrics,
    clock: Clock,
    written: Recent<SameEvent, Written>,
    limits: Recent<String, TokenBucket>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct SameEvent {
    component: &'static str,
    object: String,
    type_: EventType,
    reason: String,
    message: String,
}

#[derive(Clone)]
struct Written {
    key: ObjectKey,
    count: u64,
    last: Instant,
}

/// A recorder, and the writer of its events, whose `run` must be polled.
#[must_use]
pub fn recorder(
    component: &'static str,
    client: ApiClient,
    metrics: Metrics,
) -> (Recorder, EventWriter) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let recorder = Recorder {
        component,
        sender,
        metrics: metrics.clone(),
    };
    let writer = EventWriter {
        client,
        receiver,
        metrics,
        clock: Clock::system(),
        written: Recent::default(),
        limits: Recent::default(),
    };
    (recorder, writer)
}

impl EventWriter {
    /// The same writer, whose events bear the times of this clock.
    #[must_use]
    pub(crate) fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// Writes until no recorder is left.
    pub async fn run(mut self) {
        while let Some(report) = self.receiver.recv().await {
            self.take(report).await;
        }
    }

    async fn take(&mut self, report: Report) {
        let object = format!(
            "{} {} {}",
            report.component, report.about.kind, report.about.uid
        );
        let limit = || TokenBucket::new(PER_SECOND, BURST);
        if !self
            .limits
            .get_or_insert_with(object.clone(), limit)
            .try_take()
        {
            self.metrics.events_dropped.inc();
            return;
        }
        let same = SameEvent {
            component: report.component,
            object,
            type_: report.type_,
            reason: report.reason.clone(),
            message: report.message.clone(),
        };
        if let Err(error) = self.write(&report, same).await {
            self.metrics.events_dropped.inc();
            tracing::warn!(
                reason = report.reason,
                error = chain(&error),
                "can't write an event"
            );
        }
    }

    async fn write(&mut self, report: &Report, same: SameEvent) -> Result<(), ApiError> {
        let now = timestamp(self.clock.now());
        let written = self
            .written
            .get(&same)
            .filter(|w| w.last.elapsed() < SAME_WITHIN)
            .cloned();
        if let Some(Written { key, count, .. }) = written {
            let count = count + 1;
            let patch = json!({ "count": count, "lastTimestamp": now });
            match self
                .client
                .patch(&EVENTS, &key, None, PatchKind::Strategic, &patch)
                .await
            {
                Ok(_) => {
                    self.written.insert(
                        same,
                        Written {
                            key,
                            count,
                            last: Instant::now(),
                        },
                    );
                    return Ok(());
                }
                // Events live for an hour, or less where they are many.
                Err(ApiError::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let key = event_key(&report.about);
        let event = event(report, &key, &now);
        self.client.create(&EVENTS, &key.namespace, &event).await?;
        self.written.insert(
            same,
            Written {
                key,
                count: 1,
                last: Instant::now(),
            },
        );
        Ok(())
    }
}

fn event_key(about: &EventTarget) -> ObjectKey {
    let namespace = if about.namespace.is_empty() {
        "default"
    } else {
        &about.namespace
    };
    ObjectKey::new(
        namespace,
        format!("{}.{:016x}", about.name, random::number()),
    )
}

fn event(report: &Report, key: &ObjectKey, now: &str) -> Value {
    let Report {
        component,
        about,
        type_,
        reason,
        message,
    } = report;
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": { "namespace": key.namespace, "name": key.name },
        "involvedObject": {
            "apiVersion": about.api_version,
            "kind": about.kind,
            "namespace": about.namespace,
            "name": about.name,
            "uid": about.uid,
            "resourceVersion": about.resource_version,
        },
        "type": type_.as_str(),
        "reason": reason,
        "message": message,
        "source": { "component": component },
        "reportingComponent": component,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    })
}

/// A map that forgets what was put in first once it is full.
struct Recent<K, V> {
    values: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K, V> Default for Recent<K, V> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
            order: VecDeque::new(),
        }
    }
}

impl<K: Clone + Eq + std::hash::Hash, V> Recent<K, V> {
    fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key)
    }

    fn insert(&mut self, key: K, value: V) {
        self.make_room(&key);
        self.values.insert(key, value);
    }

    fn get_or_insert_with(&mut self, key: K, value: impl FnOnce() -> V) -> &V {
        self.make_room(&key);
        self.values.entry(key).or_insert_with(value)
    }

    fn make_room(&mut self, key: &K) {
        if self.values.contains_key(key) {
            return;
        }
        if self.values.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
        self.order.push_back(key.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_written_as_kubernetes_clients_write_it() {
        let report = Report {
            component: "cloneset-controller",
            about: EventTarget {
                api_version: "apps.kruise.io/v1beta1".to_owned(),
                kind: "CloneSet".to_owned(),
                namespace: "ns".to_owned(),
                name: "set".to_owned(),
                uid: "u".to_owned(),
                resource_version: "7".to_owned(),
            },
            type_: EventType::Normal,
            reason: "SuccessfulCreate".to_owned(),
            message: "m".to_owned(),
        };
        let key = ObjectKey::new("ns", "set.0123456789abcdef");
        let now = timestamp("2026-11-29T02:53:41.999999999Z".parse().unwrap());
        let golden = concat!(
            r#"{"apiVersion":"v1","kind":"Event","#,
            r#""metadata":{"namespace":"ns","name":"set.0123456789abcdef"},"#,
            r#""involvedObject":{"apiVersion":"apps.kruise.io/v1beta1","kind":"CloneSet","#,
            r#""namespace":"ns","name":"set","uid":"u","resourceVersion":"7"},"#,
            r#""type":"Normal","reason":"SuccessfulCreate","message":"m","#,
            r#""source":{"component":"cloneset-controller"},"#,
            r#""reportingComponent":"cloneset-controller","#,
            r#""firstTimestamp":"2026-11-29T02:53:41Z","lastTimestamp":"2026-11-29T02:53:41Z","#,
            r#""count":1}"#
        );
        assert_eq!(event(&report, &key, &now).to_string(), golden);
    }
}
