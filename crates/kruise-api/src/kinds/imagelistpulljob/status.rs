//! An ImageListPullJob's status, which is the same in both versions.

use crate::wire::wire;

wire! {
    /// What the controller saw last. Numbers are of images.
    pub struct ImageListPullJobStatus {
        /// When the job was first looked at.
        time start_time,
        /// When the job ended.
        time completion_time,
        /// Images that are to be pulled.
        required desired: i32,
        /// Images that are pulled on some node.
        omitempty active: i32,
        /// Images that were pulled, or could not be pulled, on every node.
        omitempty completed: i32,
        /// Images that were pulled on every node.
        omitempty succeeded: i32,
        /// Images that could not be pulled on some node.
        list failed_image_statuses: FailedImageStatus,
    }

    /// An image that could not be pulled on some node.
    pub struct FailedImageStatus {
        /// Name of the ImagePullJob that says on which nodes.
        omitempty image_pull_job: String,
        /// The image.
        omitempty name: String,
        /// How to learn more.
        omitempty message: String,
    }
}
