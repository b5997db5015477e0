//! Which pods the API server asks about: the anchors of many SidecarSets in one, grouped by namespaces and by label, and
//! bounded. Where a bound is passed the extent gets wider, never narrower.

use std::collections::{BTreeMap, BTreeSet};

use kruise_api::selector::Labels;
use serde::{Deserialize, Serialize};

use super::{
    anchor::{Anchor, LabelAnchor, MOST_NAMESPACES},
    by_label::ByLabel,
    cel,
    one_of::OneOf,
};

/// Labels; with more, all pods.
pub const MOST_KEYS: usize = 32;
/// Bytes of the expression; with more, any value of each label. The API server takes objects of 1.5 MiB, annotations of
/// 256 KiB in all, and people read this one.
pub const LONGEST_EXPRESSION: usize = 64 * 1024;

/// Which pods the API server asks about. In JSON a list of regions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Region>", into = "Vec<Region>")]
pub struct Extent {
    regions: BTreeMap<OneOf, ByLabel>,
}

/// A region as JSON has it. Without labels: all pods of the namespaces.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Region {
    #[serde(default, skip_serializing_if = "OneOf::is_any")]
    namespaces: OneOf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<BTreeMap<String, OneOf>>,
}

/// How wide an extent is, in a word for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All pods.
    Everything,
    /// Some pods.
    Keys,
    /// No pods.
    None,
}

impl Extent {
    /// All pods.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            regions: [(OneOf::Any, ByLabel::All)].into(),
        }
    }

    /// No pods.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// The pods that these anchors admit, and more only where they are too many to be named.
    #[must_use]
    pub fn of<'a>(anchors: impl IntoIterator<Item = &'a Anchor>) -> Self {
        Self::nothing().with(anchors)
    }

    /// The same extent, and the pods that these anchors admit.
    #[must_use]
    pub fn with<'a>(mut self, anchors: impl IntoIterator<Item = &'a Anchor>) -> Self {
        for anchor in anchors {
            let region = self.regions.entry(anchor.namespaces.clone());
            let region = region.or_insert_with(|| ByLabel::With(BTreeMap::new()));
            match &anchor.label {
                None => *region = ByLabel::All,
                Some(label) => region.add(label),
            }
        }
        self.bounded()
    }

    /// Whether all pods that the anchor admits are in it.
    #[must_use]
    pub fn covers(&self, anchor: &Anchor) -> bool {
        let label = anchor.label.as_ref();
        match &anchor.namespaces {
            OneOf::Any => self.covers_in(None, label),
            OneOf::These(names) => names.iter().all(|name| self.covers_in(Some(name), label)),
        }
    }

    /// Whether a pod of this namespace with these labels is in it.
    #[must_use]
    pub fn admits(&self, namespace: &str, labels: &impl Labels) -> bool {
        let has = |(key, values): (&String, &OneOf)| {
            labels.value(key).is_some_and(|value| values.has(value))
        };
        self.around(Some(namespace)).any(|pods| match pods {
            ByLabel::All => true,
            ByLabel::With(keys) => keys.iter().any(has),
        })
    }

    /// The match condition in CEL; `None`: no condition, for all pods.
    #[must_use]
    pub fn expression(&self) -> Option<String> {
        (!self.is_everything()).then(|| cel::render(&self.regions))
    }

    /// How wide it is.
    #[must_use]
    pub fn form(&self) -> Form {
        match self {
            _ if self.is_everything() => Form::Everything,
            _ if self.regions.is_empty() => Form::None,
            _ => Form::Keys,
        }
    }

    fn is_everything(&self) -> bool {
        self.regions.get(&OneOf::Any) == Some(&ByLabel::All)
    }

    /// What is asked about pods of this namespace; without a name: about pods of every one.
    fn around(&self, namespace: Option<&str>) -> impl Iterator<Item = &ByLabel> {
        let regions = self.regions.iter();
        let around = regions.filter(move |(names, _)| match namespace {
            None => names.is_any(),
            Some(name) => names.has(name),
        });
        around.map(|(_, pods)| pods)
    }

    fn covers_in(&self, namespace: Option<&str>, label: Option<&LabelAnchor>) -> bool {
        let around: Vec<_> = self.around(namespace).collect();
        if around.contains(&&ByLabel::All) {
            return true;
        }
        let Some(label) = label else {
            return false;
        };
        let mut all = OneOf::These(BTreeSet::new());
        for pods in around {
            if let ByLabel::With(keys) = pods
                && let Some(values) = keys.get(&label.key)
            {
                all.add(values);
            }
        }
        all.has_all(&label.values)
    }

    /// Within the bounds, and with nothing said twice.
    fn bounded(mut self) -> Self {
        if self.is_everything() {
            return Self::everything();
        }
        let too_many_names = |names: &OneOf| names.clone().at_most(MOST_NAMESPACES) != *names;
        if self.n_keys() > MOST_KEYS || self.regions.keys().any(too_many_names) {
            self = self.in_all_namespaces();
        }
        for pods in self.regions.values_mut() {
            pods.bound();
        }
        self.drop_repetitions();
        if self.is_long() {
            for pods in self.regions.values_mut() {
                pods.widen_values();
            }
            self.drop_repetitions();
        }
        if self.n_keys() > MOST_KEYS || self.is_long() {
            return Self::everything();
        }
        self
    }

    fn is_long(&self) -> bool {
        let expression = self.expression();
        expression.is_some_and(|expression| expression.len() > LONGEST_EXPRESSION)
    }

    fn n_keys(&self) -> usize {
        let pods = self.regions.values();
        pods.map(|pods| match pods {
            ByLabel::All => 1,
            ByLabel::With(keys) => keys.len(),
        })
        .sum()
    }

    /// The same labels, of pods of all namespaces.
    fn in_all_namespaces(self) -> Self {
        let mut all = ByLabel::With(BTreeMap::new());
        for pods in self.regions.into_values() {
            all.merge(pods);
        }
        Self {
            regions: [(OneOf::Any, all)].into(),
        }
    }

    /// Takes out of namespaces what is there of all namespaces.
    fn drop_repetitions(&mut self) {
        let Some(ByLabel::With(everywhere)) = self.regions.get(&OneOf::Any).cloned() else {
            return;
        };
        for (names, pods) in &mut self.regions {
            if let (OneOf::These(_), ByLabel::With(keys)) = (names, pods) {
                let kept = std::mem::take(keys).into_iter();
                let kept = kept.filter_map(|(key, values)| match everywhere.get(&key) {
                    None => Some((key, values)),
                    Some(there) => Some((key, values.without(there)?)),
                });
                *keys = kept.collect();
            }
        }
        let is_empty = |pods: &ByLabel| matches!(pods, ByLabel::With(keys) if keys.is_empty());
        self.regions.retain(|_, pods| !is_empty(pods));
    }
}

impl From<Vec<Region>> for Extent {
    fn from(regions: Vec<Region>) -> Self {
        let mut extent = Self::nothing();
        for Region { namespaces, labels } in regions {
            let pods = labels.map_or(ByLabel::All, ByLabel::With);
            let region = extent.regions.entry(namespaces);
            let region = region.or_insert_with(|| ByLabel::With(BTreeMap::new()));
            region.merge(pods);
        }
        extent.bounded()
    }
}

impl From<Extent> for Vec<Region> {
    fn from(extent: Extent) -> Self {
        let regions = extent.regions.into_iter();
        let regions = regions.map(|(namespaces, pods)| Region {
            namespaces,
            labels: match pods {
                ByLabel::All => None,
                ByLabel::With(keys) => Some(keys),
            },
        });
        regions.collect()
    }
}

impl Form {
    /// All forms.
    pub(crate) const ALL: [Self; 3] = [Self::Everything, Self::Keys, Self::None];

    /// Its name in metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Keys => "keys",
            Self::None => "none",
        }
    }
}

#[cfg(test)]
mod tests;
