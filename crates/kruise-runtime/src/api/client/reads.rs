//! Calls that change nothing.

use futures::{StreamExt, TryStreamExt};
use http::Method;
use http_body_util::BodyExt;
use kruise_api::resource::{NamedResource, ObjectKey, Resource};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

use super::{
    ApiClient, LIST_TIMEOUT, READ_TIMEOUT,
    send::{JSON, parse, set_accept, within},
};
use crate::{
    api::{
        error::ApiError,
        query::{Lines, ListMeta, ListPage, ListQuery, Path, RawList, WatchQuery},
        written::{METADATA_OF_LIST, METADATA_ONLY},
    },
    watch::version::version_number,
};

/// Objects in a page of a list of metadata.
const PAGE: u32 = 500;

/// What of an object is read where only its version counts.
#[derive(Deserialize)]
struct Versioned {
    metadata: ListMeta,
}

impl ApiClient {
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
        self.read_path(&call, resource.object_path(key, None), JSON)
            .await
    }

    /// Reads what is at this path, which needs no escapes; `None` when there is nothing. It is for what no [`Resource`]
    /// names: objects of kinds that are known at run time alone, their subresources, and which kinds there are.
    ///
    /// # Errors
    /// When the call fails for any other reason.
    pub async fn read_at<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ApiError> {
        let call = format!("get {path}");
        self.read_path(&call, path.to_owned(), JSON).await
    }

    /// [`ApiClient::read_at`] for an object of which nothing but its metadata is read. The server then sends nothing else.
    ///
    /// # Errors
    /// As [`ApiClient::read_at`].
    pub async fn metadata_at<T: DeserializeOwned>(
        &self,
        path: &str,
    ) -> Result<Option<T>, ApiError> {
        let call = format!("get {path}");
        self.read_path(&call, path.to_owned(), METADATA_ONLY).await
    }

    async fn read_path<T: DeserializeOwned>(
        &self,
        call: &str,
        path: String,
        accept: &'static str,
    ) -> Result<Option<T>, ApiError> {
        let mut request = self.request(call, Method::GET, path, None)?;
        set_accept(&mut request, accept);
        match self.send_within(READ_TIMEOUT, call, request).await {
            Ok(body) => parse(call, &body).map(Some),
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

    /// Reads one page of a list, as new as the call (no version is asked for).
    ///
    /// # Errors
    /// When the call fails; `Gone` when the next page is too late, `NotFound` when the kind is missing.
    pub async fn list_page(
        &self,
        resource: &Resource,
        query: ListQuery<'_>,
    ) -> Result<ListPage, ApiError> {
        let path = resource.collection_path(query.namespace);
        self.read_page(&resource.to_string(), path, query, JSON)
            .await
    }

    /// The same with nothing of the objects but their metadata, which is all that the server sends.
    ///
    /// # Errors
    /// As [`Self::list_page`].
    pub async fn list_metadata_page(
        &self,
        resource: &NamedResource,
        query: ListQuery<'_>,
    ) -> Result<ListPage, ApiError> {
        let path = resource.collection_path(query.namespace);
        self.read_page(&resource.to_string(), path, query, METADATA_OF_LIST)
            .await
    }

    /// The highest version of an object of this kind, as new as the call; 0 where there is none. The server sends
    /// nothing of the objects but their metadata. Of a namespace, or of all where it is empty.
    ///
    /// # Errors
    /// When a call fails; `NotFound` when the kind is missing.
    pub async fn newest_version(
        &self,
        resource: &Resource,
        namespace: &str,
    ) -> Result<u64, ApiError> {
        let mut newest = 0;
        let mut after = None;
        loop {
            let query = ListQuery {
                namespace,
                limit: Some(PAGE),
                after: after.as_deref(),
                ..ListQuery::default()
            };
            let path = resource.collection_path(namespace);
            let page = self
                .read_page(&resource.to_string(), path, query, METADATA_OF_LIST)
                .await?;
            for item in &page.items {
                let object: Versioned = parse("list of metadata", item.get().as_bytes())?;
                newest = newest.max(version_number(&object.metadata.resource_version));
            }
            after = page.next;
            if after.is_none() {
                return Ok(newest);
            }
        }
    }

    /// One page of the collection at this path. Of the query, the namespace is in the path already.
    async fn read_page(
        &self,
        resource: &str,
        path: String,
        query: ListQuery<'_>,
        accept: &'static str,
    ) -> Result<ListPage, ApiError> {
        let call = format!("list {resource}");
        let mut path = Path::new(path);
        path.add_some("labelSelector", query.label_selector);
        path.add_some("fieldSelector", query.field_selector);
        path.add_some(
            "limit",
            query.limit.map(|limit| limit.to_string()).as_deref(),
        );
        path.add_some("continue", query.after);
        let mut request = self.request(&call, Method::GET, path.0, None)?;
        set_accept(&mut request, accept);
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
}
