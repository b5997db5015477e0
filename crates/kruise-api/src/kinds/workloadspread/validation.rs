//! What admission refuses in a WorkloadSpread (WS-2). v1alpha1 is judged in the form of v1beta1. Pods with a subset's
//! patch are for the API server to judge: [`patched_template`] makes what it is asked about. That the gate is off is for
//! the deployable to answer.

mod patch;
mod places;

use std::collections::HashSet;

use serde_json::Value;

use super::{
    spec::{WorkloadSpreadScheduleStrategy, WorkloadSpreadScheduleStrategyType},
    texts,
    v1beta1::{WorkloadSpread, WorkloadSpreadSpec, WorkloadSpreadSubset},
};
use crate::{
    spec_parts::TargetReference,
    validation::{
        FieldError, FieldErrors, FieldPath, label_selector, node_affinity, numbers::not_negative,
        target_reference,
    },
    white_list::WhiteList,
};

pub use patch::{patched_template, template_kind};

/// Code of the answer to what is refused here (PF-211).
pub const ANSWER_CODE: u16 = 400;

/// Seconds that all subsets but the last may together keep a pod waiting: less than the 300 after which a subset that had
/// no room is tried again (WS-40), so that a pod gets to the last one.
const MAX_WAITING_SECONDS: i32 = 295;

const UNSUPPORTED: &str = "must be a CloneSet, Deployment, ReplicaSet, StatefulSet or Job of its own group, or a kind of \
                           the white list";
const LAST_IS_LIMITED: &str = "must be absent in the last subset when scheduleStrategy.adaptive is given: pods that no \
                               other subset can take go there";

/// What is wrong with a WorkloadSpread, and with the change that made it of `old`. `others` are all of its namespace;
/// itself may be among them.
pub fn validate<'a>(
    spread: &WorkloadSpread,
    old: Option<&WorkloadSpread>,
    white_list: &WhiteList,
    others: impl IntoIterator<Item = &'a WorkloadSpread>,
) -> FieldErrors {
    let spec = &spread.spec;
    let mut errors = FieldErrors::new();
    errors.extend(target(&spec.target_ref, white_list));
    if let Some(old) = old
        && !spec.target_ref.is_same_workload(&old.spec.target_ref)
    {
        let path = FieldPath::new("spec.targetRef");
        errors.push(FieldError::forbidden(&path, texts::TARGET_CHANGED));
    }
    errors.extend(taken(spread, others));
    let filter = spec.target_filter.as_ref();
    if let Some(selector) = filter.and_then(|filter| filter.selector.as_ref()) {
        let path = FieldPath::new("spec.targetFilter.selector");
        errors.extend(label_selector(selector, &path));
    }
    errors.extend(subsets(&spec.subsets));
    errors.extend(places::errors(&spec.subsets, &spec.target_ref.kind));
    if let Some(strategy) = &spec.schedule_strategy {
        errors.extend(schedule_strategy(strategy, spec));
    }
    errors
}

/// Whether pods of this kind of workload can be spread. A kind of another group that is called like one of OpenKruise's
/// or Kubernetes' own never is.
#[must_use]
pub fn is_supported_workload(group: &str, kind: &str, white_list: &WhiteList) -> bool {
    match kind {
        "CloneSet" => group == "apps.kruise.io",
        "Deployment" | "ReplicaSet" => group == "apps",
        "StatefulSet" => matches!(group, "apps" | "apps.kruise.io"),
        "Job" => group == "batch",
        _ => white_list.workload(group, kind).is_some(),
    }
}

fn target(target: &TargetReference, white_list: &WhiteList) -> Option<FieldError> {
    let path = FieldPath::new("spec.targetRef");
    target_reference::incomplete(target, &path).or_else(|| {
        let is_supported = is_supported_workload(target.group(), &target.kind, white_list);
        (!is_supported).then(|| target_reference::invalid(target, &path, UNSUPPORTED))
    })
}

/// A workload has one WorkloadSpread.
fn taken<'a>(
    spread: &WorkloadSpread,
    others: impl IntoIterator<Item = &'a WorkloadSpread>,
) -> Option<FieldError> {
    let target = &spread.spec.target_ref;
    let other = others.into_iter().find(|other| {
        other.metadata.name != spread.metadata.name
            && other.spec.target_ref.is_same_workload(target)
    })?;
    let name = &other.metadata.name;
    let why = format!("WorkloadSpread {name} spreads the same workload");
    let path = FieldPath::new("spec.targetRef");
    Some(target_reference::invalid(target, &path, why))
}

fn subsets(subsets: &[WorkloadSpreadSubset]) -> FieldErrors {
    let path = FieldPath::new("spec.subsets");
    let mut errors = FieldErrors::new();
    if subsets.is_empty() {
        errors.push(FieldError::required(&path, texts::NO_SUBSETS));
    }
    let mut names = HashSet::new();
    for (index, subset) in subsets.iter().enumerate() {
        let path = path.index(index);
        let name = path.child("name");
        if subset.name.is_empty() {
            errors.push(FieldError::required(&name, texts::NO_NAME));
        } else if !names.insert(subset.name.as_str()) {
            errors.push(FieldError::duplicate(&name, subset.name.as_str()));
        }
        if let Some(term) = &subset.required_node_selector {
            let path = path.child("requiredNodeSelector");
            errors.extend(node_affinity::required_term(term, &path));
        }
        errors.extend(node_affinity::preferred_terms(
            &subset.preferred_node_selector,
            &path.child("preferredNodeSelector"),
        ));
        errors.extend(node_affinity::tolerations(
            &subset.tolerations,
            &path.child("tolerations"),
        ));
    }
    errors
}

fn schedule_strategy(
    strategy: &WorkloadSpreadScheduleStrategy,
    spec: &WorkloadSpreadSpec,
) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec.scheduleStrategy");
    let type_ = &strategy.type_;
    if let WorkloadSpreadScheduleStrategyType::Other(word) = type_
        && !word.is_empty()
    {
        let supported = ["Adaptive", "Fixed"];
        errors.push(FieldError::not_supported(
            &path.child("type"),
            word,
            &supported,
        ));
    }
    let Some(adaptive) = &strategy.adaptive else {
        return errors;
    };
    if *type_ != WorkloadSpreadScheduleStrategyType::Adaptive && errors.is_empty() {
        let why = texts::NOT_ADAPTIVE;
        errors.push(FieldError::invalid(
            &path.child("type"),
            type_.as_str(),
            why,
        ));
    }
    let others = i32::try_from(spec.subsets.len()).unwrap_or(i32::MAX) - 1;
    if others > 0 {
        errors.extend(last_is_limited(&spec.subsets));
    }
    if let Some(seconds) = adaptive.reschedule_critical_seconds {
        let path = path.child("adaptive").child("rescheduleCriticalSeconds");
        let most = MAX_WAITING_SECONDS.checked_div(others.max(0));
        errors.extend(not_negative(&path, Some(seconds)));
        if let Some(most) = most.filter(|most| seconds > *most) {
            let why = format!("must be at most {most} with so many subsets");
            errors.push(FieldError::invalid(&path, seconds, why));
        }
    }
    errors
}

fn last_is_limited(subsets: &[WorkloadSpreadSubset]) -> Option<FieldError> {
    let (index, last) = subsets.iter().enumerate().next_back()?;
    let max_replicas = last.max_replicas.as_ref()?;
    let path = FieldPath::new("spec.subsets").index(index);
    Some(FieldError::invalid(
        &path.child("maxReplicas"),
        Value::from(max_replicas),
        LAST_IS_LIMITED,
    ))
}
