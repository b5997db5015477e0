//! Rights that an administrator adds to those that a deployable has.

use std::fmt::Debug;

use k8s_openapi::{
    ClusterResourceScope,
    api::{
        core::v1::Namespace as CoreNamespace,
        rbac::v1::{ClusterRole, ClusterRoleBinding},
    },
    serde::{Serialize, de::DeserializeOwned},
};
use kube::{Api, Resource, api::PostParams};
use serde_json::{Value, json};

use super::Deployable;
use crate::{Namespace, names::SYSTEM};

impl Deployable {
    /// Lets it do what a rule of a ClusterRole says, until the test's namespace is gone.
    pub async fn may(&self, test: &Namespace, rule: Value) {
        let name = format!("{}-{}", test.name, self.name);
        let role = json!({ "metadata": { "name": name }, "rules": [rule] });
        create::<ClusterRole>(test, role).await;
        let binding = json!({
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "name": self.name, "namespace": SYSTEM }],
        });
        create::<ClusterRoleBinding>(test, binding).await;
    }
}

/// Creates an object that is in no namespace, and goes with that of the test.
async fn create<K>(test: &Namespace, mut object: Value)
where
    K: Resource<Scope = ClusterResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    let owner = Api::<CoreNamespace>::all(test.client.clone())
        .get(&test.name)
        .await
        .expect("the namespace");
    object["metadata"]["ownerReferences"] = json!([{
        "apiVersion": "v1", "kind": "Namespace", "name": test.name, "uid": owner.metadata.uid,
    }]);
    let object = serde_json::from_value(object).expect("an object");
    let created = Api::<K>::all(test.client.clone())
        .create(&PostParams::default(), &object)
        .await;
    created.expect("give a right");
}
