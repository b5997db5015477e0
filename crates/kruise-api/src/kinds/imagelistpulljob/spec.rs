//! An ImageListPullJob's spec, which is the same in both versions.

use crate::kinds::imagepulljob::spec::image_pull_spec;

image_pull_spec! {
    /// Which images are to be pulled, and where. What is not about the list holds for each image.
    pub struct ImageListPullJobSpec {
        /// The images, by tag or by digest: at most 255, none twice.
        required_list images: String,
    }
}
