//! What is read of Kubernetes' own StatefulSets and Deployments in a template. The template itself stays raw, so that
//! fields which are not known here reach the workloads.

use serde_json::Value;

use crate::{int_or_string::IntOrString, wire::wire};

wire! {
    /// The spec of a StatefulSet of apps/v1.
    pub struct CoreStatefulSetSpec {
        /// Number of pods wanted.
        optional replicas: i32,
        /// What each pod is made from.
        required_raw template,
        /// Volume claims that each pod gets of its own.
        list volume_claim_templates: Value,
        /// Whether pods wait for each other.
        omitempty pod_management_policy: String,
        /// How pods are moved to a new template.
        optional update_strategy: CoreStatefulSetUpdateStrategy,
        /// Seconds that a pod must be ready before it counts as available.
        omitempty min_ready_seconds: i32,
        /// What becomes of claims that no pod needs any longer.
        optional persistent_volume_claim_retention_policy: CoreRetentionPolicy,
        /// Which numbers pods have.
        optional ordinals: CoreOrdinals,
    }

    /// How a StatefulSet moves pods to a new template.
    pub struct CoreStatefulSetUpdateStrategy {
        /// `RollingUpdate` or `OnDelete`.
        #[serde(rename = "type")]
        omitempty type_: String,
        /// The terms of a rolling update.
        optional rolling_update: CoreRollingUpdateStatefulSet,
    }

    /// The terms on which a StatefulSet moves pods to a new template.
    pub struct CoreRollingUpdateStatefulSet {
        /// The lowest ordinal that is updated.
        optional partition: i32,
        /// How many pods may be unavailable during the update.
        optional max_unavailable: IntOrString,
    }

    /// What becomes of claims that no pod needs any longer.
    pub struct CoreRetentionPolicy {
        /// When the StatefulSet is deleted.
        omitempty when_deleted: String,
        /// When pods are taken away.
        omitempty when_scaled: String,
    }

    /// Which numbers pods have.
    pub struct CoreOrdinals {
        /// Number of the first pod.
        omitempty start: i32,
    }

    /// The spec of a Deployment of apps/v1.
    pub struct CoreDeploymentSpec {
        /// Number of pods wanted.
        optional replicas: i32,
        /// What each pod is made from.
        required_raw template,
    }
}
