//! A ContainerRecreateRequest as it is watched here. Of those that others made, nothing is kept but who they are.

use kruise_api::{
    apps::v1beta1::{ContainerRecreateRequest, ContainerRecreateRequestPhase},
    meta::ObjectMeta,
    object::Object,
    pod::ContainerId,
    resource::ObjectKey,
    text::Text,
};
use serde::{Deserialize, Deserializer};

/// How the names of our requests begin.
const PREFIX: &str = "sidecar-termination-";

/// The name of the request for the pod with this UID (ST-9).
#[must_use]
pub fn name_for(uid: &str) -> String {
    format!("{PREFIX}{uid}")
}

/// What is kept of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredRequest {
    /// Identity and version, and whether it is being deleted.
    pub metadata: ObjectMeta,
    /// What it says, if it was made to end sidecars.
    pub request: Option<Box<Request>>,
}

/// What a request says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Name of the pod.
    pub pod_name: Text,
    /// Whether it has ended, whatever became of the containers.
    pub is_finished: bool,
    /// The containers that it is to stop.
    pub targets: Vec<Target>,
}

/// A container that a request is to stop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// Name of the container.
    pub name: Text,
    /// Which run of it is to be stopped. The webhook records that; a request that no webhook saw has none.
    pub recorded: Option<ContainerId>,
}

impl StoredRequest {
    /// The pod whose sidecars it is to end.
    #[must_use]
    pub fn pod(&self) -> Option<ObjectKey> {
        let request = self.request.as_ref()?;
        let namespace = self.metadata.namespace.clone();
        Some(ObjectKey::new(namespace, request.pod_name.to_string()))
    }
}

impl Object for StoredRequest {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl<'de> Deserialize<'de> for StoredRequest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = ContainerRecreateRequest::deserialize(deserializer)?;
        let is_ours = read.metadata.name.starts_with(PREFIX);
        let metadata = ObjectMeta {
            name: read.metadata.name,
            namespace: read.metadata.namespace,
            uid: read.metadata.uid,
            resource_version: read.metadata.resource_version,
            deletion_timestamp: read.metadata.deletion_timestamp,
            ..ObjectMeta::default()
        };
        let targets = read.spec.containers.iter().map(|container| {
            let context = container.status_context.as_ref();
            Target {
                name: (&container.name).into(),
                recorded: context.map(|context| context.container_id.as_str().into()),
            }
        });
        let request = is_ours.then(|| {
            Box::new(Request {
                pod_name: (&read.spec.pod_name).into(),
                is_finished: read.status.phase == ContainerRecreateRequestPhase::Completed,
                targets: targets.collect(),
            })
        });
        Ok(Self { metadata, request })
    }
}
