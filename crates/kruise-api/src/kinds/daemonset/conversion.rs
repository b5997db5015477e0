//! DaemonSet between v1alpha1 and v1beta1 (DS-1 to DS-4).

use super::{
    spec::{DaemonSetUpdateStrategy, RollingUpdateType},
    v1alpha1, v1beta1,
};
use crate::{
    versions::{Conversion, Marks},
    well_known::annotations::DAEMONSET_PROGRESSIVE_CREATE_POD,
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

impl From<v1alpha1::DaemonSet> for v1beta1::DaemonSet {
    fn from(set: v1alpha1::DaemonSet) -> Self {
        set.converted(to_v1beta1, |status, _| status_to_v1beta1(status))
    }
}

impl From<v1beta1::DaemonSet> for v1alpha1::DaemonSet {
    fn from(set: v1beta1::DaemonSet) -> Self {
        set.converted(to_v1alpha1, |status, _| status_to_v1alpha1(status))
    }
}

/// Value of the annotation that switches partitioned scaling on.
const TRUE: &str = "true";

fn is_on(marks: &Marks<'_>) -> bool {
    let value = marks.annotations.get(DAEMONSET_PROGRESSIVE_CREATE_POD);
    value.is_some_and(|value| value == TRUE)
}

/// DS-1. The annotation stays.
fn to_v1beta1(spec: v1alpha1::DaemonSetSpec, marks: &mut Marks<'_>) -> v1beta1::DaemonSetSpec {
    let v1alpha1::DaemonSetSpec {
        selector,
        template,
        update_strategy,
        min_ready_seconds,
        burst_replicas,
        revision_history_limit,
        lifecycle,
        unknown,
    } = spec;
    let scale_strategy = is_on(marks).then(|| v1beta1::DaemonSetScaleStrategy {
        partitioned_scaling: true,
        ..Default::default()
    });
    v1beta1::DaemonSetSpec {
        selector,
        template,
        update_strategy: update_strategy.map(without_surging),
        min_ready_seconds,
        burst_replicas,
        revision_history_limit,
        lifecycle,
        scale_strategy,
        unknown,
    }
}

fn without_surging(mut strategy: DaemonSetUpdateStrategy) -> DaemonSetUpdateStrategy {
    if let Some(terms) = &mut strategy.rolling_update
        && terms.type_ == Some(RollingUpdateType::Surging)
    {
        terms.type_ = Some(RollingUpdateType::Standard);
    }
    strategy
}

/// DS-2, DV-DS1
fn to_v1alpha1(spec: v1beta1::DaemonSetSpec, marks: &mut Marks<'_>) -> v1alpha1::DaemonSetSpec {
    let v1beta1::DaemonSetSpec {
        selector,
        template,
        update_strategy,
        min_ready_seconds,
        burst_replicas,
        revision_history_limit,
        lifecycle,
        scale_strategy,
        unknown,
    } = spec;
    if scale_strategy.is_some_and(|scale| scale.partitioned_scaling) {
        marks
            .annotations
            .insert(DAEMONSET_PROGRESSIVE_CREATE_POD.to_owned(), TRUE.to_owned());
    } else if is_on(marks) {
        marks.annotations.remove(DAEMONSET_PROGRESSIVE_CREATE_POD);
    }
    v1alpha1::DaemonSetSpec {
        selector,
        template,
        update_strategy,
        min_ready_seconds,
        burst_replicas,
        revision_history_limit,
        lifecycle,
        unknown,
    }
}

fn status_to_v1beta1(status: v1alpha1::DaemonSetStatus) -> v1beta1::DaemonSetStatus {
    let v1alpha1::DaemonSetStatus {
        observed_generation,
        current_number_scheduled,
        number_misscheduled,
        desired_number_scheduled,
        number_ready,
        updated_number_scheduled,
        number_available,
        number_unavailable,
        collision_count,
        conditions,
        daemon_set_hash,
        unknown,
    } = status;
    v1beta1::DaemonSetStatus {
        observed_generation,
        current_number_scheduled,
        number_misscheduled,
        desired_number_scheduled,
        number_ready,
        updated_number_scheduled,
        number_available,
        number_unavailable,
        collision_count,
        conditions,
        update_revision: daemon_set_hash,
        unknown,
    }
}

fn status_to_v1alpha1(status: v1beta1::DaemonSetStatus) -> v1alpha1::DaemonSetStatus {
    let v1beta1::DaemonSetStatus {
        observed_generation,
        current_number_scheduled,
        number_misscheduled,
        desired_number_scheduled,
        number_ready,
        updated_number_scheduled,
        number_available,
        number_unavailable,
        collision_count,
        conditions,
        update_revision,
        unknown,
    } = status;
    v1alpha1::DaemonSetStatus {
        observed_generation,
        current_number_scheduled,
        number_misscheduled,
        desired_number_scheduled,
        number_ready,
        updated_number_scheduled,
        number_available,
        number_unavailable,
        collision_count,
        conditions,
        daemon_set_hash: update_revision,
        unknown,
    }
}
