//! Kinds of deployables that don't exist yet: CRDs made by hand, with no more than a test needs.

use k8s_openapi::{
    api::core::v1::Namespace as CoreNamespace,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kruise_api::resource::Resource;
use kube::{
    Api,
    api::{DynamicObject, ListParams, PostParams},
};
use serde_json::json;

use crate::{Namespace, eventually, wait::PATIENCE, workload::api_resource};

/// A kind whose objects are taken as they are.
pub struct StandIn {
    kind: Resource,
}

impl StandIn {
    /// Installs the kind, with subresource `status`. It goes with the test's namespace, which owns it.
    /// Where it is installed for good, that one is used.
    pub async fn install(test: &Namespace, kind: Resource) -> Self {
        let Resource {
            group,
            version,
            plural,
            kind: name,
            namespaced,
        } = kind;
        let scope = if namespaced { "Namespaced" } else { "Cluster" };
        let owner = Api::<CoreNamespace>::all(test.client.clone())
            .get(&test.name)
            .await
            .expect("the namespace");
        let crd: CustomResourceDefinition = serde_json::from_value(json!({
            "metadata": {
                "name": format!("{plural}.{group}"),
                "annotations": { "api-approved.kubernetes.io": "unapproved, for a test" },
                "ownerReferences": [{
                    "apiVersion": "v1",
                    "kind": "Namespace",
                    "name": test.name,
                    "uid": owner.metadata.uid,
                }],
            },
            "spec": {
                "group": group,
                "scope": scope,
                "names": { "kind": name, "plural": plural },
                "versions": [{
                    "name": version,
                    "served": true,
                    "storage": true,
                    "subresources": { "status": {} },
                    "schema": { "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": true,
                    } },
                }],
            },
        }))
        .expect("a CRD");
        let stand_in = Self { kind };
        let crds: Api<CustomResourceDefinition> = Api::all(test.client.clone());
        let crd_name = format!("{plural}.{group}");
        eventually(&format!("{name} is installed"), PATIENCE, || async {
            let created = crds.create(&PostParams::default(), &crd).await;
            match created {
                // One of an earlier test may still be on its way out, with its namespace.
                Err(kube::Error::Api(error)) if error.code == 409 => {
                    let there = crds.get(&crd_name).await?;
                    let is_for_good = there.metadata.owner_references.is_none();
                    is_for_good.then_some(()).ok_or(kube::Error::Api(error))
                }
                created => created.map(drop),
            }
        })
        .await;
        eventually(&format!("{name} is served"), PATIENCE, || async {
            let listed = stand_in.api(test).list(&ListParams::default()).await;
            listed.map(drop)
        })
        .await;
        stand_in
    }

    /// Waits until no CRD of this name is there, of an earlier test say.
    pub async fn is_gone(test: &Namespace, name: &str) {
        let crds: Api<CustomResourceDefinition> = Api::all(test.client.clone());
        eventually(&format!("{name} is gone"), PATIENCE, || async {
            match crds.get_opt(name).await {
                Ok(None) => Ok(()),
                there => Err(format!(
                    "{:?}",
                    there.map(|crd| crd.map(|crd| crd.metadata))
                )),
            }
        })
        .await;
    }

    /// Its objects: those in the test's namespace, or all where the kind knows no namespaces.
    #[must_use]
    pub fn api(&self, test: &Namespace) -> Api<DynamicObject> {
        let resource = api_resource(self.kind);
        if self.kind.namespaced {
            Api::namespaced_with(test.client.clone(), &test.name, &resource)
        } else {
            Api::all_with(test.client.clone(), &resource)
        }
    }
}
