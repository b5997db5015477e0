//! Reads what the local cluster's API server has stored, byte for byte.

use base64::{Engine, prelude::BASE64_STANDARD};
use kube::Client;
use serde_json::{Value, json};

use crate::cluster::Cluster;

/// The local cluster's etcd.
pub struct Etcd(Client);

impl Etcd {
    /// Of the local cluster, whose description says where it listens.
    pub async fn of(cluster: &Cluster) -> Self {
        let api_server = cluster.config().await.cluster_url;
        let host = api_server.host().expect("the API server's address");
        let description = cluster.kubeconfig().with_file_name("cluster.json");
        let description = std::fs::read(description).expect("read the cluster's description");
        let description: Value = serde_json::from_slice(&description).expect("JSON");
        let url = format!("http://{host}:{}", description["ports"]["etcd"]);
        let config = kube::Config::new(url.parse().expect("a URL"));
        Self(Client::try_from(config).expect("a client"))
    }

    /// The custom resource under a key such as `/registry/apps.kruise.io/clonesets/NAMESPACE/NAME`, in the
    /// version that it is stored in.
    pub async fn object(&self, key: &str) -> Value {
        let range = json!({ "key": BASE64_STANDARD.encode(key) });
        let request = http::Request::post("/v3/kv/range")
            .body(range.to_string().into_bytes())
            .expect("a request");
        let answer: Value = self.0.request(request).await.expect("an answer from etcd");
        let value = answer["kvs"][0]["value"]
            .as_str()
            .unwrap_or_else(|| panic!("nothing is stored under {key}: {answer}"));
        let value = BASE64_STANDARD.decode(value).expect("base64");
        serde_json::from_slice(&value).expect("a custom resource is stored as JSON")
    }
}
