//! UnitedDeployment between v1alpha1 and v1beta1 (UD-1 to UD-3). Only the status differs: what v1alpha1 has in maps by the
//! names of groups, v1beta1 has in the groups' own statuses.

use std::collections::BTreeMap;

use super::{status::UnitedDeploymentSubsetStatus, v1alpha1, v1beta1};
use crate::versions::Conversion;

/// Every way between versions.
pub(super) const ALL: &[Conversion] = &[
    Conversion::new::<v1alpha1::V1alpha1, v1beta1::V1beta1>(|object| {
        object.convert_status(|status, _| to_v1beta1(status))
    }),
    Conversion::new::<v1beta1::V1beta1, v1alpha1::V1alpha1>(|object| {
        object.convert_status(|status, _| to_v1alpha1(status))
    }),
];

impl From<v1alpha1::UnitedDeployment> for v1beta1::UnitedDeployment {
    fn from(deployment: v1alpha1::UnitedDeployment) -> Self {
        deployment.converted(|spec, _| spec, |status, _| to_v1beta1(status))
    }
}

impl From<v1beta1::UnitedDeployment> for v1alpha1::UnitedDeployment {
    fn from(deployment: v1beta1::UnitedDeployment) -> Self {
        deployment.converted(|spec, _| spec, |status, _| to_v1alpha1(status))
    }
}

/// UD-2
fn to_v1beta1(status: v1alpha1::UnitedDeploymentStatus) -> v1beta1::UnitedDeploymentStatus {
    let v1alpha1::UnitedDeploymentStatus {
        observed_generation,
        ready_replicas,
        replicas,
        updated_replicas,
        updated_ready_replicas,
        reserved_pods,
        collision_count,
        current_revision,
        subset_replicas,
        update_status,
        mut subset_statuses,
        conditions,
        label_selector,
        unknown,
    } = status;
    let v1alpha1::UpdateStatus {
        updated_revision,
        current_partitions,
        unknown: _,
    } = update_status.unwrap_or_default();
    set_each(&mut subset_statuses, subset_replicas, |subset, replicas| {
        subset.replicas = replicas;
    });
    set_each(
        &mut subset_statuses,
        current_partitions,
        |subset, partition| subset.partition = partition,
    );
    v1beta1::UnitedDeploymentStatus {
        observed_generation,
        ready_replicas,
        replicas,
        updated_replicas,
        updated_ready_replicas,
        reserved_pods,
        collision_count,
        current_revision,
        updated_revision,
        subset_statuses,
        conditions,
        label_selector,
        unknown,
    }
}

/// Sets a number in the status of each group that the map names. A group that has no status gets one, by its name.
fn set_each(
    statuses: &mut Vec<UnitedDeploymentSubsetStatus>,
    numbers: BTreeMap<String, i32>,
    set: impl Fn(&mut UnitedDeploymentSubsetStatus, i32),
) {
    for (name, number) in numbers {
        let mut is_there = false;
        for subset in statuses.iter_mut().filter(|subset| subset.name == name) {
            set(subset, number);
            is_there = true;
        }
        if !is_there {
            let mut subset = UnitedDeploymentSubsetStatus {
                name,
                ..Default::default()
            };
            set(&mut subset, number);
            statuses.push(subset);
        }
    }
}

/// UD-3
fn to_v1alpha1(status: v1beta1::UnitedDeploymentStatus) -> v1alpha1::UnitedDeploymentStatus {
    let v1beta1::UnitedDeploymentStatus {
        observed_generation,
        ready_replicas,
        replicas,
        updated_replicas,
        updated_ready_replicas,
        reserved_pods,
        collision_count,
        current_revision,
        updated_revision,
        subset_statuses,
        conditions,
        label_selector,
        unknown,
    } = status;
    let by_name = |number: fn(&UnitedDeploymentSubsetStatus) -> i32| {
        let named = subset_statuses
            .iter()
            .filter(|subset| !subset.name.is_empty());
        named
            .map(|subset| (subset.name.clone(), number(subset)))
            .collect()
    };
    let is_updated = !updated_revision.is_empty() || !subset_statuses.is_empty();
    let update_status = is_updated.then(|| v1alpha1::UpdateStatus {
        updated_revision,
        current_partitions: by_name(|subset| subset.partition),
        ..Default::default()
    });
    v1alpha1::UnitedDeploymentStatus {
        observed_generation,
        ready_replicas,
        replicas,
        updated_replicas,
        updated_ready_replicas,
        reserved_pods,
        collision_count,
        current_revision,
        subset_replicas: by_name(|subset| subset.replicas),
        update_status,
        subset_statuses,
        conditions,
        label_selector,
        unknown,
    }
}
