//! Defaults of an ImageListPullJob's own fields, the same in both versions (IJ-2). imagePullPolicy stays as it is: the
//! jobs of the images get it.

use super::spec::ImageListPullJobSpec;
use crate::kinds::imagepulljob::defaults;

/// Fills in what a spec leaves open.
pub fn fill(spec: &mut ImageListPullJobSpec) {
    defaults::completion(&mut spec.completion_policy);
    defaults::pull_policy(&mut spec.pull_policy);
}
