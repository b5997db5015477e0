//! Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission reads it.

use super::{spec::ImageListPullJobSpec, status::ImageListPullJobStatus};
use crate::{custom_object::CustomObject, object::custom_resource};

/// Names of version v1alpha1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1alpha1;

custom_resource!(
    V1alpha1,
    "apps.kruise.io",
    "v1alpha1",
    "ImageListPullJob",
    "imagelistpulljobs"
);

/// Several images, pulled onto a set of nodes.
pub type ImageListPullJob = CustomObject<V1alpha1, ImageListPullJobSpec, ImageListPullJobStatus>;
