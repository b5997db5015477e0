//! Defaults of a UnitedDeployment, the same in both versions (UD-4 to UD-9).

use serde_json::Value;

use super::spec::{SubsetTemplate, UnitedDeploymentSpec, UpdateStrategyType};
use crate::{defaults, int_or_string::IntOrString};

/// Default number of pods.
pub const REPLICAS: i32 = 1;
/// Default number of old revisions that are kept.
pub const REVISION_HISTORY_LIMIT: i32 = 10;

/// Fills in what a spec leaves open, except for its template.
pub fn fill(spec: &mut UnitedDeploymentSpec) {
    spec.replicas.get_or_insert(REPLICAS);
    spec.revision_history_limit
        .get_or_insert(REVISION_HISTORY_LIMIT);
    let strategy = spec.update_strategy.get_or_insert_default();
    if strategy.type_.as_str().is_empty() {
        strategy.type_ = UpdateStrategyType::Manual;
    }
    if strategy.type_ == UpdateStrategyType::Manual {
        strategy.manual_update.get_or_insert_default();
    }
    // UD-8
    let Some(topology) = &mut spec.topology else {
        return;
    };
    let mut subsets = topology.subsets.iter();
    let has_bounds =
        subsets.any(|subset| subset.min_replicas.is_some() || subset.max_replicas.is_some());
    let mut subsets = topology.subsets.iter();
    if has_bounds && !subsets.any(|subset| subset.replicas.is_some()) {
        for subset in &mut topology.subsets {
            subset.min_replicas.get_or_insert(IntOrString::Int(0));
        }
    }
}

/// Fills in what the pod and claim templates in a template for Kubernetes' StatefulSets leave open. The other templates
/// get their defaults when workloads are made from them (UD-9).
pub fn fill_template(template: &mut SubsetTemplate) {
    let Some(template) = &mut template.stateful_set_template else {
        return;
    };
    if let Some(pods) = template.spec.get_mut("template") {
        defaults::pod_template(pods);
    }
    let claims = template.spec.get_mut("volumeClaimTemplates");
    let claims = claims.and_then(Value::as_array_mut);
    for claim in claims.into_iter().flatten() {
        defaults::volume_claim_template(claim);
    }
}
