//! A CloneSet's spec, of which both versions have the same shape.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    definition::structural::preserved,
    meta::{LabelSelector, UnknownFields, null_as_default},
    spec_parts::Lifecycle,
};

/// What a CloneSet shall be.
// The versions differ in two strategies only: that of adding pods, and that of moving pods to a new
// template.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CloneSetSpec<Scale, Update> {
    /// Number of pods wanted. Defaults to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<i32>")]
    pub replicas: Option<i32>,
    /// Which pods belong to the CloneSet. Must match the labels of the template. Can't be changed.
    #[serde(default, deserialize_with = "null_as_default")]
    #[schemars(!default)]
    pub selector: LabelSelector,
    /// What each pod is made from.
    // An absent template is null here, and stays absent on the wire.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    #[schemars(!default, !skip_serializing_if, schema_with = "preserved")]
    pub template: Value,
    /// Volume claims that each pod gets of its own. A pod's claims are made with it and, unless
    /// they are to be reused, deleted with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "preserved")]
    pub volume_claim_templates: Option<Vec<Value>>,
    /// How pods are added and taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_strategy: Option<Scale>,
    /// How pods are moved to a new template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_strategy: Option<Update>,
    /// How many old revisions are kept besides those in use. Defaults to 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision_history_limit: Option<i32>,
    /// Seconds that a pod must be ready before it counts as available. Defaults to 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_ready_seconds: Option<i32>,
    /// Hooks by which others hold a pod before deletion, around an update in place, and before it
    /// counts as normal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifecycle: Option<Lifecycle>,
    /// Seconds without progress after which the condition Progressing turns False. Unset or
    /// 2147483647: there is no such condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<i32>,
    /// Fields that this version of the crate does not know, as they were.
    #[serde(flatten)]
    #[schemars(skip)]
    pub unknown: UnknownFields,
}

impl<Scale, Update> CloneSetSpec<Scale, Update> {
    /// The same spec in a version with other strategies.
    pub(crate) fn with_strategies<OtherScale, OtherUpdate>(
        self,
        scale: impl FnOnce(Option<Scale>) -> Option<OtherScale>,
        update: impl FnOnce(Option<Update>) -> Option<OtherUpdate>,
    ) -> CloneSetSpec<OtherScale, OtherUpdate> {
        let Self {
            replicas,
            selector,
            template,
            volume_claim_templates,
            scale_strategy,
            update_strategy,
            revision_history_limit,
            min_ready_seconds,
            lifecycle,
            progress_deadline_seconds,
            unknown,
        } = self;
        CloneSetSpec {
            replicas,
            selector,
            template,
            volume_claim_templates,
            scale_strategy: scale(scale_strategy),
            update_strategy: update(update_strategy),
            revision_history_limit,
            min_ready_seconds,
            lifecycle,
            progress_deadline_seconds,
            unknown,
        }
    }
}
