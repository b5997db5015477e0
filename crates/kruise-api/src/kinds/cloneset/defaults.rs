//! Defaults of a CloneSet's own fields. Admission writes them, and controllers apply them in memory as well
//! (CS-6, CS-8).

use super::{spec::CloneSetSpec, update_terms::CloneSetUpdateTerms, v1alpha1, v1beta1};
use crate::int_or_string::IntOrString;

/// Default number of pods.
pub const REPLICAS: i32 = 1;
/// Default number of old revisions that are kept.
pub const REVISION_HISTORY_LIMIT: i32 = 10;
/// Default share of pods that may be unavailable.
pub const MAX_UNAVAILABLE: &str = "20%";

/// Fills in what a spec of v1beta1 leaves open, except for its template (CS-6, CS-8).
pub fn fill_v1beta1(spec: &mut v1beta1::CloneSetSpec) {
    numbers(spec);
    let strategy = spec.update_strategy.get_or_insert_default();
    let type_ = strategy
        .type_
        .take_if(|type_| !type_.as_str().is_empty())
        .unwrap_or(v1beta1::CloneSetUpdateStrategyType::RollingUpdate);
    if type_ == v1beta1::CloneSetUpdateStrategyType::RollingUpdate {
        let rolling_update = strategy.rolling_update.get_or_insert_default();
        let policy = rolling_update
            .pod_update_policy
            .take_if(|policy| !policy.as_str().is_empty())
            .unwrap_or(v1beta1::PodUpdatePolicy::ReCreate);
        let in_place = matches!(
            policy,
            v1beta1::PodUpdatePolicy::InPlaceIfPossible | v1beta1::PodUpdatePolicy::InPlaceOnly
        );
        rolling_update.pod_update_policy = Some(policy);
        update_terms(&mut rolling_update.terms, in_place);
    }
    strategy.type_ = Some(type_);
}

/// Fills in what a spec of v1alpha1 leaves open, except for its template (CS-6, CS-7).
pub fn fill_v1alpha1(spec: &mut v1alpha1::CloneSetSpec) {
    numbers(spec);
    let strategy = spec.update_strategy.get_or_insert_default();
    let type_ = strategy
        .type_
        .take_if(|type_| !type_.as_str().is_empty())
        .unwrap_or(v1alpha1::CloneSetUpdateStrategyType::ReCreate);
    let in_place = matches!(
        type_,
        v1alpha1::CloneSetUpdateStrategyType::InPlaceIfPossible
            | v1alpha1::CloneSetUpdateStrategyType::InPlaceOnly
    );
    strategy.type_ = Some(type_);
    update_terms(&mut strategy.terms, in_place);
}

fn numbers<Scale, Update>(spec: &mut CloneSetSpec<Scale, Update>) {
    spec.replicas.get_or_insert(REPLICAS);
    spec.revision_history_limit
        .get_or_insert(REVISION_HISTORY_LIMIT);
}

fn update_terms(terms: &mut CloneSetUpdateTerms, in_place: bool) {
    if in_place {
        terms.in_place_update_strategy.get_or_insert_default();
    }
    terms.partition.get_or_insert(IntOrString::Int(0));
    terms
        .max_unavailable
        .get_or_insert_with(|| IntOrString::String(MAX_UNAVAILABLE.to_owned()));
    terms.max_surge.get_or_insert(IntOrString::Int(0));
}
