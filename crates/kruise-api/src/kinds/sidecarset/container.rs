//! A container of a SidecarSet. What Kubernetes knows of it stays raw, and is in `unknown`.

use serde_json::{Map, Value, json};

use crate::{open_enum::open_enum, revision::normal_form, wire::wire};

wire! {
    /// A container that pods get: every field of a container of a pod, and these.
    #[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
    pub struct SidecarContainer {
        /// `BeforeAppContainer` (the default of containers) or `AfterAppContainer` (the default of initContainers): whether
        /// the container comes before or behind the pod's own.
        omitempty pod_inject_policy: PodInjectPolicyType,
        /// How the container is updated in pods that have it.
        optional upgrade_strategy: SidecarContainerUpgradeStrategy,
        /// Whether the container gets the volume mounts of the pod's own containers. Defaults to `disabled`.
        optional share_volume_policy: ShareVolumePolicy,
        /// Whether the container gets the volume devices of the pod's own containers. Unset: it does not.
        optional share_volume_device_policy: ShareVolumePolicy,
        /// Environment variables that are copied from the pod's own containers.
        list transfer_env: TransferEnvVar,
        /// Resources in proportion to those of the pod's own containers. Not together with resources.
        optional resources_policy: ResourcesPolicy,
    }

    /// How a container is updated in pods that have it.
    pub struct SidecarContainerUpgradeStrategy {
        /// `ColdUpgrade` (the default): the container is restarted with the new image. `HotUpgrade`: the pod has the
        /// container twice, and the two take turns. It can't be changed.
        omitempty upgrade_type: SidecarContainerUpgradeType,
        /// Image of the one of the two containers that is idle, with HotUpgrade.
        omitempty hot_upgrade_empty_image: String,
    }

    /// Whether something of the pod's own containers is shared.
    pub struct ShareVolumePolicy {
        /// `enabled` or `disabled`.
        #[serde(rename = "type")]
        omitempty type_: ShareVolumePolicyType,
    }

    /// Environment variables of one of the pod's own containers.
    pub struct TransferEnvVar {
        /// Name of the container.
        omitempty source_container_name: String,
        /// Where the name of the container is found, in place of sourceContainerName.
        optional source_container_name_from: SourceContainerNameSource,
        /// Name of a variable.
        omitempty env_name: String,
        /// Names of further variables.
        list env_names: String,
    }

    /// Where the name of a container is found.
    pub struct SourceContainerNameSource {
        /// A label or an annotation of the pod.
        optional field_ref: ObjectFieldSelector,
    }

    /// A field of the pod.
    #[schemars(extend("x-kubernetes-map-type" = "atomic"))]
    pub struct ObjectFieldSelector {
        /// Version of pods in which the path is written. Defaults to `v1`.
        omitempty api_version: String,
        /// `metadata.labels['key']` or `metadata.annotations['key']`.
        required field_path: String,
    }

    /// Resources in proportion to those of the pod's own containers.
    pub struct ResourcesPolicy {
        /// How resources of several containers are taken together: their `sum`, or the largest, `max`.
        #[schemars(extend("enum" = ["sum", "max"]))]
        required target_containers_mode: TargetContainersMode,
        /// A regular expression that finds the containers which count, by a part of their names. Containers of SidecarSets
        /// don't count. Defaults to `.*`, all.
        #[schemars(extend("default" = ".*"))]
        optional target_containers_name_regex: String,
        /// The resources.
        required resources_expr: ResourcesExpr,
    }

    /// Limits and requests of a container, each computed.
    pub struct ResourcesExpr {
        /// Limits. A limit is left out where not all containers that count have it.
        optional limits: ResourceExpr,
        /// Requests.
        optional requests: ResourceExpr,
    }

    /// Computed amounts, such as `max(cpu*50%, 100m)`: numbers, quantities and percentages, with + - * / ( ) max min.
    pub struct ResourceExpr {
        /// Amount of CPU. `cpu` stands for that of the containers which count.
        omitempty cpu: String,
        /// Amount of memory. `memory` stands for that of the containers which count.
        omitempty memory: String,
    }
}

open_enum! {
    /// Where in a pod a container comes.
    pub enum PodInjectPolicyType {
        /// Before the pod's own containers.
        BeforeAppContainer = "BeforeAppContainer",
        /// Behind them.
        AfterAppContainer = "AfterAppContainer",
    }
}

open_enum! {
    /// How a container is updated.
    pub enum SidecarContainerUpgradeType {
        /// It is restarted.
        ColdUpgrade = "ColdUpgrade",
        /// Its twin takes over.
        HotUpgrade = "HotUpgrade",
    }
}

open_enum! {
    /// Whether something is shared.
    pub enum ShareVolumePolicyType {
        /// It is.
        Enabled = "enabled",
        /// It is not.
        Disabled = "disabled",
    }
}

open_enum! {
    /// How resources of several containers are taken together.
    pub enum TargetContainersMode {
        /// All are added up.
        Sum = "sum",
        /// The largest counts.
        Max = "max",
    }
}

impl SidecarContainer {
    /// Name of the container, empty if it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// Whether this init container runs as long as the pod does.
    #[must_use]
    pub fn is_native_sidecar(&self) -> bool {
        self.text("restartPolicy") == "Always"
    }

    /// The container as a pod has it: what Kubernetes 1.32 knows of it, as Go writes it (SS-17).
    #[must_use]
    pub fn pod_container(&self) -> Map<String, Value> {
        match normal_form("Container", &json!(self.unknown)) {
            Value::Object(container) => container,
            _ => Map::new(),
        }
    }

    /// How the container is updated, as far as it is said.
    #[must_use]
    pub fn upgrade_type(&self) -> Option<&SidecarContainerUpgradeType> {
        let type_ = self.upgrade_strategy.as_ref().map(|it| &it.upgrade_type);
        type_.filter(|type_| !type_.as_str().is_empty())
    }

    fn text(&self, field: &str) -> &str {
        let value = self.unknown.get(field).and_then(Value::as_str);
        value.unwrap_or_default()
    }
}
