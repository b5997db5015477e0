//! Defaults of a BroadcastJob's own fields, the same in both versions (BJ-1).

use super::spec::{BroadcastJobSpec, FailurePolicyType};
use crate::{int_or_string::IntOrString, spec_parts::CompletionPolicyType};

/// Default number of pods that may be active at a time: all.
pub const PARALLELISM: i32 = i32::MAX;

/// Fills in what a spec leaves open, except for its template.
pub fn fill(spec: &mut BroadcastJobSpec) {
    spec.parallelism
        .get_or_insert(IntOrString::Int(PARALLELISM));
    let completion = spec.completion_policy.get_or_insert_default();
    let type_ = completion.type_.take();
    completion.type_ = type_
        .filter(|type_| !type_.as_str().is_empty())
        .or(Some(CompletionPolicyType::Always));
    let failure = spec.failure_policy.get_or_insert_default();
    let type_ = failure.type_.take();
    failure.type_ = type_
        .filter(|type_| !type_.as_str().is_empty())
        .or(Some(FailurePolicyType::FailFast));
}
