//! What metrics-server would tell of pods, made up by the test: an aggregated API that this process serves.

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
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
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

use crate::{Namespace, eventually, wait::PATIENCE};

const GROUP_VERSION: &str = "metrics.k8s.io/v1beta1";
const API_SERVICE: &str = "v1beta1.metrics.k8s.io";
const SERVICE: &str = "pod-metrics";

/// The API, as long as this exists.
pub struct PodMetrics {
    client: Client,
    mebibytes: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl PodMetrics {
    /// Serves it at an address that the API server reaches. Every pod uses this much memory.
    pub async fn serve(test: &Namespace, address: IpAddr, mebibytes: u64) -> Self {
        let mebibytes = Arc::new(AtomicU64::new(mebibytes));
        let listener = TcpListener::bind((address, 0)).await.expect("listen");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(State {
            client: test.client.clone(),
            mebibytes: Arc::clone(&mebibytes),
        });
        let serving = tokio::spawn(serve(listener, acceptor(), state));
        let metrics = Self {
            client: test.client.clone(),
            mebibytes,
            serving,
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
        self.serving.abort();
    }
}

fn parsed<T: k8s_openapi::serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object")
}

fn acceptor() -> TlsAcceptor {
    let made = rcgen::generate_simple_self_signed([SERVICE.to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a TLS configuration");
    TlsAcceptor::from(Arc::new(config))
}

struct State {
    client: Client,
    mebibytes: Arc<AtomicU64>,
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<State>) {
    loop {
        let (stream, _) = listener.accept().await.expect("accept a connection");
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(move |request| Arc::clone(&state).answer(request));
            let _ = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl State {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let parts: Vec<&str> = request.uri().path().split('/').skip(1).collect();
        let answer = match parts.as_slice() {
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
        };
        let mut response =
            Response::new(Full::from(answer.clone().unwrap_or_default().to_string()));
        response.headers_mut().insert(
            http::header::CONTENT_TYPE,
            http::HeaderValue::from_static("application/json"),
        );
        if answer.is_none() {
            *response.status_mut() = StatusCode::NOT_FOUND;
        }
        Ok(response)
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
