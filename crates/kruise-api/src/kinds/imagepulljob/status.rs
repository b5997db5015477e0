//! An ImagePullJob's status, which is the same in both versions.

use crate::wire::wire;

wire! {
    /// What the controller saw last.
    pub struct ImagePullJobStatus {
        /// When the job was first looked at.
        time start_time,
        /// When the job ended.
        time completion_time,
        /// Nodes that are to get the image.
        required desired: i32,
        /// Nodes that pull it.
        omitempty active: i32,
        /// Nodes that have pulled it.
        omitempty succeeded: i32,
        /// Nodes that could not pull it.
        omitempty failed: i32,
        /// How far the job is, as a sentence.
        omitempty message: String,
        /// Names of the nodes that could not pull the image.
        list failed_nodes: String,
    }
}
