//! Defaults of a StatefulSet's own fields (AS-6 to AS-9).

use super::{
    spec::{
        PersistentVolumeClaimRetentionPolicyType, PodManagementPolicyType,
        StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetPodUpdatePolicy,
        StatefulSetUpdateStrategy, StatefulSetUpdateStrategyType, VolumeClaimUpdateStrategyType,
    },
    v1alpha1, v1beta1,
};
use crate::int_or_string::IntOrString;

/// Default number of pods.
pub const REPLICAS: i32 = 1;
/// Default number of old revisions that are kept.
pub const REVISION_HISTORY_LIMIT: i32 = 10;

/// The feature gates that say which fields get a default.
#[derive(Debug, Clone, Copy)]
pub struct Gates {
    /// `StatefulSetAutoDeletePVC`
    pub auto_delete_pvc: bool,
    /// `StatefulSetAutoResizePVCGate`
    pub auto_resize_pvc: bool,
}

/// As the gates are where nobody has set them.
impl Default for Gates {
    fn default() -> Self {
        Self {
            auto_delete_pvc: true,
            auto_resize_pvc: false,
        }
    }
}

/// Fills in what a spec of v1beta1 leaves open, except for its templates.
pub fn fill_v1beta1(spec: &mut v1beta1::StatefulSetSpec, gates: Gates) {
    let v1beta1::StatefulSetSpec {
        replicas,
        pod_management_policy,
        update_strategy,
        revision_history_limit,
        persistent_volume_claim_retention_policy,
        volume_claim_update_strategy,
        ..
    } = spec;
    numbers(replicas, revision_history_limit);
    management(pod_management_policy);
    strategy(update_strategy.get_or_insert_default());
    if gates.auto_delete_pvc {
        retention(persistent_volume_claim_retention_policy.get_or_insert_default());
    }
    if gates.auto_resize_pvc {
        let type_ = &mut volume_claim_update_strategy.get_or_insert_default().type_;
        if type_.as_str().is_empty() {
            *type_ = VolumeClaimUpdateStrategyType::OnDelete;
        }
    }
}

/// Fills in what a spec of v1alpha1 leaves open, except for its templates. What only v1beta1 has stays open (AS-5).
pub fn fill_v1alpha1(spec: &mut v1alpha1::StatefulSetSpec) {
    let v1alpha1::StatefulSetSpec {
        replicas,
        pod_management_policy,
        update_strategy,
        revision_history_limit,
        ..
    } = spec;
    numbers(replicas, revision_history_limit);
    management(pod_management_policy);
    strategy(update_strategy.get_or_insert_default());
}

fn numbers(replicas: &mut Option<i32>, revision_history_limit: &mut Option<i32>) {
    replicas.get_or_insert(REPLICAS);
    revision_history_limit.get_or_insert(REVISION_HISTORY_LIMIT);
}

fn management(policy: &mut PodManagementPolicyType) {
    if policy.as_str().is_empty() {
        *policy = PodManagementPolicyType::OrderedReady;
    }
}

/// AS-7
fn strategy(strategy: &mut StatefulSetUpdateStrategy) {
    if !strategy.type_.is_rolling() {
        return;
    }
    strategy.type_ = StatefulSetUpdateStrategyType::RollingUpdate;
    let terms = strategy.rolling_update.get_or_insert_default();
    terms.partition.get_or_insert(0);
    terms.max_unavailable.get_or_insert(IntOrString::Int(1));
    if terms.pod_update_policy.as_str().is_empty() {
        terms.pod_update_policy = StatefulSetPodUpdatePolicy::ReCreate;
    }
    terms.min_ready_seconds.get_or_insert(0);
}

/// AS-8
fn retention(policy: &mut StatefulSetPersistentVolumeClaimRetentionPolicy) {
    for word in [&mut policy.when_deleted, &mut policy.when_scaled] {
        if word.as_str().is_empty() {
            *word = PersistentVolumeClaimRetentionPolicyType::Retain;
        }
    }
}
