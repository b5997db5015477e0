//! Objects as the API server has them, looked up without one.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use futures::future::{BoxFuture, FutureExt};
use kruise_api::{
    meta::ObjectMeta,
    pod::Pod,
    resource::ObjectKey,
    white_list::{ListedWorkload, WhiteList},
};
use kruise_runtime::ApiError;
use kruise_workload::{
    Cause, Existing, Finder, IndexedKind, IndexedReplicaSet, IndexedWorkload, LookUps, PodIndex,
    Reference, Scale,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What there is.
#[derive(Clone, Default)]
pub(crate) struct Table {
    objects: Vec<Value>,
    scales: BTreeMap<String, Value>,
    white_list: Option<String>,
    /// What can't be asked for: `scale` or `object`, and with which error.
    refused: BTreeMap<&'static str, u16>,
    pub(crate) asked: Arc<Mutex<Vec<&'static str>>>,
}

pub(crate) const NAMESPACE: &str = "ns";

/// An object with its name as its UID, or what `more` says.
pub(crate) fn object(api_version: &str, kind: &str, name: &str, more: Value) -> Value {
    let mut object = json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": { "namespace": NAMESPACE, "name": name, "uid": format!("{name}-uid") },
    });
    merge(&mut object, &more);
    object
}

/// A workload that wants so many pods, those with label `app` of its name.
pub(crate) fn workload(api_version: &str, kind: &str, name: &str, replicas: i32) -> Value {
    let labels = json!({ "app": name });
    let more = json!({ "spec": {
        "replicas": replicas,
        "selector": { "matchLabels": labels },
        "template": { "metadata": { "labels": labels } },
    } });
    object(api_version, kind, name, more)
}

pub(crate) fn deployment(name: &str, replicas: i32) -> Value {
    workload("apps/v1", "Deployment", name, replicas)
}

/// A ReplicaSet of this Deployment.
pub(crate) fn replica_set_of(deployment: &str, name: &str, replicas: i32) -> Value {
    let owner = owner("apps/v1", "Deployment", deployment);
    let mut replica_set = workload("apps/v1", "ReplicaSet", name, replicas);
    let more = json!({ "labels": { "app": deployment, "hash": name }, "ownerReferences": [owner] });
    merge(&mut replica_set["metadata"], &more);
    replica_set
}

/// The reference of a controller.
pub(crate) fn owner(api_version: &str, kind: &str, name: &str) -> Value {
    json!({
        "apiVersion": api_version, "kind": kind, "name": name, "uid": format!("{name}-uid"), "controller": true,
    })
}

pub(crate) fn deleting() -> Value {
    json!({ "metadata": { "deletionTimestamp": "2026-01-10T08:00:00Z" } })
}

/// A JSON merge patch, without deletions.
pub(crate) fn merge(object: &mut Value, more: &Value) {
    match more {
        Value::Object(members) => {
            for (name, value) in members {
                merge(&mut object[name], value);
            }
        }
        value => *object = value.clone(),
    }
}

impl Table {
    pub(crate) fn of(objects: impl IntoIterator<Item = Value>) -> Self {
        Self {
            objects: objects.into_iter().collect(),
            ..Self::default()
        }
    }

    /// The object of this name has a scale subresource.
    pub(crate) fn scale(mut self, name: &str, scale: Value) -> Self {
        self.scales.insert(name.to_owned(), scale);
        self
    }

    pub(crate) fn white_list(mut self, text: &str) -> Self {
        self.white_list = Some(text.to_owned());
        self
    }

    /// Calls of this name are refused with this code.
    pub(crate) fn refuse(mut self, call: &'static str, code: u16) -> Self {
        self.refused.insert(call, code);
        self
    }

    pub(crate) fn finder(self) -> Finder {
        Finder::over(self)
    }

    fn find(&self, group: &str, kind: &str, key: &ObjectKey) -> Option<&Value> {
        let mut objects = self.objects.iter();
        objects.find(|it| {
            let api_version = it["apiVersion"].as_str().unwrap();
            let own = api_version.split_once('/').map_or("", |(group, _)| group);
            own == group && it["kind"] == kind && key_of(it) == *key
        })
    }

    /// The object in its slim form, as it comes over the wire.
    fn read<K: DeserializeOwned>(&self, kind: IndexedKind, key: &ObjectKey) -> Option<Arc<K>> {
        let resource = kind.resource();
        let found = self.find(resource.group, resource.kind, key)?;
        Some(Arc::new(serde_json::from_str(&found.to_string()).unwrap()))
    }

    fn ask(&self, call: &'static str, asked: &Reference) -> Result<Option<&Value>, Cause> {
        self.asked.lock().unwrap().push(call);
        match self.refused.get(call) {
            None => Ok(self.find(asked.group(), &asked.kind, &asked.key())),
            Some(404) => Err(Cause::UnknownKind {
                group: asked.group().to_owned(),
                kind: asked.kind.clone(),
            }),
            Some(403) => Err(Cause::Api(Arc::new(ApiError::Forbidden {
                call: call.to_owned(),
                message: "no".to_owned(),
            }))),
            Some(code) => Err(Cause::Api(Arc::new(ApiError::Refused {
                call: call.to_owned(),
                code: *code,
                message: "no".to_owned(),
            }))),
        }
    }
}

fn key_of(object: &Value) -> ObjectKey {
    let member = |name: &str| object["metadata"][name].as_str().unwrap();
    ObjectKey::new(member("namespace"), member("name"))
}

fn existing(object: &Value) -> Existing {
    Existing {
        uid: object["metadata"]["uid"].as_str().unwrap().to_owned(),
        replicas: serde_json::from_value(object["spec"]["replicas"].clone()).unwrap(),
    }
}

impl LookUps for Table {
    fn indexed(
        &self,
        kind: IndexedKind,
        key: &ObjectKey,
    ) -> Result<Option<Arc<IndexedWorkload>>, Cause> {
        assert_ne!(kind, IndexedKind::ReplicaSet);
        Ok(self.read(kind, key))
    }

    fn replica_set(&self, key: &ObjectKey) -> Result<Option<Arc<IndexedReplicaSet>>, Cause> {
        Ok(self.read(IndexedKind::ReplicaSet, key))
    }

    fn replica_sets_of(&self, uid: &str) -> Result<Vec<Arc<IndexedReplicaSet>>, Cause> {
        let replica_sets = self.objects.iter().filter(|it| it["kind"] == "ReplicaSet");
        let all = replica_sets.map(|it| self.read(IndexedKind::ReplicaSet, &key_of(it)).unwrap());
        let controller = |it: &Arc<IndexedReplicaSet>| {
            let controller = it.metadata.controller();
            controller.is_some_and(|controller| controller.uid == uid)
        };
        Ok(all.filter(controller).collect())
    }

    fn listed(&self, group: &str, kind: &str) -> Result<Option<ListedWorkload>, Cause> {
        let Some(text) = &self.white_list else {
            return Ok(None);
        };
        let list = WhiteList::parse(text).map_err(|error| Cause::WhiteList {
            name: "kruise-configuration",
            key: "PPS_Watch_Custom_Workload_WhiteList",
            source: Arc::new(error),
        })?;
        Ok(list.workload(group, kind).cloned())
    }

    fn replicas<'a>(
        &'a self,
        asked: &'a Reference,
        _: &'a ListedWorkload,
    ) -> BoxFuture<'a, Result<Option<Existing>, Cause>> {
        async { Ok(self.ask("replicas", asked)?.map(existing)) }.boxed()
    }

    fn scale<'a>(&'a self, asked: &'a Reference) -> BoxFuture<'a, Result<Option<Scale>, Cause>> {
        async {
            let Some(object) = self.ask("scale", asked)? else {
                return Ok(None);
            };
            let scale = self.scales.get(&asked.name).map(|scale| Scale {
                uid: existing(object).uid,
                replicas: scale["replicas"].as_i64().unwrap_or_default() as i32,
                selector: scale["selector"]
                    .as_str()
                    .map(|text| Arc::new(text.parse().unwrap())),
            });
            Ok(scale)
        }
        .boxed()
    }

    fn object<'a>(
        &'a self,
        asked: &'a Reference,
    ) -> BoxFuture<'a, Result<Option<Existing>, Cause>> {
        async { Ok(self.ask("object", asked)?.map(existing)) }.boxed()
    }
}

/// Pods of which the active ones count.
#[derive(Default)]
pub(crate) struct Pods(Vec<Arc<Pod>>);

/// A pod with these labels and owners.
pub(crate) fn pod(name: &str, labels: Value, owners: Value) -> Value {
    let more = json!({ "metadata": { "labels": labels, "ownerReferences": owners } });
    object("v1", "Pod", name, more)
}

impl Pods {
    pub(crate) fn of(pods: impl IntoIterator<Item = Value>) -> Self {
        let pods = pods.into_iter();
        let pods = pods.map(|pod| serde_json::from_str(&pod.to_string()).unwrap());
        Self(pods.map(Arc::new).collect())
    }

    fn active(&self, namespace: &str) -> Vec<Arc<Pod>> {
        let mut pods = self.0.clone();
        pods.retain(|pod| pod.is_active() && pod.metadata.namespace == namespace);
        pods
    }
}

impl PodIndex for Pods {
    type Pod = Arc<Pod>;

    fn owned_by(&self, namespace: &str, uid: &str) -> Vec<Arc<Pod>> {
        let mut pods = self.active(namespace);
        pods.retain(|pod| pod.metadata.is_owned_by(uid));
        pods
    }

    fn in_namespace(&self, namespace: &str) -> Vec<Arc<Pod>> {
        self.active(namespace)
    }

    fn meta(pod: &Arc<Pod>) -> &ObjectMeta {
        &pod.metadata
    }
}

/// Names of pods, in order.
pub(crate) fn names(pods: &[Arc<Pod>]) -> Vec<&str> {
    let mut names: Vec<_> = pods.iter().map(|pod| pod.metadata.name.as_str()).collect();
    names.sort_unstable();
    names
}
