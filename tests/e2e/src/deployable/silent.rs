//! The webhooks of a deployable, asked of somebody who takes the question and says nothing.

use kruise_api::resource::Resource;
use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use super::Deployable;
use crate::workload::api_resource;

/// While it exists, the API server, on this machine, asks somebody who never answers. No replica may run meanwhile: it
/// would put its own address back.
pub struct Silent {
    before: Vec<Configuration>,
    listening: JoinHandle<()>,
}

/// A webhook configuration, and whom its entries ask.
struct Configuration {
    api: Api<DynamicObject>,
    name: String,
    /// By name.
    asked: Vec<(String, Value)>,
}

impl Deployable {
    /// Has its webhooks asked of somebody who takes connections and says nothing.
    pub async fn silence(&self) -> Silent {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let port = listener.local_addr().expect("an address").port();
        // Made first, so that a failure from here on is made good.
        let silent = Silent {
            before: configurations(&self.client, self.name).await,
            listening: tokio::spawn(async move {
                let mut taken = vec![];
                while let Ok((stream, _)) = listener.accept().await {
                    taken.push(stream);
                }
            }),
        };
        assert!(!silent.before.is_empty(), "{} has no webhooks", self.name);
        let nobody = json!({
            "url": format!("https://127.0.0.1:{port}/"), "service": null, "caBundle": null,
        });
        for configuration in &silent.before {
            configuration.ask(|_| nobody.clone()).await;
        }
        silent
    }
}

/// Those of a deployable, by its label.
async fn configurations(client: &Client, deployable: &str) -> Vec<Configuration> {
    let kinds = [
        (
            "mutatingwebhookconfigurations",
            "MutatingWebhookConfiguration",
        ),
        (
            "validatingwebhookconfigurations",
            "ValidatingWebhookConfiguration",
        ),
    ];
    let ours = format!("app.kubernetes.io/name={deployable}");
    let mut found = vec![];
    for (plural, kind) in kinds {
        let kind = Resource {
            group: "admissionregistration.k8s.io",
            version: "v1",
            plural,
            kind,
            namespaced: false,
        };
        let api: Api<DynamicObject> = Api::all_with(client.clone(), &api_resource(kind));
        let listed = api.list(&ListParams::default().labels(&ours)).await;
        for object in listed.expect("webhooks") {
            let entries = object.data["webhooks"].as_array();
            let asked = entries.into_iter().flatten().map(|entry| {
                let name = entry["name"].as_str().unwrap_or_default();
                (name.to_owned(), entry["clientConfig"].clone())
            });
            found.push(Configuration {
                asked: asked.collect(),
                name: object.name_any(),
                api: api.clone(),
            });
        }
    }
    found
}

impl Configuration {
    /// Has its entries ask somebody, who may depend on whom they asked before.
    async fn ask(&self, whom: impl Fn(&Value) -> Value) {
        let entries = self.asked.iter();
        let entries: Vec<Value> = entries
            .map(|(name, before)| json!({ "name": name, "clientConfig": whom(before) }))
            .collect();
        let patch = Patch::Strategic(json!({ "webhooks": entries }));
        let parameters = PatchParams::default();
        let patched = self.api.patch(&self.name, &parameters, &patch).await;
        patched.expect("have somebody else asked");
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.listening.abort();
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for configuration in &self.before {
                    let before = |before: &Value| {
                        let mut before = before.clone();
                        before["url"] = Value::Null;
                        before
                    };
                    configuration.ask(before).await;
                }
            });
        });
    }
}
