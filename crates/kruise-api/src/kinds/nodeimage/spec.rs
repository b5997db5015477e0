//! Parts of a NodeImage's spec that are the same in both versions.

use crate::{
    spec_parts::{ImagePullPolicy, ObjectReference},
    wire::wire,
};

wire! {
    /// One tag that is to be pulled: a task of the node's daemon.
    pub struct ImageTagSpec {
        /// The tag, or the digest with its algorithm, such as `sha256:…`.
        required tag: String,
        /// When the task began. Defaults to the time of the write.
        time created_at,
        /// How long, and how often, the pull is tried.
        optional pull_policy: ImageTagPullPolicy,
        /// Jobs that want the tag. Once none of them is left, the task goes.
        list owner_references: ObjectReference,
        /// Counts how often the task was begun anew.
        omitempty version: i64,
        /// `IfNotPresent`: an image that the node has already is not pulled. Everything else: it is.
        optional image_pull_policy: ImagePullPolicy,
    }

    /// How long, and how often, a tag's pull is tried.
    pub struct ImageTagPullPolicy {
        /// Seconds after which one attempt is given up. Defaults to 600.
        optional timeout_seconds: i32,
        /// How often a failed attempt is repeated. Defaults to 3.
        optional backoff_limit: i32,
        /// Seconds after its end at which the task goes. Admission wants it to be given.
        optional ttl_seconds_after_finished: i32,
        /// Seconds after its start at which the task fails. Unset: it has no deadline.
        optional active_deadline_seconds: i64,
    }
}
