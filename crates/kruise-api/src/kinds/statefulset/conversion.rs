//! StatefulSet between v1alpha1 and v1beta1 (AS-1 to AS-5). The fields of the spec that only v1beta1 has are in an
//! annotation of v1alpha1 (DV-AS1). Those of the status are left out there: the controller computes them again.

use serde::{Deserialize, Serialize};

use super::{
    spec::{
        StatefulSetOrdinals, StatefulSetPersistentVolumeClaimRetentionPolicy,
        StatefulSetScaleStrategy, VolumeClaimUpdateStrategy,
    },
    status, v1alpha1, v1beta1,
};
use crate::{
    int_or_string::IntOrString,
    meta::list,
    spec_parts::Lifecycle,
    versions::{Conversion, Marks},
    well_known::annotations::STATEFULSET_V1BETA1_SPEC,
};

/// Every way between versions.
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<v1alpha1::V1alpha1, v1beta1::V1beta1>(|object| {
        object.convert_spec(to_v1beta1)?;
        object.convert_status(|status, _| status_to_v1beta1(status))
    }),
    Conversion::new::<v1beta1::V1beta1, v1alpha1::V1alpha1>(|object| {
        object.convert_spec(to_v1alpha1)?;
        object.convert_status(|status, _| status_to_v1alpha1(status))
    }),
];

impl From<v1alpha1::StatefulSet> for v1beta1::StatefulSet {
    fn from(set: v1alpha1::StatefulSet) -> Self {
        set.converted(to_v1beta1, |status, _| status_to_v1beta1(status))
    }
}

impl From<v1beta1::StatefulSet> for v1alpha1::StatefulSet {
    fn from(set: v1beta1::StatefulSet) -> Self {
        set.converted(to_v1alpha1, |status, _| status_to_v1alpha1(status))
    }
}

/// What the annotation holds: fields of the spec under their names. Others are not read, so that it can't speak for
/// fields that v1alpha1 has itself.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Kept {
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "list")]
    reserve_ordinals: Vec<IntOrString>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lifecycle: Option<Lifecycle>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale_strategy: Option<StatefulSetScaleStrategy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    persistent_volume_claim_retention_policy:
        Option<StatefulSetPersistentVolumeClaimRetentionPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ordinals: Option<StatefulSetOrdinals>,
    #[serde(skip_serializing_if = "Option::is_none")]
    volume_claim_update_strategy: Option<VolumeClaimUpdateStrategy>,
}

/// AS-2
fn to_v1beta1(spec: v1alpha1::StatefulSetSpec, marks: &mut Marks<'_>) -> v1beta1::StatefulSetSpec {
    let v1alpha1::StatefulSetSpec {
        replicas,
        selector,
        template,
        volume_claim_templates,
        service_name,
        pod_management_policy,
        update_strategy,
        revision_history_limit,
        unknown,
    } = spec;
    let kept = marks.annotations.remove(STATEFULSET_V1BETA1_SPEC);
    let Kept {
        reserve_ordinals,
        lifecycle,
        scale_strategy,
        persistent_volume_claim_retention_policy,
        ordinals,
        volume_claim_update_strategy,
    } = kept
        .and_then(|json| serde_json::from_str(&json).ok())
        .unwrap_or_default();
    v1beta1::StatefulSetSpec {
        replicas,
        selector,
        template,
        volume_claim_templates,
        service_name,
        pod_management_policy,
        update_strategy,
        revision_history_limit,
        reserve_ordinals,
        lifecycle,
        scale_strategy,
        persistent_volume_claim_retention_policy,
        ordinals,
        volume_claim_update_strategy,
        unknown,
    }
}

/// AS-3
fn to_v1alpha1(spec: v1beta1::StatefulSetSpec, marks: &mut Marks<'_>) -> v1alpha1::StatefulSetSpec {
    let v1beta1::StatefulSetSpec {
        replicas,
        selector,
        template,
        volume_claim_templates,
        service_name,
        pod_management_policy,
        update_strategy,
        revision_history_limit,
        reserve_ordinals,
        lifecycle,
        scale_strategy,
        persistent_volume_claim_retention_policy,
        ordinals,
        volume_claim_update_strategy,
        unknown,
    } = spec;
    let kept = Kept {
        reserve_ordinals,
        lifecycle,
        scale_strategy,
        persistent_volume_claim_retention_policy,
        ordinals,
        // OpenKruise writes it empty where nothing was said.
        volume_claim_update_strategy: volume_claim_update_strategy
            .filter(|strategy| !strategy.type_.as_str().is_empty()),
    };
    marks.annotations.remove(STATEFULSET_V1BETA1_SPEC);
    if kept != Kept::default()
        && let Ok(json) = serde_json::to_string(&kept)
    {
        marks
            .annotations
            .insert(STATEFULSET_V1BETA1_SPEC.to_owned(), json);
    }
    v1alpha1::StatefulSetSpec {
        replicas,
        selector,
        template,
        volume_claim_templates,
        service_name,
        pod_management_policy,
        update_strategy,
        revision_history_limit,
        unknown,
    }
}

fn status_to_v1beta1(status: v1alpha1::StatefulSetStatus) -> status::StatefulSetStatus {
    let v1alpha1::StatefulSetStatus {
        observed_generation,
        replicas,
        ready_replicas,
        available_replicas,
        current_replicas,
        updated_replicas,
        current_revision,
        update_revision,
        collision_count,
        conditions,
        label_selector,
        unknown,
    } = status;
    status::StatefulSetStatus {
        observed_generation,
        replicas,
        ready_replicas,
        available_replicas,
        current_replicas,
        updated_replicas,
        updated_ready_replicas: 0,
        updated_available_replicas: 0,
        current_revision,
        update_revision,
        collision_count,
        conditions,
        label_selector,
        volume_claims: Vec::new(),
        unknown,
    }
}

fn status_to_v1alpha1(status: status::StatefulSetStatus) -> v1alpha1::StatefulSetStatus {
    let status::StatefulSetStatus {
        observed_generation,
        replicas,
        ready_replicas,
        available_replicas,
        current_replicas,
        updated_replicas,
        updated_ready_replicas: _,
        updated_available_replicas: _,
        current_revision,
        update_revision,
        collision_count,
        conditions,
        label_selector,
        volume_claims: _,
        unknown,
    } = status;
    v1alpha1::StatefulSetStatus {
        observed_generation,
        replicas,
        ready_replicas,
        available_replicas,
        current_replicas,
        updated_replicas,
        current_revision,
        update_revision,
        collision_count,
        conditions,
        label_selector,
        unknown,
    }
}
