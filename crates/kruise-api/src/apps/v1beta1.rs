//! Version v1beta1: what the API server stores and controllers speak.

pub use crate::{
    kinds::{
        broadcastjob::{
            spec::{
                BroadcastJobSpec, CompletionPolicy, CompletionPolicyType, FailurePolicy,
                FailurePolicyType,
            },
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
            },
        },
    },
    spec_parts::{
        ExecAction, GrpcAction, HttpGetAction, HttpHeader, InPlaceUpdateStrategy, JobCondition,
        Lifecycle, LifecycleHandler, LifecycleHook, MetaCondition, NodeSelectorRequirement,
        NodeSelectorTerm, ObjectReference, PreferredSchedulingTerm, Probe, TargetReference,
        TcpSocketAction, Toleration, UpdatePriorityOrderTerm, UpdatePriorityStrategy,
        UpdatePriorityWeightTerm, UpdateScatterTerm, WorkloadCondition,
    },
};
