//! Calls that change something, and dry runs of them.

use std::time::Duration;

use http::Method;
use kruise_api::resource::{ObjectKey, PatchKind, Resource};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{
    ApiClient, WRITE_TIMEOUT,
    send::{JSON, parse, set_accept, within},
};
use crate::api::{
    error::ApiError,
    patch::content_type,
    query::Path,
    written::{METADATA_ONLY, Written, name_in},
};

impl ApiClient {
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

    /// [`ApiClient::create`], for callers who need no more of the answer than which object was made. The server then
    /// sends nothing but metadata.
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

    /// Has the API server judge an object without storing it, within this time. A dry run changes nothing, so the API
    /// server is asked even when this process doesn't lead.
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
            self.limits.token().await;
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

    /// [`ApiClient::patch`], which returns no more than [`ApiClient::create_briefly`] does.
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

    /// Has the API server judge a patch without storing the result. The dry run is sent under the same conditions as
    /// any other request of this client, and counts as no write.
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
        let content = Some((content_type(kind), patch));
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
        let content = Some((content_type(kind), patch));
        let mut request = self.request(&call, Method::PATCH, path, content)?;
        set_accept(&mut request, accept);
        let body = self.write("patch", resource, &call, request).await?;
        parse(&call, &body)
    }

    /// Deletes the object with this UID, if need be only in this version, and what it owns in the background.
    ///
    /// # Errors
    /// When the call fails; `Conflict` when the name belongs to another object or version by now.
    pub async fn delete(
        &self,
        resource: &Resource,
        key: &ObjectKey,
        uid: &str,
        version: Option<&str>,
    ) -> Result<(), ApiError> {
        let call = format!("delete {resource} {key}");
        let preconditions = match version {
            None => json!({ "uid": uid }),
            Some(version) => json!({ "uid": uid, "resourceVersion": version }),
        };
        let options = json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": preconditions,
            "propagationPolicy": "Background",
        });
        let path = resource.object_path(key, None);
        let request = self.request(&call, Method::DELETE, path, Some((JSON, &options)))?;
        self.write("delete", resource, &call, request)
            .await
            .map(drop)
    }
}
