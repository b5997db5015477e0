//! Version v1beta1: what the API server stores and controllers speak.

use super::{spec::ImagePullJobSpec, status::ImagePullJobStatus};
use crate::{custom_object::CustomObject, object::custom_resource, resource::Resource};

/// Names of version v1beta1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1beta1;

custom_resource!(
    V1beta1,
    "apps.kruise.io",
    "v1beta1",
    "ImagePullJob",
    "imagepulljobs"
);

/// One image, pulled onto a set of nodes.
pub type ImagePullJob = CustomObject<V1beta1, ImagePullJobSpec, ImagePullJobStatus>;

/// ImagePullJobs, as calls about them name them.
pub const IMAGEPULLJOBS: Resource = Resource::in_namespaces::<V1beta1>();
