//! The objects in which the API server reads whom to trust: our own CRDs and webhook configurations.
//! Pure: what such an object says, and the smallest patch that puts it right.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
pub(crate) use kruise_api::resource::{
    CUSTOM_RESOURCE_DEFINITIONS as CRDS, MUTATING_WEBHOOK_CONFIGURATIONS as MUTATING,
    VALIDATING_WEBHOOK_CONFIGURATIONS as VALIDATING,
};
use kruise_api::resource::{ObjectKey, Resource};
use rustls::pki_types::CertificateDer;
use serde_json::{Map, Value, json};

use kruise_api::{resource::PatchKind, well_known::CONVERT_PATH};

use super::x509::{bundle_pem, read_chain};

/// Port of the Services.
const PORT: u64 = 443;

/// A kind of place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PlaceKind {
    Crd,
    Mutating,
    Validating,
}

/// One object that trusts us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) kind: PlaceKind,
    pub(crate) name: String,
    pub(crate) service: ServiceRef,
}

/// The Service by which the API server reaches us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ServiceRef {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} {}", self.resource(), self.name)
    }
}

impl Place {
    pub(crate) fn resource(&self) -> Resource {
        match self.kind {
            PlaceKind::Crd => CRDS,
            PlaceKind::Mutating => MUTATING,
            PlaceKind::Validating => VALIDATING,
        }
    }

    pub(crate) fn key(&self) -> ObjectKey {
        ObjectKey::new("", self.name.clone())
    }

    /// What each of the object's client configurations trusts; an unreadable bundle trusts nobody.
    pub(crate) fn bundles(&self, object: &Value) -> Vec<Vec<CertificateDer<'static>>> {
        let configs: Vec<Option<&Value>> = match self.kind {
            PlaceKind::Crd if converts_by_webhook(object) => {
                vec![object.pointer("/spec/conversion/webhook/clientConfig")]
            }
            PlaceKind::Crd => vec![],
            PlaceKind::Mutating | PlaceKind::Validating => entries(object)
                .iter()
                .map(|entry| entry.get("clientConfig"))
                .collect(),
        };
        let read = |config: Option<&Value>| {
            let text = config?.get("caBundle")?.as_str()?;
            read_chain(&BASE64.decode(text).ok()?).ok()
        };
        configs
            .into_iter()
            .map(|config| read(config).unwrap_or_default())
            .collect()
    }

    /// What has to change so that the API server reaches us and trusts `bundle`; `None` when nothing.
    /// The patch names the version that it was made for.
    pub(crate) fn patch(
        &self,
        object: &Value,
        bundle: &[CertificateDer<'static>],
    ) -> Option<(PatchKind, Value)> {
        let bundle = BASE64.encode(bundle_pem(bundle));
        let (kind, mut patch) = match self.kind {
            PlaceKind::Crd => (PatchKind::Merge, self.crd_patch(object, &bundle)?),
            PlaceKind::Mutating | PlaceKind::Validating => {
                (PatchKind::Strategic, self.entries_patch(object, &bundle)?)
            }
        };
        let version = object.pointer("/metadata/resourceVersion").cloned();
        let metadata = json!({ "resourceVersion": version.unwrap_or_default() });
        patch.insert("metadata".to_owned(), metadata);
        Some((kind, patch.into()))
    }

    /// PF-225: a CRD converts by webhook or it doesn't, and that isn't ours to decide.
    fn crd_patch(&self, object: &Value, bundle: &str) -> Option<Map<String, Value>> {
        if !converts_by_webhook(object) {
            return None;
        }
        let wanted = json!({
            "caBundle": bundle,
            "service": {
                "namespace": self.service.namespace,
                "name": self.service.name,
                "path": CONVERT_PATH,
                "port": PORT,
            },
        });
        let found = object.pointer("/spec/conversion/webhook/clientConfig");
        let mut change = difference(found, &wanted)?;
        // The API server takes a URL or a Service, not both.
        if found.is_some_and(|found| found.get("url").is_some_and(|url| !url.is_null())) {
            change.insert("url".to_owned(), Value::Null);
        }
        let webhook = json!({
            "clientConfig": change,
            "conversionReviewVersions": ["v1", "v1beta1"],
        });
        Some(Map::from_iter([(
            "spec".to_owned(),
            json!({ "conversion": { "webhook": webhook } }),
        )]))
    }

    /// Entries are merged by name (strategic merge). So right entries aren't touched, nor are other fields of the
    /// wrong ones.
    fn entries_patch(&self, object: &Value, bundle: &str) -> Option<Map<String, Value>> {
        let changes: Vec<Value> = entries(object)
            .iter()
            .filter_map(|entry| {
                let found = entry.get("clientConfig");
                let mut wanted = json!({ "caBundle": bundle });
                let by_service = found
                    .and_then(|found| found.get("service"))
                    .is_some_and(Value::is_object);
                if by_service && let Some(wanted) = wanted.as_object_mut() {
                    let service = json!({
                        "namespace": self.service.namespace,
                        "name": self.service.name,
                    });
                    wanted.insert("service".to_owned(), service);
                }
                let change = difference(found, &wanted)?;
                Some(json!({ "name": entry.get("name")?, "clientConfig": change }))
            })
            .collect();
        (!changes.is_empty()).then(|| Map::from_iter([("webhooks".to_owned(), changes.into())]))
    }
}

fn converts_by_webhook(crd: &Value) -> bool {
    let strategy = crd.pointer("/spec/conversion/strategy");
    strategy.and_then(Value::as_str) == Some("Webhook")
}

fn entries(configuration: &Value) -> &[Value] {
    let entries = configuration.get("webhooks").and_then(Value::as_array);
    entries.map(Vec::as_slice).unwrap_or_default()
}

/// The part of `wanted` that isn't in `found`, as a merge patch.
fn difference(found: Option<&Value>, wanted: &Value) -> Option<Map<String, Value>> {
    let wanted = wanted.as_object()?;
    let mut change = Map::new();
    for (key, wanted) in wanted {
        let found = found.and_then(|found| found.get(key));
        if found == Some(wanted) {
            continue;
        }
        let part = match wanted {
            Value::Object(_) => match difference(found, wanted) {
                Some(part) => part.into(),
                None => continue,
            },
            _ => wanted.clone(),
        };
        change.insert(key.clone(), part);
    }
    (!change.is_empty()).then_some(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(kind: PlaceKind) -> Place {
        let service = ServiceRef {
            namespace: "kruise-system".into(),
            name: "ours".into(),
        };
        Place {
            kind,
            name: "x".into(),
            service,
        }
    }

    fn bundle() -> Vec<CertificateDer<'static>> {
        vec![CertificateDer::from(vec![1, 2, 3])]
    }

    fn encoded() -> String {
        BASE64.encode(bundle_pem(&bundle()))
    }

    fn patch(kind: PlaceKind, object: &Value) -> Option<Value> {
        place(kind).patch(object, &bundle()).map(|(_, patch)| patch)
    }

    fn crd(strategy: &str, config: &Value) -> Value {
        json!({
            "metadata": { "name": "x", "resourceVersion": "7" },
            "spec": { "conversion": { "strategy": strategy, "webhook": {
                "clientConfig": config, "conversionReviewVersions": ["v1"] } } },
        })
    }

    fn service(name: &str) -> Value {
        json!({ "namespace": "kruise-system", "name": name, "path": "/convert", "port": 443 })
    }

    #[test]
    fn a_crd_without_conversion_is_never_given_one() {
        let object = crd("None", &json!({}));
        assert_eq!(patch(PlaceKind::Crd, &object), None);
        assert!(place(PlaceKind::Crd).bundles(&object).is_empty());
        assert_eq!(patch(PlaceKind::Crd, &json!({ "spec": {} })), None);
    }

    #[test]
    fn a_crd_that_is_right_is_left_alone() {
        let config = json!({ "caBundle": encoded(), "service": service("ours") });
        assert_eq!(patch(PlaceKind::Crd, &crd("Webhook", &config)), None);
    }

    #[test]
    fn of_a_crd_only_what_differs_is_patched() {
        let config = json!({ "caBundle": encoded(), "service": service("webhook-service") });
        assert_eq!(
            patch(PlaceKind::Crd, &crd("Webhook", &config)),
            Some(json!({
                "spec": { "conversion": { "webhook": {
                    "clientConfig": { "service": { "name": "ours" } },
                    "conversionReviewVersions": ["v1", "v1beta1"],
                } } },
                "metadata": { "resourceVersion": "7" },
            }))
        );
    }

    #[test]
    fn a_crd_without_any_client_config_gets_all_of_it() {
        let object = json!({
            "metadata": { "resourceVersion": "7" },
            "spec": { "conversion": { "strategy": "Webhook" } },
        });
        let patch = patch(PlaceKind::Crd, &object).unwrap();
        let config = &patch["spec"]["conversion"]["webhook"]["clientConfig"];
        assert_eq!(
            *config,
            json!({ "caBundle": encoded(), "service": service("ours") })
        );
    }

    #[test]
    fn a_url_gives_way_to_the_service() {
        let object = crd(
            "Webhook",
            &json!({ "caBundle": encoded(), "url": "https://x/convert" }),
        );
        let patch = patch(PlaceKind::Crd, &object).unwrap();
        let config = &patch["spec"]["conversion"]["webhook"]["clientConfig"];
        assert_eq!(*config, json!({ "service": service("ours"), "url": null }));
    }

    #[test]
    fn of_a_configuration_only_wrong_entries_are_patched_by_name() {
        let service = json!({ "namespace": "kruise-system", "name": "ours", "path": "/a" });
        let object = json!({
            "metadata": { "resourceVersion": "9" },
            "webhooks": [
                { "name": "right", "clientConfig": { "caBundle": encoded(), "service": service } },
                { "name": "stale", "clientConfig": { "caBundle": "b2xk", "service": service } },
                { "name": "url", "clientConfig": { "url": "https://x/a" }, "timeoutSeconds": 3 },
                { "name": "moved", "clientConfig": { "caBundle": encoded(),
                    "service": { "namespace": "system", "name": "webhook-service" } } },
            ],
        });
        let (kind, patch) = place(PlaceKind::Mutating)
            .patch(&object, &bundle())
            .unwrap();
        assert_eq!(kind, PatchKind::Strategic);
        assert_eq!(
            patch,
            json!({
                "webhooks": [
                    { "name": "stale", "clientConfig": { "caBundle": encoded() } },
                    { "name": "url", "clientConfig": { "caBundle": encoded() } },
                    { "name": "moved", "clientConfig": {
                        "service": { "namespace": "kruise-system", "name": "ours" } } },
                ],
                "metadata": { "resourceVersion": "9" },
            })
        );
        let bundles = place(PlaceKind::Validating).bundles(&object);
        assert_eq!(bundles, [bundle(), vec![], vec![], bundle()]);
    }

    #[test]
    fn a_configuration_without_entries_needs_nothing() {
        assert_eq!(
            patch(PlaceKind::Validating, &json!({ "webhooks": null })),
            None
        );
    }
}
