//! Version v1beta1: what the API server stores and controllers speak.

pub use crate::{
    kinds::{
        broadcastjob::{
            spec::{BroadcastJobSpec, CompletionPolicy, FailurePolicy, FailurePolicyType},
            status::{BroadcastJobPhase, BroadcastJobStatus},
            v1beta1::{BROADCASTJOBS, BroadcastJob},
        },
        cloneset::{
            update_terms::CloneSetUpdateTerms,
            v1beta1::{
                CLONESETS, CloneSet, CloneSetCondition, CloneSetScaleStrategy, CloneSetSpec,
                CloneSetStatus, CloneSetUpdateStrategy, CloneSetUpdateStrategyType,
                PodUpdatePolicy, RollingUpdateCloneSetStrategy,
            },
        },
        resourcedistribution::{
            spec::{ResourceDistributionNamespace, ResourceDistributionTargetNamespaces},
            status::ResourceDistributionConditionType,
            v1beta1::{
                RESOURCEDISTRIBUTIONS, ResourceDistribution, ResourceDistributionCondition,
                ResourceDistributionSpec, ResourceDistributionStatus, ResourceDistributionTargets,
        imagelistpulljob::{
            spec::ImageListPullJobSpec,
            status::{FailedImageStatus, ImageListPullJobStatus},
            v1beta1::{IMAGELISTPULLJOBS, ImageListPullJob},
        },
        imagepulljob::{
            spec::ImagePullJobSpec,
            status::ImagePullJobStatus,
            v1beta1::{IMAGEPULLJOBS, ImagePullJob},
        },
        nodeimage::{
            spec::{ImageTagPullPolicy, ImageTagSpec},
            status::{ImagePullPhase, ImageStatus, ImageTagStatus, NodeImageStatus, SyncStatus},
            v1beta1::{
                ImageSpec, NODEIMAGES, NodeImage, NodeImageSpec, ReferenceObject, SecretMode,
        daemonset::{
            spec::{
                DaemonSetUpdateStrategy, DaemonSetUpdateStrategyType, RollingUpdateDaemonSet,
                RollingUpdateType,
            },
            v1beta1::{
                DAEMONSETS, DaemonSet, DaemonSetScaleStrategy, DaemonSetSpec, DaemonSetStatus,
            },
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
