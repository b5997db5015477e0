//! How images are pulled onto nodes ahead of their use: parts of ImagePullJob, ImageListPullJob and NodeImage.

use super::CompletionPolicyType;
use crate::{
    meta::{LabelSelector, LabelSelectorRequirement},
    open_enum::open_enum,
    wire::wire,
};

open_enum! {
    /// Whether an image is pulled that the node has already.
    pub enum ImagePullPolicy {
        /// It is pulled again.
        Always = "Always",
        /// It is not.
        IfNotPresent = "IfNotPresent",
    }
}

wire! {
    /// What the container runtime is told together with the image.
    pub struct SandboxConfig {
        /// Labels of the sandbox.
        map labels: String,
        /// Annotations of the sandbox.
        map annotations: String,
    }

    /// How long, and how often, pulling an image is tried on one node.
    pub struct PullPolicy {
        /// Seconds after which one attempt is given up. Defaults to 600.
        optional timeout_seconds: i32,
        /// How often a failed attempt is repeated. Defaults to 3.
        optional backoff_limit: i32,
    }

    /// Which nodes get the image: those with these names, or those with these labels.
    #[schemars(extend("x-kubernetes-map-type" = "atomic"))]
    pub struct ImagePullJobNodeSelector {
        /// Names of nodes. An empty list selects none. Not together with labels.
        optional_list names: String,
        /// Labels that nodes must have, with exactly these values.
        optional_map match_labels: String,
        /// Requirements on labels of nodes; all of them must hold.
        #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
        optional_list match_expressions: LabelSelectorRequirement,
    }

    /// When a job that pulls images is complete.
    pub struct ImagePullCompletionPolicy {
        /// `Always` (the default): once the images were pulled, or could not be pulled, on every node. `Never`: the
        /// job stays, serves nodes that join later, and pulls again about once a day.
        #[serde(rename = "type")]
        optional type_: CompletionPolicyType,
        /// Seconds after its start at which the job fails on the nodes that are left. Not with type Never.
        optional active_deadline_seconds: i64,
        /// Seconds after its end at which the job is deleted. Unset: it is kept. Not with type Never.
        optional ttl_seconds_after_finished: i32,
    }
}

impl ImagePullJobNodeSelector {
    /// The part about labels.
    #[must_use]
    pub fn labels(&self) -> LabelSelector {
        LabelSelector {
            match_labels: self.match_labels.clone(),
            match_expressions: self.match_expressions.clone(),
        }
    }
}
