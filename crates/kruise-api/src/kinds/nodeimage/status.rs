//! A NodeImage's status, which is the same in both versions.

use crate::{open_enum::open_enum, wire::wire};

wire! {
    /// How far the node is, as its daemon last said. Numbers are of tags.
    pub struct NodeImageStatus {
        /// Tags that are to be pulled.
        required desired: i32,
        /// Tags that were pulled.
        omitempty succeeded: i32,
        /// Tags that could not be pulled.
        omitempty failed: i32,
        /// Tags that are being pulled.
        omitempty pulling: i32,
        /// Tags that wait for others to be pulled.
        omitempty waiting: i32,
        /// How far each image is, by its name.
        map image_statuses: ImageStatus,
        /// Nobody writes it.
        optional first_sync_status: SyncStatus,
    }

    /// How far an image is.
    pub struct ImageStatus {
        /// How far each tag is.
        required_list tags: ImageTagStatus,
    }

    /// How far a tag is.
    pub struct ImageTagStatus {
        /// The tag.
        required tag: String,
        /// `Waiting`, `Pulling`, `Succeeded` or `Failed`.
        required phase: ImagePullPhase,
        /// How much was pulled, in percent.
        omitempty progress: i32,
        /// When pulling began.
        time start_time,
        /// When pulling ended, well or not.
        time completion_time,
        /// Version of the task that this is about.
        omitempty version: i64,
        /// Name and ID of the image that was pulled.
        #[serde(rename = "imageID")]
        omitempty image_id: String,
        /// Why the tag could not be pulled.
        omitempty message: String,
    }

    /// How the first synchronisation ended.
    pub struct SyncStatus {
        /// When it ended.
        time sync_at,
        /// `Succeeded` or `Failed`.
        omitempty status: String,
        /// Why it failed.
        omitempty message: String,
    }
}

open_enum! {
    /// How far a tag is.
    pub enum ImagePullPhase {
        /// It waits for others to be pulled.
        Waiting = "Waiting",
        /// It is being pulled.
        Pulling = "Pulling",
        /// It was pulled.
        Succeeded = "Succeeded",
        /// It could not be pulled.
        Failed = "Failed",
    }
}
