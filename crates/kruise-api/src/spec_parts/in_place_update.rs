//! How pods are updated in place.

use crate::{int_or_string::IntOrString, wire::wire};

wire! {
    /// The terms of an update in place.
    pub struct InPlaceUpdateStrategy {
        /// Seconds between marking a pod not ready and changing it, so that traffic can drain.
        /// Defaults to 0.
        optional grace_period_seconds: i32,
        /// On how many nodes at a time new images are pulled ahead: a number, or a percentage as text.
        /// Defaults to 1.
        optional image_pre_download_parallelism: IntOrString,
        /// Seconds after which pulling an image ahead is given up. Defaults to 300.
        optional image_pre_download_timeout_seconds: i32,
        /// How many updated pods must be ready before images are pulled ahead. Defaults to 0.
        optional image_pre_download_min_updated_ready_pods: i32,
    }
}
