//! What admission refuses in an ImageListPullJob, the same in both versions (IJ-5, IJ-7). An update is judged as a new
//! object is. That the gates are off is for the deployable to answer (IJ-3).

use super::spec::ImageListPullJobSpec;
use crate::validation::{FieldErrors, FieldPath, image_pull};

/// Code of the answer to what is refused here (IJ-5, PF-211).
pub const ANSWER_CODE: u16 = 400;

/// What is wrong with a job. A deadline that is shorter than an attempt is left to the jobs of the images.
pub fn validate(spec: &ImageListPullJobSpec) -> FieldErrors {
    let path = FieldPath::new("spec");
    let mut errors = image_pull::nodes(spec.selector.as_ref(), spec.pod_selector.as_ref(), &path);
    errors.extend(image_pull::images(&spec.images, &path.child("images")));
    if let Some(parallelism) = &spec.parallelism {
        errors.extend(image_pull::parallelism(
            parallelism,
            &path.child("parallelism"),
        ));
    }
    errors.extend(image_pull::completion(
        &spec.completion_policy,
        &path.child("completionPolicy"),
    ));
    errors
}
