//! What the crate asks of every kind as a whole.

use crate::{definition::Definition, versions::Conversion};

/// A kind in all its versions.
pub(crate) struct CustomKind {
    /// The kind's name, as objects have it.
    pub(crate) name: &'static str,
    /// What the kind's CustomResourceDefinition says.
    pub(crate) definition: fn() -> Definition,
    /// From each version to each other. None for a kind of one version.
    pub(crate) conversions: &'static [Conversion],
}

impl CustomKind {
    /// The conversion from one `apiVersion` to another, if there is one.
    pub(crate) fn conversion(&self, from: &str, to: &str) -> Option<&'static Conversion> {
        self.conversions
            .iter()
            .find(|conversion| conversion.from == from && conversion.to == to)
    }
}
