//! SidecarSets of a test. They are in no namespace, so each has a name after the test's own, selects pods of the test's
//! namespace alone, and is deleted at the end.

use k8s_openapi::api::core::v1::Pod;
use kruise_api::resource::Resource;
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::{
    Namespace,
    names::SIDECAR_SETS,
    wait::{PATIENCE, eventually},
    workload::api_resource,
};

/// Annotation of a pod: the SidecarSets whose containers it has.
pub const INJECTED: &str = "kruise.io/sidecarset-injected-list";
/// Annotation of a pod and of a SidecarSet: hashes of containers.
pub const HASH: &str = "kruise.io/sidecarset-hash";
/// The same without images.
pub const HASH_WITHOUT_IMAGE: &str = "kruise.io/sidecarset-hash-without-image";
/// Annotation of a pod: which of two containers works, by sidecar.
pub const WORKING: &str = "kruise.io/sidecarset-working-hotupgrade-container";

/// A SidecarSet of a test.
pub struct SidecarSet {
    /// Its name.
    pub name: String,
    api: Api<DynamicObject>,
    client: Client,
}

impl SidecarSet {
    /// One of this spec, for pods of the test's namespace with label `app=web`, unless the spec says otherwise. `short`
    /// tells it from others of the test.
    pub async fn create(test: &Namespace, short: &str, spec: Value) -> Self {
        let created = Self::try_create(test, short, spec).await;
        created.expect("create the SidecarSet")
    }

    /// The same, if it is allowed.
    pub async fn try_create(test: &Namespace, short: &str, spec: Value) -> kube::Result<Self> {
        let mut whole = json!({
            "selector": { "matchLabels": { "app": "web" } },
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": test.name } },
        });
        json_patch::merge(&mut whole, &spec);
        Self::create_as(test, short, SIDECAR_SETS, json!({ "spec": whole })).await
    }

    /// One of this version, with all of this.
    pub async fn create_as(
        test: &Namespace,
        short: &str,
        version: Resource,
        whole: Value,
    ) -> kube::Result<Self> {
        let name = format!("{}-{short}", test.name);
        let mut object = json!({
            "apiVersion": version.api_version(),
            "kind": version.kind,
            "metadata": { "name": name },
        });
        json_patch::merge(&mut object, &whole);
        let object: DynamicObject = serde_json::from_value(object).expect("an object");
        let api: Api<DynamicObject> = Api::all_with(test.client.clone(), &api_resource(version));
        api.create(&PostParams::default(), &object).await?;
        Ok(Self {
            name,
            api: Api::all_with(test.client.clone(), &api_resource(SIDECAR_SETS)),
            client: test.client.clone(),
        })
    }

    /// The SidecarSet as JSON.
    pub async fn get(&self) -> Value {
        let object = self.api.get(&self.name).await.expect("get the SidecarSet");
        serde_json::to_value(object).expect("JSON")
    }

    /// The same in another version.
    pub async fn get_as(&self, version: Resource) -> Value {
        let api: Api<DynamicObject> = Api::all_with(self.client.clone(), &api_resource(version));
        let object = api.get(&self.name).await.expect("get the SidecarSet");
        serde_json::to_value(object).expect("JSON")
    }

    /// Merges a patch into it, if that is allowed.
    pub async fn try_patch(&self, patch: Value) -> kube::Result<DynamicObject> {
        let patch = Patch::Merge(patch);
        self.api
            .patch(&self.name, &PatchParams::default(), &patch)
            .await
    }

    /// Merges a patch into its spec.
    pub async fn patch(&self, spec: Value) {
        let patched = self.try_patch(json!({ "spec": spec })).await;
        patched.expect("patch the SidecarSet");
    }

    /// Gives a container another image.
    pub async fn set_image(&self, container: &str, image: &str) {
        let mut set = self.get().await;
        let containers = set["spec"]["containers"].as_array_mut();
        for it in containers.expect("containers") {
            if it["name"] == container {
                it["image"] = json!(image);
            }
        }
        let containers = set["spec"]["containers"].clone();
        self.patch(json!({ "containers": containers })).await;
    }

    /// Waits until the status, of the present spec, counts `matched updated ready updatedReady`.
    pub async fn counts(&self, wanted: [i64; 4]) {
        let what = format!("{} counts {wanted:?}", self.name);
        let fields = [
            "matchedPods",
            "updatedPods",
            "readyPods",
            "updatedReadyPods",
        ];
        eventually(&what, PATIENCE, || async {
            let set = self.get().await;
            let status = &set["status"];
            let counts = fields.map(|field| status[field].as_i64().unwrap_or(0));
            let is_of_spec = status["observedGeneration"] == set["metadata"]["generation"];
            if is_of_spec && counts == wanted {
                Ok(())
            } else {
                Err(set["status"].clone())
            }
        })
        .await;
    }
}

impl Drop for SidecarSet {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                if std::thread::panicking()
                    && let Ok(set) = self.api.get(&self.name).await
                {
                    eprintln!("SidecarSet {}: {}", self.name, set.data);
                }
                let at_once = DeleteParams::default();
                if let Err(error) = self.api.delete(&self.name, &at_once).await {
                    eprintln!("SidecarSet {} is left behind: {error}", self.name);
                }
            });
        });
    }
}

/// An annotation of a pod; empty if it has none.
#[must_use]
pub fn annotation<'a>(pod: &'a Pod, key: &str) -> &'a str {
    let annotations = pod.metadata.annotations.as_ref();
    let value = annotations.and_then(|annotations| annotations.get(key));
    value.map_or("", String::as_str)
}

/// Names of a pod's containers, in order.
#[must_use]
pub fn containers(pod: &Pod) -> Vec<&str> {
    let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
    containers
        .map(|container| container.name.as_str())
        .collect()
}
