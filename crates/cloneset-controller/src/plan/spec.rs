//! The CloneSet's spec with every default applied and every number resolved (CS-6, CS-8, CS-43).
//! Webhook or not, this is what the planner reads (PF-907).

use std::collections::BTreeSet;

use kruise_api::{
    apps::v1beta1::{
        self as api, CloneSetSpec, CloneSetUpdateStrategyType, Lifecycle, UpdatePriorityStrategy,
        UpdateScatterTerm,
    },
    int_or_string::{IntOrString, Rounding, partition, resolve_or_zero},
    kinds::cloneset::{defaults, validation::NO_PROGRESS_DEADLINE},
    pod::Pod,
    specified_delete,
};

/// How pods are brought to another revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodUpdatePolicy {
    /// Delete and create.
    ReCreate,
    /// In place, else delete and create.
    InPlaceIfPossible,
    /// In place, else not at all.
    InPlaceOnly,
}

/// The resolved spec.
#[derive(Debug, Clone)]
pub struct Spec {
    /// R.
    pub replicas: i32,
    /// P; 0 when it can't be resolved.
    pub partition: i32,
    /// Whether the partition could be resolved (CS-115).
    pub partition_is_valid: bool,
    /// U.
    pub max_unavailable: i32,
    /// S.
    pub max_surge: i32,
    /// The cap of CS-51.
    pub scale_cap: i32,
    /// Type `OnDelete`.
    pub on_delete: bool,
    /// Whether `rollingUpdate` is there at all.
    pub has_rolling_update: bool,
    /// `paused`.
    pub paused: bool,
    /// `podUpdatePolicy`.
    pub policy: PodUpdatePolicy,
    /// `gracePeriodSeconds`.
    pub grace_seconds: i32,
    /// `minReadySeconds`.
    pub min_ready_seconds: i32,
    /// `excludePreparingDelete`.
    pub exclude_preparing_delete: bool,
    /// `enablePVCReuse`: a new pod may get the id, and so the claims, of one that vanished (CS-75).
    pub reuses_claims: bool,
    /// `podsToDelete`.
    pub pods_to_delete: BTreeSet<String>,
    /// `lifecycle`.
    pub lifecycle: Option<Lifecycle>,
    /// `priorityStrategy`.
    pub priority: Option<UpdatePriorityStrategy>,
    /// `scatterStrategy`.
    pub scatter: Option<Vec<UpdateScatterTerm>>,
    /// `revisionHistoryLimit`; negative counts as 0 (DV-CS4).
    pub history_limit: usize,
    /// `progressDeadlineSeconds`, when the condition is wanted.
    pub progress_deadline_seconds: Option<i32>,
    /// How images are pulled ahead.
    pub pre_download: PreDownloadSettings,
}

/// How images are pulled ahead of an update (CS-102 to CS-104).
#[derive(Debug, Clone, Default)]
pub struct PreDownloadSettings {
    /// Nodes at the same time, as written.
    pub parallelism: Option<IntOrString>,
    /// After which a pull is given up.
    pub timeout_seconds: Option<i32>,
    /// How many updated pods must be ready before.
    pub min_updated_ready_pods: i32,
    /// U, rounded down whatever maxSurge is (CS-103).
    pub max_unavailable: i32,
}

/// Larger numbers count as this one, so that sums of a few of them fit in 32 bits.
const LARGEST: i32 = i32::MAX / 8;

impl Spec {
    /// Applies defaults and resolves numbers.
    #[must_use]
    pub fn of(spec: &CloneSetSpec) -> Self {
        let replicas = spec
            .replicas
            .unwrap_or(defaults::REPLICAS)
            .clamp(0, LARGEST);
        let strategy = spec.update_strategy.clone().unwrap_or_default();
        let on_delete = strategy.type_ == Some(CloneSetUpdateStrategyType::OnDelete);
        // CS-8: for RollingUpdate the terms are created when missing, for OnDelete they are not.
        let has_rolling_update = strategy.rolling_update.is_some() || !on_delete;
        let api::RollingUpdateCloneSetStrategy {
            pod_update_policy,
            terms,
        } = strategy.rolling_update.unwrap_or_default();
        let paused = terms.paused.unwrap_or(false);

        let max_surge = match &terms.max_surge {
            Some(value) if !paused => resolve_or_zero(value, replicas, Rounding::Up),
            _ => 0,
        };
        let default_unavailable = IntOrString::String(defaults::MAX_UNAVAILABLE.to_owned());
        let rounding = if max_surge > 0 || !has_rolling_update {
            Rounding::Down
        } else {
            Rounding::Up
        };
        let max_unavailable = terms
            .max_unavailable
            .as_ref()
            .unwrap_or(&default_unavailable);
        let pre_download = pre_download(
            terms.in_place_update_strategy.as_ref(),
            resolve_or_zero(max_unavailable, replicas, Rounding::Down),
        );
        let max_unavailable = resolve_or_zero(max_unavailable, replicas, rounding);
        let resolved_partition = partition(terms.partition.as_ref(), replicas);
        let scale = spec.scale_strategy.clone().unwrap_or_default();
        Self {
            replicas,
            partition_is_valid: resolved_partition.is_ok(),
            partition: resolved_partition.unwrap_or(0),
            max_unavailable: max_unavailable.clamp(0, LARGEST),
            max_surge: max_surge.clamp(0, LARGEST),
            scale_cap: scale.max_unavailable.as_ref().map_or(i32::MAX, |value| {
                resolve_or_zero(value, replicas, Rounding::Up).max(0)
            }),
            on_delete,
            has_rolling_update,
            paused,
            policy: match pod_update_policy {
                Some(api::PodUpdatePolicy::InPlaceIfPossible) => PodUpdatePolicy::InPlaceIfPossible,
                Some(api::PodUpdatePolicy::InPlaceOnly) => PodUpdatePolicy::InPlaceOnly,
                _ => PodUpdatePolicy::ReCreate,
            },
            grace_seconds: terms
                .in_place_update_strategy
                .as_ref()
                .and_then(|strategy| strategy.grace_period_seconds)
                .unwrap_or(0),
            min_ready_seconds: spec.min_ready_seconds.unwrap_or(0),
            exclude_preparing_delete: scale.exclude_preparing_delete.unwrap_or(false),
            reuses_claims: scale.enable_pvc_reuse.unwrap_or(false),
            pods_to_delete: scale.pods_to_delete.into_iter().flatten().collect(),
            lifecycle: spec.lifecycle.clone(),
            priority: terms.priority_strategy,
            scatter: terms.scatter_strategy,
            history_limit: usize::try_from(
                spec.revision_history_limit
                    .unwrap_or(defaults::REVISION_HISTORY_LIMIT),
            )
            .unwrap_or(0),
            progress_deadline_seconds: spec
                .progress_deadline_seconds
                .filter(|seconds| *seconds != NO_PROGRESS_DEADLINE),
            pre_download,
        }
    }

    /// Whether the pod is to be deleted by name or label (CS-45).
    #[must_use]
    pub fn is_specified_for_deletion(&self, pod: &Pod) -> bool {
        specified_delete::is_marked(pod) || self.pods_to_delete.contains(&pod.metadata.name)
    }
}

fn pre_download(
    strategy: Option<&api::InPlaceUpdateStrategy>,
    max_unavailable: i32,
) -> PreDownloadSettings {
    let strategy = strategy.cloned().unwrap_or_default();
    PreDownloadSettings {
        parallelism: strategy.image_pre_download_parallelism,
        timeout_seconds: strategy.image_pre_download_timeout_seconds,
        min_updated_ready_pods: strategy
            .image_pre_download_min_updated_ready_pods
            .unwrap_or(0),
        max_unavailable,
    }
}
