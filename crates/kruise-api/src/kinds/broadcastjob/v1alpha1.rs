//! Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission reads it.

use super::{spec::BroadcastJobSpec, status::BroadcastJobStatus};
use crate::{custom_object::CustomObject, object::custom_resource};

/// Names of version v1alpha1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1alpha1;

custom_resource!(
    V1alpha1,
    "apps.kruise.io",
    "v1alpha1",
    "BroadcastJob",
    "broadcastjobs"
);

/// One pod of a template, run to completion on every node that fits.
pub type BroadcastJob = CustomObject<V1alpha1, BroadcastJobSpec, BroadcastJobStatus>;
