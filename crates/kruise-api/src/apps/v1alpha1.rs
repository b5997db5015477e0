//! Version v1alpha1. Some kinds have no other: for them it is what the API server stores and controllers speak, and
//! their [`Resource`](crate::resource::Resource) stands here. Of kinds that have v1beta1 too it is served for clients
//! that still speak it, and nothing but conversion and admission reads it.

pub use crate::{
    kinds::{
        broadcastjob::{
            spec::{BroadcastJobSpec, CompletionPolicy, FailurePolicy, FailurePolicyType},
            status::{BroadcastJobPhase, BroadcastJobStatus},
            v1alpha1::BroadcastJob,
        },
        cloneset::{
            update_terms::CloneSetUpdateTerms,
            v1alpha1::{
                CloneSet, CloneSetScaleStrategy, CloneSetSpec, CloneSetUpdateStrategy,
                CloneSetUpdateStrategyType,
            },
            v1beta1::{CloneSetCondition, CloneSetStatus},
        },
        ephemeraljob::v1alpha1::{
            EPHEMERALJOBS, EphemeralContainerTemplate, EphemeralJob, EphemeralJobPhase,
            EphemeralJobSpec, EphemeralJobStatus,
        },
        nodepodprobe::v1alpha1::{
            ContainerProbe, ContainerProbeState, NODEPODPROBES, NodePodProbe, NodePodProbeSpec,
            NodePodProbeStatus, PodProbe, PodProbeStatus,
        },
        podprobemarker::v1alpha1::{
            PODPROBEMARKERS, PodContainerProbe, PodProbeMarker, PodProbeMarkerSpec,
            PodProbeMarkerStatus, ProbeMarkerPolicy,
        resourcedistribution::{
            spec::{ResourceDistributionNamespace, ResourceDistributionTargetNamespaces},
            status::ResourceDistributionConditionType,
            v1alpha1::{
                ResourceDistribution, ResourceDistributionCondition, ResourceDistributionSpec,
                ResourceDistributionStatus, ResourceDistributionTargets,
            },
        daemonset::{
            spec::{
                DaemonSetUpdateStrategy, DaemonSetUpdateStrategyType, RollingUpdateDaemonSet,
                RollingUpdateType,
            },
            v1alpha1::{DaemonSet, DaemonSetSpec, DaemonSetStatus},
        },
    },
    spec_parts::{
        ExecAction, GrpcAction, HttpGetAction, HttpHeader, InPlaceUpdateStrategy, JobCondition,
        Lifecycle, LifecycleHandler, LifecycleHook, MetaCondition, NodeSelectorRequirement,
        NodeSelectorTerm, ObjectReference, PreferredSchedulingTerm, Probe, ProbeState,
        TargetReference, TcpSocketAction, Toleration, UpdatePriorityOrderTerm,
        UpdatePriorityStrategy, UpdatePriorityWeightTerm, UpdateScatterTerm, WorkloadCondition,
        imagelistpulljob::{
            spec::ImageListPullJobSpec,
            status::{FailedImageStatus, ImageListPullJobStatus},
            v1alpha1::ImageListPullJob,
        },
        imagepulljob::{
            spec::ImagePullJobSpec, status::ImagePullJobStatus, v1alpha1::ImagePullJob,
        },
        nodeimage::{
            spec::{ImageTagPullPolicy, ImageTagSpec},
            status::{ImagePullPhase, ImageStatus, ImageTagStatus, NodeImageStatus, SyncStatus},
            v1alpha1::{ImageSpec, NodeImage, NodeImageSpec, ReferenceObject},
        },
    },
    spec_parts::{
        CompletionPolicyType, ExecAction, GrpcAction, HttpGetAction, HttpHeader,
        ImagePullCompletionPolicy, ImagePullJobNodeSelector, ImagePullPolicy,
        InPlaceUpdateStrategy, JobCondition, Lifecycle, LifecycleHandler, LifecycleHook,
        MetaCondition, NodeSelectorRequirement, NodeSelectorTerm, ObjectReference,
        PreferredSchedulingTerm, Probe, PullPolicy, SandboxConfig, TargetReference,
        TcpSocketAction, Toleration, UpdatePriorityOrderTerm, UpdatePriorityStrategy,
        UpdatePriorityWeightTerm, UpdateScatterTerm, WorkloadCondition,
    },
};
