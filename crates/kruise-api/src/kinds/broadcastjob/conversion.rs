//! BroadcastJob between v1alpha1 and v1beta1. Both have the same schema, so that nothing but the name of the version
//! changes, and the API server does that by itself: the CRD's strategy is `None` (PF-402).

use super::{v1alpha1, v1beta1};
use crate::{
    object::{ApiVersion, Kind},
    versions::Conversion,
};

/// Every way between versions.
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<v1alpha1::BroadcastJob, v1beta1::BroadcastJob>(|_| Ok(())),
    Conversion::new::<v1beta1::BroadcastJob, v1alpha1::BroadcastJob>(|_| Ok(())),
];

impl From<v1alpha1::BroadcastJob> for v1beta1::BroadcastJob {
    fn from(job: v1alpha1::BroadcastJob) -> Self {
        let v1alpha1::BroadcastJob {
            api_version: _,
            kind: _,
            metadata,
            spec,
            status,
        } = job;
        Self {
            api_version: ApiVersion::default(),
            kind: Kind::default(),
            metadata,
            spec,
            status,
        }
    }
}

impl From<v1beta1::BroadcastJob> for v1alpha1::BroadcastJob {
    fn from(job: v1beta1::BroadcastJob) -> Self {
        let v1beta1::BroadcastJob {
            api_version: _,
            kind: _,
            metadata,
            spec,
            status,
        } = job;
        Self {
            api_version: ApiVersion::default(),
            kind: Kind::default(),
            metadata,
            spec,
            status,
        }
    }
}
