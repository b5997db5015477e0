//! What a new pod must have at least so that a SidecarSet can match it. Not every such pod is matched.

use kruise_api::{
    apps::{v1alpha1, v1beta1},
    meta::{LabelSelector, LabelSelectorRequirement},
    well_known::labels::NAMESPACE_NAME,
};
use serde::{Deserialize, Serialize};

use super::one_of::OneOf;

/// Namespaces that an anchor names at most.
pub(crate) const MOST_NAMESPACES: usize = 64;

/// What of a SidecarSet decides which new pods get its containers. Two SidecarSets of equal reach match the same pods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// Labels of the pods.
    pub selector: Option<LabelSelector>,
    /// Labels of the pods' namespaces; none: all namespaces.
    pub namespace_selector: Option<LabelSelector>,
    /// Whether no new pod gets anything (SS-103).
    pub injection_paused: bool,
}

/// A condition that every pod meets which a SidecarSet matches: one label, and namespaces by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Anchor {
    /// Names of namespaces.
    #[serde(skip_serializing_if = "OneOf::is_any")]
    pub namespaces: OneOf,
    /// The label; none: whatever labels the pod has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<LabelAnchor>,
}

/// A label that a pod must have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LabelAnchor {
    /// Its key.
    pub key: String,
    /// Its values.
    #[serde(default)]
    pub values: OneOf,
}

impl Reach {
    /// The narrowest of the conditions that the selectors name; none: no new pod gets anything.
    #[must_use]
    pub fn anchor(&self) -> Option<Anchor> {
        let selector = self.selector.as_ref().filter(|_| !self.injection_paused)?;
        // SS-104: what selects everything matches nothing.
        if is_empty(selector) {
            return None;
        }
        let in_namespaces = self.namespace_selector.iter().flat_map(demands);
        let in_namespaces = in_namespaces.filter(|demand| demand.key == NAMESPACE_NAME);
        Some(Anchor {
            namespaces: in_namespaces
                .min_by_key(breadth)
                .map_or(OneOf::Any, |demand| demand.values)
                .at_most(MOST_NAMESPACES),
            label: demands(selector).min_by_key(breadth),
        })
    }
}

impl From<&v1beta1::SidecarSetSpec> for Reach {
    fn from(spec: &v1beta1::SidecarSetSpec) -> Self {
        Self {
            selector: spec.selector.clone(),
            namespace_selector: spec.namespace_selector.clone(),
            injection_paused: is_paused(spec.injection_strategy.as_ref()),
        }
    }
}

impl From<&v1alpha1::SidecarSetSpec> for Reach {
    // SS-1
    fn from(spec: &v1alpha1::SidecarSetSpec) -> Self {
        let named = |name: &String| LabelSelector {
            match_labels: Some([(NAMESPACE_NAME.to_owned(), name.clone())].into()),
            ..LabelSelector::default()
        };
        let namespace = Some(&spec.namespace).filter(|name| !name.is_empty());
        Self {
            selector: spec.selector.clone(),
            namespace_selector: namespace
                .map(named)
                .or_else(|| spec.namespace_selector.clone()),
            injection_paused: is_paused(spec.injection_strategy.as_ref()),
        }
    }
}

fn is_paused(strategy: Option<&v1beta1::SidecarSetInjectionStrategy>) -> bool {
    strategy.is_some_and(|strategy| strategy.paused)
}

fn is_empty(selector: &LabelSelector) -> bool {
    let no_labels = selector.match_labels.iter().flatten().next().is_none();
    no_labels && selector.match_expressions.iter().flatten().next().is_none()
}

/// The labels that a selector demands. What it forbids says nothing of what a pod has.
fn demands(selector: &LabelSelector) -> impl Iterator<Item = LabelAnchor> {
    let labels = selector.match_labels.iter().flatten();
    let labels = labels.map(|(key, value)| LabelAnchor {
        key: key.clone(),
        values: OneOf::these([value]),
    });
    let expressions = selector.match_expressions.iter().flatten();
    labels.chain(expressions.filter_map(demand))
}

fn demand(expression: &LabelSelectorRequirement) -> Option<LabelAnchor> {
    let values = match expression.operator.as_str() {
        "In" => OneOf::these(expression.values.iter().flatten()),
        "Exists" => OneOf::Any,
        _ => return None,
    };
    Some(LabelAnchor {
        key: expression.key.clone(),
        values,
    })
}

/// Few values before many, and those before any; then by name, so that equal selectors have equal anchors.
fn breadth(demand: &LabelAnchor) -> (usize, String) {
    let n_values = match &demand.values {
        OneOf::Any => usize::MAX,
        OneOf::These(values) => values.len(),
    };
    (n_values, demand.key.clone())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn anchor_of(spec: Value) -> Value {
        let spec: v1beta1::SidecarSetSpec = serde_json::from_value(spec).unwrap();
        serde_json::to_value(Reach::from(&spec).anchor()).unwrap()
    }

    // SS-102, SS-103, SS-104
    #[rstest]
    #[case::a_label(json!({ "matchLabels": { "app": "web" } }), json!({ "label": { "key": "app", "values": ["web"] } }))]
    #[case::the_first_of_two(
        json!({ "matchLabels": { "tier": "front", "app": "web" } }),
        json!({ "label": { "key": "app", "values": ["web"] } })
    )]
    #[case::a_label_before_several_values(
        json!({ "matchLabels": { "tier": "front" },
            "matchExpressions": [{ "key": "app", "operator": "In", "values": ["b", "a"] }] }),
        json!({ "label": { "key": "tier", "values": ["front"] } })
    )]
    #[case::several_values(
        json!({ "matchExpressions": [
            { "key": "app", "operator": "Exists" }, { "key": "tier", "operator": "In", "values": ["b", "a"] }] }),
        json!({ "label": { "key": "tier", "values": ["a", "b"] } })
    )]
    #[case::any_value(
        json!({ "matchExpressions": [
            { "key": "app", "operator": "NotIn", "values": ["x"] }, { "key": "tier", "operator": "Exists" }] }),
        json!({ "label": { "key": "tier", "values": null } })
    )]
    #[case::what_is_forbidden_demands_nothing(
        json!({ "matchExpressions": [{ "key": "app", "operator": "DoesNotExist" }] }),
        json!({})
    )]
    #[case::an_operator_that_nobody_knows(
        json!({ "matchExpressions": [{ "key": "app", "operator": "Gt", "values": ["1"] }] }),
        json!({})
    )]
    #[case::everything_is_nothing(json!({}), json!(null))]
    #[case::no_selector(json!(null), json!(null))]
    fn the_narrowest_demand_is_the_anchor(#[case] selector: Value, #[case] expected: Value) {
        assert_eq!(anchor_of(json!({ "selector": selector })), expected);
    }

    #[rstest]
    #[case::by_label(json!({ "matchLabels": { "kubernetes.io/metadata.name": "a" } }), json!(["a"]))]
    #[case::by_expression(
        json!({ "matchExpressions": [
            { "key": "kubernetes.io/metadata.name", "operator": "In", "values": ["b", "a"] }] }),
        json!(["a", "b"])
    )]
    #[case::by_something_else(json!({ "matchLabels": { "team": "a" } }), json!(null))]
    #[case::by_what_they_are_not(
        json!({ "matchExpressions": [
            { "key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["a"] }] }),
        json!(null)
    )]
    fn namespaces_count_if_they_are_named(#[case] selector: Value, #[case] expected: Value) {
        let anchor = anchor_of(json!({
            "selector": { "matchLabels": { "app": "web" } }, "namespaceSelector": selector,
        }));
        let namespaces = anchor.get("namespaces").cloned().unwrap_or_default();
        assert_eq!(namespaces, expected);
    }

    // SS-103
    #[test]
    fn who_is_paused_has_no_anchor() {
        let spec = json!({
            "selector": { "matchLabels": { "app": "web" } }, "injectionStrategy": { "paused": true },
        });
        assert_eq!(anchor_of(spec), json!(null));
    }

    // SS-1
    #[test]
    fn the_namespace_of_v1alpha1_counts() {
        let spec = json!({
            "selector": { "matchLabels": { "app": "web" } }, "namespace": "a",
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "b" } },
        });
        let spec: v1alpha1::SidecarSetSpec = serde_json::from_value(spec).unwrap();
        let anchor = Reach::from(&spec).anchor().unwrap();
        assert_eq!(anchor.namespaces, OneOf::these(["a"]));
    }

    #[test]
    fn too_many_namespaces_are_all() {
        let names: Vec<_> = (0..=MOST_NAMESPACES).map(|n| n.to_string()).collect();
        let anchor = anchor_of(json!({
            "selector": { "matchLabels": { "app": "web" } },
            "namespaceSelector": { "matchExpressions": [
                { "key": "kubernetes.io/metadata.name", "operator": "In", "values": names }] },
        }));
        assert_eq!(
            anchor,
            json!({ "label": { "key": "app", "values": ["web"] } })
        );
    }
}
