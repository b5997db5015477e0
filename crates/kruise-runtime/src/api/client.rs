//! One thin client: raw JSON in and out, nothing decoded that the caller didn't ask for, every
//! request counted. It never repeats a request; who may repeat it is for the caller to know.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, TryStreamExt};
use http::{HeaderValue, Method, Request, header};
use http_body_util::BodyExt;
use kruise_api::resource::{ObjectKey, Resource};
use kube::client::Body;
use serde::de::DeserializeOwned;
use serde_json::{Value, json, value::RawValue};
use tokio::sync::watch;

use crate::{
    api::{
        error::ApiError,
        query::{Lines, ListPage, ListQuery, Path, RawList, WatchQuery},
        written::{METADATA_ONLY, Written},
    },
    control::{backoff::TokenBucket, gate::Gate, permission::Permission},
    leader::fence::Fence,
    tell::metrics::{Metrics, RequestLabels, WriteLabels},
};

/// Below 5 s, so that a write begun within the renew deadline has ended, or been given up, before
/// anyone else can hold the lease (15 s).
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_millis(4_500);
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// A page of a list may have to be read from etcd.
const LIST_TIMEOUT: Duration = Duration::from_secs(60);
/// client-go's values for limits of 0 or less.
const DEFAULT_QPS: f64 = 20.0;
const DEFAULT_BURST: u32 = 30;

/// How a patch is applied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PatchKind {
    /// JSON merge patch (RFC 7386).
    Merge,
    /// Strategic merge patch; built-in kinds only.
    Strategic,
}

impl PatchKind {
    fn content_type(self) -> &'static str {
        match self {
            Self::Merge => "application/merge-patch+json",
            Self::Strategic => "application/strategic-merge-patch+json",
        }
    }
}

/// The client. Clones share the connection, the limits and the metrics.
#[derive(Clone)]
pub struct ApiClient {
    client: kube::Client,
    limits: Option<Arc<TokenBucket>>,
    /// Calls that have waited for the limits already.
    prepaid: Option<Arc<AtomicUsize>>,
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
            limits: None,
            prepaid: None,
            permission: Permission::default(),
            field_manager: field_manager.into(),
            host: "".into(),
            metrics,
            answered: Arc::default(),
        }
    }

    /// The same with limits of its own, which its clones share; 0 or less is client-go's default.
    #[must_use]
    pub fn with_limits(mut self, qps: f64, burst: i32) -> Self {
        let qps = if qps > 0.0 { qps } else { DEFAULT_QPS };
        let burst = u32::try_from(burst)
            .ok()
            .filter(|&burst| burst > 0)
            .unwrap_or(DEFAULT_BURST);
        self.limits = Some(Arc::new(TokenBucket::new(qps, burst)));
        self
    }

    /// The same, after it has waited for the limits for so many calls at once: between calls that belong together
    /// others should not come in. What isn't used is lost.
    pub async fn prepaid(&self, n_calls: usize) -> Self {
        let mut paid = 0;
        while paid < n_calls {
            tokio::select! {
                biased;
                () = self.token() => paid += 1,
                // The calls themselves say so.
                _ = self.permission.withheld("") => break,
            }
        }
        Self {
            prepaid: Some(Arc::new(AtomicUsize::new(paid))),
            ..self.clone()
        }
    }

    async fn token(&self) {
        let pay = |left: usize| left.checked_sub(1);
        if let Some(prepaid) = &self.prepaid
            && prepaid
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, pay)
                .is_ok()
        {
            return;
        }
        if let Some(limits) = &self.limits {
            limits.acquire().await;
        }
    }

    /// The same, named in the metrics as talking to `host`.
    #[must_use]
    pub(crate) fn with_host(mut self, host: &str) -> Self {
        self.host = host.into();
        self
    }

    /// The same, which writes, reads and waits only while leading: what reconcilers get.
    #[must_use]
    pub(crate) fn with_fence(mut self, fence: Fence) -> Self {
        self.permission.fence = Some(fence);
        self
    }

    /// The same, which does so only while reconcilers may work.
    #[must_use]
    pub(crate) fn with_gate(mut self, gate: watch::Receiver<Gate>) -> Self {
        self.permission.gate = Some(gate);
        self
    }

    /// Whether the API server has ever answered, to this client or one it was made from.
    #[must_use]
    pub fn has_been_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Reads one object; `None` when there is none.
    ///
    /// # Errors
    /// When the call fails for any other reason.
    pub async fn get(
        &self,
        resource: &Resource,
        key: &ObjectKey,
    ) -> Result<Option<Value>, ApiError> {
        self.read(resource, key).await
    }

    /// [`ApiClient::get`], undecoded.
    pub(crate) async fn get_text(
        &self,
        resource: &Resource,
        key: &ObjectKey,
    ) -> Result<Option<Box<RawValue>>, ApiError> {
        self.read(resource, key).await
    }

    async fn read<T: DeserializeOwned>(
        &self,
        resource: &Resource,
        key: &ObjectKey,
    ) -> Result<Option<T>, ApiError> {
        let call = format!("get {resource} {key}");
        let request = self.request(&call, Method::GET, resource.object_path(key, None), None)?;
        match self.send_within(READ_TIMEOUT, &call, request).await {
            Ok(body) => parse(&call, &body).map(Some),
            Err(ApiError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the API server's `gitVersion`.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn server_version(&self) -> Result<String, ApiError> {
        let call = "get /version";
        let request = self.request(call, Method::GET, "/version".to_owned(), None)?;
        let body = self.send_within(READ_TIMEOUT, call, request).await?;
        let info: Value = parse(call, &body)?;
        let version = info.get("gitVersion").and_then(Value::as_str);
        Ok(version.unwrap_or_default().to_owned())
    }

    /// Creates an object and returns it as stored.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn create(
        &self,
        resource: &Resource,
        namespace: &str,
        object: &Value,
    ) -> Result<Value, ApiError> {
        self.send_create(resource, namespace, object, JSON).await
    }

    /// [`ApiClient::create`], for those who need no more of the answer than which object it is now. The
    /// server sends no more than metadata then.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn create_briefly(
        &self,
        resource: &Resource,
        namespace: &str,
        object: &Value,
    ) -> Result<Written, ApiError> {
        self.send_create(resource, namespace, object, METADATA_ONLY)
            .await
    }

    async fn send_create<T: DeserializeOwned>(
        &self,
        resource: &Resource,
        namespace: &str,
        object: &Value,
        accept: &'static str,
    ) -> Result<T, ApiError> {
        let name = name_in(object);
        let call = format!("create {resource} {}", ObjectKey::new(namespace, name));
        let path = format!(
            "{}?fieldManager={}",
            resource.collection_path(namespace),
            self.field_manager
        );
        let mut request = self.request(&call, Method::POST, path, Some((JSON, object)))?;
        set_accept(&mut request, accept);
        let body = self.write("create", resource, &call, request).await?;
        parse(&call, &body)
    }

    /// Has the API server judge an object without storing it, within this time. That changes nothing, so
    /// that it is asked whether this process leads or not.
    ///
    /// # Errors
    /// When the object can't be created, or there is no answer in time.
    pub async fn dry_run_create(
        &self,
        resource: &Resource,
        namespace: &str,
        object: &Value,
        patience: Duration,
    ) -> Result<(), ApiError> {
        let call = format!("create {resource} in {namespace} as a dry run");
        let mut path = Path::new(resource.collection_path(namespace));
        path.add("dryRun", "All");
        path.add("fieldManager", &self.field_manager);
        let request = self.request(&call, Method::POST, path.0, Some((JSON, object)))?;
        let answer = async {
            self.token().await;
            self.send_and_read(&call, request).await
        };
        within(patience, &call, answer).await.map(drop)
    }

    /// Patches an object, or one of its subresources, and returns it as stored.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn patch(
        &self,
        resource: &Resource,
        key: &ObjectKey,
        subresource: Option<&str>,
        kind: PatchKind,
        patch: &Value,
    ) -> Result<Value, ApiError> {
        self.send_patch(resource, key, subresource, (kind, patch), JSON)
            .await
    }

    /// [`ApiClient::patch`], as [`ApiClient::create_briefly`].
    ///
    /// # Errors
    /// When the call fails.
    pub async fn patch_briefly(
        &self,
        resource: &Resource,
        key: &ObjectKey,
        subresource: Option<&str>,
        kind: PatchKind,
        patch: &Value,
    ) -> Result<Written, ApiError> {
        self.send_patch(resource, key, subresource, (kind, patch), METADATA_ONLY)
            .await
    }

    /// Has the API server judge a patch without storing what comes of it. It is asked under the same conditions as
    /// anything else that this client sends, and counts as no write.
    ///
    /// # Errors
    /// When the patch would fail.
    pub async fn dry_run_patch(
        &self,
        resource: &Resource,
        key: &ObjectKey,
        subresource: Option<&str>,
        kind: PatchKind,
        patch: &Value,
    ) -> Result<(), ApiError> {
        let call = match subresource {
            Some(subresource) => format!("patch {resource}/{subresource} {key} as a dry run"),
            None => format!("patch {resource} {key} as a dry run"),
        };
        let mut path = Path::new(resource.object_path(key, subresource));
        path.add("dryRun", "All");
        path.add("fieldManager", &self.field_manager);
        let content = Some((kind.content_type(), patch));
        let mut request = self.request(&call, Method::PATCH, path.0, content)?;
        set_accept(&mut request, METADATA_ONLY);
        let answer = self.send_within(WRITE_TIMEOUT, &call, request).await;
        answer.map(drop)
    }

    async fn send_patch<T: DeserializeOwned>(
        &self,
        resource: &Resource,
        key: &ObjectKey,
        subresource: Option<&str>,
        (kind, patch): (PatchKind, &Value),
        accept: &'static str,
    ) -> Result<T, ApiError> {
        let call = match subresource {
            Some(subresource) => format!("patch {resource}/{subresource} {key}"),
            None => format!("patch {resource} {key}"),
        };
        let path = format!(
            "{}?fieldManager={}",
            resource.object_path(key, subresource),
            self.field_manager
        );
        let content = Some((kind.content_type(), patch));
        let mut request = self.request(&call, Method::PATCH, path, content)?;
        set_accept(&mut request, accept);
        let body = self.write("patch", resource, &call, request).await?;
        parse(&call, &body)
    }

    /// Deletes the object with this UID, and what it owns in the background.
    ///
    /// # Errors
    /// When the call fails; `Conflict` when the name belongs to another object by now.
    pub async fn delete(
        &self,
        resource: &Resource,
        key: &ObjectKey,
        uid: &str,
    ) -> Result<(), ApiError> {
        let call = format!("delete {resource} {key}");
        let options = json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": { "uid": uid },
            "propagationPolicy": "Background",
        });
        let path = resource.object_path(key, None);
        let request = self.request(&call, Method::DELETE, path, Some((JSON, &options)))?;
        self.write("delete", resource, &call, request)
            .await
            .map(drop)
    }

    /// Reads one page of a list, as new as the call (no version is asked for).
    ///
    /// # Errors
    /// When the call fails; `Gone` when the next page is too late, `NotFound` when the kind is missing.
    pub async fn list_page(
        &self,
        resource: &Resource,
        query: ListQuery<'_>,
    ) -> Result<ListPage, ApiError> {
        let call = format!("list {resource}");
        let mut path = Path::new(resource.collection_path(query.namespace));
        path.add_some("labelSelector", query.label_selector);
        path.add_some("fieldSelector", query.field_selector);
        path.add_some(
            "limit",
            query.limit.map(|limit| limit.to_string()).as_deref(),
        );
        path.add_some("continue", query.after);
        let request = self.request(&call, Method::GET, path.0, None)?;
        let body = self.send_within(LIST_TIMEOUT, &call, request).await?;
        let list: RawList = parse(&call, &body)?;
        Ok(ListPage {
            resource_version: list.metadata.resource_version,
            next: list.metadata.next.filter(|next| !next.is_empty()),
            items: list.items.unwrap_or_default(),
        })
    }

    /// Opens a watch and returns its lines.
    ///
    /// # Errors
    /// When the watch can't be opened; `Gone` when the version is too old.
    pub async fn watch(
        &self,
        resource: &Resource,
        query: WatchQuery<'_>,
    ) -> Result<Lines, ApiError> {
        let call = format!("watch {resource}");
        let mut path = Path::new(resource.collection_path(query.namespace));
        path.add("watch", "true");
        path.add("allowWatchBookmarks", "true");
        path.add("timeoutSeconds", &query.timeout.as_secs().to_string());
        path.add_some("labelSelector", query.label_selector);
        path.add_some("fieldSelector", query.field_selector);
        match query.from {
            Some(version) => path.add("resourceVersion", version),
            None => {
                path.add("sendInitialEvents", "true");
                path.add("resourceVersionMatch", "NotOlderThan");
            }
        }
        let request = self.request(&call, Method::GET, path.0, None)?;
        let open = self.send(&call, request);
        let response = within(LIST_TIMEOUT, &call, open).await?;
        let bytes = response
            .into_body()
            .into_data_stream()
            .map_err(std::io::Error::other)
            .boxed();
        Ok(Box::pin(bytes.into_async_read()))
    }

    fn request(
        &self,
        call: &str,
        method: Method,
        path: String,
        content: Option<(&str, &Value)>,
    ) -> Result<Request<Body>, ApiError> {
        let impossible = |source| ApiError::Request {
            call: call.to_owned(),
            source,
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, JSON);
        let mut body = Vec::new();
        if let Some((content_type, value)) = content {
            request = request.header(header::CONTENT_TYPE, content_type);
            let json = serde_json::to_string(value).map_err(|error| impossible(error.into()))?;
            body = kruise_api::json::escape_as_go(&json).into_bytes();
        }
        request = request.header(header::USER_AGENT, &*self.field_manager);
        request
            .body(Body::from(body))
            .map_err(|error| impossible(error.into()))
    }

    async fn write(
        &self,
        verb: &str,
        resource: &Resource,
        call: &str,
        request: Request<Body>,
    ) -> Result<Vec<u8>, ApiError> {
        self.permission.check(call)?;
        tokio::select! {
            biased;
            () = self.token() => {}
            error = self.permission.withheld(call) => return Err(error),
        }
        // After the wait, too: what counts is the time at which the request goes out.
        self.permission.check(call)?;
        let answer = within(WRITE_TIMEOUT, call, self.send_and_read(call, request)).await;
        let code = match &answer {
            Ok(_) => "2xx",
            Err(error) => error.category(),
        };
        self.metrics
            .writes
            .get_or_create(&WriteLabels {
                verb: verb.to_owned(),
                kind: resource.kind.to_owned(),
                code: code.to_owned(),
            })
            .inc();
        answer
    }

    /// What changes nothing: limits, time-out, body. Nobody waits for the answer any more who may not send now.
    async fn send_within(
        &self,
        timeout: Duration,
        call: &str,
        request: Request<Body>,
    ) -> Result<Vec<u8>, ApiError> {
        self.permission.check(call)?;
        let answer = async {
            self.token().await;
            within(timeout, call, self.send_and_read(call, request)).await
        };
        tokio::select! {
            biased;
            answer = answer => answer,
            error = self.permission.withheld(call) => Err(error),
        }
    }

    async fn send_and_read(&self, call: &str, request: Request<Body>) -> Result<Vec<u8>, ApiError> {
        let body = self.send(call, request).await?.into_body();
        collect(call, body).await
    }

    async fn send(
        &self,
        call: &str,
        request: Request<Body>,
    ) -> Result<http::Response<Body>, ApiError> {
        let method = request.method().to_string();
        let sent = self.client.send(request).await;
        let code = match &sent {
            Ok(response) => response.status().as_u16().to_string(),
            Err(_) => "<error>".to_owned(),
        };
        let host = self.host.to_string();
        self.metrics
            .requests
            .get_or_create(&RequestLabels { code, method, host })
            .inc();
        let response = sent.map_err(|error| ApiError::Ambiguous {
            call: call.to_owned(),
            message: "no answer".to_owned(),
            source: Some(error.into()),
        })?;
        self.answered.store(true, Ordering::Relaxed);
        let code = response.status();
        if code.is_success() {
            return Ok(response);
        }
        let body = collect(call, response.into_body()).await?;
        Err(ApiError::from_body(call.to_owned(), code, &body))
    }
}

const JSON: &str = "application/json";

fn set_accept(request: &mut Request<Body>, accept: &'static str) {
    let accept = HeaderValue::from_static(accept);
    request.headers_mut().insert(header::ACCEPT, accept);
}

pub(crate) fn name_in(object: &Value) -> &str {
    object
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

async fn within<T>(
    timeout: Duration,
    call: &str,
    answer: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    tokio::time::timeout(timeout, answer)
        .await
        .unwrap_or_else(|elapsed| {
            Err(ApiError::Ambiguous {
                call: call.to_owned(),
                message: format!("no answer within {timeout:?}"),
                source: Some(elapsed.into()),
            })
        })
}

async fn collect(call: &str, body: Body) -> Result<Vec<u8>, ApiError> {
    let collected = body.collect().await.map_err(|error| ApiError::Ambiguous {
        call: call.to_owned(),
        message: "the answer broke off".to_owned(),
        source: Some(error.into()),
    })?;
    Ok(collected.to_bytes().to_vec())
}

fn parse<T: DeserializeOwned>(call: &str, body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::Answer {
        call: call.to_owned(),
        source: error.into(),
    })
}
