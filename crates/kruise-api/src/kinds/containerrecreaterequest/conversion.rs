//! ContainerRecreateRequest between v1alpha1 and v1beta1 (CR-1 to CR-3). The specs are the same. What the status of
//! v1alpha1 has no field for is in annotations, which stay when they are read.

use super::{
    v1alpha1,
    v1beta1::{self, ContainerStatusSnapshot},
};
use crate::{
    meta::{StringMap, timestamp},
    versions::{Conversion, Marks},
    well_known::annotations::{CRR_SYNC_CONTAINER_STATUSES, CRR_UNREADY_ACQUIRED},
};

/// Every way between versions. Where there is no status, annotations make none (DV-CR4).
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<v1alpha1::V1alpha1, v1beta1::V1beta1>(|object| {
        object.convert_status(to_v1beta1)
    }),
    Conversion::new::<v1beta1::V1beta1, v1alpha1::V1alpha1>(|object| {
        object.convert_status(to_v1alpha1)
    }),
];

/// CR-2
fn to_v1beta1(
    status: v1alpha1::ContainerRecreateRequestStatus,
    marks: &mut Marks<'_>,
) -> v1beta1::ContainerRecreateRequestStatus {
    let v1alpha1::ContainerRecreateRequestStatus {
        phase,
        completion_time,
        message,
        container_recreate_states,
        unknown,
    } = status;
    let since = marks.annotations.get(CRR_UNREADY_ACQUIRED);
    let since = since.and_then(|text| text.parse().ok());
    v1beta1::ContainerRecreateRequestStatus {
        phase,
        completion_time,
        message,
        container_recreate_states,
        container_status_snapshot: snapshot(marks.annotations).unwrap_or_default(),
        conditions: since
            .map(v1beta1::ContainerRecreateRequestStatus::held)
            .into_iter()
            .collect(),
        unknown,
    }
}

fn snapshot(annotations: &StringMap) -> Option<Vec<ContainerStatusSnapshot>> {
    serde_json::from_str(annotations.get(CRR_SYNC_CONTAINER_STATUSES)?).ok()
}

/// CR-3
fn to_v1alpha1(
    status: v1beta1::ContainerRecreateRequestStatus,
    marks: &mut Marks<'_>,
) -> v1alpha1::ContainerRecreateRequestStatus {
    let since = status.held_since();
    let v1beta1::ContainerRecreateRequestStatus {
        phase,
        completion_time,
        message,
        container_recreate_states,
        container_status_snapshot: snapshot,
        conditions: _,
        unknown,
    } = status;
    let mut set = |key: &str, text: String| marks.annotations.insert(key.to_owned(), text);
    if !snapshot.is_empty()
        && let Ok(json) = serde_json::to_string(&snapshot)
    {
        set(CRR_SYNC_CONTAINER_STATUSES, json);
    }
    if let Some(since) = since {
        set(CRR_UNREADY_ACQUIRED, timestamp(since));
    }
    v1alpha1::ContainerRecreateRequestStatus {
        phase,
        completion_time,
        message,
        container_recreate_states,
        unknown,
    }
}
