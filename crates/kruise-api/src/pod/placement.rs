//! Where a pod may run, as its spec says. Not every controller reads that: whose pods go to certain nodes does, and
//! watches [`PodWith`](super::PodWith) it.

use serde::Deserialize;

use crate::{
    meta::{list, null_as_default},
    resource_list::ResourceList,
    text::Text,
    text_map::TextMap,
};

/// What of a pod's spec decides on which nodes the pod can run, of a pod or of a template's `spec`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "OnTheWire")]
pub struct Placement {
    /// Node that the pod is bound to; empty while it is bound to none.
    pub node_name: Text,
    /// Labels that the node must have.
    pub node_selector: TextMap,
    /// Terms of the required node affinity, one of which must match. None: any node will do.
    pub required_terms: Option<Vec<NodeSelectorTerm>>,
    /// Taints that the pod puts up with.
    pub tolerations: Vec<Toleration>,
    /// What the pod asks for as a whole, as the scheduler computes it.
    pub requests: ResourceList,
}

/// One term of a node affinity: all its requirements must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeSelectorTerm {
    /// Requirements on the node's labels.
    #[serde(deserialize_with = "list")]
    pub match_expressions: Vec<NodeSelectorRequirement>,
    /// Requirements on the node's fields, of which there is `metadata.name` alone.
    #[serde(deserialize_with = "list")]
    pub match_fields: Vec<NodeSelectorRequirement>,
}

/// One requirement on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct NodeSelectorRequirement {
    /// Key of a label, or path of a field.
    #[serde(deserialize_with = "null_as_default")]
    pub key: Text,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`, `Gt` or `Lt`.
    #[serde(deserialize_with = "null_as_default")]
    pub operator: Text,
    /// What the operator compares with.
    #[serde(deserialize_with = "list")]
    pub values: Vec<Text>,
}

/// Taints that a pod puts up with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Toleration {
    /// Key of the taint; empty: any.
    #[serde(deserialize_with = "null_as_default")]
    pub key: Text,
    /// `Equal`, or empty: the value must be the taint's. `Exists`: any value.
    #[serde(deserialize_with = "null_as_default")]
    pub operator: Text,
    /// Value of the taint.
    #[serde(deserialize_with = "null_as_default")]
    pub value: Text,
    /// Effect of the taint; empty: any.
    #[serde(deserialize_with = "null_as_default")]
    pub effect: Text,
}

/// Name of a node, as a field in node affinities.
pub const NODE_NAME_FIELD: &str = "metadata.name";

impl Placement {
    /// The node that the pod runs on or is meant for; empty if neither is known (BJ-24). A pod that waits for the
    /// scheduler is meant for the one node that its required affinity names.
    #[must_use]
    pub fn node(&self) -> &str {
        if !self.node_name.is_empty() {
            return &self.node_name;
        }
        let fields = self
            .required_terms
            .iter()
            .flatten()
            .flat_map(|term| &term.match_fields);
        let mut named = fields.filter_map(|field| match field.values.as_slice() {
            [node] if field.key == NODE_NAME_FIELD && field.operator == "In" => Some(node.as_str()),
            _ => None,
        });
        named.next().unwrap_or_default()
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OnTheWire {
    #[serde(deserialize_with = "null_as_default")]
    node_name: Text,
    node_selector: TextMap,
    #[serde(deserialize_with = "null_as_default")]
    affinity: Affinity,
    #[serde(deserialize_with = "list")]
    tolerations: Vec<Toleration>,
    #[serde(deserialize_with = "list")]
    containers: Vec<ContainerOnTheWire>,
    #[serde(deserialize_with = "list")]
    init_containers: Vec<ContainerOnTheWire>,
    overhead: ResourceList,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Affinity {
    #[serde(deserialize_with = "null_as_default")]
    node_affinity: NodeAffinity,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeAffinity {
    required_during_scheduling_ignored_during_execution: Option<NodeSelector>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeSelector {
    #[serde(deserialize_with = "list")]
    node_selector_terms: Vec<NodeSelectorTerm>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ContainerOnTheWire {
    #[serde(deserialize_with = "null_as_default")]
    restart_policy: Text,
    #[serde(deserialize_with = "null_as_default")]
    resources: Resources,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Resources {
    requests: ResourceList,
    limits: ResourceList,
}

impl ContainerOnTheWire {
    /// The API server fills in what is limited and not requested when it stores a pod. A template says it already
    /// (DV-BJ8).
    fn requests(self) -> ResourceList {
        let Resources { requests, limits } = self.resources;
        requests.or(&limits)
    }
}

/// As the scheduler adds requests up: init containers run one after the other, before the ordinary ones, and those that
/// restart always run on beside whatever comes after them.
fn total(
    containers: Vec<ContainerOnTheWire>,
    init_containers: Vec<ContainerOnTheWire>,
    overhead: &ResourceList,
) -> ResourceList {
    let ordinary = containers.into_iter();
    let mut running = ordinary.fold(ResourceList::default(), |sum, container| {
        sum.plus(&container.requests())
    });
    let mut beside = ResourceList::default();
    let mut most = ResourceList::default();
    for container in init_containers {
        let is_sidecar = container.restart_policy == "Always";
        let requests = container.requests();
        let together = beside.clone().plus(&requests);
        if is_sidecar {
            running = running.plus(&requests);
            beside = together.clone();
        }
        most = most.max(&together);
    }
    running.max(&most).plus(overhead)
}

impl From<OnTheWire> for Placement {
    fn from(spec: OnTheWire) -> Self {
        let required = spec
            .affinity
            .node_affinity
            .required_during_scheduling_ignored_during_execution;
        Self {
            node_name: spec.node_name,
            node_selector: spec.node_selector,
            required_terms: required.map(|selector| selector.node_selector_terms),
            tolerations: spec.tolerations,
            requests: total(spec.containers, spec.init_containers, &spec.overhead),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn placement(spec: &Value) -> Placement {
        serde_json::from_value(spec.clone()).unwrap()
    }

    fn cpu(requests: &str) -> Value {
        json!({ "resources": { "requests": { "cpu": requests } } })
    }

    fn sidecar(requests: &str) -> Value {
        let mut container = cpu(requests);
        container["restartPolicy"] = json!("Always");
        container
    }

    // BJ-42 (5)
    #[rstest]
    #[case::sum(json!({ "containers": [cpu("1"), cpu("500m")] }), "1500m")]
    #[case::init_is_smaller(json!({ "containers": [cpu("2")], "initContainers": [cpu("1"), cpu("1")] }), "2")]
    #[case::init_is_larger(json!({ "containers": [cpu("1")], "initContainers": [cpu("1"), cpu("3")] }), "3")]
    #[case::sidecar(json!({ "containers": [cpu("1")], "initContainers": [sidecar("2")] }), "3")]
    #[case::init_before_sidecar(json!({ "containers": [cpu("1")], "initContainers": [cpu("4"), sidecar("2")] }), "4")]
    #[case::init_beside_sidecar(json!({ "containers": [cpu("1")], "initContainers": [sidecar("2"), cpu("4")] }), "6")]
    #[case::sidecars(json!({ "containers": [cpu("1")], "initContainers": [sidecar("2"), sidecar("3")] }), "6")]
    #[case::overhead(json!({ "containers": [cpu("1")], "overhead": { "cpu": "250m" } }), "1250m")]
    #[case::nothing(json!({ "containers": [{}, null] }), "0")]
    #[case::no_amount(json!({ "containers": [cpu("much"), cpu("1")] }), "1")]
    // DV-BJ8
    #[case::limit(json!({ "containers": [{ "resources": { "limits": { "cpu": 2 } } }] }), "2")]
    #[case::both(json!({ "containers": [{ "resources": {
        "limits": { "cpu": "2" }, "requests": { "cpu": "1", "memory": "1Gi" },
    } }] }), "1")]
    fn requests_are_those_of_the_whole_pod(#[case] spec: Value, #[case] expected: &str) {
        let expected = crate::quantity::nanos(expected).unwrap();
        assert_eq!(placement(&spec).requests.get("cpu"), expected);
    }

    fn meant_for(fields: &Value) -> Value {
        json!({ "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{ "matchExpressions": [{ "key": "a", "operator": "Exists" }] },
                { "matchFields": fields }],
        } } })
    }

    // BJ-24
    #[rstest]
    #[case::bound(json!({ "nodeName": "n1",
        "affinity": meant_for(&json!([{ "key": "metadata.name", "operator": "In", "values": ["n2"] }])) }), "n1")]
    #[case::meant(json!({
        "affinity": meant_for(&json!([{ "key": "metadata.name", "operator": "In", "values": ["n2"] }])) }), "n2")]
    #[case::first_with_one_value(json!({ "affinity": meant_for(&json!([
        { "key": "metadata.name", "operator": "NotIn", "values": ["n1"] },
        { "key": "metadata.name", "operator": "In", "values": ["n2", "n3"] },
        { "key": "metadata.name", "operator": "In", "values": ["n4"] },
    ])) }), "n4")]
    #[case::neither(json!({ "affinity": { "nodeAffinity": null } }), "")]
    #[case::nothing(json!({}), "")]
    fn a_pod_has_a_node_before_it_is_bound(#[case] spec: Value, #[case] expected: &str) {
        assert_eq!(placement(&spec).node(), expected);
    }

    #[test]
    fn what_is_null_says_nothing() {
        let spec = json!({
            "nodeName": null, "nodeSelector": null, "affinity": null, "tolerations": [null], "overhead": null,
            "containers": null, "initContainers": null,
        });
        let expected = Placement {
            tolerations: vec![Toleration::default()],
            ..Placement::default()
        };
        assert_eq!(placement(&spec), expected);
    }
}
