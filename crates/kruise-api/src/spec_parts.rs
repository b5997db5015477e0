//! Parts of specs that several kinds share, the same in every version. They are public under the names of
//! the wire, as in [`crate::apps`].

mod completion;
mod conditions;
mod handlers;
mod image_pull;
mod in_place_update;
mod lifecycle;
mod node_affinity;
mod object_reference;
mod target_reference;
mod update_order;

pub use completion::CompletionPolicyType;
pub use conditions::{JobCondition, MetaCondition, WorkloadCondition};
pub use handlers::{
    ExecAction, GrpcAction, HttpGetAction, HttpHeader, LifecycleHandler, Probe, ProbeState,
    TcpSocketAction,
};
pub use image_pull::{
    ImagePullCompletionPolicy, ImagePullJobNodeSelector, ImagePullPolicy, PullPolicy, SandboxConfig,
};
pub use in_place_update::InPlaceUpdateStrategy;
pub use lifecycle::{Lifecycle, LifecycleHook};
pub use node_affinity::{
    NodeSelectorRequirement, NodeSelectorTerm, PreferredSchedulingTerm, Toleration,
};
pub use object_reference::ObjectReference;
pub use target_reference::TargetReference;
pub use update_order::{
    UpdatePriorityOrderTerm, UpdatePriorityStrategy, UpdatePriorityWeightTerm, UpdateScatterTerm,
};
