//! The numbers that a CloneSet's spec stands for, by the rules alone. The planner works them out by code of its own;
//! were it asked here, one mistake would go through unseen on both sides.

use kruise_api::{
    apps::v1beta1::{CloneSetSpec, CloneSetUpdateStrategyType},
    int_or_string::{IntOrString, Rounding, kruise_percent, lenient_percent, partition},
};

use crate::gates::Gates;

/// Numbers are wide enough for any sum of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Terms {
    /// R of the rules.
    pub(super) replicas: i64,
    /// P.
    pub(super) partition: i64,
    /// U.
    pub(super) max_unavailable: i64,
    /// S.
    pub(super) max_surge: i64,
    pub(super) min_ready_seconds: i32,
    /// Whether pods in state PreparingDelete don't count, by the spec or by the flag (CS-50).
    pub(super) exclude_preparing_delete: bool,
    /// `enablePVCReuse` (CS-75).
    pub(super) reuses_claims: bool,
}

/// Larger numbers count as this one: nobody can mean them, and the sums of the rules are of 32 bits.
const LARGEST: i32 = i32::MAX / 8;

impl Terms {
    pub(super) fn of(spec: &CloneSetSpec, gates: &Gates) -> Self {
        // CS-6
        let replicas = spec.replicas.unwrap_or(1).clamp(0, LARGEST);
        let strategy = spec.update_strategy.as_ref();
        let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
        let terms = rolling.map(|rolling| &rolling.terms);
        // CS-8: where the type is RollingUpdate, the terms are there whether they are written or not.
        let is_on_delete = strategy
            .is_some_and(|strategy| strategy.type_ == Some(CloneSetUpdateStrategyType::OnDelete));
        let has_terms = terms.is_some() || !is_on_delete;

        // CS-43, line S
        let is_paused = terms.is_some_and(|terms| terms.paused == Some(true));
        let surge = terms.and_then(|terms| terms.max_surge.as_ref());
        let max_surge = match surge {
            Some(surge) if !is_paused => resolved(surge, replicas, Rounding::Up),
            _ => 0,
        };
        // CS-43, line U, and the last one for absent terms
        let rounding = match has_terms && max_surge == 0 {
            true => Rounding::Up,
            false => Rounding::Down,
        };
        let unavailable = terms.and_then(|terms| terms.max_unavailable.as_ref());
        let max_unavailable = match unavailable {
            Some(unavailable) => resolved(unavailable, replicas, rounding),
            None => a_fifth(replicas, rounding),
        };
        // CS-43, line P: what can't be read keeps nothing back.
        let kept = partition(terms.and_then(|terms| terms.partition.as_ref()), replicas);
        let scale = spec.scale_strategy.as_ref();
        let scale_is = |flag: Option<bool>| flag == Some(true);
        Self {
            replicas: replicas.into(),
            partition: kept.unwrap_or(0).into(),
            max_unavailable,
            max_surge,
            min_ready_seconds: spec.min_ready_seconds.unwrap_or(0),
            exclude_preparing_delete: gates.exclude_preparing_delete
                || scale.is_some_and(|scale| scale_is(scale.exclude_preparing_delete)),
            reuses_claims: scale.is_some_and(|scale| scale_is(scale.enable_pvc_reuse)),
        }
    }
}

/// CS-43, its line about texts: what ends in `%` is a Kruise percent, any other text a lenient one (IP-162).
fn resolved(value: &IntOrString, replicas: i32, rounding: Rounding) -> i64 {
    let number = match value {
        IntOrString::String(text) if text.ends_with('%') => {
            kruise_percent(value, replicas, rounding)
        }
        _ => lenient_percent(value, replicas, rounding),
    };
    // Admission takes nothing below 0; without it, that is none.
    number.unwrap_or(0).clamp(0, LARGEST).into()
}

/// 20 %, the default of maxUnavailable.
fn a_fifth(replicas: i32, rounding: Rounding) -> i64 {
    let replicas = i64::from(replicas);
    match rounding {
        Rounding::Up => (replicas + 4) / 5,
        Rounding::Down => replicas / 5,
    }
}

#[cfg(test)]
mod tests;
