//! Why a pod can't get what it should. Users read these texts where they created the pod, or in the events of its workload.

use kruise_api::{go_regex::GoRegexError, kinds::sidecarset::expression::ExpressionError};

use crate::{pod_annotations::PatchError, record::RecordError};

/// Why a pod can't get what it should.
#[derive(Debug, thiserror::Error)]
pub enum InjectError {
    /// What came is not a pod.
    #[error("the pod has no {0}")]
    NoPod(&'static str),
    /// An annotation can't be patched (SS-112).
    #[error("SidecarSet {sidecar_set} can't be injected")]
    Annotation {
        /// Name of the SidecarSet.
        sidecar_set: String,
        /// What is wrong.
        #[source]
        source: PatchError,
    },
    /// Resources can't be computed (SS-150 to SS-162).
    #[error("SidecarSet {sidecar_set} can't be injected: {field} of container {container}")]
    Resources {
        /// Name of the SidecarSet.
        sidecar_set: String,
        /// Name of its container.
        container: String,
        /// Where in the container the rule stands.
        field: String,
        /// What is wrong.
        #[source]
        source: Box<ResourcesError>,
    },
    /// What the pod's annotations record of SidecarSets can't be read (SS-136, SS-289).
    #[error("no SidecarSet can be injected")]
    Record(#[from] RecordError),
}

/// Why a container's resources can't be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResourcesError {
    /// The pattern for names of containers is none.
    #[error(transparent)]
    Pattern(#[from] GoRegexError),
    /// The pod has no container of its own with such a name.
    #[error("no container of the pod has such a name")]
    NoTarget,
    /// How amounts are taken together is not said in a known word.
    #[error("{0:?} is neither sum nor max")]
    UnknownMode(String),
    /// A container of the pod has an amount that is none.
    #[error("container {container} of the pod has {amount} as {resource}")]
    NoQuantity {
        /// Name of the container.
        container: String,
        /// `cpu` or `memory`.
        resource: &'static str,
        /// What was found.
        amount: String,
    },
    /// The expression has no amount for this pod.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
}
