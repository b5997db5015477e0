//! A pod as it is kept here. All pods of the cluster are watched, since no label tells which of them have sidecars: of a
//! pod without any, only that is kept by which one sees whether it should have some.

use std::ops::Deref;

use kruise_api::{
    meta::ObjectMeta,
    object::Object,
    pod::{Pod, PodSpec, PodStatus},
    resource::ObjectKey,
    text::Text,
    well_known::annotations::SIDECARSET_INJECTED_LIST,
};
use serde::{Deserialize, Deserializer};

use crate::record::injected;

/// A pod: all that libraries read, if SidecarSets are recorded in it; otherwise identity, labels, times and phase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SidecarPod(Pod);

impl SidecarPod {
    /// What is kept of this pod.
    #[must_use]
    pub fn of(pod: Pod) -> Self {
        let Pod {
            metadata,
            spec,
            status,
        } = pod;
        let is_injected = metadata.annotations.contains_key(SIDECARSET_INJECTED_LIST);
        let metadata = ObjectMeta {
            // Nobody asks whose the pod is.
            owner_references: Vec::new(),
            finalizers: Vec::new(),
            ..metadata
        };
        if is_injected {
            return Self(Pod {
                metadata,
                spec,
                status,
            });
        }
        Self(Pod {
            metadata: ObjectMeta {
                annotations: Default::default(),
                ..metadata
            },
            spec: PodSpec::default(),
            status: PodStatus {
                phase: status.phase,
                ..PodStatus::default()
            },
        })
    }

    /// The SidecarSets that are recorded to have injected containers (SS-135).
    pub fn sidecar_sets(&self) -> impl Iterator<Item = &str> {
        injected(
            self.annotation(SIDECARSET_INJECTED_LIST)
                .unwrap_or_default(),
        )
    }

    /// Whether this SidecarSet is recorded to have injected containers.
    #[must_use]
    pub fn lists(&self, sidecar_set: &str) -> bool {
        self.sidecar_sets().any(|name| name == sidecar_set)
    }

    /// The value of this annotation.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.metadata.annotations.get(key).map(Text::as_str)
    }

    /// Namespace and name, as people are told of pods of many namespaces.
    #[must_use]
    pub fn full_name(&self) -> String {
        ObjectKey::of(&self.metadata).to_string()
    }
}

impl<'de> Deserialize<'de> for SidecarPod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Pod::deserialize(deserializer).map(Self::of)
    }
}

impl Object for SidecarPod {
    fn meta(&self) -> &ObjectMeta {
        &self.0.metadata
    }
}

impl Deref for SidecarPod {
    type Target = Pod;

    fn deref(&self) -> &Pod {
        &self.0
    }
}

impl AsRef<Pod> for SidecarPod {
    fn as_ref(&self) -> &Pod {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(annotations: &Value) -> SidecarPod {
        let pod = json!({
            "metadata": {
                "name": "web-1", "namespace": "shop", "uid": "u", "resourceVersion": "7",
                "creationTimestamp": "2026-01-10T08:00:00Z", "labels": { "app": "web" },
                "annotations": annotations,
                "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "r" }],
            },
            "spec": { "containers": [{ "name": "main", "image": "main:1" }] },
            "status": {
                "phase": "Running", "containerStatuses": [{ "name": "main", "imageID": "acme/main" }],
            },
        });
        serde_json::from_str(&pod.to_string()).unwrap()
    }

    #[test]
    fn of_a_pod_without_sidecars_little_is_kept() {
        let bare = pod(&json!({ "team": "checkout" }));
        assert_eq!(bare.full_name(), "shop/web-1");
        assert_eq!(bare.metadata.labels.len(), 1);
        assert!(bare.metadata.creation_timestamp.is_some() && bare.is_active());
        let rest = (bare.metadata.annotations.len(), bare.spec.containers.len());
        assert_eq!(rest, (0, 0));
        assert!(bare.status.container_statuses.is_empty());
    }

    // SS-245: any annotation may be patched.
    #[test]
    fn of_a_pod_with_sidecars_all_that_is_read_is_kept() {
        let listed = pod(&json!({ "team": "checkout", SIDECARSET_INJECTED_LIST: "log,mesh" }));
        assert_eq!(listed.annotation("team"), Some("checkout"));
        assert_eq!(listed.sidecar_sets().collect::<Vec<_>>(), ["log", "mesh"]);
        assert!(listed.lists("mesh") && !listed.lists("mes"));
        assert_eq!(listed.spec.containers.len(), 1);
        assert_eq!(listed.status.container_statuses[0].image_id, "acme/main");
        assert!(listed.metadata.owner_references.is_empty());
    }
}
