//! Objects of one kind in a namespace: what a test does to them, and what it waits for.

use kruise_api::resource::Resource;
use kube::{
    Api, Client,
    api::{
        ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
    },
};
use serde_json::{Value, json};

use crate::{
    Pods,
    wait::{PATIENCE, eventually},
};

/// Objects of one kind in a namespace, by name.
#[derive(Clone)]
pub struct Workload {
    resource: Resource,
    namespace: String,
    api: Api<DynamicObject>,
    pods: Pods,
}

/// How the API is asked about a kind.
#[must_use]
pub fn api_resource(resource: Resource) -> ApiResource {
    let Resource {
        group,
        version,
        plural,
        kind,
        namespaced: _,
    } = resource;
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind), plural)
}

impl Workload {
    /// Objects of this kind in a namespace.
    #[must_use]
    pub fn of(client: &Client, namespace: &str, resource: Resource) -> Self {
        Self {
            resource,
            namespace: namespace.to_owned(),
            api: Api::namespaced_with(client.clone(), namespace, &api_resource(resource)),
            pods: Pods::of(client, namespace),
        }
    }

    /// For calls that have no method here.
    #[must_use]
    pub fn api(&self) -> &Api<DynamicObject> {
        &self.api
    }

    pub(crate) fn pods(&self) -> &Pods {
        &self.pods
    }

    /// What an object with this spec is in full.
    #[must_use]
    pub fn object(&self, name: &str, spec: Value) -> Value {
        json!({
            "apiVersion": self.resource.api_version(),
            "kind": self.resource.kind,
            "metadata": { "name": name, "namespace": self.namespace },
            "spec": spec,
        })
    }

    /// Creates one from its spec.
    pub async fn create(&self, name: &str, spec: Value) -> kube::Result<DynamicObject> {
        self.create_whole(self.object(name, spec)).await
    }

    /// Creates one from all that it is.
    pub async fn create_whole(&self, object: Value) -> kube::Result<DynamicObject> {
        let object = serde_json::from_value(object).expect("an object");
        self.api.create(&PostParams::default(), &object).await
    }

    /// Merges a patch into it.
    pub async fn patch(&self, name: &str, patch: Value) {
        let patched = self.try_patch(name, patch).await;
        patched.expect("patch the object");
    }

    /// Merges a patch into it, if that is allowed.
    pub async fn try_patch(&self, name: &str, patch: Value) -> kube::Result<DynamicObject> {
        let patch = Patch::Merge(patch);
        self.api.patch(name, &PatchParams::default(), &patch).await
    }

    /// Changes the number of replicas through subresource `scale`.
    pub async fn scale(&self, name: &str, replicas: i32) {
        let patch = Patch::Merge(json!({ "spec": { "replicas": replicas } }));
        let scaled = self
            .api
            .patch_scale(name, &PatchParams::default(), &patch)
            .await;
        scaled.expect("scale the object");
    }

    /// Deletes it.
    pub async fn delete(&self, name: &str) {
        let deleted = self.api.delete(name, &DeleteParams::default()).await;
        deleted.expect("delete the object");
    }

    /// Waits until it is gone.
    pub async fn is_gone(&self, name: &str) {
        eventually(&self.what(name, "is gone"), PATIENCE, || async {
            match self.api.get_opt(name).await {
                Ok(None) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    /// The object as JSON.
    pub async fn get(&self, name: &str) -> Value {
        let object = self.api.get(name).await.expect("get the object");
        serde_json::to_value(object).expect("JSON")
    }

    /// A field of the status.
    pub async fn status(&self, name: &str, field: &str) -> Value {
        self.get(name).await["status"][field].clone()
    }

    /// Gives container `app` of the template another image. A merge patch replaces lists, so the whole list is sent.
    pub async fn set_app_image(&self, name: &str, image: &str) {
        let mut object = self.get(name).await;
        let containers = object
            .pointer_mut("/spec/template/spec/containers")
            .expect("containers");
        for container in containers.as_array_mut().expect("a list") {
            if container["name"] == "app" {
                container["image"] = json!(image);
            }
        }
        let containers = containers.clone();
        self.patch_template(name, json!({ "spec": { "containers": containers } }))
            .await;
    }

    /// Changes the template in a label alone.
    pub async fn relabel_template(&self, name: &str, tier: &str) {
        self.patch_template(name, json!({ "metadata": { "labels": { "tier": tier } } }))
            .await;
    }

    /// Merges a patch into the template.
    pub async fn patch_template(&self, name: &str, patch: Value) {
        self.patch(name, json!({ "spec": { "template": patch } }))
            .await;
    }

    /// Waits until the status is of the present spec, and returns the object.
    pub async fn observed(&self, name: &str) -> Value {
        let what = self.what(name, "is observed");
        self.when(&what, name, |object| {
            object["status"]["observedGeneration"] == object["metadata"]["generation"]
        })
        .await
    }

    /// Waits for a counter of the status, of the present spec, to have a value.
    pub async fn status_becomes(&self, name: &str, field: &str, value: i64) {
        let what = self.what(name, &format!("has {field} {value}"));
        self.when(&what, name, |object| {
            let settled =
                object["status"]["observedGeneration"] == object["metadata"]["generation"];
            settled && object["status"][field].as_i64().unwrap_or(0) == value
        })
        .await;
    }

    /// Waits for condition `Waiting` with a reason, and returns its message.
    pub async fn waits_for(&self, name: &str, reason: &str) -> String {
        let what = self.what(name, &format!("waits: {reason}"));
        let has_reason =
            |object: &Value| waiting(object).is_some_and(|condition| condition["reason"] == reason);
        let object = self.when(&what, name, has_reason).await;
        let condition = waiting(&object).expect("the condition");
        condition["message"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until condition `Waiting` is gone.
    pub async fn stops_waiting(&self, name: &str) {
        let what = self.what(name, "waits for nothing");
        self.when(&what, name, |object| waiting(object).is_none())
            .await;
    }

    /// Waits until the object is as wanted, and returns it.
    pub async fn when(&self, what: &str, name: &str, holds: impl Fn(&Value) -> bool) -> Value {
        eventually(what, PATIENCE, || async {
            let object = self.get(name).await;
            if holds(&object) {
                Ok(object)
            } else {
                Err(object["status"].clone())
            }
        })
        .await
    }

    pub(crate) fn what(&self, name: &str, what: &str) -> String {
        format!("{} {name} {what}", self.resource.kind)
    }
}

fn waiting(object: &Value) -> Option<&Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == "Waiting")
}
