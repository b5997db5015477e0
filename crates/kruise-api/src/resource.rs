//! Names of kinds and objects as the API server's paths spell them, and how objects are patched. Of Kubernetes' own
//! kinds those are named here that several crates ask for; those of OpenKruise are named beside their types.

use std::{borrow::Cow, fmt};

use crate::{meta::ObjectMeta, object::CustomResource};

/// One kind in one version, with everything needed to call the API about it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Resource {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Version.
    pub version: &'static str,
    /// Plural, as in the path.
    pub plural: &'static str,
    /// Kind, as in objects.
    pub kind: &'static str,
    /// Whether objects live in a namespace.
    pub namespaced: bool,
}

/// `v1` pods.
pub const PODS: Resource = Resource {
    group: "",
    version: "v1",
    plural: "pods",
    kind: "Pod",
    namespaced: true,
};

/// `v1` nodes.
pub const NODES: Resource = Resource {
    group: "",
    version: "v1",
    plural: "nodes",
    kind: "Node",
    namespaced: false,
};

/// `v1` namespaces.
pub const NAMESPACES: Resource = Resource {
    group: "",
    version: "v1",
    plural: "namespaces",
    kind: "Namespace",
    namespaced: false,
};

/// `v1` config maps.
pub const CONFIG_MAPS: Resource = Resource {
    group: "",
    version: "v1",
    plural: "configmaps",
    kind: "ConfigMap",
    namespaced: true,
};

/// `v1` events.
pub const EVENTS: Resource = Resource {
    group: "",
    version: "v1",
    plural: "events",
    kind: "Event",
    namespaced: true,
};

/// `v1` persistent volume claims.
pub const PERSISTENT_VOLUME_CLAIMS: Resource = Resource {
    group: "",
    version: "v1",
    plural: "persistentvolumeclaims",
    kind: "PersistentVolumeClaim",
    namespaced: true,
};

/// `v1` pod templates.
pub const POD_TEMPLATES: Resource = Resource {
    group: "",
    version: "v1",
    plural: "podtemplates",
    kind: "PodTemplate",
    namespaced: true,
};

/// `coordination.k8s.io/v1` leases.
pub const LEASES: Resource = Resource {
    group: "coordination.k8s.io",
    version: "v1",
    plural: "leases",
    kind: "Lease",
    namespaced: true,
};

/// `apps/v1` controller revisions.
pub const CONTROLLER_REVISIONS: Resource = Resource {
    group: "apps",
    version: "v1",
    plural: "controllerrevisions",
    kind: "ControllerRevision",
    namespaced: true,
};

/// `apiextensions.k8s.io/v1` custom resource definitions.
pub const CUSTOM_RESOURCE_DEFINITIONS: Resource = Resource {
    group: "apiextensions.k8s.io",
    version: "v1",
    plural: "customresourcedefinitions",
    kind: "CustomResourceDefinition",
    namespaced: false,
};

/// `admissionregistration.k8s.io/v1` mutating webhook configurations.
pub const MUTATING_WEBHOOK_CONFIGURATIONS: Resource = Resource {
    group: "admissionregistration.k8s.io",
    version: "v1",
    plural: "mutatingwebhookconfigurations",
    kind: "MutatingWebhookConfiguration",
    namespaced: false,
};

/// `admissionregistration.k8s.io/v1` validating webhook configurations.
pub const VALIDATING_WEBHOOK_CONFIGURATIONS: Resource = Resource {
    plural: "validatingwebhookconfigurations",
    kind: "ValidatingWebhookConfiguration",
    ..MUTATING_WEBHOOK_CONFIGURATIONS
};

impl Resource {
    /// A version of a kind whose objects live in namespaces.
    pub(crate) const fn in_namespaces<K: CustomResource>() -> Self {
        Self {
            group: K::GROUP,
            version: K::VERSION,
            plural: K::PLURAL,
            kind: K::KIND,
            namespaced: true,
        }
    }

    /// A version of a kind whose objects live in no namespace.
    pub(crate) const fn in_no_namespace<K: CustomResource>() -> Self {
        Self {
            namespaced: false,
            ..Self::in_namespaces::<K>()
        }
    }

    /// `apiVersion` as objects carry it: `v1`, `apps/v1`.
    #[must_use]
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// Path of the whole collection, in one namespace or (when `namespace` is empty) in all.
    #[must_use]
    pub fn collection_path(&self, namespace: &str) -> String {
        let namespace = if self.namespaced { namespace } else { "" };
        NamedResource::from(*self).collection_path(namespace)
    }

    /// Path of one object, or of one of its subresources.
    #[must_use]
    pub fn object_path(&self, key: &ObjectKey, subresource: Option<&str>) -> String {
        let collection = self.collection_path(&key.namespace);
        match subresource {
            Some(subresource) => format!("{collection}/{}/{subresource}", key.name),
            None => format!("{collection}/{}", key.name),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        NamedResource::from(*self).fmt(formatter)
    }
}

/// The names by which lists are asked for: of a kind that is known only when its CustomResourceDefinition is read.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct NamedResource {
    /// API group; empty for the core group.
    pub group: Cow<'static, str>,
    /// Version.
    pub version: Cow<'static, str>,
    /// Plural, as in the path.
    pub plural: Cow<'static, str>,
}

impl NamedResource {
    /// Path of the whole collection, in one namespace or (when `namespace` is empty) in all.
    #[must_use]
    pub fn collection_path(&self, namespace: &str) -> String {
        let Self {
            group,
            version,
            plural,
        } = self;
        let root = if group.is_empty() {
            format!("/api/{version}")
        } else {
            format!("/apis/{group}/{version}")
        };
        if namespace.is_empty() {
            format!("{root}/{plural}")
        } else {
            format!("{root}/namespaces/{namespace}/{plural}")
        }
    }
}

impl From<Resource> for NamedResource {
    fn from(resource: Resource) -> Self {
        Self {
            group: resource.group.into(),
            version: resource.version.into(),
            plural: resource.plural.into(),
        }
    }
}

impl fmt::Display for NamedResource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.plural)?;
        if self.group.is_empty() {
            return Ok(());
        }
        write!(formatter, ".{}", self.group)
    }
}

/// How a patch is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// JSON merge patch (RFC 7396).
    Merge,
    /// Strategic merge patch; Kubernetes' own kinds only.
    Strategic,
}

/// Where an object is found: its namespace (empty for cluster-scoped kinds) and name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ObjectKey {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ObjectKey {
    /// A key from its two parts.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    /// The key of the object with this metadata.
    #[must_use]
    pub fn of(meta: &ObjectMeta) -> Self {
        Self::new(meta.namespace.clone(), meta.name.clone())
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            formatter.write_str(&self.name)
        } else {
            write!(formatter, "{}/{}", self.namespace, self.name)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_the_api_servers() {
        let key = ObjectKey::new("ns", "a");
        assert_eq!(
            PODS.object_path(&key, Some("status")),
            "/api/v1/namespaces/ns/pods/a/status"
        );
        assert_eq!(PODS.collection_path(""), "/api/v1/pods");
        assert_eq!(
            CONTROLLER_REVISIONS.object_path(&key, None),
            "/apis/apps/v1/namespaces/ns/controllerrevisions/a"
        );
        assert_eq!(NODES.collection_path("ns"), "/api/v1/nodes");
        let widgets = NamedResource {
            group: "example.com".into(),
            version: "v2".into(),
            plural: "widgets".into(),
        };
        assert_eq!(widgets.collection_path(""), "/apis/example.com/v2/widgets");
        assert_eq!(widgets.to_string(), "widgets.example.com");
        assert_eq!(NamedResource::from(PODS).to_string(), PODS.to_string());
    }
}
