//! What a pod is to be.

use serde::{Deserialize, Serialize};

use super::{Container, Containers, InitContainer};
use crate::{
    meta::{list, null_as_default},
    text::Text,
};

/// What is kept of a pod's spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "SpecOnTheWire<Container>")]
pub struct PodSpec {
    /// Node that the pod was assigned to; empty before.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub node_name: Text,
    /// Containers that run side by side.
    #[serde(skip_serializing_if = "<[Container]>::is_empty")]
    pub containers: Containers,
    /// Containers that run before the others or, when they restart always, beside them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub init_containers: Vec<InitContainer>,
    /// Conditions that must be True before the pod can be Ready.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub readiness_gates: Vec<ReadinessGate>,
}

/// One readiness gate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ReadinessGate {
    /// Type of the condition that must be True.
    pub condition_type: Text,
}

/// A pod's spec while it is decoded. `C` is a container, or one that is hashed while it is read.
#[derive(Deserialize)]
#[serde(
    rename_all = "camelCase",
    default,
    bound(deserialize = "C: Default + Deserialize<'de>")
)]
pub(super) struct SpecOnTheWire<C> {
    #[serde(deserialize_with = "null_as_default")]
    node_name: Text,
    #[serde(deserialize_with = "list")]
    containers: Vec<C>,
    #[serde(deserialize_with = "list")]
    init_containers: Vec<InitContainer>,
    #[serde(deserialize_with = "list")]
    readiness_gates: Vec<ReadinessGate>,
}

impl<C> Default for SpecOnTheWire<C> {
    fn default() -> Self {
        Self {
            node_name: Text::default(),
            containers: Vec::new(),
            init_containers: Vec::new(),
            readiness_gates: Vec::new(),
        }
    }
}

impl<C: Into<Container>> From<SpecOnTheWire<C>> for PodSpec {
    fn from(spec: SpecOnTheWire<C>) -> Self {
        Self {
            node_name: spec.node_name,
            containers: spec.containers.into_iter().map(Into::into).collect(),
            init_containers: spec.init_containers,
            readiness_gates: spec.readiness_gates,
        }
    }
}
