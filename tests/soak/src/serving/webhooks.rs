//! Which webhooks the API server would call, where, and trusting whom: read from the live CRD, webhook
//! configurations and EndpointSlices. Pure.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

/// The label that leads from an EndpointSlice to its Service.
const SERVICE_OF_SLICE: &str = "/metadata/labels/kubernetes.io~1service-name";

/// What a webhook is asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Question {
    Conversion,
    Admission,
}

/// One webhook of ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Webhook {
    pub(super) question: Question,
    pub(super) namespace: String,
    pub(super) service: String,
    pub(super) path: String,
    /// PEM; whom the API server trusts when it calls.
    pub(super) bundle: Vec<u8>,
}

impl Webhook {
    /// The name that the certificate must be for.
    pub(super) fn host(&self) -> String {
        format!("{}.{}.svc", self.service, self.namespace)
    }

    fn read(question: Question, config: &Value) -> Option<Self> {
        let text = |pointer: &str| config.pointer(pointer)?.as_str();
        Some(Self {
            question,
            namespace: text("/service/namespace")?.to_owned(),
            service: text("/service/name")?.to_owned(),
            path: text("/service/path").unwrap_or("/").to_owned(),
            bundle: BASE64.decode(text("/caBundle").unwrap_or_default()).ok()?,
        })
    }
}

/// The webhook that converts a CRD's objects, if one does.
pub(super) fn of_crd(crd: &Value) -> Option<Webhook> {
    let config = crd.pointer("/spec/conversion/webhook/clientConfig")?;
    Webhook::read(Question::Conversion, config)
}

/// The webhooks of a configuration that are asked about CloneSets and served from `namespace`.
pub(super) fn of_configuration(configuration: &Value, namespace: &str) -> Vec<Webhook> {
    let entries = configuration.get("webhooks").and_then(Value::as_array);
    let asks = |entry: &&Value| {
        let resources = |rule: &Value| rule.get("resources").and_then(Value::as_array).cloned();
        let rules = entry.get("rules").and_then(Value::as_array);
        let mut resources = rules.into_iter().flatten().filter_map(resources).flatten();
        resources.any(|resource| resource == "clonesets")
    };
    entries
        .into_iter()
        .flatten()
        .filter(asks)
        .filter_map(|entry| Webhook::read(Question::Admission, entry.get("clientConfig")?))
        .filter(|webhook| webhook.namespace == namespace)
        .collect()
}

/// The addresses that a Service's slice says are ready.
pub(super) fn ready_addresses(slice: &Value) -> Vec<SocketAddr> {
    let port = slice.pointer("/ports/0/port").and_then(Value::as_u64);
    let Some(port) = port.and_then(|port| u16::try_from(port).ok()) else {
        return vec![];
    };
    let endpoints = slice.get("endpoints").and_then(Value::as_array);
    let is_ready = |endpoint: &&Value| endpoint.pointer("/conditions/ready") != Some(&json!(false));
    endpoints
        .into_iter()
        .flatten()
        .filter(is_ready)
        .filter_map(|endpoint| endpoint.pointer("/addresses/0")?.as_str()?.parse().ok())
        .map(|address: IpAddr| SocketAddr::from((address, port)))
        .collect()
}

/// The one address of a Service, behind which kube-proxy chooses.
pub(super) fn service_address(service: &Value) -> Option<SocketAddr> {
    let port = service.pointer("/spec/ports/0/port")?.as_u64()?;
    let address: IpAddr = service.pointer("/spec/clusterIP")?.as_str()?.parse().ok()?;
    Some(SocketAddr::from((address, u16::try_from(port).ok()?)))
}

/// The Service of a slice.
pub(super) fn service_of(slice: &Value) -> &str {
    let label = slice.pointer(SERVICE_OF_SLICE).and_then(Value::as_str);
    label.unwrap_or_default()
}

impl Question {
    /// A review about a CloneSet.
    pub(super) fn review(self, uid: &str) -> Value {
        match self {
            Self::Conversion => json!({
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "ConversionReview",
                "request": {
                    "uid": uid,
                    "desiredAPIVersion": "apps.kruise.io/v1beta1",
                    "objects": [cloneset("apps.kruise.io/v1alpha1", &asked())],
                },
            }),
            Self::Admission => json!({
                "apiVersion": "admission.k8s.io/v1",
                "kind": "AdmissionReview",
                "request": {
                    "uid": uid,
                    "kind": { "group": "apps.kruise.io", "version": "v1beta1", "kind": "CloneSet" },
                    "resource": { "group": "apps.kruise.io", "version": "v1beta1", "resource": "clonesets" },
                    "requestKind": { "group": "apps.kruise.io", "version": "v1beta1", "kind": "CloneSet" },
                    "requestResource": { "group": "apps.kruise.io", "version": "v1beta1", "resource": "clonesets" },
                    "name": "asked",
                    "namespace": "default",
                    "operation": "CREATE",
                    "userInfo": { "username": "soak", "groups": ["system:authenticated"] },
                    "object": cloneset("apps.kruise.io/v1beta1", &asked()),
                    "oldObject": null,
                    "dryRun": true,
                    "options": { "apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions" },
                },
            }),
        }
    }

    /// Whether that answers the review: converted, or admitted.
    pub(super) fn check(self, uid: &str, answer: &[u8]) -> Result<()> {
        let answer: Value = serde_json::from_slice(answer).context("parse the answer")?;
        let at = |pointer: &str| answer.pointer(pointer);
        if at("/response/uid").and_then(Value::as_str) != Some(uid) {
            bail!("an answer to another question: {answer}");
        }
        let good = match self {
            Self::Conversion => {
                at("/response/convertedObjects/0/apiVersion")
                    == Some(&json!("apps.kruise.io/v1beta1"))
            }
            Self::Admission => at("/response/allowed") == Some(&json!(true)),
        };
        if !good {
            bail!("refused: {answer}");
        }
        Ok(())
    }
}

/// Of an object as the API server shows it.
fn asked() -> Value {
    json!({
        "name": "asked",
        "namespace": "default",
        "uid": "00000000-0000-0000-0000-000000000001",
    })
}

/// A CloneSet without pods.
pub(super) fn cloneset(api_version: &str, metadata: &Value) -> Value {
    json!({
        "apiVersion": api_version,
        "kind": "CloneSet",
        "metadata": metadata,
        "spec": {
            "replicas": 0,
            "selector": { "matchLabels": { "app": "soak" } },
            "template": {
                "metadata": { "labels": { "app": "soak" } },
                "spec": { "containers": [{ "name": "app", "image": "registry.local/demo:1" }] },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crd_that_doesnt_convert_has_no_webhook() {
        let crd = json!({ "spec": { "conversion": { "strategy": "None" } } });
        assert_eq!(of_crd(&crd), None);
    }

    #[test]
    fn a_crd_names_service_path_and_bundle() {
        let config = json!({
            "service": { "namespace": "kruise-system", "name": "ours", "path": "/convert", "port": 443 },
            "caBundle": BASE64.encode("PEM"),
        });
        let crd = json!({ "spec": { "conversion": { "webhook": { "clientConfig": config } } } });
        let webhook = of_crd(&crd).unwrap();
        assert_eq!(webhook.host(), "ours.kruise-system.svc");
        assert_eq!(
            (webhook.path.as_str(), webhook.bundle.as_slice()),
            ("/convert", &b"PEM"[..])
        );
    }

    #[test]
    fn only_our_own_entries_about_clonesets_are_called() {
        let entry = |namespace: &str, resource: &str, path: &str| {
            json!({
                "clientConfig": {
                    "service": { "namespace": namespace, "name": "s", "path": path },
                },
                "rules": [{ "resources": ["pods"] }, { "resources": [resource] }],
            })
        };
        let configuration = json!({ "webhooks": [
            entry("kruise-system", "clonesets", "/a"),
            entry("elsewhere", "clonesets", "/b"),
            entry("kruise-system", "namespaces", "/c"),
        ] });
        let webhooks = of_configuration(&configuration, "kruise-system");
        let paths: Vec<&str> = webhooks
            .iter()
            .map(|webhook| webhook.path.as_str())
            .collect();
        assert_eq!(paths, ["/a"]);
        assert_eq!(of_configuration(&json!({}), "kruise-system"), []);
    }

    #[test]
    fn addresses_that_are_not_ready_are_not_called() {
        let endpoint = |address: &str, ready: Value| json!({ "addresses": [address], "conditions": { "ready": ready } });
        let slice = json!({
            "metadata": { "labels": { "kubernetes.io/service-name": "ours" } },
            "ports": [{ "name": "webhook", "port": 9876 }],
            "endpoints": [
                endpoint("10.0.0.1", json!(true)),
                endpoint("10.0.0.2", json!(false)),
                endpoint("10.0.0.3", Value::Null),
            ],
        });
        let expected = ["10.0.0.1:9876", "10.0.0.3:9876"].map(|text| text.parse().unwrap());
        assert_eq!(ready_addresses(&slice), expected);
        assert_eq!(service_of(&slice), "ours");
        assert_eq!(ready_addresses(&json!({ "ports": null })), []);
    }

    #[test]
    fn a_service_has_one_address_unless_it_is_headless() {
        let service =
            |address: &str| json!({ "spec": { "clusterIP": address, "ports": [{ "port": 443 }] } });
        let address = service_address(&service("10.96.0.9"));
        assert_eq!(address, Some("10.96.0.9:443".parse().unwrap()));
        assert_eq!(service_address(&service("None")), None);
    }

    #[test]
    fn answers_are_told_from_refusals() {
        let answer = |response: Value| json!({ "response": response }).to_string().into_bytes();
        let converted = json!({
            "uid": "1",
            "convertedObjects": [{ "apiVersion": "apps.kruise.io/v1beta1" }],
        });
        let refused =
            json!({ "uid": "1", "convertedObjects": [], "result": { "status": "Failure" } });
        let admitted = json!({ "uid": "1", "allowed": true });
        let conversion = Question::Conversion;
        assert!(conversion.check("1", &answer(converted.clone())).is_ok());
        assert!(conversion.check("2", &answer(converted)).is_err());
        assert!(conversion.check("1", &answer(refused)).is_err());
        let admission = Question::Admission;
        assert!(admission.check("1", &answer(admitted)).is_ok());
        let refused = json!({ "uid": "1", "allowed": false });
        assert!(admission.check("1", &answer(refused)).is_err());
    }
}
