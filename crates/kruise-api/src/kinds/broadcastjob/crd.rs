//! The CustomResourceDefinition. It has no rules: admission accepts numbers and words that mean nothing (BJ-8), and
//! what admission refuses may have been stored while no webhook was installed (BJ-3: every field may change).

use super::{spec::BroadcastJobSpec, status::BroadcastJobStatus, v1alpha1, v1beta1};
use crate::{
    definition::{Column, ConversionStrategy, Definition, Scope, Version},
    object::CustomResource,
};

const DESCRIPTION: &str =
    "BroadcastJob runs one pod of a template to completion on every node that fits.";

const COLUMNS: [Column; 5] = [
    Column::new("Desired", "integer", ".status.desired"),
    Column::new("Active", "integer", ".status.active"),
    Column::new("Succeeded", "integer", ".status.succeeded"),
    Column::new("Failed", "integer", ".status.failed"),
    Column::new("AGE", "date", ".metadata.creationTimestamp"),
];

pub(super) fn definition() -> Definition {
    Definition {
        short_names: &["bcj"],
        scope: Scope::Namespaced,
        conversion: ConversionStrategy::None,
        versions: vec![
            version::<v1alpha1::V1alpha1>(),
            version::<v1beta1::V1beta1>().stored(),
        ],
    }
}

fn version<K: CustomResource>() -> Version {
    Version::of::<K, BroadcastJobSpec, BroadcastJobStatus>(DESCRIPTION).columns(&COLUMNS)
}
