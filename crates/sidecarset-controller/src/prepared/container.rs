//! One container of a SidecarSet, ready for pods.

use kruise_api::apps::v1beta1::{
    PodInjectPolicyType, ShareVolumePolicy, ShareVolumePolicyType, SidecarContainer, TransferEnvVar,
};
use serde_json::{Map, Value};

use super::resources::PreparedResources;
use crate::record::has_twins;

/// A container, and what becomes of it in a pod.
#[derive(Debug, Clone)]
pub struct PreparedContainer {
    /// Name of the container.
    pub name: String,
    /// What a pod knows of a container, and nothing else (SS-17).
    pub container: Map<String, Value>,
    /// Whether the container comes before the pod's own (SS-132).
    pub goes_before: bool,
    /// Image of the idle twin, if pods get the container twice (SS-121).
    pub idle_image: Option<String>,
    /// Whether the container gets the volume mounts of the pod's own containers (SS-115).
    pub shares_volumes: bool,
    /// Whether the container gets the volume devices of the pod's own containers (SS-119).
    pub shares_devices: bool,
    /// Environment variables of the pod's own containers that the container gets (SS-116).
    pub transfer_env: Vec<TransferEnvVar>,
    /// Resources in proportion to those of the pod's own containers (SS-114).
    pub resources: Option<PreparedResources>,
}

impl PreparedContainer {
    pub(super) fn container(container: &SidecarContainer) -> Self {
        Self::of(container, has_twins(container))
    }

    /// Of init containers, only those can have a twin that run as long as the pod.
    pub(super) fn init_container(container: &SidecarContainer) -> Self {
        Self::of(
            container,
            container.is_native_sidecar() && has_twins(container),
        )
    }

    fn of(container: &SidecarContainer, has_twins: bool) -> Self {
        let upgrade = container.upgrade_strategy.as_ref();
        let idle_image = upgrade.map(|it| it.hot_upgrade_empty_image.clone());
        let is_shared = |policy: &Option<ShareVolumePolicy>| {
            let type_ = policy.as_ref().map(|policy| &policy.type_);
            type_ == Some(&ShareVolumePolicyType::Enabled)
        };
        Self {
            name: container.name().to_owned(),
            container: container.pod_container(),
            goes_before: container.pod_inject_policy == PodInjectPolicyType::BeforeAppContainer,
            idle_image: idle_image.filter(|_| has_twins),
            shares_volumes: is_shared(&container.share_volume_policy),
            shares_devices: is_shared(&container.share_volume_device_policy),
            transfer_env: container.transfer_env.clone(),
            resources: container
                .resources_policy
                .as_ref()
                .map(PreparedResources::of),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn sidecar(container: &Value) -> SidecarContainer {
        serde_json::from_value(container.clone()).unwrap()
    }

    // SS-17: neither own fields of SidecarSets nor fields that a later Kubernetes may know.
    #[test]
    fn pods_get_no_field_that_they_do_not_know() {
        let prepared = PreparedContainer::container(&sidecar(&json!({
            "name": "agent", "image": "agent:1",
            "podInjectPolicy": "AfterAppContainer",
            "upgradeStrategy": { "upgradeType": "ColdUpgrade" },
            "shareVolumePolicy": { "type": "enabled" },
            "shareVolumeDevicePolicy": { "type": "enabled" },
            "transferEnv": [{ "envName": "A" }],
            "resourcesPolicy": { "targetContainersMode": "sum", "resourcesExpr": {} },
            "fromTheFuture": { "a": 1 },
            "securityContext": { "runAsUser": 0, "alsoFromTheFuture": true },
        })));
        let expected = json!({
            "name": "agent", "image": "agent:1", "resources": {}, "securityContext": { "runAsUser": 0 },
        });
        assert_eq!(Value::Object(prepared.container), expected);
        assert!(prepared.shares_volumes && prepared.shares_devices && !prepared.goes_before);
    }

    // SS-121
    #[rstest]
    #[case::container("HotUpgrade", false, "", Some("idle:1"))]
    #[case::cold("ColdUpgrade", false, "", None)]
    #[case::native_init("HotUpgrade", true, "Always", Some("idle:1"))]
    #[case::ordinary_init("HotUpgrade", true, "", None)]
    fn some_have_a_twin(
        #[case] type_: &str,
        #[case] is_init: bool,
        #[case] restart_policy: &str,
        #[case] idle_image: Option<&str>,
    ) {
        let container = sidecar(&json!({
            "name": "mesh", "restartPolicy": restart_policy,
            "upgradeStrategy": { "upgradeType": type_, "hotUpgradeEmptyImage": "idle:1" },
        }));
        let prepared = if is_init {
            PreparedContainer::init_container(&container)
        } else {
            PreparedContainer::container(&container)
        };
        assert_eq!(prepared.idle_image.as_deref(), idle_image);
    }
}
