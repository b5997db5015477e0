//! Version v1beta1: what the API server stores and controllers speak.

use super::{spec::BroadcastJobSpec, status::BroadcastJobStatus};
use crate::{custom_object::CustomObject, object::custom_resource, resource::Resource};

/// Names of version v1beta1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1beta1;

custom_resource!(
    V1beta1,
    "apps.kruise.io",
    "v1beta1",
    "BroadcastJob",
    "broadcastjobs"
);

/// One pod of a template, run to completion on every node that fits.
pub type BroadcastJob = CustomObject<V1beta1, BroadcastJobSpec, BroadcastJobStatus>;

/// BroadcastJobs, as calls about them name them.
pub const BROADCASTJOBS: Resource = Resource::in_namespaces::<V1beta1>();
