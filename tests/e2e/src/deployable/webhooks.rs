//! The webhook configurations of a deployable, taken away for a while.

use std::fmt::Debug;

use k8s_openapi::{
    ClusterResourceScope,
    api::admissionregistration::v1::{
        MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
    },
    serde::{Serialize, de::DeserializeOwned},
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{DeleteParams, PostParams},
};

use super::Deployable;

impl Deployable {
    /// Takes its webhook configurations away for as long as the answer exists: nobody is asked about its kinds,
    /// although replicas run.
    pub async fn without_webhooks(&self) -> WithoutWebhooks {
        let name = |kind| format!("kruise-{}-{kind}-webhook-configuration", self.name);
        let mutating = Api::<MutatingWebhookConfiguration>::all(self.client.clone());
        let validating = Api::<ValidatingWebhookConfiguration>::all(self.client.clone());
        // Made first, so that a failure from here on is made good.
        let without = WithoutWebhooks {
            client: self.client.clone(),
            mutating: mutating.get(&name("mutating")).await.expect("webhooks"),
            validating: validating.get(&name("validating")).await.expect("webhooks"),
        };
        delete(&self.client, &without.mutating).await;
        delete(&self.client, &without.validating).await;
        without
    }
}

/// The webhook configurations as they were; put back when this is dropped.
pub struct WithoutWebhooks {
    client: Client,
    mutating: MutatingWebhookConfiguration,
    validating: ValidatingWebhookConfiguration,
}

impl Drop for WithoutWebhooks {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                create(&self.client, &self.mutating).await;
                create(&self.client, &self.validating).await;
            });
        });
    }
}

async fn delete<K: ClusterObject>(client: &Client, object: &K) {
    let deleted = Api::<K>::all(client.clone())
        .delete(&object.name_any(), &DeleteParams::default())
        .await;
    deleted.expect("take webhooks away");
}

async fn create<K: ClusterObject>(client: &Client, object: &K) {
    let mut object = object.clone();
    object.meta_mut().resource_version = None;
    object.meta_mut().uid = None;
    let created = Api::<K>::all(client.clone())
        .create(&PostParams::default(), &object)
        .await;
    created.expect("put webhooks back");
}

/// What both kinds of configurations are.
trait ClusterObject:
    Resource<DynamicType = (), Scope = ClusterResourceScope>
    + Clone
    + Debug
    + Serialize
    + DeserializeOwned
{
}

impl ClusterObject for MutatingWebhookConfiguration {}
impl ClusterObject for ValidatingWebhookConfiguration {}
