//! The kinds that the server knows: Kubernetes' own, and those of installed CustomResourceDefinitions.

use std::{fmt, sync::Arc};

use kruise_api::resource::Resource;

use super::custom::Custom;

/// A kind, and the rules that the server has for its objects.
#[derive(Debug)]
pub(crate) struct Kind {
    /// In the version that is stored.
    pub(crate) resource: Resource,
    pub(crate) list_kind: String,
    pub(crate) rules: Rules,
    /// What its definition says; `None` for Kubernetes' own kinds.
    pub(crate) custom: Option<Custom>,
}

/// What differs between kinds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Whether an update may come without a version.
    pub(crate) unconditional_update: bool,
    /// Whether an update creates what isn't there.
    pub(crate) create_on_update: bool,
    /// Members whose change makes a new generation; none: the kind has no generation.
    pub(crate) generation: &'static [&'static str],
    /// Whether there is a status subresource.
    pub(crate) status: Status,
    /// Whether the garbage collector can be told by finalizers.
    pub(crate) collected: bool,
}

/// How a kind treats its status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// It has no status, or one like any other member.
    None,
    /// A subresource alone writes it; creation clears it.
    Apart,
    /// A subresource alone changes it; creation may bring it.
    ApartAfterCreation,
}

impl Kind {
    /// Group and plural.
    pub(crate) fn names(&self) -> (&'static str, &'static str) {
        (self.resource.group, self.resource.plural)
    }

    pub(crate) fn is(&self, resource: &Resource) -> bool {
        (self.resource.group, self.resource.plural) == (resource.group, resource.plural)
    }

    pub(crate) fn is_core(&self, plural: &str) -> bool {
        self.names() == ("", plural)
    }

    /// `apiVersion` of its objects in this version.
    pub(crate) fn api_version(&self, version: &str) -> String {
        let group = self.resource.group;
        if group.is_empty() {
            version.to_owned()
        } else {
            format!("{group}/{version}")
        }
    }

    /// The version of this name, if it is served.
    pub(crate) fn served(&self, version: &str) -> Option<&'static str> {
        match &self.custom {
            None => (self.resource.version == version).then_some(self.resource.version),
            Some(custom) => custom.served(version),
        }
    }

    /// All versions that are served.
    pub(crate) fn all_served(&self) -> Vec<&'static str> {
        match &self.custom {
            None => vec![self.resource.version],
            Some(custom) => custom.all_served(),
        }
    }

    /// Whether there is a status subresource in this version.
    pub(crate) fn has_status(&self, version: &str) -> bool {
        match &self.custom {
            None => self.rules.status != Status::None,
            Some(custom) => custom.has_status(version),
        }
    }
}

/// As messages name it: the plural and its group.
impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (group, plural) = self.names();
        formatter.write_str(&qualified(plural, group))
    }
}

/// A name and its group, as messages have it.
pub(crate) fn qualified(name: &str, group: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{name}.{group}")
    }
}

/// `apiextensions.k8s.io/v1` custom resource definitions.
pub(crate) const DEFINITIONS: Resource = Resource {
    group: "apiextensions.k8s.io",
    version: "v1",
    plural: "customresourcedefinitions",
    kind: "CustomResourceDefinition",
    namespaced: false,
};

const PLAIN: Rules = Rules {
    unconditional_update: true,
    create_on_update: false,
    generation: &[],
    status: Status::None,
    collected: true,
};

const WORKLOAD: Rules = Rules {
    generation: &["spec"],
    status: Status::Apart,
    ..PLAIN
};

const WEBHOOKS: Rules = Rules {
    unconditional_update: false,
    generation: &["webhooks"],
    ..PLAIN
};

const ANYWAY: Rules = Rules {
    create_on_update: true,
    ..PLAIN
};

pub(crate) const CUSTOM: Rules = Rules {
    unconditional_update: false,
    ..PLAIN
};

/// group, version, plural, kind, whether namespaced, rules
type Row = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    bool,
    Rules,
);

const OWN: &[Row] = &[
    ("", "v1", "configmaps", "ConfigMap", true, PLAIN),
    ("", "v1", "endpoints", "Endpoints", true, ANYWAY),
    (
        "",
        "v1",
        "events",
        "Event",
        true,
        Rules {
            collected: false,
            ..ANYWAY
        },
    ),
    ("", "v1", "limitranges", "LimitRange", true, ANYWAY),
    (
        "",
        "v1",
        "namespaces",
        "Namespace",
        false,
        Rules {
            status: Status::Apart,
            ..PLAIN
        },
    ),
    (
        "",
        "v1",
        "nodes",
        "Node",
        false,
        Rules {
            status: Status::ApartAfterCreation,
            ..PLAIN
        },
    ),
    (
        "",
        "v1",
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        true,
        Rules {
            status: Status::Apart,
            ..PLAIN
        },
    ),
    (
        "",
        "v1",
        "persistentvolumes",
        "PersistentVolume",
        false,
        Rules {
            status: Status::Apart,
            ..PLAIN
        },
    ),
    ("", "v1", "pods", "Pod", true, WORKLOAD),
    (
        "",
        "v1",
        "podtemplates",
        "PodTemplate",
        true,
        Rules {
            generation: &["template"],
            ..PLAIN
        },
    ),
    (
        "",
        "v1",
        "replicationcontrollers",
        "ReplicationController",
        true,
        WORKLOAD,
    ),
    (
        "",
        "v1",
        "resourcequotas",
        "ResourceQuota",
        true,
        Rules {
            status: Status::Apart,
            ..PLAIN
        },
    ),
    ("", "v1", "secrets", "Secret", true, PLAIN),
    ("", "v1", "serviceaccounts", "ServiceAccount", true, PLAIN),
    (
        "",
        "v1",
        "services",
        "Service",
        true,
        Rules {
            status: Status::Apart,
            ..ANYWAY
        },
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        false,
        WEBHOOKS,
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        false,
        WEBHOOKS,
    ),
    (
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        false,
        Rules {
            unconditional_update: false,
            ..WORKLOAD
        },
    ),
    (
        "apps",
        "v1",
        "controllerrevisions",
        "ControllerRevision",
        true,
        PLAIN,
    ),
    ("apps", "v1", "daemonsets", "DaemonSet", true, WORKLOAD),
    ("apps", "v1", "deployments", "Deployment", true, WORKLOAD),
    ("apps", "v1", "replicasets", "ReplicaSet", true, WORKLOAD),
    ("apps", "v1", "statefulsets", "StatefulSet", true, WORKLOAD),
    ("batch", "v1", "jobs", "Job", true, WORKLOAD),
    (
        "coordination.k8s.io",
        "v1",
        "leases",
        "Lease",
        true,
        Rules {
            unconditional_update: false,
            ..ANYWAY
        },
    ),
    (
        "discovery.k8s.io",
        "v1",
        "endpointslices",
        "EndpointSlice",
        true,
        Rules {
            generation: &["endpoints", "ports", "addressType"],
            ..PLAIN
        },
    ),
    (
        "policy",
        "v1",
        "poddisruptionbudgets",
        "PodDisruptionBudget",
        true,
        Rules {
            unconditional_update: false,
            ..WORKLOAD
        },
    ),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "clusterrolebindings",
        "ClusterRoleBinding",
        false,
        ANYWAY,
    ),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "clusterroles",
        "ClusterRole",
        false,
        ANYWAY,
    ),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "rolebindings",
        "RoleBinding",
        true,
        ANYWAY,
    ),
    (
        "rbac.authorization.k8s.io",
        "v1",
        "roles",
        "Role",
        true,
        ANYWAY,
    ),
    (
        "scheduling.k8s.io",
        "v1",
        "priorityclasses",
        "PriorityClass",
        false,
        PLAIN,
    ),
    (
        "storage.k8s.io",
        "v1",
        "storageclasses",
        "StorageClass",
        false,
        PLAIN,
    ),
];

/// All kinds. The number of a kind is its place, and stays.
#[derive(Debug)]
pub(crate) struct Kinds(Vec<Option<Arc<Kind>>>);

impl Kinds {
    pub(crate) fn new() -> Self {
        let own = OWN
            .iter()
            .map(|&(group, version, plural, kind, namespaced, rules)| {
                Some(Arc::new(Kind {
                    resource: Resource {
                        group,
                        version,
                        plural,
                        kind,
                        namespaced,
                    },
                    list_kind: format!("{kind}List"),
                    rules,
                    custom: None,
                }))
            });
        Self(own.collect())
    }

    /// The kind of this number, unless its definition is gone.
    pub(crate) fn get(&self, number: usize) -> Option<&Arc<Kind>> {
        self.0.get(number)?.as_ref()
    }

    /// The kind of this group and plural, and its number.
    pub(crate) fn find(&self, group: &str, plural: &str) -> Option<(usize, &Arc<Kind>)> {
        let kinds = self.0.iter().enumerate();
        let mut known = kinds.filter_map(|(number, kind)| Some((number, kind.as_ref()?)));
        known.find(|(_, kind)| kind.names() == (group, plural))
    }

    /// Takes a kind in, or what has become of it; says its number.
    pub(crate) fn install(&mut self, kind: Kind) -> usize {
        let place = self.find(kind.resource.group, kind.resource.plural);
        match place.map(|(number, _)| number) {
            Some(number) => {
                self.0[number] = Some(Arc::new(kind));
                number
            }
            None => {
                self.0.push(Some(Arc::new(kind)));
                self.0.len() - 1
            }
        }
    }

    /// Forgets a kind whose definition is gone.
    pub(crate) fn remove(&mut self, number: usize) {
        self.0[number] = None;
    }

    /// How many numbers there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// All kinds, by their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Arc<Kind>)> {
        let kinds = self.0.iter().enumerate();
        kinds.filter_map(|(number, kind)| Some((number, kind.as_ref()?)))
    }
}
