//! What is read of a Node by those who ask which pods fit it. Kubelets report conditions, images and volumes all the
//! time; nothing of that is kept.

use serde::{Deserialize, Deserializer};

use super::{Kept, OnTheWire};
use crate::{
    meta::{ObjectMeta, list, null_as_default},
    object::object,
    resource_list::ResourceList,
    text::Text,
};

/// What of a node decides which pods fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Metadata: identity and labels. No annotations.
    #[serde(deserialize_with = "identity_and_labels")]
    pub metadata: ObjectMeta,
    /// What is wanted of the node.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: NodeSpec,
    /// What the node has.
    #[serde(deserialize_with = "null_as_default")]
    pub status: NodeStatus,
}
object!(Node);

/// What is read of a node's spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeSpec {
    /// Whether the node was cordoned.
    #[serde(deserialize_with = "null_as_default")]
    pub unschedulable: bool,
    /// What keeps pods away that don't tolerate it.
    #[serde(deserialize_with = "list")]
    pub taints: Vec<Taint>,
}

/// What is read of a node's status.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeStatus {
    /// What all pods together may ask for.
    pub allocatable: ResourceList,
}

/// What keeps pods away.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Taint {
    /// Key.
    #[serde(deserialize_with = "null_as_default")]
    pub key: Text,
    /// Value.
    #[serde(deserialize_with = "null_as_default")]
    pub value: Text,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    #[serde(deserialize_with = "null_as_default")]
    pub effect: Text,
}

impl Node {
    /// Whether the same pods fit before and after a change of the node (DS-102).
    #[must_use]
    pub fn fits_the_same(&self, other: &Self) -> bool {
        self.metadata.name == other.metadata.name
            && self.metadata.labels == other.metadata.labels
            && self.spec == other.spec
            && self.status == other.status
    }
}

fn identity_and_labels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ObjectMeta, D::Error> {
    let read = OnTheWire::deserialize(deserializer)?;
    Ok(read.keep(Kept::All, Kept::None))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn node(change: &Value) -> Node {
        let mut node = json!({
            "metadata": {
                "name": "n1", "uid": "u", "resourceVersion": "1", "labels": { "zone": "a" },
                "annotations": { "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
            },
            "spec": { "podCIDR": "10.0.0.0/24", "taints": [{ "key": "k", "effect": "NoSchedule" }] },
            "status": {
                "allocatable": { "cpu": "4", "pods": "110" }, "capacity": { "cpu": "4" },
                "conditions": [{ "type": "Ready", "status": "True" }],
            },
        });
        for (path, value) in change.as_object().unwrap() {
            let (parent, field) = path.rsplit_once('/').unwrap();
            node.pointer_mut(parent).unwrap()[field] = value.clone();
        }
        serde_json::from_value(node).unwrap()
    }

    // DS-102
    #[rstest]
    #[case::version(json!({ "/metadata/resourceVersion": "2" }), true)]
    #[case::annotations(json!({ "/metadata/annotations": { "a": "b" } }), true)]
    #[case::conditions(json!({ "/status/conditions": [{ "type": "Ready", "status": "False" }] }), true)]
    #[case::capacity(json!({ "/status/capacity": { "cpu": "8" } }), true)]
    #[case::same_amount(json!({ "/status/allocatable": { "cpu": "4000m", "pods": 110 } }), true)]
    #[case::nothing_said(json!({ "/spec/unschedulable": null }), true)]
    #[case::labels(json!({ "/metadata/labels": { "zone": "b" } }), false)]
    #[case::taints(json!({ "/spec/taints": null }), false)]
    #[case::cordoned(json!({ "/spec/unschedulable": true }), false)]
    #[case::allocatable(json!({ "/status/allocatable": { "cpu": "3", "pods": "110" } }), false)]
    fn a_change_matters_if_it_can_change_who_fits(#[case] change: Value, #[case] is_same: bool) {
        assert_eq!(node(&json!({})).fits_the_same(&node(&change)), is_same);
    }

    #[test]
    fn of_a_node_only_what_decides_is_kept() {
        let node = node(&json!({}));
        assert_eq!(
            (node.metadata.labels.len(), node.metadata.annotations.len()),
            (1, 0)
        );
    }
}
