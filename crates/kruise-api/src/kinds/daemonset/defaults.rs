//! Defaults of a DaemonSet's own fields (DS-8, DS-9). Its template gets none (DS-10).

use super::{
    spec::{
        DaemonSetUpdateStrategy, DaemonSetUpdateStrategyType, RollingUpdateDaemonSet,
        RollingUpdateType,
    },
    v1alpha1, v1beta1,
};
use crate::int_or_string::IntOrString;

/// Default number of pods that are made, deleted or updated in one go.
pub const BURST_REPLICAS: i32 = 250;
/// Default number of old revisions that are kept.
pub const REVISION_HISTORY_LIMIT: i32 = 10;

/// Fills in what a spec of v1beta1 leaves open.
pub fn fill_v1beta1(spec: &mut v1beta1::DaemonSetSpec) {
    let v1beta1::DaemonSetSpec {
        burst_replicas,
        revision_history_limit,
        update_strategy,
        ..
    } = spec;
    numbers(burst_replicas, revision_history_limit);
    strategy(update_strategy.get_or_insert_default());
}

/// Fills in what a spec of v1alpha1 leaves open. The update type Surging becomes what it means.
pub fn fill_v1alpha1(spec: &mut v1alpha1::DaemonSetSpec) {
    let v1alpha1::DaemonSetSpec {
        burst_replicas,
        revision_history_limit,
        update_strategy,
        ..
    } = spec;
    numbers(burst_replicas, revision_history_limit);
    let update_strategy = update_strategy.get_or_insert_default();
    if is_rolling(update_strategy)
        && let Some(terms) = &mut update_strategy.rolling_update
    {
        surging(terms);
    }
    strategy(update_strategy);
}

fn numbers(burst_replicas: &mut Option<IntOrString>, revision_history_limit: &mut Option<i32>) {
    burst_replicas.get_or_insert(IntOrString::Int(BURST_REPLICAS));
    revision_history_limit.get_or_insert(REVISION_HISTORY_LIMIT);
}

/// Whether the type is RollingUpdate, which it is by default.
fn is_rolling(strategy: &DaemonSetUpdateStrategy) -> bool {
    strategy.type_.as_ref().is_none_or(|type_| {
        *type_ == DaemonSetUpdateStrategyType::RollingUpdate || type_.as_str().is_empty()
    })
}

/// DS-8
fn strategy(strategy: &mut DaemonSetUpdateStrategy) {
    if !is_rolling(strategy) {
        return;
    }
    strategy.type_ = Some(DaemonSetUpdateStrategyType::RollingUpdate);
    let terms = strategy.rolling_update.get_or_insert_default();
    let type_ = terms.type_.take();
    terms.type_ = type_
        .filter(|type_| !type_.as_str().is_empty())
        .or(Some(RollingUpdateType::Standard));
    if terms.max_unavailable.is_none() && terms.max_surge.is_none() {
        terms.max_unavailable = Some(IntOrString::Int(1));
        terms.max_surge = Some(IntOrString::Int(0));
    }
}

/// DS-9
fn surging(terms: &mut RollingUpdateDaemonSet) {
    if terms.type_ == Some(RollingUpdateType::Surging) {
        terms.type_ = Some(RollingUpdateType::Standard);
        terms.max_surge.get_or_insert(IntOrString::Int(1));
        terms.max_unavailable.get_or_insert(IntOrString::Int(0));
    }
}
