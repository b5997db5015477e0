//! Version v1beta1: what the API server stores and controllers speak.

use super::{spec::ImageTagSpec, status::NodeImageStatus};
use crate::{
    custom_object::CustomObject, object::custom_resource, open_enum::open_enum, resource::Resource,
    spec_parts::SandboxConfig, wire::wire,
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
        /// `batch`: the secret is a copy that several jobs share, and the reference stays as long as the image.
        /// Otherwise the reference goes when the secret is gone.
        optional mode: SecretMode,
    }
}

open_enum! {
    /// What becomes of a secret, and of references to it.
    pub enum SecretMode {
        /// The secret is a copy that several jobs share.
        Batch = "batch",
    }
}

/// Names of version v1beta1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct V1beta1;

custom_resource!(
    V1beta1,
    "apps.kruise.io",
    "v1beta1",
    "NodeImage",
    "nodeimages"
);

/// The images that one node is to pull. It has the node's name.
pub type NodeImage = CustomObject<V1beta1, NodeImageSpec, NodeImageStatus>;

/// NodeImages, as calls about them name them.
pub const NODEIMAGES: Resource = Resource::in_no_namespace::<V1beta1>();
