//! Namespaces that are asked about, and the requirement of a selector that says so.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// The most bytes of names. Beyond, configurations would come near the size that the API server takes: then all namespaces
/// are asked about.
pub const MOST_BYTES: usize = 64 * 1024;

/// The label that each namespace has its name as, by the API server itself.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// Among the values it says that this process wrote them: no namespace is called so. Besides, an empty list is none that the
/// API server takes.
const MARK: &str = "";

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
        let these: BTreeSet<String> = namespaces.into_iter().map(Into::into).collect();
        let n_bytes: usize = these.iter().map(String::len).sum();
        match n_bytes <= MOST_BYTES {
            true => Self::These(these),
            false => Self::Everything,
        }
    }

    /// What an entry's namespace selector has to ask for; none where it need not ask.
    ///
    /// The API server compares labels before it converts the object for conditions in CEL. That conversion is most of what a
    /// webhook costs a request that it isn't asked about.
    #[must_use]
    pub fn requirement(&self) -> Option<Value> {
        let Self::These(namespaces) = self else {
            return None;
        };
        let values = [MARK]
            .into_iter()
            .chain(namespaces.iter().map(String::as_str));
        let values: Vec<&str> = values.collect();
        Some(json!({ "key": NAMESPACE_NAME, "operator": "In", "values": values }))
    }

    /// The namespaces of a requirement that this process wrote; none if it is somebody else's.
    #[must_use]
    pub fn read(requirement: &Value) -> Option<Self> {
        let is = |member: &str, text: &str| {
            requirement.get(member).and_then(Value::as_str) == Some(text)
        };
        if !is("key", NAMESPACE_NAME) || !is("operator", "In") {
            return None;
        }
        let values = requirement.get("values").and_then(Value::as_array)?;
        let values: BTreeSet<&str> = values.iter().filter_map(Value::as_str).collect();
        let names = values.iter().filter(|value| **value != MARK);
        let names = names.map(|&name| name.to_owned()).collect();
        values.contains(MARK).then_some(Self::These(names))
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
    fn a_requirement_says_what_it_is_read_as() {
        assert_eq!(Extent::Everything.requirement(), None);
        for extent in [
            Extent::nothing(),
            Extent::of(["shop"]),
            Extent::of(["web", "shop", "a-1"]),
        ] {
            let requirement = extent.requirement().unwrap();
            assert_eq!(Extent::read(&requirement), Some(extent));
        }
        let requirement = Extent::of(["web", "shop"]).requirement().unwrap();
        let values = ["", "shop", "web"];
        let expected =
            json!({ "key": "kubernetes.io/metadata.name", "operator": "In", "values": values });
        assert_eq!(requirement, expected);
    }

    #[test]
    fn what_others_wrote_is_not_taken_for_ours() {
        let name = "kubernetes.io/metadata.name";
        for requirement in [
            json!({ "key": name, "operator": "In", "values": ["web"] }),
            json!({ "key": name, "operator": "NotIn", "values": ["", "web"] }),
            json!({ "key": "team", "operator": "In", "values": ["", "web"] }),
            json!({ "key": name, "operator": "Exists" }),
        ] {
            assert_eq!(Extent::read(&requirement), None, "{requirement}");
        }
    }

    #[test]
    fn too_many_namespaces_are_all_namespaces() {
        let many = |n: usize| Extent::of((0..n).map(|number| format!("namespace-{number:04}")));
        assert_eq!(many(4000).form(), "namespaces");
        assert_eq!(many(5000), Extent::Everything);
    }
}
