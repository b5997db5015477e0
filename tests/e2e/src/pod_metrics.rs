//! What metrics-server would tell of pods, made up by the test: an aggregated API that this process serves.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use k8s_openapi::{
    api::{
        core::v1::{Pod, Service},
        discovery::v1::EndpointSlice,
    },
    jiff::Timestamp,
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::{Value, json};

use crate::{Namespace, eventually, https::Https, wait::PATIENCE};

const GROUP_VERSION: &str = "metrics.k8s.io/v1beta1";
const API_SERVICE: &str = "v1beta1.metrics.k8s.io";
const SERVICE: &str = "pod-metrics";

/// The API, as long as this exists.
pub struct PodMetrics {
    client: Client,
    mebibytes: Arc<AtomicU64>,
    _serving: Https,
}

impl PodMetrics {
    /// Serves it at an address that the API server reaches. Every pod uses this much memory.
    pub async fn serve(test: &Namespace, address: IpAddr, mebibytes: u64) -> Self {
        let mebibytes = Arc::new(AtomicU64::new(mebibytes));
        let state = Arc::new(State {
            client: test.client.clone(),
            mebibytes: Arc::clone(&mebibytes),
        });
        let serving = Https::serve(address, SERVICE, move |path, _| {
            let state = Arc::clone(&state);
            async move { state.answer(&path).await }
        })
        .await;
        let port = serving.port;
        let metrics = Self {
            client: test.client.clone(),
            mebibytes,
            _serving: serving,
        };
        metrics.register(test, address, port).await;
        metrics
    }

    /// From now on every pod uses this much memory.
    pub fn set(&self, mebibytes: u64) {
        self.mebibytes.store(mebibytes, Ordering::SeqCst);
    }

    async fn register(&self, test: &Namespace, address: IpAddr, port: u16) {
        let service: Service = parsed(json!({
            "metadata": { "name": SERVICE },
            "spec": { "ports": [{ "port": 443, "targetPort": port }] },
        }));
        let slice: EndpointSlice = parsed(json!({
            "metadata": { "name": SERVICE, "labels": { "kubernetes.io/service-name": SERVICE } },
            "addressType": if address.is_ipv4() { "IPv4" } else { "IPv6" },
            "endpoints": [{ "addresses": [address.to_string()], "conditions": { "ready": true } }],
            "ports": [{ "port": port, "protocol": "TCP" }],
        }));
        let api_service: APIService = parsed(json!({
            "metadata": { "name": API_SERVICE },
            "spec": {
                "group": "metrics.k8s.io", "version": "v1beta1",
                "groupPriorityMinimum": 100, "versionPriority": 100,
                "insecureSkipTLSVerify": true,
                "service": { "namespace": test.name, "name": SERVICE, "port": 443 },
            },
        }));
        let params = PostParams::default();
        Api::namespaced(self.client.clone(), &test.name)
            .create(&params, &service)
            .await
            .expect("create the Service of the metrics");
        Api::namespaced(self.client.clone(), &test.name)
            .create(&params, &slice)
            .await
            .expect("create the EndpointSlice of the metrics");
        let api = Api::<APIService>::all(self.client.clone());
        // A test that was killed may have left one.
        let _ = api.delete(API_SERVICE, &DeleteParams::default()).await;
        eventually("the metrics are registered", PATIENCE, || async {
            api.create(&params, &api_service).await.map(drop)
        })
        .await;
        eventually("the metrics are available", PATIENCE, || async {
            let status = api.get(API_SERVICE).await?.status.unwrap_or_default();
            let conditions = status.conditions.unwrap_or_default();
            let available = conditions
                .iter()
                .any(|condition| condition.type_ == "Available" && condition.status == "True");
            if available {
                Ok(())
            } else {
                let seen = format!("{conditions:?}");
                Err(kube::Error::Service(seen.into()))
            }
        })
        .await;
    }
}

impl Drop for PodMetrics {
    fn drop(&mut self) {
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                // Before nobody answers: an API that doesn't holds up the deletion of namespaces.
                let api = Api::<APIService>::all(self.client.clone());
                if let Err(error) = api.delete(API_SERVICE, &DeleteParams::default()).await {
                    eprintln!("APIService {API_SERVICE} is left behind: {error}");
                }
            });
        });
    }
}

fn parsed<T: k8s_openapi::serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object")
}

struct State {
    client: Client,
    mebibytes: Arc<AtomicU64>,
}

impl State {
    async fn answer(&self, path: &str) -> Option<Value> {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match parts.as_slice() {
            ["apis", "metrics.k8s.io", "v1beta1"] => Some(json!({
                "kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP_VERSION,
                "resources": [{
                    "name": "pods", "singularName": "", "namespaced": true, "kind": "PodMetrics",
                    "verbs": ["get", "list"],
                }],
            })),
            [
                "apis",
                "metrics.k8s.io",
                "v1beta1",
                "namespaces",
                namespace,
                "pods",
            ] => Some(self.pods(namespace).await),
            _ => None,
        }
    }

    /// All pods of the namespace: a test has one workload in it.
    async fn pods(&self, namespace: &str) -> Value {
        let pods = Api::<Pod>::namespaced(self.client.clone(), namespace);
        let pods = pods.list(&ListParams::default()).await.expect("list pods");
        let memory = format!("{}Mi", self.mebibytes.load(Ordering::SeqCst));
        let now = format!("{:.0}", Timestamp::now());
        let items: Vec<Value> = pods
            .items
            .iter()
            .map(|pod| {
                let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
                let usage: Vec<Value> = containers
                    .enumerate()
                    .map(|(index, container)| {
                        let memory = if index == 0 { memory.as_str() } else { "0" };
                        json!({ "name": container.name, "usage": { "cpu": "1m", "memory": memory } })
                    })
                    .collect();
                json!({
                    "metadata": { "name": pod.metadata.name, "namespace": namespace },
                    "timestamp": now,
                    "window": "1s",
                    "containers": usage,
                })
            })
            .collect();
        json!({ "kind": "PodMetricsList", "apiVersion": GROUP_VERSION, "metadata": {}, "items": items })
    }
}
