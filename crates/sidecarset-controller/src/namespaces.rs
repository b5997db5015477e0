//! What is read of namespaces: their labels, by which SidecarSets select them, and by which pods get no sidecars.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
};

use kruise_api::{
    meta::ObjectMeta,
    object::Object,
    read::{Kept, OnTheWire},
    text_map::TextMap,
};
use serde::{Deserialize, Deserializer};

/// A namespace. Of its metadata, annotations are not kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Namespace {
    /// Its metadata.
    pub metadata: ObjectMeta,
}

impl Object for Namespace {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl<'de> Deserialize<'de> for Namespace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Read {
            metadata: OnTheWire,
        }
        let Read { metadata } = Read::deserialize(deserializer)?;
        Ok(Self {
            metadata: metadata.keep(Kept::All, Kept::None),
        })
    }
}

/// The namespace in which no pod gets sidecars, besides that of the installation, and those with this label (PF-208,
/// PF-209). The webhook's configuration says the same.
const EXEMPT: &str = "kube-system";
const EXEMPT_BY_LABEL: (&str, &str) = ("control-plane", "openkruise");

/// Whether pods of a namespace with this name and these labels get no sidecars.
#[must_use]
pub fn is_exempt(name: &str, labels: &TextMap, installation_namespace: &str) -> bool {
    let (key, value) = EXEMPT_BY_LABEL;
    let label = labels.get(key);
    name == EXEMPT || name == installation_namespace || label.is_some_and(|label| *label == value)
}

/// Names of the namespaces whose pods get no sidecars. Clones share them.
#[derive(Debug, Clone)]
pub struct Exempt {
    installation_namespace: Arc<str>,
    /// Shared by all rules that are made of it, until it changes.
    names: Arc<RwLock<Arc<BTreeSet<String>>>>,
}

impl Exempt {
    /// None yet.
    #[must_use]
    pub fn new(installation_namespace: &str) -> Self {
        Self {
            installation_namespace: installation_namespace.into(),
            names: Arc::default(),
        }
    }

    /// Takes a change of a namespace, given before and after it. To be called for each change in order.
    pub fn follow(&self, old: Option<&Namespace>, new: Option<&Namespace>) {
        let Some(Namespace { metadata }) = new.or(old) else {
            return;
        };
        let is_exempt = |it: &Namespace| {
            let metadata = &it.metadata;
            is_exempt(
                &metadata.name,
                &metadata.labels,
                &self.installation_namespace,
            )
        };
        let is_exempt = new.is_some_and(is_exempt);
        let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
        if names.contains(&metadata.name) == is_exempt {
            return;
        }
        let names = Arc::make_mut(&mut names);
        if is_exempt {
            names.insert(metadata.name.clone());
        } else {
            names.remove(&metadata.name);
        }
    }

    /// Their names.
    #[must_use]
    pub fn names(&self) -> Arc<BTreeSet<String>> {
        let names = self.names.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&names)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn namespace(name: &str, labels: &Value) -> Namespace {
        let namespace = json!({ "metadata": { "name": name, "labels": labels } });
        serde_json::from_str(&namespace.to_string()).unwrap()
    }

    // PF-208, PF-209
    #[rstest]
    #[case::plain("shop", json!({ "control-plane": "other" }), false)]
    #[case::system("kube-system", json!({}), true)]
    #[case::ours("kruise-system", json!({}), true)]
    #[case::labelled("shop", json!({ "control-plane": "openkruise" }), true)]
    fn some_namespaces_are_exempt(
        #[case] name: &str,
        #[case] labels: Value,
        #[case] expected: bool,
    ) {
        let exempt = Exempt::new("kruise-system");
        let namespace = namespace(name, &labels);
        exempt.follow(None, Some(&namespace));
        assert_eq!(exempt.names().contains(name), expected);
        exempt.follow(Some(&namespace), None);
        assert!(exempt.names().is_empty());
    }

    // PF-208
    #[test]
    fn the_label_that_a_namespace_has_now_counts() {
        let exempt = Exempt::new("kruise-system");
        let (plain, labelled) = (
            namespace("shop", &json!({})),
            namespace("shop", &json!({ "control-plane": "openkruise" })),
        );
        exempt.follow(None, Some(&plain));
        exempt.follow(Some(&plain), Some(&labelled));
        assert!(exempt.names().contains("shop"));
        exempt.follow(Some(&labelled), Some(&plain));
        assert!(exempt.names().is_empty());
    }
}
