//! NodeImage between v1alpha1 and v1beta1. v1alpha1 has no mode of a secret, and nothing keeps it (NI-0).

use super::{v1alpha1, v1beta1};
use crate::versions::Conversion;

/// Every way between versions.
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<v1alpha1::V1alpha1, v1beta1::V1beta1>(|object| {
        object.convert_spec(|spec, _| to_v1beta1(spec))
    }),
    Conversion::new::<v1beta1::V1beta1, v1alpha1::V1alpha1>(|object| {
        object.convert_spec(|spec, _| to_v1alpha1(spec))
    }),
];

impl From<v1alpha1::NodeImage> for v1beta1::NodeImage {
    fn from(node_image: v1alpha1::NodeImage) -> Self {
        node_image.converted(|spec, _| to_v1beta1(spec), |status, _| status)
    }
}

impl From<v1beta1::NodeImage> for v1alpha1::NodeImage {
    fn from(node_image: v1beta1::NodeImage) -> Self {
        node_image.converted(|spec, _| to_v1alpha1(spec), |status, _| status)
    }
}

fn to_v1beta1(spec: v1alpha1::NodeImageSpec) -> v1beta1::NodeImageSpec {
    let v1alpha1::NodeImageSpec { images, unknown } = spec;
    let image = |image| {
        let v1alpha1::ImageSpec {
            pull_secrets,
            tags,
            sandbox_config,
            unknown,
        } = image;
        let secret = |secret| {
            let v1alpha1::ReferenceObject {
                namespace,
                name,
                unknown,
            } = secret;
            v1beta1::ReferenceObject {
                namespace,
                name,
                mode: None,
                unknown,
            }
        };
        v1beta1::ImageSpec {
            pull_secrets: pull_secrets.into_iter().map(secret).collect(),
            tags,
            sandbox_config,
            unknown,
        }
    };
    let images = images.into_iter().map(|(name, it)| (name, image(it)));
    v1beta1::NodeImageSpec {
        images: images.collect(),
        unknown,
    }
}

fn to_v1alpha1(spec: v1beta1::NodeImageSpec) -> v1alpha1::NodeImageSpec {
    let v1beta1::NodeImageSpec { images, unknown } = spec;
    let image = |image| {
        let v1beta1::ImageSpec {
            pull_secrets,
            tags,
            sandbox_config,
            unknown,
        } = image;
        let secret = |secret| {
            let v1beta1::ReferenceObject {
                namespace,
                name,
                mode: _,
                unknown,
            } = secret;
            v1alpha1::ReferenceObject {
                namespace,
                name,
                unknown,
            }
        };
        v1alpha1::ImageSpec {
            pull_secrets: pull_secrets.into_iter().map(secret).collect(),
            tags,
            sandbox_config,
            unknown,
        }
    };
    let images = images.into_iter().map(|(name, it)| (name, image(it)));
    v1alpha1::NodeImageSpec {
        images: images.collect(),
        unknown,
    }
}
