//! SidecarSet between v1alpha1 and v1beta1 (SS-1 to SS-4). v1alpha1 names one namespace in a field, and has the custom
//! version in a label. The status is the same in both.

use super::{v1alpha1, v1beta1};
use crate::{
    meta::LabelSelector,
    versions::{Conversion, Marks},
    well_known::labels::{NAMESPACE_NAME, SIDECARSET_CUSTOM_VERSION},
};

/// Every way between versions.
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<v1alpha1::V1alpha1, v1beta1::V1beta1>(|object| {
        object.convert_spec(to_v1beta1)
    }),
    Conversion::new::<v1beta1::V1beta1, v1alpha1::V1alpha1>(|object| {
        object.convert_spec(to_v1alpha1)
    }),
];

impl From<v1alpha1::SidecarSet> for v1beta1::SidecarSet {
    fn from(set: v1alpha1::SidecarSet) -> Self {
        set.converted(to_v1beta1, |status, _| status)
    }
}

impl From<v1beta1::SidecarSet> for v1alpha1::SidecarSet {
    fn from(set: v1beta1::SidecarSet) -> Self {
        set.converted(to_v1alpha1, |status, _| status)
    }
}

/// SS-1, SS-2
fn to_v1beta1(spec: v1alpha1::SidecarSetSpec, marks: &mut Marks<'_>) -> v1beta1::SidecarSetSpec {
    let v1alpha1::SidecarSetSpec {
        selector,
        namespace,
        namespace_selector,
        init_containers,
        containers,
        volumes,
        update_strategy,
        injection_strategy,
        image_pull_secrets,
        revision_history_limit,
        patch_pod_metadata,
        unknown,
    } = spec;
    v1beta1::SidecarSetSpec {
        selector,
        custom_version: marks
            .labels
            .remove(SIDECARSET_CUSTOM_VERSION)
            .unwrap_or_default(),
        namespace_selector: if namespace.is_empty() {
            namespace_selector
        } else {
            Some(LabelSelector {
                match_labels: Some([(NAMESPACE_NAME.to_owned(), namespace)].into()),
                match_expressions: None,
            })
        },
        init_containers,
        containers,
        volumes,
        update_strategy,
        injection_strategy,
        image_pull_secrets,
        revision_history_limit,
        patch_pod_metadata,
        unknown,
    }
}

/// SS-3
fn to_v1alpha1(spec: v1beta1::SidecarSetSpec, marks: &mut Marks<'_>) -> v1alpha1::SidecarSetSpec {
    let v1beta1::SidecarSetSpec {
        selector,
        custom_version,
        namespace_selector,
        init_containers,
        containers,
        volumes,
        update_strategy,
        injection_strategy,
        image_pull_secrets,
        revision_history_limit,
        patch_pod_metadata,
        unknown,
    } = spec;
    if !custom_version.is_empty() {
        marks
            .labels
            .insert(SIDECARSET_CUSTOM_VERSION.to_owned(), custom_version);
    }
    v1alpha1::SidecarSetSpec {
        selector,
        namespace: String::new(),
        namespace_selector,
        init_containers,
        containers,
        volumes,
        update_strategy,
        injection_strategy,
        image_pull_secrets,
        revision_history_limit,
        patch_pod_metadata,
        unknown,
    }
}
