//! What a kind's CustomResourceDefinition is made of, and the manifest that follows from it.

pub(crate) mod rules;
pub(crate) mod structural;
#[cfg(test)]
mod tests;
pub(crate) mod workload;

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use self::rules::Rule;
use crate::{json::sort_keys, object::CustomResource, well_known::CONVERT_PATH};

/// Namespace that everything is installed in.
const NAMESPACE: &str = "kruise-system";

/// What is said of a kind in all its versions.
pub(crate) struct Definition {
    pub(crate) short_names: &'static [&'static str],
    pub(crate) scope: Scope,
    pub(crate) conversion: ConversionStrategy,
    /// The versions, oldest first.
    pub(crate) versions: Vec<Version>,
}

/// Whether objects of a kind live in a namespace.
pub(crate) enum Scope {
    Namespaced,
    Cluster,
}

/// Who turns one version into another (PF-402).
pub(crate) enum ConversionStrategy {
    /// The deployable behind this Service does. The Service is for conversion alone (DV-PF17).
    Webhook { service: &'static str },
    /// Nobody: the kind has one version, or several with the same schema.
    None,
}

/// One version of a kind.
pub(crate) struct Version {
    names: Names,
    storage: bool,
    schema: Value,
    scale: Option<Scale>,
    columns: Vec<Column>,
}

struct Names {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
}

/// Paths at which the scale subresource finds its numbers.
pub(crate) struct Scale {
    pub(crate) spec_replicas: &'static str,
    pub(crate) status_replicas: &'static str,
    pub(crate) label_selector: &'static str,
}

/// A column of `kubectl get`.
#[derive(Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    type_: &'static str,
    path: &'static str,
    wide: bool,
}

impl Column {
    pub(crate) const fn new(name: &'static str, type_: &'static str, path: &'static str) -> Self {
        Self {
            name,
            type_,
            path,
            wide: false,
        }
    }

    /// Shown by `kubectl get --output=wide` only.
    pub(crate) const fn wide(name: &'static str, path: &'static str) -> Self {
        Self {
            name,
            type_: "string",
            path,
            wide: true,
        }
    }

    fn manifest(self) -> Value {
        let Self {
            name,
            type_,
            path,
            wide,
        } = self;
        if wide {
            json!({ "name": name, "type": type_, "jsonPath": path, "priority": 1 })
        } else {
            json!({ "name": name, "type": type_, "jsonPath": path })
        }
    }
}

impl Version {
    /// A served version of `K` whose spec and status have these types. It has a status subresource.
    pub(crate) fn of<K: CustomResource, Spec: JsonSchema, Status: JsonSchema>(
        description: &str,
    ) -> Self {
        Self {
            names: Names {
                group: K::GROUP,
                version: K::VERSION,
                kind: K::KIND,
                plural: K::PLURAL,
            },
            storage: false,
            schema: json!({
                "type": "object",
                "description": description,
                "properties": {
                    "apiVersion": {
                        "type": "string",
                        "description": "Group and version of this form of the object.",
                    },
                    "kind": { "type": "string", "description": "Kind of the object." },
                    "metadata": { "type": "object" },
                    "spec": structural::schema_of::<Spec>(),
                    "status": structural::schema_of::<Status>(),
                },
            }),
            scale: None,
            columns: Vec::new(),
        }
    }

    /// Makes this the version that the API server stores.
    pub(crate) fn stored(mut self) -> Self {
        self.storage = true;
        self
    }

    pub(crate) fn scale(mut self, scale: Scale) -> Self {
        self.scale = Some(scale);
        self
    }

    pub(crate) fn columns(mut self, columns: &[Column]) -> Self {
        self.columns = columns.to_vec();
        self
    }

    /// Adds rules to the field at this path, such as `spec.updateStrategy.type`; `[]` stands for the
    /// elements of a list.
    pub(crate) fn rules(mut self, path: &str, rules: &[Rule]) -> Self {
        rules::add(&mut self.schema, path, rules);
        self
    }

    /// Sets a keyword of the schema of the field at this path: what only this version says of a type that several
    /// versions share, such as a `minimum`.
    pub(crate) fn keyword(mut self, path: &str, keyword: &str, value: impl Into<Value>) -> Self {
        rules::with_field(&mut self.schema, path, |field| {
            field.insert(keyword.to_owned(), value.into());
        });
        self
    }

    fn manifest(self) -> Value {
        let mut subresources = Map::from_iter([("status".to_owned(), json!({}))]);
        if let Some(scale) = self.scale {
            let paths = json!({
                "specReplicasPath": scale.spec_replicas,
                "statusReplicasPath": scale.status_replicas,
                "labelSelectorPath": scale.label_selector,
            });
            subresources.insert("scale".to_owned(), paths);
        }
        let mut manifest = Map::from_iter([
            ("name".to_owned(), json!(self.names.version)),
            ("served".to_owned(), json!(true)),
            ("storage".to_owned(), json!(self.storage)),
            (
                "schema".to_owned(),
                json!({ "openAPIV3Schema": self.schema }),
            ),
            ("subresources".to_owned(), Value::Object(subresources)),
        ]);
        // Without columns the API server adds its own.
        if !self.columns.is_empty() {
            let columns = self.columns.into_iter().map(Column::manifest).collect();
            manifest.insert("additionalPrinterColumns".to_owned(), columns);
        }
        Value::Object(manifest)
    }
}

impl Definition {
    /// Group and name of the version that the API server stores.
    pub(crate) fn stored(&self) -> Option<(&'static str, &'static str)> {
        let stored = self.versions.iter().find(|version| version.storage)?;
        Some((stored.names.group, stored.names.version))
    }

    /// The manifest, with keys in byte order.
    pub(crate) fn manifest(self) -> Value {
        let Self {
            short_names,
            scope,
            conversion,
            versions,
        } = self;
        let Some(Names {
            group,
            kind,
            plural,
            ..
        }) = versions.last().map(|version| &version.names)
        else {
            return Value::Null;
        };
        let mut names = Map::from_iter([
            ("kind".to_owned(), json!(kind)),
            ("listKind".to_owned(), json!(format!("{kind}List"))),
            ("plural".to_owned(), json!(plural)),
            ("singular".to_owned(), json!(kind.to_lowercase())),
        ]);
        if !short_names.is_empty() {
            names.insert("shortNames".to_owned(), json!(short_names));
        }
        sort_keys(json!({
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": { "name": format!("{plural}.{group}") },
            "spec": {
                "group": group,
                "scope": match scope {
                    Scope::Namespaced => "Namespaced",
                    Scope::Cluster => "Cluster",
                },
                "names": names,
                "conversion": conversion.manifest(),
                "versions": versions.into_iter().map(Version::manifest).collect::<Vec<_>>(),
            },
        }))
    }
}

impl ConversionStrategy {
    fn manifest(self) -> Value {
        match self {
            Self::None => json!({ "strategy": "None" }),
            // No CA bundle: the deployable writes its own into clientConfig.
            Self::Webhook { service } => json!({
                "strategy": "Webhook",
                "webhook": {
                    "clientConfig": {
                        "service": {
                            "namespace": NAMESPACE,
                            "name": service,
                            "path": CONVERT_PATH,
                            "port": 443,
                        },
                    },
                    "conversionReviewVersions": ["v1", "v1beta1"],
                },
            }),
        }
    }
}
