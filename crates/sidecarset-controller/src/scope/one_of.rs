//! A choice of texts: some of them, or any.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Some texts, or any. In JSON a list, or `null` for any.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Option<BTreeSet<String>>", into = "Option<BTreeSet<String>>")]
pub enum OneOf {
    /// Any text.
    #[default]
    Any,
    /// One of these.
    These(BTreeSet<String>),
}

impl OneOf {
    /// One of these texts.
    pub fn these<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::These(texts.into_iter().map(Into::into).collect())
    }

    /// Whether any text will do.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self == Self::Any
    }

    /// Whether this text is chosen.
    #[must_use]
    pub fn has(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(texts) => texts.contains(text),
        }
    }

    /// Whether all that the other chooses is chosen.
    #[must_use]
    pub fn has_all(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::These(_), Self::Any) => false,
            (Self::These(own), Self::These(other)) => own.is_superset(other),
        }
    }

    /// Chooses these, too.
    pub(crate) fn add(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Any, _) => {}
            (_, Self::Any) => *self = Self::Any,
            (Self::These(own), Self::These(other)) => own.extend(other.iter().cloned()),
        }
    }

    /// What is left of this choice without the other; `None`: nothing.
    pub(crate) fn without(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (_, Self::Any) => None,
            (Self::Any, _) => Some(Self::Any),
            (Self::These(own), Self::These(other)) => {
                let left: BTreeSet<_> = own.difference(other).cloned().collect();
                (!left.is_empty()).then_some(Self::These(left))
            }
        }
    }

    /// Any text, if these are too many.
    pub(crate) fn at_most(self, most: usize) -> Self {
        match self {
            Self::These(texts) if texts.len() > most => Self::Any,
            other => other,
        }
    }
}

impl From<Option<BTreeSet<String>>> for OneOf {
    fn from(texts: Option<BTreeSet<String>>) -> Self {
        texts.map_or(Self::Any, Self::These)
    }
}

impl From<OneOf> for Option<BTreeSet<String>> {
    fn from(choice: OneOf) -> Self {
        match choice {
            OneOf::Any => None,
            OneOf::These(texts) => Some(texts),
        }
    }
}
