//! Which lists are merged, and by what: the `patchStrategy` and `patchMergeKey` of Kubernetes' types.

/// The type of an object, as far as merging has to know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// core/v1 Pod.
    Pod,
    /// A pod template as workloads embed it: `metadata` and `spec` of pods.
    PodTemplateSpec,
    /// core/v1 PodTemplate.
    PodTemplate,
    /// core/v1 PersistentVolumeClaim.
    PersistentVolumeClaim,
    /// Any object of which only `metadata` has lists that are merged.
    Object,
}

/// A list that is merged rather than replaced.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MergedList {
    /// Names of members, joined by dots. A list on the way stands for its elements.
    pub path: String,
    /// The member that tells elements apart. None when elements are plain values, of which none is in the
    /// list twice.
    pub merge_key: Option<&'static str>,
}

impl Schema {
    /// All lists that are merged in objects of this type, in no particular order.
    #[must_use]
    pub fn merged_lists(self) -> Vec<MergedList> {
        let mut lists = Vec::new();
        collect(self.root(), "", &mut lists);
        lists
    }

    pub(super) fn root(self) -> Type {
        match self {
            Self::Pod => Type::Pod,
            Self::PodTemplateSpec => Type::PodTemplateSpec,
            Self::PodTemplate => Type::PodTemplate,
            Self::PersistentVolumeClaim => Type::PersistentVolumeClaim,
            Self::Object => Type::Object,
        }
    }
}

/// Types that have merged lists, or members that have some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// A type in which nothing is merged but objects.
    Plain,
    Object,
    ObjectMeta,
    Pod,
    PodTemplate,
    PodTemplateSpec,
    PodSpec,
    PodStatus,
    Container,
    Volume,
    EphemeralVolumeSource,
    PersistentVolumeClaim,
    PersistentVolumeClaimStatus,
}

/// How a member is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Member by member.
    Is(Type),
    /// A list of such elements, matched by this key.
    By(&'static str, Type),
    /// A list of plain values, matched by value.
    Set,
}

/// How a list is merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListShape {
    Atomic,
    Set,
    By(&'static str, Type),
}

use Shape::{By, Is, Set};

/// Every member that isn't plain. The end-to-end tests compare it with the API of a real server.
const MEMBERS: &[(Type, &str, Shape)] = &[
    (Type::Object, "metadata", Is(Type::ObjectMeta)),
    (Type::ObjectMeta, "finalizers", Set),
    (Type::ObjectMeta, "ownerReferences", By("uid", Type::Plain)),
    (Type::Pod, "metadata", Is(Type::ObjectMeta)),
    (Type::Pod, "spec", Is(Type::PodSpec)),
    (Type::Pod, "status", Is(Type::PodStatus)),
    (Type::PodTemplate, "metadata", Is(Type::ObjectMeta)),
    (Type::PodTemplate, "template", Is(Type::PodTemplateSpec)),
    (Type::PodTemplateSpec, "metadata", Is(Type::ObjectMeta)),
    (Type::PodTemplateSpec, "spec", Is(Type::PodSpec)),
    (Type::PodSpec, "volumes", By("name", Type::Volume)),
    (Type::PodSpec, "initContainers", By("name", Type::Container)),
    (Type::PodSpec, "containers", By("name", Type::Container)),
    (
        Type::PodSpec,
        "ephemeralContainers",
        By("name", Type::Container),
    ),
    (Type::PodSpec, "imagePullSecrets", By("name", Type::Plain)),
    (Type::PodSpec, "hostAliases", By("ip", Type::Plain)),
    (
        Type::PodSpec,
        "topologySpreadConstraints",
        By("topologyKey", Type::Plain),
    ),
    (Type::PodSpec, "schedulingGates", By("name", Type::Plain)),
    (Type::PodSpec, "resourceClaims", By("name", Type::Plain)),
    (Type::PodStatus, "conditions", By("type", Type::Plain)),
    (Type::PodStatus, "hostIPs", By("ip", Type::Plain)),
    (Type::PodStatus, "podIPs", By("ip", Type::Plain)),
    (
        Type::PodStatus,
        "resourceClaimStatuses",
        By("name", Type::Plain),
    ),
    (Type::Container, "ports", By("containerPort", Type::Plain)),
    (Type::Container, "env", By("name", Type::Plain)),
    (
        Type::Container,
        "volumeMounts",
        By("mountPath", Type::Plain),
    ),
    (
        Type::Container,
        "volumeDevices",
        By("devicePath", Type::Plain),
    ),
    (Type::Volume, "ephemeral", Is(Type::EphemeralVolumeSource)),
    // The template of a claim has the metadata of an object.
    (
        Type::EphemeralVolumeSource,
        "volumeClaimTemplate",
        Is(Type::Object),
    ),
    (
        Type::PersistentVolumeClaim,
        "metadata",
        Is(Type::ObjectMeta),
    ),
    (
        Type::PersistentVolumeClaim,
        "status",
        Is(Type::PersistentVolumeClaimStatus),
    ),
    (
        Type::PersistentVolumeClaimStatus,
        "conditions",
        By("type", Type::Plain),
    ),
];

impl Type {
    /// Type of a member that is an object.
    pub(super) fn member(self, name: &str) -> Self {
        match self.shape(name) {
            Some(Is(type_)) => type_,
            _ => Self::Plain,
        }
    }

    /// How a member that is a list is merged.
    pub(super) fn list(self, name: &str) -> ListShape {
        match self.shape(name) {
            Some(By(key, element)) => ListShape::By(key, element),
            Some(Set) => ListShape::Set,
            Some(Is(_)) | None => ListShape::Atomic,
        }
    }

    fn shape(self, name: &str) -> Option<Shape> {
        MEMBERS
            .iter()
            .find(|(owner, member, _)| *owner == self && *member == name)
            .map(|(_, _, shape)| *shape)
    }
}

fn collect(owner: Type, path: &str, lists: &mut Vec<MergedList>) {
    for (_, name, shape) in MEMBERS.iter().filter(|(type_, _, _)| *type_ == owner) {
        let separator = if path.is_empty() { "" } else { "." };
        let path = format!("{path}{separator}{name}");
        let (inside, merge_key) = match shape {
            Is(type_) => {
                collect(*type_, &path, lists);
                continue;
            }
            By(key, type_) => (*type_, Some(*key)),
            Set => (Type::Plain, None),
        };
        collect(inside, &path, lists);
        lists.push(MergedList { path, merge_key });
    }
}
