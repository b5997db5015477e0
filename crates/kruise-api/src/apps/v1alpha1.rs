//! Version v1alpha1. Some kinds have no other: for them it is what the API server stores and controllers speak, and
//! their [`Resource`](crate::resource::Resource) stands here. Of kinds that have v1beta1 too it is served for clients
//! that still speak it, and nothing but conversion and admission reads it.

pub use crate::kinds::advancedcronjob::{
    spec::{AdvancedCronJobStatus, BroadcastJobTemplateSpec, ConcurrencyPolicy, TemplateMetadata},
    v1alpha1::{AdvancedCronJob, AdvancedCronJobSpec, CronJobTemplate},
};
pub use crate::kinds::broadcastjob::{
    spec::{BroadcastJobSpec, CompletionPolicy, FailurePolicy, FailurePolicyType},
    status::{BroadcastJobPhase, BroadcastJobStatus},
    v1alpha1::BroadcastJob,
};
pub use crate::kinds::cloneset::{
    update_terms::CloneSetUpdateTerms,
    v1alpha1::{
        CloneSet, CloneSetScaleStrategy, CloneSetSpec, CloneSetUpdateStrategy,
        CloneSetUpdateStrategyType,
    },
};
pub use crate::kinds::containerrecreaterequest::{
    spec::{
        ContainerPort, ContainerRecreateRequestContainer, ContainerRecreateRequestContainerContext,
        ContainerRecreateRequestContainerRecreateState, ContainerRecreateRequestFailurePolicyType,
        ContainerRecreateRequestPhase, ContainerRecreateRequestSpec,
        ContainerRecreateRequestStrategy,
    },
    v1alpha1::{ContainerRecreateRequest, ContainerRecreateRequestStatus},
};
pub use crate::kinds::daemonset::{
    spec::{
        DaemonSetUpdateStrategy, DaemonSetUpdateStrategyType, RollingUpdateDaemonSet,
        RollingUpdateType,
    },
    v1alpha1::{DaemonSet, DaemonSetSpec, DaemonSetStatus},
};
pub use crate::kinds::ephemeraljob::v1alpha1::{
    EPHEMERALJOBS, EphemeralContainerTemplate, EphemeralJob, EphemeralJobPhase, EphemeralJobSpec,
    EphemeralJobStatus,
};
pub use crate::kinds::imagelistpulljob::{
    spec::ImageListPullJobSpec,
    status::{FailedImageStatus, ImageListPullJobStatus},
    v1alpha1::ImageListPullJob,
};
pub use crate::kinds::imagepulljob::{
    spec::ImagePullJobSpec, status::ImagePullJobStatus, v1alpha1::ImagePullJob,
};
pub use crate::kinds::nodeimage::{
    spec::{ImageTagPullPolicy, ImageTagSpec},
    status::{ImagePullPhase, ImageStatus, ImageTagStatus, NodeImageStatus, SyncStatus},
    v1alpha1::{ImageSpec, NodeImage, NodeImageSpec, ReferenceObject},
};
pub use crate::kinds::nodepodprobe::v1alpha1::{
    ContainerProbe, ContainerProbeState, NODEPODPROBES, NodePodProbe, NodePodProbeSpec,
    NodePodProbeStatus, PodProbe, PodProbeStatus,
};
pub use crate::kinds::persistentpodstate::{
    spec::{
        PersistentPodAnnotation, PersistentPodStateRetentionPolicy, PersistentPodStateStatus,
        PodState,
    },
    v1alpha1::{
        NodeTopologyTerm, PersistentPodState, PersistentPodStateSpec, PreferredTopologyTerm,
    },
};
pub use crate::kinds::podprobemarker::v1alpha1::{
    PODPROBEMARKERS, PodContainerProbe, PodProbeMarker, PodProbeMarkerSpec, PodProbeMarkerStatus,
    ProbeMarkerPolicy,
};
pub use crate::kinds::resourcedistribution::{
    spec::{ResourceDistributionNamespace, ResourceDistributionTargetNamespaces},
    status::ResourceDistributionConditionType,
    v1alpha1::{
        ResourceDistribution, ResourceDistributionCondition, ResourceDistributionSpec,
        ResourceDistributionStatus, ResourceDistributionTargets,
    },
};
pub use crate::kinds::sidecarset::{
    spec::{
        LocalObjectReference, ObjectFieldSelector, PodInjectPolicyType, ResourceExpr,
        ResourcesExpr, ResourcesPolicy, ShareVolumePolicy, ShareVolumePolicyType, SidecarContainer,
        SidecarContainerUpgradeStrategy, SidecarContainerUpgradeType, SidecarSetInjectRevision,
        SidecarSetInjectRevisionPolicy, SidecarSetInjectionStrategy, SidecarSetPatchPodMetadata,
        SidecarSetPatchPolicyType, SidecarSetUpdateStrategy, SidecarSetUpdateStrategyType,
        SourceContainerNameSource, TargetContainersMode, TransferEnvVar,
    },
    status::SidecarSetStatus,
    v1alpha1::{SidecarSet, SidecarSetSpec},
};
pub use crate::kinds::statefulset::{
    spec::{
        PodManagementPolicyType, RollingUpdateStatefulSetStrategy, StatefulSetPodUpdatePolicy,
        StatefulSetUpdateStrategy, StatefulSetUpdateStrategyType, UnorderedUpdateStrategy,
    },
    v1alpha1::{StatefulSet, StatefulSetSpec, StatefulSetStatus},
};
pub use crate::kinds::uniteddeployment::{
    clone_set_template::{CloneSetTemplateSpec, CloneSetTemplateUpdateStrategy},
    spec::{
        AdaptiveUnitedDeploymentStrategy, AdvancedStatefulSetTemplateSpec,
        CloneSetSubsetTemplateSpec, DeploymentTemplateSpec, ManualUpdate, StatefulSetTemplateSpec,
        Subset, SubsetTemplate, Topology, UnitedDeploymentScheduleStrategy,
        UnitedDeploymentScheduleStrategyType, UnitedDeploymentSpec, UnitedDeploymentUpdateStrategy,
        UpdateStrategyType,
    },
    status::{UnitedDeploymentCondition, UnitedDeploymentSubsetStatus},
    v1alpha1::{UnitedDeployment, UnitedDeploymentStatus, UpdateStatus},
};
pub use crate::kinds::workloadspread::{
    spec::{
        AdaptiveWorkloadSpreadStrategy, TargetFilter, WorkloadSpreadScheduleStrategy,
        WorkloadSpreadScheduleStrategyType,
    },
    v1alpha1::{
        WorkloadSpread, WorkloadSpreadSpec, WorkloadSpreadStatus, WorkloadSpreadSubset,
        WorkloadSpreadSubsetStatus,
    },
};
pub use crate::spec_parts::{
    CompletionPolicyType, ExecAction, GrpcAction, HttpGetAction, HttpHeader,
    ImagePullCompletionPolicy, ImagePullJobNodeSelector, ImagePullPolicy, InPlaceUpdateStrategy,
    JobCondition, Lifecycle, LifecycleHandler, LifecycleHook, MetaCondition,
    NodeSelectorRequirement, NodeSelectorTerm, ObjectReference, PreferredSchedulingTerm, Probe,
    ProbeState, PullPolicy, SandboxConfig, TargetReference, TcpSocketAction, Toleration,
    UpdatePriorityOrderTerm, UpdatePriorityStrategy, UpdatePriorityWeightTerm, UpdateScatterTerm,
    WorkloadCondition,
};
