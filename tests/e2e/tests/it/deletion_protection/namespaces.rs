//! Namespaces, as the API server and the namespace controller delete them.

use std::time::Duration;

use e2e::{
    PATIENCE, Part, Test,
    cloneset::spec,
    eventually, hold_for,
    names::{CLONESET_CONTROLLER, CLONESETS, DEPLOYMENTS, PROTECTION},
    templates::template,
};
use k8s_openapi::api::core::v1::{
    Namespace as CoreNamespace, PersistentVolume, PersistentVolumeClaim, Pod, Secret,
};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{Refused, create, forbidden, label, of_webhook, refused};

/// A namespace beside the test's own, which lets go of it in the end.
struct Other<'a> {
    test: &'a Test,
    name: String,
}

impl<'a> Other<'a> {
    /// A new one that is labelled so.
    async fn create(test: &'a Test, label: Option<&str>) -> Self {
        let namespaces = Api::<CoreNamespace>::all(test.client.clone());
        let mut object = json!({ "metadata": { "generateName": format!("{}-", test.name) } });
        if let Some(label) = label {
            object["metadata"]["labels"] = json!({ PROTECTION: label });
        }
        let object = serde_json::from_value(object).unwrap();
        let created = namespaces.create(&PostParams::default(), &object).await;
        Self {
            test,
            name: created.unwrap().name_any(),
        }
    }

    fn namespaces(&self) -> Api<CoreNamespace> {
        Api::all(self.test.client.clone())
    }

    fn api<K>(&self) -> Api<K>
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.test.client.clone(), &self.name)
    }

    async fn put<K>(&self, object: Value)
    where
        K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + Serialize
            + DeserializeOwned,
    {
        let object = serde_json::from_value(object).unwrap();
        let created = self
            .api::<K>()
            .create(&PostParams::default(), &object)
            .await;
        created.unwrap();
    }

    /// A pod that no scheduler takes, in this phase.
    async fn put_pod(&self, name: &str, phase: &str) {
        let mut spec = template()["spec"].clone();
        spec["schedulerName"] = json!("nobody");
        self.put::<Pod>(json!({ "metadata": { "name": name }, "spec": spec }))
            .await;
        let status = Patch::Merge(json!({ "status": { "phase": phase } }));
        let patched = self
            .api::<Pod>()
            .patch_status(name, &PatchParams::default(), &status)
            .await;
        patched.unwrap();
    }

    async fn label(&self, label: Option<&str>) {
        let patch = Patch::Merge(json!({ "metadata": { "labels": { PROTECTION: label } } }));
        let patched = self
            .namespaces()
            .patch(&self.name, &PatchParams::default(), &patch)
            .await;
        patched.unwrap();
    }

    async fn delete(&self) -> Result<(), Refused> {
        let deleted = self
            .namespaces()
            .delete(&self.name, &DeleteParams::default())
            .await;
        deleted.map(drop).map_err(refused)
    }

    async fn get(&self) -> Option<CoreNamespace> {
        self.namespaces().get_opt(&self.name).await.unwrap()
    }

    async fn is_gone(&self) {
        eventually("the namespace is gone", PATIENCE, || async {
            match self.get().await {
                None => Ok(()),
                Some(namespace) => Err(format!("{:?}", namespace.status)),
            }
        })
        .await;
    }
}

impl Drop for Other<'_> {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                let patch = Patch::Merge(json!({ "metadata": { "labels": { PROTECTION: null } } }));
                let parameters = PatchParams::default();
                // It may be gone already.
                let _ = self
                    .namespaces()
                    .patch(&self.name, &parameters, &patch)
                    .await;
                let deployments = e2e::Workload::of(&self.test.client, &self.name, DEPLOYMENTS);
                let listed = deployments.api().list(&Default::default()).await;
                for deployment in listed.into_iter().flatten() {
                    let _ = deployments
                        .api()
                        .patch(&deployment.name_any(), &parameters, &patch)
                        .await;
                }
                let _ = self.delete().await;
            });
        });
    }
}

/// A volume claim that is bound to a volume of its own, which goes with the test's namespace.
async fn bind_claim(other: &Other<'_>) {
    let test = other.test;
    let owner = Api::<CoreNamespace>::all(test.client.clone())
        .get(&test.name)
        .await
        .unwrap();
    let volume: PersistentVolume = serde_json::from_value(json!({
        "metadata": { "name": other.name, "ownerReferences": [{
            "apiVersion": "v1", "kind": "Namespace", "name": test.name, "uid": owner.metadata.uid,
        }] },
        "spec": {
            "capacity": { "storage": "1Mi" }, "accessModes": ["ReadWriteOnce"], "storageClassName": "",
            "persistentVolumeReclaimPolicy": "Retain", "hostPath": { "path": "/nowhere" },
            "claimRef": { "namespace": other.name, "name": "data" },
        },
    }))
    .unwrap();
    Api::<PersistentVolume>::all(test.client.clone())
        .create(&PostParams::default(), &volume)
        .await
        .unwrap();
    other
        .put::<PersistentVolumeClaim>(json!({ "metadata": { "name": "data" }, "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": other.name,
            "resources": { "requests": { "storage": "1Mi" } },
        } }))
        .await;
    eventually("the claim is bound", PATIENCE, || async {
        let claim = other.api::<PersistentVolumeClaim>().get("data").await;
        let status = claim.unwrap().status.unwrap_or_default();
        match status.phase.as_deref() {
            Some("Bound") => Ok(()),
            phase => Err(format!("{phase:?}")),
        }
    })
    .await;
}

// DP-S14, DP-S15, DP-S16, DP-S17
#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_stays_while_something_in_it_is_active() {
    let clone_sets = Part::Deployable(CLONESET_CONTROLLER);
    let test = of_webhook().needs(clone_sets).begin().await;
    let other = Other::create(&test, Some("Cascading")).await;
    let refused = |what: &str| forbidden("vnamespace.kb.io", &format!("Cascading and {what}"));
    other.put_pod("once", "Succeeded").await;
    for name in ["one", "two"] {
        other.put_pod(name, "Running").await;
    }
    assert_eq!(other.delete().await, refused("active pods 2>0"));
    for name in ["one", "two"] {
        let deleted = other
            .api::<Pod>()
            .delete(name, &DeleteParams::default())
            .await;
        deleted.unwrap();
    }
    other.put_pod("pending", "Pending").await;
    assert_eq!(other.delete().await, refused("active pods 1>0"));
    let deleted = other
        .api::<Pod>()
        .delete("pending", &DeleteParams::default())
        .await;
    deleted.unwrap();

    bind_claim(&other).await;
    assert_eq!(other.delete().await, refused("\"Bound\" status pvc 1>0"));
    let claims = other.api::<PersistentVolumeClaim>();
    claims
        .delete("data", &DeleteParams::default())
        .await
        .unwrap();

    other
        .put::<Secret>(json!({ "metadata": { "name": "password" } }))
        .await;
    let sets = e2e::Workload::of(&test.client, &other.name, CLONESETS);
    sets.create("web", spec(0, json!({}))).await.unwrap();
    let series = format!("namespace_deletion_protection{{name=\"{}\"", other.name);
    assert!(super::counted(&test, &series).await >= 3);
    assert_eq!(other.delete().await, Ok(()));
    other.is_gone().await;
}

// DP-S18
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_namespace_stays_if_it_always_does() {
    let test = of_webhook().begin().await;
    let other = Other::create(&test, Some("Always")).await;
    let always = forbidden("vnamespace.kb.io", "Always");
    assert_eq!(other.delete().await, always);
    other.label(None).await;
    assert_eq!(other.delete().await, Ok(()));
    other.is_gone().await;
}

// Section 7, DV-DP4: the namespace controller is refused as anybody is.
#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_that_goes_waits_for_what_is_protected_in_it() {
    let test = of_webhook().begin().await;
    let other = Other::create(&test, None).await;
    let deployments = e2e::Workload::of(&test.client, &other.name, DEPLOYMENTS);
    let selector = json!({ "matchLabels": { "app": "web" } });
    let none = json!({ "replicas": 0, "selector": selector, "template": template() });
    create(&deployments, "kept", "Always", none).await;
    assert_eq!(other.delete().await, Ok(()));
    eventually("the namespace says what holds it", PATIENCE, || async {
        let status = other.get().await.and_then(|namespace| namespace.status);
        let conditions = status.and_then(|status| status.conditions);
        let said = conditions.into_iter().flatten().find(|condition| {
            condition.type_ == "NamespaceDeletionContentFailure" && condition.status == "True"
        });
        let said = said.and_then(|condition| condition.message);
        match said {
            Some(message) if message.contains("vbuiltindeploymentnamespacedeletion.kb.io") => {
                Ok(())
            }
            other => Err(other),
        }
    })
    .await;
    hold_for("it stays", Duration::from_secs(1), || async {
        let kept = deployments.get("kept").await;
        match kept["metadata"].get("deletionTimestamp") {
            None => Ok(()),
            Some(time) => Err(time.clone()),
        }
    })
    .await;
    label(&deployments, "kept", None).await;
    other.is_gone().await;
}
