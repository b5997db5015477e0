//! Defaults of a SidecarSet, the same in both versions (SS-10 to SS-15).

use serde_json::{Map, Value};

use super::{
    spec::{
        PodInjectPolicyType, ShareVolumePolicyType, SidecarContainer, SidecarContainerUpgradeType,
        SidecarSetInjectRevisionPolicy, SidecarSetInjectionStrategy, SidecarSetPatchPodMetadata,
        SidecarSetPatchPolicyType, SidecarSetUpdateStrategy, SidecarSetUpdateStrategyType,
    },
    v1alpha1, v1beta1,
};
use crate::{defaults, int_or_string::IntOrString};

/// Default number of old revisions that are kept.
pub const REVISION_HISTORY_LIMIT: i32 = 10;
/// Default number of pods that may be unavailable.
pub const MAX_UNAVAILABLE: i32 = 1;
/// Default expression for names of containers: all. The CRD has the same default.
pub const TARGET_CONTAINERS_NAME_REGEX: &str = ".*";

/// Version of pods in which paths of fields are written.
const POD_VERSION: &str = "v1";

/// Fills in what a spec of v1beta1 leaves open.
pub fn fill_v1beta1(spec: &mut v1beta1::SidecarSetSpec) {
    let v1beta1::SidecarSetSpec {
        selector: _,
        custom_version: _,
        namespace_selector: _,
        init_containers,
        containers,
        volumes,
        update_strategy,
        injection_strategy,
        image_pull_secrets: _,
        revision_history_limit,
        patch_pod_metadata,
        unknown: _,
    } = spec;
    fill(Parts {
        init_containers,
        containers,
        volumes,
        update_strategy: update_strategy.get_or_insert_default(),
        injection_strategy: injection_strategy.as_mut(),
        revision_history_limit,
        patch_pod_metadata,
    });
}

/// Fills in what a spec of v1alpha1 leaves open.
pub fn fill_v1alpha1(spec: &mut v1alpha1::SidecarSetSpec) {
    let v1alpha1::SidecarSetSpec {
        selector: _,
        namespace: _,
        namespace_selector: _,
        init_containers,
        containers,
        volumes,
        update_strategy,
        injection_strategy,
        image_pull_secrets: _,
        revision_history_limit,
        patch_pod_metadata,
        unknown: _,
    } = spec;
    fill(Parts {
        init_containers,
        containers,
        volumes,
        update_strategy: update_strategy.get_or_insert_default(),
        injection_strategy: injection_strategy.as_mut(),
        revision_history_limit,
        patch_pod_metadata,
    });
}

/// What a spec of either version may leave open.
struct Parts<'a> {
    init_containers: &'a mut [SidecarContainer],
    containers: &'a mut [SidecarContainer],
    volumes: &'a mut Value,
    update_strategy: &'a mut SidecarSetUpdateStrategy,
    injection_strategy: Option<&'a mut SidecarSetInjectionStrategy>,
    revision_history_limit: &'a mut Option<i32>,
    patch_pod_metadata: &'a mut [SidecarSetPatchPodMetadata],
}

fn fill(parts: Parts<'_>) {
    // SS-10, also for NotUpdate
    let strategy = parts.update_strategy;
    if strategy.type_.as_str().is_empty() {
        strategy.type_ = SidecarSetUpdateStrategyType::RollingUpdate;
    }
    strategy
        .max_unavailable
        .get_or_insert(IntOrString::Int(MAX_UNAVAILABLE));
    strategy.partition.get_or_insert_default();
    for it in parts.init_containers {
        container(it, PodInjectPolicyType::AfterAppContainer);
    }
    for it in parts.containers {
        container(it, PodInjectPolicyType::BeforeAppContainer);
    }
    defaults::volumes(parts.volumes);
    // SS-15
    parts
        .revision_history_limit
        .get_or_insert(REVISION_HISTORY_LIMIT);
    for patch in parts.patch_pod_metadata {
        if patch.patch_policy.as_str().is_empty() {
            patch.patch_policy = SidecarSetPatchPolicyType::Retain;
        }
    }
    let revision = parts.injection_strategy.and_then(|it| it.revision.as_mut());
    if let Some(revision) = revision.filter(|revision| revision.policy.as_str().is_empty()) {
        revision.policy = SidecarSetInjectRevisionPolicy::Always;
    }
}

/// SS-11 to SS-13
fn container(container: &mut SidecarContainer, place: PodInjectPolicyType) {
    let SidecarContainer {
        pod_inject_policy,
        upgrade_strategy,
        share_volume_policy,
        // No default, so that hashes of SidecarSets that are older than the field stay.
        share_volume_device_policy: _,
        transfer_env,
        resources_policy,
        unknown,
    } = container;
    if pod_inject_policy.as_str().is_empty() {
        *pod_inject_policy = place;
    }
    let upgrade = upgrade_strategy.get_or_insert_default();
    if upgrade.upgrade_type.as_str().is_empty() {
        upgrade.upgrade_type = SidecarContainerUpgradeType::ColdUpgrade;
    }
    let share = share_volume_policy.get_or_insert_default();
    if share.type_.as_str().is_empty() {
        share.type_ = ShareVolumePolicyType::Disabled;
    }
    for env in transfer_env {
        let source = env.source_container_name_from.as_mut();
        let field = source.and_then(|source| source.field_ref.as_mut());
        if let Some(field) = field.filter(|field| field.api_version.is_empty()) {
            POD_VERSION.clone_into(&mut field.api_version);
        }
    }
    if let Some(policy) = resources_policy {
        policy
            .target_containers_name_regex
            .get_or_insert_with(|| TARGET_CONTAINERS_NAME_REGEX.to_owned());
    }
    let mut rest: Map<String, Value> = std::mem::take(unknown).into_iter().collect();
    defaults::sidecar_container(&mut rest);
    *unknown = rest.into_iter().collect();
}
