//! Kinds that a CustomResourceDefinition describes.

use kruise_api::resource::Resource;
use serde_json::{Value, json};

use super::{
    fields::FieldError,
    intern::intern,
    kinds::{CUSTOM, Kind},
    metadata, schema,
};

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

/// The kind that a definition describes; `None` when it isn't whole.
pub(crate) fn kind_of(definition: &Value) -> Option<Kind> {
    let spec = &definition["spec"];
    let names = &spec["names"];
    let versions: Vec<Version> = spec["versions"]
        .as_array()?
        .iter()
        .filter_map(version)
        .collect();
    let stored = spec["versions"]
        .as_array()?
        .iter()
        .find(|version| version["storage"] == true)?;
    let kind = names["kind"].as_str()?;
    Some(Kind {
        resource: Resource {
            group: intern(spec["group"].as_str()?),
            version: intern(stored["name"].as_str()?),
            plural: intern(names["plural"].as_str()?),
            kind: intern(kind),
            namespaced: spec["scope"] == "Namespaced",
        },
        list_kind: names["listKind"]
            .as_str()
            .map_or_else(|| format!("{kind}List"), str::to_owned),
        rules: CUSTOM,
        custom: Some(Custom {
            name: metadata::text(definition, "name").to_owned(),
            by_webhook: spec["conversion"]["strategy"] == "Webhook",
            versions,
        }),
    })
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

/// What the server writes into a definition that it serves.
pub(crate) fn served_status(definition: &Value, now: &str) -> Value {
    let spec = &definition["spec"];
    let stored = spec["versions"].as_array().into_iter().flatten();
    let stored: Vec<_> = stored
        .filter(|version| version["storage"] == true)
        .map(|version| &version["name"])
        .collect();
    let condition = |type_: &str, reason: &str, message: &str| {
        json!({
            "type": type_, "status": "True", "reason": reason, "message": message, "lastTransitionTime": now,
        })
    };
    json!({
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": spec["names"],
        "storedVersions": stored,
    })
}
