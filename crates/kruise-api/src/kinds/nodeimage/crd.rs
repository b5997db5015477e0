//! The CustomResourceDefinition. It has no rules: controllers write NodeImages, and a rule about tags, of which there
//! may be any number in any number of images, would cost the API server more than it allows.

use schemars::JsonSchema;

use super::{status::NodeImageStatus, v1alpha1, v1beta1};
use crate::{
    definition::{Column, ConversionStrategy, Definition, Scope, Version},
    object::CustomResource,
};

const DESCRIPTION: &str =
    "NodeImage says which images one node is to pull, and how far it is. It has the node's name.";

const COLUMNS: [Column; 5] = [
    Column::new("DESIRED", "integer", ".status.desired"),
    Column::new("PULLING", "integer", ".status.pulling"),
    Column::new("SUCCEED", "integer", ".status.succeeded"),
    Column::new("FAILED", "integer", ".status.failed"),
    Column::new("AGE", "date", ".metadata.creationTimestamp"),
];

pub(super) fn definition() -> Definition {
    Definition {
        short_names: &[],
        scope: Scope::Cluster,
        // A write through v1alpha1 loses the modes of secrets (NI-0).
        conversion: ConversionStrategy::None,
        versions: vec![
            version::<v1alpha1::V1alpha1, v1alpha1::NodeImageSpec>(),
            version::<v1beta1::V1beta1, v1beta1::NodeImageSpec>().stored(),
        ],
    }
}

fn version<K: CustomResource, Spec: JsonSchema>() -> Version {
    Version::of::<K, Spec, NodeImageStatus>(DESCRIPTION).columns(&COLUMNS)
}
