//! What is read of objects. All else is passed over, and what may be missing or null counts as not set, as in Go.

use kruise_api::meta::ObjectMeta;
use serde::Deserialize;

/// An object of any kind.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Object<Spec> {
    metadata: Option<ObjectMeta>,
    spec: Option<Spec>,
}

impl<Spec: Default> Object<Spec> {
    /// Its parts.
    #[must_use]
    pub fn into_parts(self) -> (ObjectMeta, Spec) {
        let Self { metadata, spec } = self;
        (metadata.unwrap_or_default(), spec.unwrap_or_default())
    }
}

/// A spec of which nothing is read.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct AnySpec {}

/// Spec of a Deployment, a ReplicaSet or a StatefulSet.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct WorkloadSpec {
    /// How many pods are wanted.
    pub replicas: Option<i32>,
}

/// Spec of a CustomResourceDefinition, in either version.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct DefinitionSpec {
    group: Option<String>,
    names: Option<Names>,
    versions: Option<Vec<Version>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Names {
    plural: Option<String>,
    list_kind: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Version {
    name: Option<String>,
    storage: Option<bool>,
}

impl DefinitionSpec {
    /// Group of its kind.
    #[must_use]
    pub fn group(&self) -> &str {
        self.group.as_deref().unwrap_or_default()
    }

    /// Plural of its kind, as in the path.
    #[must_use]
    pub fn plural(&self) -> &str {
        let plural = self.names.as_ref().and_then(|it| it.plural.as_deref());
        plural.unwrap_or_default()
    }

    /// Kind of lists of its objects.
    #[must_use]
    pub fn list_kind(&self) -> &str {
        let list_kind = self.names.as_ref().and_then(|it| it.list_kind.as_deref());
        list_kind.unwrap_or_default()
    }

    /// The version in which objects are stored. A definition of old that has only the field `version` names none (DP-19).
    #[must_use]
    pub fn storage_version(&self) -> Option<&str> {
        let mut versions = self.versions.iter().flatten();
        let stored = versions.find(|version| version.storage == Some(true))?;
        stored.name.as_deref().filter(|name| !name.is_empty())
    }
}
