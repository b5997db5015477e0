//! The CloneSet in a UnitedDeployment's template: that of v1beta1, and beside it the form of an update strategy that
//! v1alpha1 has and OpenKruise 1.9.0 reads (PF-926).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::cloneset::{
    CloneSetSpec,
    update_terms::CloneSetUpdateTerms,
    v1beta1::{
        self, CloneSetScaleStrategy, CloneSetUpdateStrategyType, PodUpdatePolicy,
        RollingUpdateCloneSetStrategy,
    },
};

/// What the CloneSets of a UnitedDeployment shall be.
pub type CloneSetTemplateSpec = CloneSetSpec<CloneSetScaleStrategy, CloneSetTemplateUpdateStrategy>;

/// How pods are moved to a new template: as in a CloneSet of v1beta1, or, where rollingUpdate is absent, as in one of
/// v1alpha1.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloneSetTemplateUpdateStrategy {
    /// `RollingUpdate` (the default), or `OnDelete`: only pods that are made anew get the new template. Where rollingUpdate
    /// is absent, also `ReCreate`, `InPlaceIfPossible` or `InPlaceOnly`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<CloneSetUpdateStrategyType>,
    /// The terms of a rolling update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling_update: Option<RollingUpdateCloneSetStrategy>,
    /// The terms in the form of v1alpha1. They count where `rollingUpdate` is absent.
    #[serde(flatten)]
    pub flat: CloneSetUpdateTerms,
}

impl CloneSetTemplateUpdateStrategy {
    /// The strategy as a CloneSet of v1beta1 has it.
    #[must_use]
    pub fn into_v1beta1(self) -> v1beta1::CloneSetUpdateStrategy {
        let Self {
            type_,
            rolling_update,
            flat: mut terms,
        } = self;
        let unknown = std::mem::take(&mut terms.unknown);
        let policy = type_
            .as_ref()
            .map(|type_| PodUpdatePolicy::from(type_.as_str()))
            .filter(|policy| !matches!(policy, PodUpdatePolicy::Other(_)));
        let is_flat = terms != CloneSetUpdateTerms::default() || policy.is_some();
        let (type_, rolling_update) = if rolling_update.is_some() || !is_flat {
            (type_, rolling_update)
        } else {
            // A policy stands in the place of the type.
            let type_ = type_.filter(|_| policy.is_none());
            let terms = RollingUpdateCloneSetStrategy {
                pod_update_policy: policy,
                terms,
            };
            (
                Some(type_.unwrap_or(CloneSetUpdateStrategyType::RollingUpdate)),
                Some(terms),
            )
        };
        v1beta1::CloneSetUpdateStrategy {
            type_,
            rolling_update,
            unknown,
        }
    }
}

/// The spec that a CloneSet of v1beta1 gets.
#[must_use]
pub fn into_v1beta1(spec: CloneSetTemplateSpec) -> v1beta1::CloneSetSpec {
    spec.with_strategies(
        |scale| scale,
        |update| update.map(CloneSetTemplateUpdateStrategy::into_v1beta1),
    )
}
