//! A namespace of a test, and the handles of what is in it.

use std::sync::{Mutex, PoisonError};

use k8s_openapi::{
    api::{
        apps::v1::ControllerRevision,
        core::v1::{Event, Namespace as CoreNamespace},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kruise_api::resource::Resource;
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::{
    Pods, Workload,
    cluster::Cluster,
    names::PROTECTION,
    pods::{facts_of, name_of},
    wait::{PATIENCE, eventually},
};

/// A namespace that is deleted at the end. If the test fails, what is in it is printed first.
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// A client of the test's own runtime.
    pub client: Client,
    /// The cluster it is in.
    pub cluster: &'static Cluster,
    /// Kinds that the test has asked for: what is printed, and let go at the end.
    kinds: Mutex<Vec<Resource>>,
}

impl Namespace {
    /// A fresh one; `test` becomes part of its name.
    pub async fn create(test: &str) -> Self {
        let cluster = Cluster::get().await;
        let client = cluster.client().await;
        let namespace: CoreNamespace = serde_json::from_value(json!({
            "metadata": { "generateName": format!("{test}-") },
        }))
        .expect("a namespace");
        let created = Api::<CoreNamespace>::all(client.clone())
            .create(&PostParams::default(), &namespace)
            .await
            .expect("create the namespace");
        Self {
            name: created.metadata.name.unwrap_or_default(),
            client,
            cluster,
            kinds: Mutex::default(),
        }
    }

    /// Its objects of a kind.
    #[must_use]
    pub fn workload(&self, resource: Resource) -> Workload {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if !kinds.contains(&resource) {
            kinds.push(resource);
        }
        Workload::of(&self.client, &self.name, resource)
    }

    /// Its pods.
    #[must_use]
    pub fn pods(&self) -> Pods {
        Pods::of(&self.client, &self.name)
    }

    fn workloads(&self) -> Vec<Workload> {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let kinds = kinds.iter();
        kinds
            .map(|kind| Workload::of(&self.client, &self.name, *kind))
            .collect()
    }

    /// Revisions, oldest first.
    pub async fn revisions(&self) -> Vec<ControllerRevision> {
        let api: Api<ControllerRevision> = Api::namespaced(self.client.clone(), &self.name);
        let mut all = api
            .list(&ListParams::default())
            .await
            .expect("list revisions")
            .items;
        all.sort_by_key(|revision| revision.revision);
        all
    }

    /// Waits until an event with this reason was told so often. Events are written after what they tell of.
    pub async fn told(&self, reason: &str, times: i32) {
        let what = format!("{reason} is told {times} times");
        eventually(&what, PATIENCE, || async {
            match self.event_count(reason).await {
                count if count == times => Ok(()),
                count => Err(count),
            }
        })
        .await;
    }

    /// How often an event with this reason was told.
    pub async fn event_count(&self, reason: &str) -> i32 {
        self.events(reason)
            .await
            .iter()
            .map(|event| event.count.unwrap_or(1))
            .sum()
    }

    /// Events with this reason.
    pub async fn events(&self, reason: &str) -> Vec<Event> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.name);
        api.list(&ListParams::default().fields(&format!("reason={reason}")))
            .await
            .expect("list events")
            .items
    }

    /// Takes the finalizers off what a test held, and the label off what it protected, or the namespace would never be
    /// gone.
    async fn let_go(&self) {
        let patch = Patch::Merge(json!({ "metadata": { "finalizers": [] } }));
        let unprotect = Patch::Merge(json!({ "metadata": { "labels": { PROTECTION: null } } }));
        let parameters = PatchParams::default();
        let held = |metadata: &ObjectMeta| {
            let finalizers = metadata.finalizers.as_deref().unwrap_or_default();
            finalizers.iter().any(|name| name.starts_with("e2e."))
        };
        let is_protected = |metadata: &ObjectMeta| {
            let labels = metadata.labels.as_ref();
            labels.is_some_and(|labels| labels.contains_key(PROTECTION))
        };
        let pods = self.pods();
        let listed = pods.api().list(&ListParams::default()).await;
        for pod in listed.into_iter().flatten() {
            if held(&pod.metadata) {
                let _ = pods.api().patch(&name_of(&pod), &parameters, &patch).await;
            }
        }
        for workload in self.workloads() {
            let listed = workload.api().list(&ListParams::default()).await;
            for object in listed.into_iter().flatten() {
                let name = object.metadata.name.as_deref().unwrap_or_default();
                if held(&object.metadata) {
                    let _ = workload.api().patch(name, &parameters, &patch).await;
                }
                if is_protected(&object.metadata) {
                    let _ = workload.api().patch(name, &parameters, &unprotect).await;
                }
            }
        }
    }

    async fn report(&self) {
        eprintln!("==== namespace {} ====", self.name);
        for workload in self.workloads() {
            let objects = workload.api().list(&ListParams::default()).await;
            for object in objects.into_iter().flatten() {
                eprintln!(
                    "{:?} {:?}: {}",
                    object.types, object.metadata.name, object.data
                );
            }
        }
        let pods = self.pods().api().list(&ListParams::default()).await;
        for pod in pods.into_iter().flatten() {
            eprintln!(
                "Pod {} terminating={} labels={:?} {:?} status={}",
                name_of(&pod),
                pod.metadata.deletion_timestamp.is_some(),
                pod.metadata.labels,
                facts_of(&pod),
                serde_json::to_string(&pod.status).unwrap_or_default()
            );
        }
        let events: Api<Event> = Api::namespaced(self.client.clone(), &self.name);
        if let Ok(events) = events.list(&ListParams::default()).await {
            for event in events {
                eprintln!(
                    "Event {:?} x{:?} {:?}: {:?}",
                    event.reason, event.count, event.involved_object.name, event.message
                );
            }
        }
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let failed = std::thread::panicking();
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                if failed {
                    self.report().await;
                }
                let namespaces: Api<CoreNamespace> = Api::all(self.client.clone());
                if let Err(error) = namespaces
                    .delete(&self.name, &DeleteParams::default())
                    .await
                {
                    eprintln!("namespace {} is left behind: {error}", self.name);
                }
                self.let_go().await;
            });
        });
    }
}
