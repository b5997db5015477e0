//! Pods by their labels, within one extent.

use std::collections::{BTreeMap, BTreeSet};

use super::{anchor::LabelAnchor, one_of::OneOf};

/// Values of one label; with more, any value. The API server looks a value up in a set, however many there are, but it
/// reads, stores and tells the whole text with each SidecarSet that comes.
pub const MOST_VALUES: usize = 2000;

/// Which pods of some namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ByLabel {
    /// All.
    All,
    /// Those with one of these labels.
    With(BTreeMap<String, OneOf>),
}

impl ByLabel {
    pub(crate) fn add(&mut self, label: &LabelAnchor) {
        if let Self::With(keys) = self {
            let values = keys.entry(label.key.clone());
            let values = values.or_insert_with(|| OneOf::These(BTreeSet::new()));
            values.add(&label.values);
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        match other {
            Self::All => *self = Self::All,
            Self::With(keys) => {
                for (key, values) in keys {
                    self.add(&LabelAnchor { key, values });
                }
            }
        }
    }

    /// The same labels with any value.
    pub(crate) fn widen_values(&mut self) {
        if let Self::With(keys) = self {
            for values in keys.values_mut() {
                *values = OneOf::Any;
            }
        }
    }

    pub(crate) fn bound(&mut self) {
        if let Self::With(keys) = self {
            for values in keys.values_mut() {
                *values = std::mem::take(values).at_most(MOST_VALUES);
            }
        }
    }
}
