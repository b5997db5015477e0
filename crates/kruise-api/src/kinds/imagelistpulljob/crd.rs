//! The CustomResourceDefinition. Its rules are what admission refuses without knowing the grammar of images and labels.
//! That no image is there twice is left to admission: a rule about it would cost the API server too much.

use super::{spec::ImageListPullJobSpec, status::ImageListPullJobStatus, v1alpha1, v1beta1};
use crate::{
    definition::{Column, ConversionStrategy, Definition, Scope, Version, rules::Rule},
    kinds::imagepulljob::crd::with_rules,
    object::CustomResource,
    validation::image_pull,
};

const DESCRIPTION: &str = "ImageListPullJob has several images pulled onto a set of nodes.";

const COLUMNS: [Column; 4] = [
    Column::new("TOTAL", "integer", ".status.desired"),
    Column::new("SUCCEEDED", "integer", ".status.succeeded"),
    Column::new("COMPLETED", "integer", ".status.completed"),
    Column::new("AGE", "date", ".metadata.creationTimestamp"),
];

pub(super) fn definition() -> Definition {
    Definition {
        short_names: &[],
        scope: Scope::Namespaced,
        conversion: ConversionStrategy::None,
        versions: vec![
            version::<v1alpha1::V1alpha1>(),
            version::<v1beta1::V1beta1>().stored(),
        ],
    }
}

fn version<K: CustomResource>() -> Version {
    let version = Version::of::<K, ImageListPullJobSpec, ImageListPullJobStatus>(DESCRIPTION);
    let at_most = image_pull::MAX_IMAGES;
    with_rules(version).columns(&COLUMNS).rules(
        "spec.images",
        &[
            Rule::new("size(self) > 0", image_pull::NO_IMAGES),
            Rule::new(
                format!("size(self) <= {at_most}"),
                format!("must have at most {at_most} items"),
            ),
        ],
    )
}
