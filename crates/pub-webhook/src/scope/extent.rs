//! Namespaces that are asked about, and the condition that says so.

use std::collections::BTreeSet;

/// The longest condition. A longer one costs the API server more than asking does: then all namespaces are asked about.
pub const LONGEST_EXPRESSION: usize = 16 * 1024;

/// How a condition that names namespaces begins.
const BEGIN: &str = "request.namespace in [";

/// Namespaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// All of them.
    Everything,
    /// These.
    These(BTreeSet<String>),
}

impl Extent {
    /// None.
    #[must_use]
    pub fn nothing() -> Self {
        Self::These(BTreeSet::new())
    }

    /// These, if they are few enough to be named.
    #[must_use]
    pub fn of<T: Into<String>>(namespaces: impl IntoIterator<Item = T>) -> Self {
        let these = Self::These(namespaces.into_iter().map(Into::into).collect());
        let is_short = these
            .expression()
            .is_some_and(|text| text.len() <= LONGEST_EXPRESSION);
        if is_short { these } else { Self::Everything }
    }

    /// The condition in CEL; none where there is nothing to ask.
    #[must_use]
    pub fn expression(&self) -> Option<String> {
        match self {
            Self::Everything => None,
            Self::These(namespaces) if namespaces.is_empty() => Some("false".to_owned()),
            Self::These(namespaces) => {
                // Names of namespaces have no characters that end a literal.
                let names: Vec<String> = namespaces.iter().map(|it| format!("'{it}'")).collect();
                Some(format!("{BEGIN}{}]", names.join(", ")))
            }
        }
    }

    /// The namespaces of a condition that this process wrote; `None`: somebody else wrote it.
    #[must_use]
    pub fn read(condition: Option<&str>) -> Option<Self> {
        let Some(text) = condition else {
            return Some(Self::Everything);
        };
        if text == "false" {
            return Some(Self::nothing());
        }
        let names = text.strip_prefix(BEGIN)?.strip_suffix(']')?.split(", ");
        let names = names.map(|name| name.strip_prefix('\'')?.strip_suffix('\''));
        let names: Option<BTreeSet<String>> = names.map(|name| name.map(str::to_owned)).collect();
        let read = Self::These(names?);
        (read.expression().as_deref() == Some(text)).then_some(read)
    }

    /// Whether this namespace is among them.
    #[must_use]
    pub fn has(&self, namespace: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::These(namespaces) => namespaces.contains(namespace),
        }
    }

    /// Whether all of the other's are among them.
    #[must_use]
    pub fn has_all(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Everything, _) => true,
            (Self::These(_), Self::Everything) => false,
            (Self::These(own), Self::These(other)) => own.is_superset(other),
        }
    }

    /// What both have.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Everything, other) => other,
            (own, Self::Everything) => own,
            (Self::These(own), Self::These(other)) => {
                Self::These(own.intersection(&other).cloned().collect())
            }
        }
    }

    /// Its form, in metrics.
    #[must_use]
    pub fn form(&self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::These(namespaces) if namespaces.is_empty() => "none",
            Self::These(_) => "namespaces",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_says_what_it_is_read_as() {
        for extent in [
            Extent::Everything,
            Extent::nothing(),
            Extent::of(["shop"]),
            Extent::of(["web", "shop", "a-1"]),
        ] {
            let text = extent.expression();
            assert_eq!(Extent::read(text.as_deref()), Some(extent));
        }
        let text = Extent::of(["web", "shop"]).expression().unwrap();
        assert_eq!(text, "request.namespace in ['shop', 'web']");
    }

    #[test]
    fn what_others_wrote_is_not_taken_for_ours() {
        for text in [
            "true",
            "request.namespace in ['b', 'a']",
            "request.namespace in [x]",
            "",
        ] {
            assert_eq!(Extent::read(Some(text)), None, "{text}");
        }
    }

    #[test]
    fn too_many_namespaces_are_all_namespaces() {
        let many = |n: usize| Extent::of((0..n).map(|number| format!("namespace-{number:04}")));
        assert_eq!(many(500).form(), "namespaces");
        assert_eq!(many(2000), Extent::Everything);
    }
}
