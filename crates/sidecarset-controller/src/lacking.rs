//! Which pods should have got the containers of a SidecarSet when they were created, and have not. Nothing is done to
//! them: only a new pod gets them. People are told, who would otherwise believe that the SidecarSet is everywhere.

use std::{collections::BTreeSet, sync::Arc};

use kruise_api::{meta::Time, selector::Selector, well_known::labels::SIDECARSET_INJECT};

use crate::{
    by_label::Demand,
    sidecar_pod::SidecarPod,
    view::{Namespaces, View},
};

/// By what one tells whether a pod lacks a SidecarSet.
#[derive(Debug, Clone, PartialEq)]
pub struct LackingRule {
    name: String,
    created: Option<Time>,
    pods: Matching,
    exempt: Arc<BTreeSet<String>>,
    /// Labels that all those pods have.
    demands: Vec<Demand>,
    /// The SidecarSet in whose place pods get this one.
    base: Option<String>,
    /// Those that pods get in the place of this one (SS-110).
    canaries: Vec<(String, Matching)>,
}

/// Which pods a SidecarSet is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    selector: Option<Selector>,
    /// None: all.
    namespaces: Option<BTreeSet<String>>,
}

impl Matching {
    /// The pods that a SidecarSet is for. `namespaces` looks up the names of those that its selector matches.
    #[must_use]
    pub fn of(view: &View, namespaces: impl Fn(&Namespaces) -> BTreeSet<String>) -> Self {
        Self {
            selector: view.selector.clone(),
            namespaces: match &view.namespaces {
                Namespaces::All => None,
                selected => Some(namespaces(selected)),
            },
        }
    }

    /// Whether the SidecarSet is for this pod.
    #[must_use]
    pub fn matches(&self, pod: &SidecarPod) -> bool {
        let namespaces = self.namespaces.as_ref();
        let selector = self.selector.as_ref();
        namespaces.is_none_or(|names| names.contains(&pod.metadata.namespace))
            && selector.is_some_and(|selector| selector.matches(&pod.metadata.labels))
    }
}

impl LackingRule {
    /// The rule of the SidecarSet of this name. None if nobody can lack it: it is for no pods, or gives new pods nothing.
    #[must_use]
    pub fn new(
        name: &str,
        view: &View,
        pods: Matching,
        exempt: Arc<BTreeSet<String>>,
        canaries: Vec<(String, Matching)>,
    ) -> Option<Self> {
        let demands = view.demands.clone()?;
        (view.injects && view.selector.is_some()).then(|| Self {
            name: name.to_owned(),
            created: view.created,
            pods,
            exempt,
            demands,
            base: view.base.clone(),
            canaries,
        })
    }

    /// Labels that every pod has which can lack the SidecarSet.
    #[must_use]
    pub fn demands(&self) -> &[Demand] {
        &self.demands
    }

    /// Whether a pod lacks the SidecarSet.
    #[must_use]
    pub fn lacks(&self, pod: &SidecarPod) -> bool {
        pod.is_active()
            && self.pods.matches(pod)
            && pod.metadata.creation_timestamp > self.created
            && !self.exempt.contains(&pod.metadata.namespace)
            && !opts_out(pod)
            && !pod.lists(&self.name)
            && !self.has_another_in_its_place(pod)
    }

    /// Whether the pod got a canary instead, or the base of this canary, which may not have been there at the time.
    fn has_another_in_its_place(&self, pod: &SidecarPod) -> bool {
        let has_base = self.base.as_ref().is_some_and(|base| pod.lists(base));
        let mut canaries = self.canaries.iter();
        has_base || canaries.any(|(canary, pods)| pod.lists(canary) || pods.matches(pod))
    }

    /// A rule for pods with these labels.
    #[cfg(test)]
    pub(crate) fn for_tests(name: &str, labels: &serde_json::Value) -> Self {
        use crate::by_label::demands;

        let selector =
            serde_json::from_value(serde_json::json!({ "matchLabels": labels })).unwrap();
        let view = View {
            selector: Selector::parse(&selector).ok(),
            demands: demands(&selector),
            injects: true,
            created: "2026-01-10T07:00:00Z".parse().ok(),
            ..View::default()
        };
        let pods = Matching::of(&view, |_| BTreeSet::new());
        let exempt = BTreeSet::from(["kruise-system".to_owned()]);
        Self::new(name, &view, pods, exempt.into(), vec![]).unwrap()
    }
}

fn opts_out(pod: &SidecarPod) -> bool {
    let label = pod.metadata.labels.get(SIDECARSET_INJECT);
    label.is_some_and(|label| *label == "false")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    /// A pod that lacks `log`, changed by a merge.
    fn pod(change: &Value) -> SidecarPod {
        let mut pod = json!({
            "metadata": {
                "name": "web-1", "namespace": "shop", "creationTimestamp": "2026-01-10T08:00:00Z",
                "labels": { "app": "web" },
            },
            "status": { "phase": "Running" },
        });
        json_patch::merge(&mut pod, change);
        serde_json::from_str(&pod.to_string()).unwrap()
    }

    fn listing(list: &str) -> Value {
        json!({ "metadata": { "annotations": { "kruise.io/sidecarset-injected-list": list } } })
    }

    fn labelled(labels: &Value) -> Value {
        json!({ "metadata": { "labels": labels } })
    }

    // SS-100, SS-103, SS-104, SS-205, PF-208
    #[rstest]
    #[case::plain(json!({}), true)]
    #[case::lists_another(listing("mesh"), true)]
    #[case::lists_it(listing("log,mesh"), false)]
    #[case::not_selected(labelled(&json!({ "app": "db" })), false)]
    #[case::older(json!({ "metadata": { "creationTimestamp": "2026-01-10T06:00:00Z" } }), false)]
    #[case::as_old(json!({ "metadata": { "creationTimestamp": "2026-01-10T07:00:00Z" } }), false)]
    #[case::exempt(json!({ "metadata": { "namespace": "kruise-system" } }), false)]
    #[case::opted_out(labelled(&json!({ "sidecarset.kruise.io/inject": "false" })), false)]
    #[case::opted_in(labelled(&json!({ "sidecarset.kruise.io/inject": "true" })), true)]
    #[case::ended(json!({ "status": { "phase": "Succeeded" } }), false)]
    #[case::terminating(json!({ "metadata": { "deletionTimestamp": "2026-01-10T09:00:00Z" } }), false)]
    fn a_pod_lacks_what_it_should_have_got(#[case] change: Value, #[case] expected: bool) {
        let rule = LackingRule::for_tests("log", &json!({ "app": "web" }));
        assert_eq!(rule.lacks(&pod(&change)), expected);
    }

    // SS-110, SS-A38: whoever has or would get the canary doesn't lack its base, and the other way round.
    #[rstest]
    #[case::base_where_the_canary_is("log", listing("log-canary"), false)]
    #[case::base_where_the_canary_would_be("log", labelled(&json!({ "tier": "beta" })), false)]
    #[case::base("log", json!({}), true)]
    #[case::canary_where_the_base_is("log-canary", listing("log"), false)]
    #[case::canary("log-canary", json!({}), true)]
    fn a_canary_and_its_base_stand_for_each_other(
        #[case] name: &str,
        #[case] change: Value,
        #[case] expected: bool,
    ) {
        let mut rule = LackingRule::for_tests(name, &json!({ "app": "web" }));
        if name == "log" {
            let canary = LackingRule::for_tests("log-canary", &json!({ "tier": "beta" }));
            rule.canaries.push(("log-canary".to_owned(), canary.pods));
        } else {
            rule.base = Some("log".to_owned());
        }
        assert_eq!(rule.lacks(&pod(&change)), expected);
    }

    // SS-103, SS-104
    #[test]
    fn nobody_lacks_what_new_pods_do_not_get() {
        let rule = |view: View| {
            let pods = Matching::of(&view, |_| BTreeSet::new());
            LackingRule::new("log", &view, pods, Arc::default(), vec![])
        };
        let selector = Some(Selector::default());
        assert_eq!(
            rule(View {
                injects: true,
                ..View::default()
            }),
            None
        );
        assert_eq!(
            rule(View {
                selector: selector.clone(),
                demands: Some(vec![]),
                ..View::default()
            }),
            None
        );
        assert!(
            rule(View {
                selector,
                demands: Some(vec![]),
                injects: true,
                ..View::default()
            })
            .is_some()
        );
    }
}
