//! What each event of a pod asks of the SidecarSets, worked out when these change.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use kruise_api::{
    apps::v1beta1::SidecarSet,
    kinds::sidecarset::{canary, defaults::fill_v1beta1},
    meta::{LabelSelector, Time},
    selector::{Labels, Selector},
    text_map::TextMap,
};

use crate::{
    by_label::{Demand, demands},
    sidecars::Sidecars,
};

/// What events of pods and of namespaces ask of a SidecarSet. It is worked out once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct View {
    /// Its sidecars.
    pub sidecars: Sidecars,
    /// Names of their containers in pods.
    pub container_names: BTreeSet<String>,
    /// Which pods it is for, by their labels. None if it is for none: without a selector, or with an empty or unreadable one
    /// (SS-104).
    pub selector: Option<Selector>,
    /// Labels that all those pods have. None if it is for none.
    pub demands: Option<Vec<Demand>>,
    /// Which namespaces it is for.
    pub namespaces: Namespaces,
    /// Whether an update strategy's selector says which pods are updated.
    pub selects_updates: bool,
    /// Whether new pods get its containers.
    pub injects: bool,
    /// Name of the SidecarSet in whose place pods get it (SS-64).
    pub base: Option<String>,
    /// When it was created.
    pub created: Option<Time>,
}

/// Which namespaces a SidecarSet is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Namespaces {
    /// All.
    #[default]
    All,
    /// Those with such labels.
    Selected(Selector),
    /// None: the selector can't be read.
    None,
}

impl View {
    /// What is asked of this SidecarSet, which has its defaults.
    #[must_use]
    pub fn of(sidecar_set: &SidecarSet) -> Self {
        let (metadata, spec) = (&sidecar_set.metadata, &sidecar_set.spec);
        let strategy = spec.update_strategy.as_ref();
        let sidecars = Sidecars::of(spec);
        Self {
            container_names: sidecars.container_names(),
            sidecars,
            selector: selector(spec.selector.as_ref()),
            demands: spec.selector.as_ref().and_then(demands),
            namespaces: Namespaces::of(spec.namespace_selector.as_ref()),
            selects_updates: strategy.is_some_and(|strategy| strategy.selector.is_some()),
            injects: !spec.injection_strategy.as_ref().is_some_and(|it| it.paused),
            base: canary::base(metadata).map(str::to_owned),
            created: metadata.creation_timestamp,
        }
    }

    /// Whether it is for pods with these labels, in some namespace.
    #[must_use]
    pub fn selects(&self, labels: &TextMap) -> bool {
        let selector = self.selector.as_ref();
        selector.is_some_and(|selector| selector.matches(labels))
    }
}

impl Namespaces {
    fn of(selector: Option<&LabelSelector>) -> Self {
        match selector.map(Selector::parse) {
            None => Self::All,
            Some(Ok(selector)) => Self::Selected(selector),
            Some(Err(_)) => Self::None,
        }
    }

    /// Whether a namespace with these labels is one of them.
    #[must_use]
    pub fn include(&self, labels: &impl Labels) -> bool {
        match self {
            Self::All => true,
            Self::Selected(selector) => selector.matches(labels),
            Self::None => false,
        }
    }
}

fn selector(selector: Option<&LabelSelector>) -> Option<Selector> {
    let selector = Selector::parse(selector?).ok()?;
    (!selector.is_empty()).then_some(selector)
}

/// The views of all SidecarSets, by name. Clones share them.
#[derive(Clone, Default)]
pub struct Views {
    tables: Arc<RwLock<Tables>>,
}

#[derive(Default)]
struct Tables {
    by_name: BTreeMap<String, Arc<View>>,
    /// Names of canaries by that of their base.
    canaries: HashMap<String, BTreeSet<String>>,
}

impl Views {
    /// Takes a change of a SidecarSet.
    pub fn follow(&self, old: Option<&SidecarSet>, new: Option<&SidecarSet>) {
        let Some(sidecar_set) = new.or(old) else {
            return;
        };
        let name = &sidecar_set.metadata.name;
        // Readers need not wait for this.
        let view = new.map(|new| Arc::new(View::of(&filled(new))));
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        tables.remove(name);
        if let Some(view) = view {
            tables.put(name, view);
        }
    }

    /// That of the SidecarSet of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Arc<View>> {
        self.read().by_name.get(name).cloned()
    }

    /// All, by name.
    #[must_use]
    pub fn all(&self) -> Vec<(String, Arc<View>)> {
        let tables = self.read();
        let all = tables.by_name.iter();
        all.map(|(name, view)| (name.clone(), Arc::clone(view)))
            .collect()
    }

    /// Those of the canaries of the SidecarSet of this name (SS-64), by name.
    #[must_use]
    pub fn canaries_of(&self, base: &str) -> Vec<(String, Arc<View>)> {
        let tables = self.read();
        let names = tables.canaries.get(base).into_iter().flatten();
        let known = names.filter_map(|name| Some((name.clone(), tables.by_name.get(name)?)));
        known.map(|(name, view)| (name, Arc::clone(view))).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn put(&mut self, name: &str, view: Arc<View>) {
        if let Some(base) = &view.base {
            let canaries = self.canaries.entry(base.clone()).or_default();
            canaries.insert(name.to_owned());
        }
        self.by_name.insert(name.to_owned(), view);
    }

    fn remove(&mut self, name: &str) {
        let Some(view) = self.by_name.remove(name) else {
            return;
        };
        if let Some(base) = &view.base
            && let Some(canaries) = self.canaries.get_mut(base)
        {
            canaries.remove(name);
            if canaries.is_empty() {
                self.canaries.remove(base);
            }
        }
    }
}

/// The SidecarSet with its defaults: it may have been stored when no webhook was there (PF-907).
#[must_use]
pub fn filled(sidecar_set: &SidecarSet) -> SidecarSet {
    let mut filled = sidecar_set.clone();
    fill_v1beta1(&mut filled.spec);
    filled
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn view(spec: &Value) -> View {
        let set = json!({
            "metadata": {
                "name": "log", "uid": "u", "annotations": {
                    "apps.kruise.io/sidecarset-canary": "true", "apps.kruise.io/sidecarset-base": "base",
                },
            },
            "spec": spec,
        });
        let set: SidecarSet = serde_json::from_value(set).unwrap();
        let views = Views::default();
        views.follow(None, Some(&set));
        let view = View::clone(&views.get("log").unwrap());
        assert_eq!(views.all().len(), 1);
        assert_eq!(views.canaries_of("base"), views.all());
        views.follow(Some(&set), Some(&set));
        assert_eq!(views.canaries_of("base").len(), 1);
        views.follow(Some(&set), None);
        assert!(views.all().is_empty());
        assert!(views.canaries_of("base").is_empty());
        view
    }

    // SS-104: nil and empty selectors match nothing. Namespaces: SS-203.
    #[rstest]
    #[case::absent(json!({}), false)]
    #[case::null(json!({ "selector": null }), false)]
    #[case::empty(json!({ "selector": {} }), false)]
    #[case::empty_parts(json!({ "selector": { "matchLabels": {}, "matchExpressions": [] } }), false)]
    #[case::unreadable(json!({ "selector": { "matchExpressions": [{ "key": "app", "operator": "Like" }] } }), false)]
    #[case::other(json!({ "selector": { "matchLabels": { "app": "db" } } }), false)]
    #[case::same(json!({ "selector": { "matchLabels": { "app": "web" } } }), true)]
    fn a_pod_is_selected_by_its_labels(#[case] spec: Value, #[case] expected: bool) {
        let labels: TextMap = [("app", "web")].into_iter().collect();
        assert_eq!(view(&spec).selects(&labels), expected);
    }

    #[rstest]
    #[case::all(json!({}), true)]
    #[case::same(json!({ "namespaceSelector": { "matchLabels": { "env": "prod" } } }), true)]
    #[case::other(json!({ "namespaceSelector": { "matchLabels": { "env": "test" } } }), false)]
    #[case::unreadable(json!({ "namespaceSelector": { "matchExpressions": [{ "key": "env", "operator": "Like" }] } }), false)]
    fn a_namespace_is_selected_by_its_labels(#[case] spec: Value, #[case] expected: bool) {
        let labels: TextMap = [("env", "prod")].into_iter().collect();
        assert_eq!(view(&spec).namespaces.include(&labels), expected);
    }

    // SS-64, SS-121, PF-907
    #[test]
    fn what_events_ask_is_worked_out_once() {
        let spec = json!({
            "containers": [
                { "name": "log", "image": "log:1" },
                { "name": "mesh", "image": "mesh:1", "upgradeStrategy": {
                    "upgradeType": "HotUpgrade", "hotUpgradeEmptyImage": "idle:1",
                } },
            ],
            "updateStrategy": { "type": "NotUpdate", "selector": {} },
            "injectionStrategy": { "paused": true },
        });
        let view = view(&spec);
        let names: Vec<&String> = view.container_names.iter().collect();
        assert_eq!(names, ["log", "mesh-1", "mesh-2"]);
        assert_eq!(view.base.as_deref(), Some("base"));
        assert_eq!((view.injects, view.selects_updates), (false, true));
    }
}
