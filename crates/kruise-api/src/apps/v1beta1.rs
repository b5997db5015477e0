//! Version v1beta1: what the API server stores and controllers speak.

pub use crate::kinds::advancedcronjob::{
    spec::{AdvancedCronJobStatus, BroadcastJobTemplateSpec, ConcurrencyPolicy, TemplateMetadata},
    v1beta1::{
        ADVANCEDCRONJOBS, AdvancedCronJob, AdvancedCronJobSpec, CronJobTemplate,
        ImageListPullJobTemplateSpec,
    },
};
pub use crate::kinds::broadcastjob::{
    spec::{BroadcastJobSpec, CompletionPolicy, FailurePolicy, FailurePolicyType},
    status::{BroadcastJobPhase, BroadcastJobStatus},
    v1beta1::{BROADCASTJOBS, BroadcastJob},
};
pub use crate::kinds::cloneset::{
    update_terms::CloneSetUpdateTerms,
    v1beta1::{
        CLONESETS, CloneSet, CloneSetCondition, CloneSetScaleStrategy, CloneSetSpec,
        CloneSetStatus, CloneSetUpdateStrategy, CloneSetUpdateStrategyType, PodUpdatePolicy,
        RollingUpdateCloneSetStrategy,
    },
};
pub use crate::kinds::containerrecreaterequest::{
    spec::{
        ContainerPort, ContainerRecreateRequestContainer, ContainerRecreateRequestContainerContext,
        ContainerRecreateRequestContainerRecreateState, ContainerRecreateRequestFailurePolicyType,
        ContainerRecreateRequestPhase, ContainerRecreateRequestSpec,
        ContainerRecreateRequestStrategy,
    },
    v1beta1::{
        CONTAINERRECREATEREQUESTS, ContainerRecreateRequest, ContainerRecreateRequestStatus,
        ContainerStatusSnapshot,
    },
};
pub use crate::kinds::daemonset::{
    spec::{
        DaemonSetUpdateStrategy, DaemonSetUpdateStrategyType, RollingUpdateDaemonSet,
        RollingUpdateType,
    },
    v1beta1::{DAEMONSETS, DaemonSet, DaemonSetScaleStrategy, DaemonSetSpec, DaemonSetStatus},
};
pub use crate::kinds::imagelistpulljob::{
    spec::ImageListPullJobSpec,
    status::{FailedImageStatus, ImageListPullJobStatus},
    v1beta1::{IMAGELISTPULLJOBS, ImageListPullJob},
};
pub use crate::kinds::imagepulljob::{
    spec::ImagePullJobSpec,
    status::ImagePullJobStatus,
    v1beta1::{IMAGEPULLJOBS, ImagePullJob},
};
pub use crate::kinds::nodeimage::{
    spec::{ImageTagPullPolicy, ImageTagSpec},
    status::{ImagePullPhase, ImageStatus, ImageTagStatus, NodeImageStatus, SyncStatus},
    v1beta1::{ImageSpec, NODEIMAGES, NodeImage, NodeImageSpec, ReferenceObject, SecretMode},
};
pub use crate::kinds::persistentpodstate::{
    spec::{
        PersistentPodAnnotation, PersistentPodStateRetentionPolicy, PersistentPodStateStatus,
        PodState,
    },
    v1beta1::{
        NodeTopologyTerm, PERSISTENTPODSTATES, PersistentPodState, PersistentPodStateSpec,
        PreferredTopologyTerm,
    },
};
pub use crate::kinds::resourcedistribution::{
    spec::{ResourceDistributionNamespace, ResourceDistributionTargetNamespaces},
    status::ResourceDistributionConditionType,
    v1beta1::{
        RESOURCEDISTRIBUTIONS, ResourceDistribution, ResourceDistributionCondition,
        ResourceDistributionSpec, ResourceDistributionStatus, ResourceDistributionTargets,
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
    v1beta1::{SIDECARSETS, SidecarSet, SidecarSetSpec},
};
pub use crate::kinds::statefulset::{
    spec::{
        PersistentVolumeClaimRetentionPolicyType, PodManagementPolicyType,
        RollingUpdateStatefulSetStrategy, StatefulSetOrdinals,
        StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetPodUpdatePolicy,
        StatefulSetScaleStrategy, StatefulSetUpdateStrategy, StatefulSetUpdateStrategyType,
        UnorderedUpdateStrategy, VolumeClaimUpdateStrategy, VolumeClaimUpdateStrategyType,
    },
    status::{StatefulSetStatus, VolumeClaimStatus},
    v1beta1::{STATEFULSETS, StatefulSet, StatefulSetSpec},
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
    v1beta1::{UNITEDDEPLOYMENTS, UnitedDeployment, UnitedDeploymentStatus},
};
pub use crate::kinds::workloadspread::{
    spec::{
        AdaptiveWorkloadSpreadStrategy, TargetFilter, WorkloadSpreadScheduleStrategy,
        WorkloadSpreadScheduleStrategyType,
    },
    v1beta1::{
        WORKLOADSPREADS, WorkloadSpread, WorkloadSpreadSpec, WorkloadSpreadStatus,
        WorkloadSpreadSubset, WorkloadSpreadSubsetStatus,
    },
};
pub use crate::spec_parts::{
    CompletionPolicyType, ExecAction, GrpcAction, HttpGetAction, HttpHeader,
    ImagePullCompletionPolicy, ImagePullJobNodeSelector, ImagePullPolicy, InPlaceUpdateStrategy,
    JobCondition, Lifecycle, LifecycleHandler, LifecycleHook, MetaCondition,
    NodeSelectorRequirement, NodeSelectorTerm, ObjectReference, PreferredSchedulingTerm, Probe,
    PullPolicy, SandboxConfig, TargetReference, TcpSocketAction, Toleration,
    UpdatePriorityOrderTerm, UpdatePriorityStrategy, UpdatePriorityWeightTerm, UpdateScatterTerm,
    WorkloadCondition,
};
