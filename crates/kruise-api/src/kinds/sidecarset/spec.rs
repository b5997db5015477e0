//! Parts of a SidecarSet's spec that are the same in both versions.

use crate::{
    int_or_string::IntOrString,
    meta::LabelSelector,
    open_enum::open_enum,
    spec_parts::{UpdatePriorityStrategy, UpdateScatterTerm},
    wire::wire,
};

pub use super::container::{
    ObjectFieldSelector, PodInjectPolicyType, ResourceExpr, ResourcesExpr, ResourcesPolicy,
    ShareVolumePolicy, ShareVolumePolicyType, SidecarContainer, SidecarContainerUpgradeStrategy,
    SidecarContainerUpgradeType, SourceContainerNameSource, TargetContainersMode, TransferEnvVar,
};

wire! {
    /// A Secret of the pod's namespace.
    #[schemars(extend("x-kubernetes-map-type" = "atomic"))]
    pub struct LocalObjectReference {
        /// Name of the Secret.
        #[schemars(extend("default" = ""))]
        omitempty name: String,
    }

    /// Annotations that pods get.
    pub struct SidecarSetPatchPodMetadata {
        /// The annotations. Which keys are allowed is configured for the whole cluster.
        map annotations: String,
        /// What becomes of an annotation that a pod has already. `Retain` (the default): it stays. `Overwrite`: it is
        /// replaced. `MergePatchJson`: its value is JSON, into which this value is merged.
        omitempty patch_policy: SidecarSetPatchPolicyType,
    }

    /// Which containers new pods get.
    pub struct SidecarSetInjectionStrategy {
        /// Whether new pods get no containers for now. Defaults to false.
        omitempty paused: bool,
        /// An older revision, whose containers new pods get.
        optional revision: SidecarSetInjectRevision,
    }

    /// A revision of the SidecarSet. It has to exist.
    pub struct SidecarSetInjectRevision {
        /// Name of a ControllerRevision.
        optional revision_name: String,
        /// The custom version with which the revision was made. revisionName goes first.
        optional custom_version: String,
        /// `Always` (the default): every new pod gets this revision. `Partial`: with a percentage as partition, that share of
        /// new pods gets this revision, and others the newest.
        #[schemars(extend("enum" = ["Always", "Partial"], "default" = "Always"))]
        omitempty policy: SidecarSetInjectRevisionPolicy,
    }

    /// How pods are updated that have the containers already.
    pub struct SidecarSetUpdateStrategy {
        /// `RollingUpdate` (the default): their images are updated in place. `NotUpdate`: only new pods get what is new.
        #[serde(rename = "type")]
        omitempty type_: SidecarSetUpdateStrategyType,
        /// Whether no pods are updated for now. Defaults to false.
        omitempty paused: bool,
        /// Only pods with these labels are updated. Not together with partition.
        optional selector: LabelSelector,
        /// How many pods stay as they are: a number, or a percentage of all. Defaults to 0.
        optional partition: IntOrString,
        /// How many pods may be unavailable: a number, or a percentage of all, rounded up. Defaults to 1.
        optional max_unavailable: IntOrString,
        /// Which pods are updated first.
        optional priority_strategy: UpdatePriorityStrategy,
        /// Labels whose pods are spread over the update.
        list scatter_strategy: UpdateScatterTerm,
    }
}

open_enum! {
    /// What becomes of an annotation that a pod has already.
    pub enum SidecarSetPatchPolicyType {
        /// It stays.
        Retain = "Retain",
        /// It is replaced.
        Overwrite = "Overwrite",
        /// JSON is merged into its value.
        MergePatchJson = "MergePatchJson",
    }
}

open_enum! {
    /// Which new pods get an older revision.
    pub enum SidecarSetInjectRevisionPolicy {
        /// All.
        Always = "Always",
        /// As many as the partition says.
        Partial = "Partial",
    }
}

open_enum! {
    /// Whether pods are updated.
    pub enum SidecarSetUpdateStrategyType {
        /// They are not.
        NotUpdate = "NotUpdate",
        /// They are, in place.
        RollingUpdate = "RollingUpdate",
    }
}
