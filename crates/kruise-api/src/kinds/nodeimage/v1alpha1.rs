//! Version v1alpha1: served for clients that still speak it. Nothing but conversion and admission reads it.

use super::{spec::ImageTagSpec, status::NodeImageStatus};
use crate::{
    custom_object::CustomObject, object::custom_resource, spec_parts::SandboxConfig, wire::wire,
};

wire! {
    /// Which images the node is to pull.
    pub struct NodeImageSpec {
        /// Images by name, without tag: at most 256.
        map images: ImageSpec,
    }

    /// Which tags of an image the node is to pull.
    pub struct ImageSpec {
        /// Secrets by which the image's registry is accessed.
        list pull_secrets: ReferenceObject,
        /// The tags.
        required_list tags: ImageTagSpec,
        /// What the container runtime is told together with the image.
        optional sandbox_config: SandboxConfig,
    }

    /// A secret.
    pub struct ReferenceObject {
        /// Namespace of the secret.
        omitempty namespace: String,
        /// Name of the secret.
        omitempty name: String,
    }
}

/// Names of version v1alpha1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1alpha1;

custom_resource!(
    V1alpha1,
    "apps.kruise.io",
    "v1alpha1",
    "NodeImage",
    "nodeimages"
);

/// The images that one node is to pull. It has the node's name.
pub type NodeImage = CustomObject<V1alpha1, NodeImageSpec, NodeImageStatus>;
