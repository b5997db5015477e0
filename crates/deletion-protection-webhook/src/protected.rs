//! The kinds that are protected here, and where the API server asks about them.

/// A kind by the rules that it has (DP-11).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ProtectedKind {
    /// `Cascading` counts pods and volume claims.
    Namespace,
    /// `Cascading` counts its custom resources.
    CustomResourceDefinition,
    /// `apps/v1`; `Cascading` asks for the wanted replicas.
    Deployment,
    /// As [`Self::Deployment`].
    ReplicaSet,
    /// As [`Self::Deployment`].
    StatefulSet,
    /// `Cascading` protects nothing.
    Service,
    /// As [`Self::Service`].
    Ingress,
}

impl ProtectedKind {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::Namespace,
        Self::CustomResourceDefinition,
        Self::Deployment,
        Self::ReplicaSet,
        Self::StatefulSet,
        Self::Service,
        Self::Ingress,
    ];

    /// Where the API server asks (PF-201).
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Namespace => "/validate-namespace",
            Self::CustomResourceDefinition => "/validate-customresourcedefinition",
            Self::Deployment => "/validate-apps-deployment",
            Self::ReplicaSet => "/validate-apps-replicaset",
            Self::StatefulSet => "/validate-apps-statefulset",
            Self::Service => "/validate-service",
            Self::Ingress => "/validate-ingress",
        }
    }

    /// Whether objects of this version are known. Those of another one can't come by the rules that are installed, and
    /// are not protected (DP-18, DP-20).
    #[must_use]
    pub fn has_version(self, version: &str) -> bool {
        match self {
            Self::CustomResourceDefinition | Self::Ingress => ["v1", "v1beta1"].contains(&version),
            _ => true,
        }
    }
    /// Whether refusals are counted and noted (DP-23 to DP-25).
    #[must_use]
    pub fn is_noted(self) -> bool {
        !matches!(self, Self::Service | Self::Ingress)
    }
}
