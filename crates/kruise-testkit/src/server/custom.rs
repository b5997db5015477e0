//! Kinds that a CustomResourceDefinition describes.

use serde_json::Value;

use super::{fields::FieldError, intern::intern, schema};

/// What a definition says.
#[derive(Debug)]
pub(crate) struct Custom {
    name: String,
    by_webhook: bool,
    versions: Vec<Version>,
}

#[derive(Debug)]
struct Version {
    name: &'static str,
    served: bool,
    status: bool,
    scale: Option<Scale>,
    schema: Value,
}

/// Where the scale subresource finds its numbers.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    pub(crate) spec_replicas: String,
    pub(crate) status_replicas: String,
    pub(crate) label_selector: Option<String>,
}

fn version(version: &Value) -> Option<Version> {
    let subresources = &version["subresources"];
    let scale = subresources
        .get("scale")
        .filter(|scale| scale.is_object())
        .map(|scale| {
            let path = |member: &str| scale[member].as_str().map(pointer);
            Scale {
                spec_replicas: path("specReplicasPath").unwrap_or_default(),
                status_replicas: path("statusReplicasPath").unwrap_or_default(),
                label_selector: path("labelSelectorPath"),
            }
        });
    Some(Version {
        name: intern(version["name"].as_str()?),
        served: version["served"] == true,
        status: subresources.get("status").is_some_and(Value::is_object),
        scale,
        schema: version["schema"]["openAPIV3Schema"].clone(),
    })
}

/// A simple JSON path, such as `.spec.replicas`, as a pointer.
fn pointer(path: &str) -> String {
    path.replace('.', "/")
}

impl Custom {
    /// What this definition says; `None` when it isn't whole.
    pub(crate) fn of(definition: &Value) -> Option<Self> {
        let spec = &definition["spec"];
        let versions = spec["versions"].as_array()?.iter().filter_map(version);
        Some(Self {
            name: definition["metadata"]["name"].as_str()?.to_owned(),
            by_webhook: spec["conversion"]["strategy"] == "Webhook",
            versions: versions.collect(),
        })
    }

    /// Name of the definition.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn converts_by_webhook(&self) -> bool {
        self.by_webhook
    }

    pub(crate) fn served(&self, version: &str) -> Option<&'static str> {
        let mut versions = self.versions.iter();
        let found = versions.find(|own| own.name == version && own.served);
        found.map(|version| version.name)
    }

    pub(crate) fn all_served(&self) -> Vec<&'static str> {
        let served = self.versions.iter().filter(|version| version.served);
        served.map(|version| version.name).collect()
    }

    fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }

    pub(crate) fn has_status(&self, version: &str) -> bool {
        self.version(version).is_some_and(|version| version.status)
    }

    pub(crate) fn scale(&self, version: &str) -> Option<&Scale> {
        self.version(version)?.scale.as_ref()
    }

    /// Drops what the schema doesn't know, and fills in what it defaults.
    pub(crate) fn read(&self, version: &str, object: &mut Value) {
        if let Some(version) = self.version(version) {
            schema::drop_unknown(&version.schema, object);
            schema::fill_in(&version.schema, object);
        }
    }

    /// Fills in what the schema defaults.
    pub(crate) fn fill_in(&self, version: &str, object: &mut Value) {
        if let Some(version) = self.version(version) {
            schema::fill_in(&version.schema, object);
        }
    }

    /// What the schema finds wrong with the object.
    pub(crate) fn check(
        &self,
        version: &str,
        object: &Value,
        old: Option<&Value>,
    ) -> Vec<FieldError> {
        match self.version(version) {
            Some(version) => schema::check(&version.schema, object, old),
            None => vec![],
        }
    }
}
