//! What the API server knows of our webhooks at this moment, followed as it does it itself: by watches.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::api::Api;
use super::webhooks::{self, Webhook};

/// How the API server reaches a Service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// It chooses an endpoint itself (`--enable-aggregator-routing`).
    Endpoints,
    /// By the Service's IP; kube-proxy's rules must apply where this runs.
    ServiceIp,
}

/// After which a watch is begun anew, and it is seen whether anybody still looks.
const WATCH_SECONDS: u64 = 5;
const AFTER_ERROR: Duration = Duration::from_millis(200);

/// What is followed: a list, a selector for it, and what one object of it says.
struct Source {
    list: String,
    selector: &'static str,
    read: fn(&Value, &str) -> Known,
}

/// What one object says.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Known {
    Webhooks(Vec<Webhook>),
    Addresses {
        service: String,
        ready: Vec<SocketAddr>,
    },
}

/// By list and name of the object.
type State = BTreeMap<(String, String), Known>;

/// The API server's knowledge, kept up to date as long as this is there.
pub(super) struct View {
    state: Arc<Mutex<State>>,
    stop: Arc<AtomicBool>,
}

impl View {
    /// Begins to follow the CRD, the configurations and the Services' slices of `namespace`.
    pub(super) fn open(api: &Api, namespace: &'static str, way: Way) -> Result<Self> {
        let configurations = "/apis/admissionregistration.k8s.io/v1";
        let of_configuration = |object: &Value, namespace: &str| {
            Known::Webhooks(webhooks::of_configuration(object, namespace))
        };
        let sources = [
            Source {
                list: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions".to_owned(),
                selector: "&fieldSelector=metadata.name%3Dclonesets.apps.kruise.io",
                read: |object, _| Known::Webhooks(webhooks::of_crd(object).into_iter().collect()),
            },
            Source {
                list: format!("{configurations}/mutatingwebhookconfigurations"),
                selector: "",
                read: of_configuration,
            },
            Source {
                list: format!("{configurations}/validatingwebhookconfigurations"),
                selector: "",
                read: of_configuration,
            },
            Source::of_addresses(way, namespace),
        ];
        let view = Self {
            state: Arc::default(),
            stop: Arc::default(),
        };
        for source in sources {
            let mut version = source.list(api, namespace, &view.state)?;
            let (api, state, stop) = (api.clone(), Arc::clone(&view.state), Arc::clone(&view.stop));
            thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let followed = source.follow(&api, namespace, &state, &mut version);
                    if followed.is_err() {
                        thread::sleep(AFTER_ERROR);
                        if let Ok(newer) = source.list(&api, namespace, &state) {
                            version = newer;
                        }
                    }
                }
            });
        }
        Ok(view)
    }

    /// The webhooks, each with the addresses of which the API server would choose one.
    pub(super) fn targets(&self) -> Vec<(Webhook, Vec<SocketAddr>)> {
        targets(&lock(&self.state))
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Source {
    fn of_addresses(way: Way, namespace: &str) -> Self {
        match way {
            Way::Endpoints => Self {
                list: format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices"),
                selector: "",
                read: |object, _| Known::Addresses {
                    service: webhooks::service_of(object).to_owned(),
                    ready: webhooks::ready_addresses(object),
                },
            },
            Way::ServiceIp => Self {
                list: format!("/api/v1/namespaces/{namespace}/services"),
                selector: "",
                read: |object, _| Known::Addresses {
                    service: name(object),
                    ready: webhooks::service_address(object).into_iter().collect(),
                },
            },
        }
    }

    /// Reads all, and returns the version.
    fn list(&self, api: &Api, namespace: &str, state: &Mutex<State>) -> Result<String> {
        let list = api.get(&format!("{}?{}", self.list, self.selector))?;
        let items = list.get("items").and_then(Value::as_array);
        let mut state = lock(state);
        state.retain(|(list, _), _| *list != self.list);
        for object in items.into_iter().flatten() {
            state.insert(
                (self.list.clone(), name(object)),
                (self.read)(object, namespace),
            );
        }
        version(&list)
    }

    fn follow(
        &self,
        api: &Api,
        namespace: &str,
        state: &Mutex<State>,
        last: &mut String,
    ) -> Result<()> {
        let path = format!(
            "{}?watch=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={last}{}",
            self.list, self.selector
        );
        let mut gone = false;
        api.watch(&path, |event| {
            let object = event.get("object").unwrap_or(&Value::Null);
            let key = (self.list.clone(), name(object));
            match event.get("type").and_then(Value::as_str) {
                Some("ADDED" | "MODIFIED") => {
                    lock(state).insert(key, (self.read)(object, namespace));
                }
                Some("DELETED") => {
                    lock(state).remove(&key);
                }
                _ => gone = true,
            }
            if let Ok(newer) = version(object) {
                *last = newer;
            }
        })?;
        anyhow::ensure!(!gone, "the watch lost its place");
        Ok(())
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn name(object: &Value) -> String {
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    name.unwrap_or_default().to_owned()
}

fn version(object: &Value) -> Result<String> {
    let version = object.pointer("/metadata/resourceVersion");
    let version = version.and_then(Value::as_str).context("no version")?;
    Ok(version.to_owned())
}

fn targets(state: &State) -> Vec<(Webhook, Vec<SocketAddr>)> {
    let webhooks = state.values().filter_map(|known| match known {
        Known::Webhooks(webhooks) => Some(webhooks),
        Known::Addresses { .. } => None,
    });
    let addresses = |wanted: &str| {
        let of_service = |known: &Known| match known {
            Known::Addresses { service, ready } if service == wanted => ready.clone(),
            _ => vec![],
        };
        state.values().flat_map(of_service).collect()
    };
    webhooks
        .flatten()
        .map(|webhook| (webhook.clone(), addresses(&webhook.service)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serving::webhooks::Question;

    #[test]
    fn each_webhook_goes_to_its_own_services_addresses() {
        let key = |name: &str| ("list".to_owned(), name.to_owned());
        let webhook = |service: &str| Webhook {
            question: Question::Conversion,
            namespace: "ns".to_owned(),
            service: service.to_owned(),
            path: "/".to_owned(),
            bundle: vec![],
        };
        let address = |text: &str| vec![text.parse().unwrap()];
        let slice = |service: &str, ready: &str| Known::Addresses {
            service: service.to_owned(),
            ready: address(ready),
        };
        let state: State = [
            (
                key("crd"),
                Known::Webhooks(vec![webhook("a"), webhook("b")]),
            ),
            (key("slice-1"), slice("a", "10.0.0.1:1")),
            (key("slice-2"), slice("other", "10.0.0.2:1")),
            (key("slice-3"), slice("a", "10.0.0.3:1")),
        ]
        .into();
        let found: Vec<_> = targets(&state)
            .into_iter()
            .map(|(webhook, addresses)| (webhook.service, addresses))
            .collect();
        let both = [address("10.0.0.1:1"), address("10.0.0.3:1")].concat();
        assert_eq!(found, [("a".to_owned(), both), ("b".to_owned(), vec![])]);
    }
}
