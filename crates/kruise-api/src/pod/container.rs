//! Containers as a pod's spec has them.

use serde::{Deserialize, Serialize};

use super::resources::{self, ContainerResources, ResizePolicy, ResourcesDigest};
use crate::{
    meta::{list, null_as_default},
    text::Text,
    well_known::env::IS_INJECTED,
};

/// What is kept of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Container {
    /// Name, unique in the pod.
    pub name: Text,
    /// Image reference.
    pub image: Text,
    /// Those environment variables that take their value from metadata of the pod, the launch barrier, and
    /// the mark of injected containers.
    #[serde(
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "env_that_matters"
    )]
    pub env: Vec<EnvVar>,
    /// Limits and requests; absent when there are none.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "resources::of_spec"
    )]
    pub resources: Option<Box<ContainerResources>>,
    /// For which resources a change restarts the container.
    #[serde(skip_serializing_if = "ResizePolicy::is_empty")]
    pub resize_policy: ResizePolicy,
    /// Hash of the whole container as kubelets before 1.31 compute it (IP-127). It is known only for pods
    /// about which the node daemon reports hashes, since it is compared with these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plain_hash: Option<u32>,
}

/// What is kept of an init container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InitContainer {
    /// Name, unique in the pod.
    pub name: Text,
    /// `Always` for a container that runs beside the ordinary ones.
    #[serde(
        skip_serializing_if = "Text::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub restart_policy: Text,
}

/// What is kept of an environment variable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvVar {
    /// Name.
    pub name: Text,
    /// The value itself, if the pod gives one.
    #[serde(
        skip_serializing_if = "Text::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub value: Text,
    /// Where the value comes from, if the pod gives none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<EnvVarSource>,
}

/// Where an environment variable takes its value from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EnvVarSource {
    /// A field of the pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_ref: Option<FieldRef>,
    /// A key of a ConfigMap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map_key_ref: Option<KeyRef>,
}

/// A field of the pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldRef {
    /// Such as `metadata.labels['app']`.
    pub field_path: Text,
}

/// A key of a ConfigMap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct KeyRef {
    /// The key.
    pub key: Text,
}

impl Container {
    /// Whether a SidecarSet injected the container.
    #[must_use]
    pub fn is_injected(&self) -> bool {
        self.env.iter().any(EnvVar::marks_injected)
    }

    /// Digest of the limits and requests.
    #[must_use]
    pub fn resources_digest(&self) -> ResourcesDigest {
        self.resources
            .as_ref()
            .map_or(ResourcesDigest::NOTHING, |resources| resources.digest)
    }
}

impl EnvVar {
    /// Whether this variable says that a SidecarSet injected the container.
    #[must_use]
    pub fn marks_injected(&self) -> bool {
        self.name == IS_INJECTED && self.value == "true"
    }

    /// Whether this is the variable by which the start of the container is held back.
    #[must_use]
    pub fn is_launch_barrier(&self) -> bool {
        self.name == LAUNCH_BARRIER
    }

    /// The field of the pod that the value is taken from, unless a value is given.
    #[must_use]
    pub fn field_path(&self) -> Option<&str> {
        let source = self.value_from.as_ref().filter(|_| self.value.is_empty())?;
        source
            .field_ref
            .as_ref()
            .map(|field| field.field_path.as_str())
    }
}

/// Environment variable that the pod webhook adds; it refers to a key which appears when the
/// container may start.
const LAUNCH_BARRIER: &str = "KRUISE_CONTAINER_BARRIER";

/// Reads a list of environment variables and keeps only what the libraries look at.
fn env_that_matters<'de, D>(deserializer: D) -> Result<Vec<EnvVar>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let mut env: Vec<EnvVar> = list(deserializer)?;
    env.retain(|env| {
        env.is_launch_barrier()
            || env.marks_injected()
            || env.field_path().is_some_and(|path| {
                path.starts_with("metadata.labels[") || path.starts_with("metadata.annotations[")
            })
    });
    Ok(env)
}
