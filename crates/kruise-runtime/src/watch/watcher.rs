//! One watch: lists, follows, and never gives up. A watch fills a store and knows nothing of what the objects mean.

use std::{sync::Arc, time::Duration};

use futures::AsyncBufReadExt;
use kruise_api::{
    object::Object,
    resource::{ObjectKey, Resource},
};
use tokio::{sync::mpsc, time::Instant};

use crate::{
    api::{
        client::ApiClient,
        error::{ApiError, chain},
        query::{Lines, ListQuery, WatchQuery},
    },
    control::backoff::Backoff,
    random,
    tell::metrics::{Metrics, ResourceLabels, RestartLabels},
    watch::{
        error::WatchError,
        line::{self, Decoded, Event},
        open_list::OpenList,
        order::WatchOrder,
        restore::Restores,
        store::Store,
        store_view::StoreView,
        vanished,
        version::version_number,
    },
};

const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(30);
/// A connection that lived for so long has earned a fresh start of the back-off.
const STABLE_AFTER: Duration = Duration::from_secs(30);
/// Bookmarks come about once a minute: a watch that says nothing for more than two of them is dead.
const SILENT_AFTER: Duration = Duration::from_secs(150);
/// The server ends each watch after 5 to 10 minutes, so that connections spread over its replicas.
const SHORTEST_WATCH: Duration = Duration::from_secs(300);
const PAGE: u32 = 500;
/// An API server that starts, or is upgraded, may not know a kind for a moment. Whoever decides by the objects
/// of another deployable must not go on without them because of that.
const GONE_AFTER: Duration = Duration::from_secs(30);

/// What of a kind is watched.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct WatchOptions {
    /// Only objects of this namespace, whatever namespace the process is told to watch. That takes no right to read those
    /// of others.
    pub namespace: Option<String>,
    /// Only objects that this selects, in a query's syntax.
    pub label_selector: Option<String>,
    /// Only objects with this value in a field that doesn't change as long as they live, such as
    /// `metadata.name=node-1`. A pod's `spec.nodeName` is such a field once it is set.
    pub field_selector: Option<String>,
    /// Whether an object that leaves the selection is read live before it counts as gone, and stays in the store
    /// while it lives. Without a label selector this has no effect.
    pub verify_vanished: bool,
    /// Whether the kind belongs to another deployable, which need not be installed. The kind is looked for again and
    /// again, every 30 s in the end, and its absence is no warning.
    pub may_be_missing: bool,
}

impl WatchOptions {
    /// The namespace that is watched by a process that is to watch this one; empty for all.
    pub(crate) fn namespace_in(&self, watched: &str) -> String {
        self.namespace.as_deref().unwrap_or(watched).to_owned()
    }

    /// Widens the selection to what somebody else asks for too. A query can't say "either of two selections".
    pub(crate) fn widen(&mut self, other: &Self) {
        if self.namespace != other.namespace {
            self.namespace = None;
        }
        if self.label_selector != other.label_selector {
            self.label_selector = None;
        }
        if self.field_selector != other.field_selector {
            self.field_selector = None;
        }
        self.verify_vanished |= other.verify_vanished;
        self.may_be_missing &= other.may_be_missing;
    }
}

/// Fills a store for as long as the process runs.
pub(crate) struct Watcher<K> {
    client: ApiClient,
    resource: Resource,
    namespace: String,
    options: WatchOptions,
    store: Store<K>,
    metrics: Metrics,
    /// Since when the API server says that there is no such kind.
    missing_since: Option<Instant>,
    /// Version to go on from; `None`: list first.
    from: Option<String>,
    /// Whether to list by streaming: that costs the server less, but not every server can do it.
    streaming: Streaming,
    strays: Option<mpsc::UnboundedReceiver<(ObjectKey, String)>>,
    stray_sender: Option<mpsc::UnboundedSender<(ObjectKey, String)>>,
    restores: Restores,
}

impl<K> Drop for Watcher<K> {
    fn drop(&mut self) {
        // Nothing changes any more.
        self.store.forget_handlers();
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Streaming {
    Try,
    /// The last streaming list failed; the next list is in pages.
    NotNow,
    Never,
}

impl<K: Object> Watcher<K> {
    /// A watch that fills this store, which no other may fill.
    pub(crate) fn filling(
        store: Store<K>,
        client: ApiClient,
        namespace: String,
        options: WatchOptions,
        metrics: Metrics,
        restores: Restores,
    ) -> Self {
        let verify = options.verify_vanished && options.label_selector.is_some();
        let (stray_sender, strays) = verify.then(mpsc::unbounded_channel).unzip();
        store.select(options.label_selector.clone(), stray_sender.clone());
        let resource = store.resource();
        Self {
            client,
            resource,
            namespace: if resource.namespaced {
                namespace
            } else {
                String::new()
            },
            options,
            store,
            metrics,
            missing_since: None,
            from: None,
            streaming: Streaming::Try,
            strays,
            stray_sender,
            restores,
        }
    }

    /// Never returns.
    pub(crate) async fn run(mut self) {
        match self.strays.take() {
            Some(strays) => {
                let (client, resource) = (self.client.clone(), self.resource);
                let verify = vanished::verify(client, resource, self.store.clone(), strays);
                tokio::join!(self.follow(), verify);
            }
            None => self.follow().await,
        }
    }

    async fn follow(&mut self) {
        let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
        let mut was_away = false;
        let mut forgiven: Option<Instant> = None;
        loop {
            let start = Instant::now();
            let error = self.connect().await;
            let over = Instant::now();
            self.report(&error);
            // The API server is back after an outage and has forgotten our version. That is an answer, so the watch
            // need not wait for as long as the outage has taught it to.
            let is_back = was_away && error.needs_list();
            let may_forgive = forgiven.is_none_or(|at| at.elapsed() >= STABLE_AFTER);
            if start.elapsed() >= STABLE_AFTER || is_back && may_forgive {
                backoff.reset();
                forgiven = Some(Instant::now());
            }
            was_away = matches!(error.api_error(), Some(ApiError::Ambiguous { .. }));
            if error.needs_list() {
                self.from = None;
            }
            // Each end costs a delay, also a regular one: a server that ends every watch at once must not be called
            // in a loop. A regular end comes after minutes, so half a second is little.
            let (delay, asked) = match error {
                WatchError::Late | WatchError::ListWanted | WatchError::StreamRefused(_) => {
                    (Duration::ZERO, Duration::ZERO)
                }
                _ => {
                    let asked = error.api_error().and_then(ApiError::retry_after);
                    (backoff.next(), asked.unwrap_or_default())
                }
            };
            // After an outage a new leader would wait as long for its indexes as these have learned to wait. So a
            // watch can be hurried. The delay that the server itself asked for holds all the same.
            tokio::select! {
                biased;
                () = self.store.watch_hurried() => {}
                () = tokio::time::sleep(delay) => {}
            }
            tokio::time::sleep_until(over + asked).await;
        }
    }

    fn report(&mut self, error: &WatchError) {
        let (resource, reason) = (self.resource.to_string(), error.reason());
        let labels = RestartLabels {
            resource,
            reason: reason.to_owned(),
        };
        self.metrics.watch_restarts.get_or_create(&labels).inc();
        let missing = matches!(error.api_error(), Some(ApiError::NotFound { .. }));
        let was_missing = self.store.kind_missing();
        self.missing_since = missing.then(|| self.missing_since.unwrap_or_else(Instant::now));
        let is_gone = self
            .missing_since
            .is_some_and(|since| since.elapsed() >= GONE_AFTER);
        if is_gone && !self.store.is_empty() {
            // The kind was taken away, and its objects with it.
            self.from = None;
            self.store.forget_all();
        }
        self.store.set_kind_missing(missing);
        let error = chain(error);
        if missing && self.options.may_be_missing {
            if !was_missing {
                tracing::info!(resource = %self.resource, "not installed; looked for again and again");
            }
        } else if matches!(
            reason,
            "ended" | "gone" | "silent" | "list_wanted" | "stream_refused"
        ) {
            tracing::debug!(resource = %self.resource, reason, error, "watch restarts");
        } else {
            tracing::warn!(resource = %self.resource, reason, error, "watch restarts");
        }
    }

    /// One connection, with a list before it where needed.
    async fn connect(&mut self) -> WatchError {
        // The connection that begins now meets orders from before.
        if self.store.watch_order() == WatchOrder::Relist {
            self.from = None;
        }
        if self.from.is_none() && self.streaming != Streaming::Try {
            if let Err(error) = self.list().await {
                self.streaming = self.streaming.after_failed_list();
                return WatchError::List(error);
            }
            self.streaming = self.streaming.after_list();
        }
        let listing = self.from.is_none();
        let error = match self.stream().await {
            Ok(never) => match never {},
            Err(error) => error,
        };
        if listing && self.from.is_none() {
            self.streaming = self.streaming.after_failed_stream(&error);
        }
        error
    }

    /// Lists in pages. The first page decides on the version. A page that is asked for too late spoils the whole
    /// list.
    async fn list(&mut self) -> Result<(), ApiError> {
        let mut objects = vec![];
        let mut undecodable = vec![];
        let mut after = None;
        let mut version = None;
        loop {
            let query = ListQuery {
                namespace: &self.namespace,
                label_selector: self.options.label_selector.as_deref(),
                field_selector: self.options.field_selector.as_deref(),
                limit: Some(PAGE),
                after: after.as_deref(),
            };
            let page = self.client.list_page(&self.resource, query).await?;
            for item in &page.items {
                match line::decode(item) {
                    Decoded::Object(object) => objects.push(self.store.stored_or(object)),
                    Decoded::Undecodable(peek, error) => {
                        self.skip(&peek.key, &error);
                        undecodable.push(peek.key);
                    }
                }
            }
            let version = version.get_or_insert(page.resource_version);
            after = page.next;
            if after.is_none() {
                self.complete(objects, &undecodable, version.clone()).await;
                return Ok(());
            }
        }
    }

    /// Takes a complete list. A list that is older than what was seen before says that the API server's data was
    /// restored from a backup. Until every kind has been listed again, no two kinds fit together.
    async fn complete(&mut self, objects: Vec<Arc<K>>, undecodable: &[ObjectKey], version: String) {
        if version_number(&version) < self.store.newest_version() {
            tracing::error!(
                resource = %self.resource, version, seen = self.store.newest_version(),
                "a complete list is older than what was seen before, as after a restore"
            );
            self.restores.found().await;
        }
        self.store.replace_shared(objects, undecodable, &version);
        self.from = Some(version);
        self.measure();
    }

    /// Follows the events; begins with all objects when there is no version to go on from.
    async fn stream(&mut self) -> Result<std::convert::Infallible, WatchError> {
        let from = self.from.clone();
        let query = WatchQuery {
            namespace: &self.namespace,
            label_selector: self.options.label_selector.as_deref(),
            field_selector: self.options.field_selector.as_deref(),
            from: from.as_deref(),
            timeout: SHORTEST_WATCH + Duration::from_secs(random::number() % 300),
        };
        let mut lines = self
            .client
            .watch(&self.resource, query)
            .await
            .map_err(|error| match (&from, &error) {
                (None, ApiError::Invalid { .. } | ApiError::Refused { .. }) => {
                    WatchError::StreamRefused(error)
                }
                _ => WatchError::Open(error),
            })?;
        let mut initial = from.is_none().then(OpenList::default);
        let mut line = Vec::new();
        loop {
            line.clear();
            match self.read_line(&mut lines, &mut line).await {
                Err(WatchError::Ended) if initial.is_some() => return Err(WatchError::ListEnded),
                read => read?,
            }
            match line::parse(&line).map_err(WatchError::Line)? {
                Event::Object(decoded) => match &mut initial {
                    Some(list) => self.listed(decoded, list),
                    None => self.object(decoded),
                },
                Event::Deleted(decoded) => match &mut initial {
                    Some(list) => list.remove(&decoded),
                    None => self.deleted(decoded),
                },
                Event::Bookmark { version, ends_list } => match initial.take() {
                    Some(list) if ends_list => {
                        let (objects, undecodable) = list.into_parts();
                        self.complete(objects, &undecodable, version).await;
                    }
                    list => {
                        initial = list;
                        if initial.is_none() {
                            self.saw(version);
                        }
                    }
                },
                Event::Error { code, status } => {
                    let call = format!("watch {}", self.resource);
                    let error = ApiError::from_status(call, code, status);
                    return Err(WatchError::Reported(error));
                }
                Event::Unknown(kind) => {
                    tracing::warn!(resource = %self.resource, kind, "unknown kind of event");
                }
            }
        }
    }

    /// Reads one line, unless the watch falls silent or has to restart first.
    async fn read_line(&self, lines: &mut Lines, line: &mut Vec<u8>) -> Result<(), WatchError> {
        let silent_at = Instant::now() + SILENT_AFTER;
        loop {
            let look_again = match self.store.watch_order() {
                WatchOrder::Relist => return Err(WatchError::ListWanted),
                WatchOrder::Reconnect => return Err(WatchError::Late),
                WatchOrder::Continue(at) => at.unwrap_or(silent_at).min(silent_at),
            };
            tokio::select! {
                // What the watch is told to do is looked at before each line.
                biased;
                // The part of a line that was read before another branch won stays in the buffer.
                read = lines.read_until(b'\n', line) => {
                    return match read {
                        Ok(_) if line.ends_with(b"\n") => Ok(()),
                        Ok(0) if line.is_empty() => Err(WatchError::Ended),
                        Ok(_) => Err(WatchError::Read(std::io::ErrorKind::UnexpectedEof.into())),
                        Err(error) => Err(WatchError::Read(error)),
                    };
                }
                () = self.store.watch_woken() => {}
                () = tokio::time::sleep_until(look_again) => {
                    if Instant::now() >= silent_at {
                        return Err(WatchError::Silent);
                    }
                }
            }
        }
    }

    /// Takes an object into a list that isn't complete. Nothing else may be kept of the object, least of all its
    /// version: a watch that went on from there would never hear of what the list still had to tell.
    fn listed(&self, decoded: Decoded<K>, list: &mut OpenList<K>) {
        match decoded {
            Decoded::Object(object) => list.add(self.store.stored_or(object)),
            Decoded::Undecodable(peek, error) => {
                self.skip(&peek.key, &error);
                list.add_undecodable(peek);
            }
        }
    }

    fn object(&mut self, decoded: Decoded<K>) {
        match decoded {
            Decoded::Object(object) => {
                let version = object.meta().resource_version.clone();
                self.store.apply(object);
                self.saw(version);
                self.measure();
            }
            Decoded::Undecodable(peek, error) => {
                self.skip(&peek.key, &error);
                self.saw(peek.version);
            }
        }
    }

    fn deleted(&mut self, decoded: Decoded<K>) {
        let version = match decoded {
            Decoded::Object(last) => {
                let meta = last.meta();
                match &self.stray_sender {
                    // The event doesn't say whether the object was deleted without being marked as terminating, or is
                    // only no longer selected.
                    Some(strays) if !meta.is_terminating() => {
                        // Fails only when the watch is being stopped.
                        let _ = strays.send((ObjectKey::of(meta), meta.uid.clone()));
                    }
                    _ => self.store.apply_deleted(&last),
                }
                last.meta().resource_version.clone()
            }
            Decoded::Undecodable(peek, error) => {
                self.skip(&peek.key, &error);
                // Key and UID say which object it is. Whether it is gone, or no longer selected, a live read tells.
                match &self.stray_sender {
                    Some(strays) => {
                        let _ = strays.send((peek.key, peek.uid));
                    }
                    None => {
                        self.store.inject(&peek.key, &peek.uid, None);
                    }
                }
                peek.version
            }
        };
        self.saw(version);
        self.measure();
    }

    fn saw(&mut self, version: String) {
        self.store.saw_version(&version);
        self.from = Some(version);
    }

    fn skip(&self, key: &ObjectKey, error: &serde_json::Error) {
        tracing::error!(
            resource = %self.resource, object = %key, %error,
            "an object can't be decoded and is skipped"
        );
        self.metrics.undecodable.get_or_create(&self.labels()).inc();
    }

    fn measure(&self) {
        let labels = self.labels();
        let count = i64::try_from(self.store.len()).unwrap_or(i64::MAX);
        self.metrics.stored.get_or_create(&labels).set(count);
        self.metrics
            .synced
            .get_or_create(&labels)
            .set(i64::from(self.store.synced()));
    }

    fn labels(&self) -> ResourceLabels {
        ResourceLabels {
            resource: self.resource.to_string(),
        }
    }
}

impl Streaming {
    fn after_failed_stream(self, error: &WatchError) -> Self {
        match error {
            WatchError::StreamRefused(_) => Self::Never,
            _ => Self::NotNow,
        }
    }

    fn after_list(self) -> Self {
        match self {
            Self::Never => Self::Never,
            Self::Try | Self::NotNow => Self::Try,
        }
    }

    fn after_failed_list(self) -> Self {
        self.after_list()
    }
}
