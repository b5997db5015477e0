//! Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission
//! reads it.

pub use crate::{
    kinds::{
        broadcastjob::{
            spec::{
                BroadcastJobSpec, CompletionPolicy, CompletionPolicyType, FailurePolicy,
                FailurePolicyType,
            },
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
    },
    spec_parts::{
        ExecAction, GrpcAction, HttpGetAction, HttpHeader, InPlaceUpdateStrategy, JobCondition,
        Lifecycle, LifecycleHandler, LifecycleHook, MetaCondition, NodeSelectorRequirement,
        NodeSelectorTerm, ObjectReference, PreferredSchedulingTerm, Probe, TargetReference,
        TcpSocketAction, Toleration, UpdatePriorityOrderTerm, UpdatePriorityStrategy,
        UpdatePriorityWeightTerm, UpdateScatterTerm, WorkloadCondition,
    },
};
