//! Which kinds a new controller is about, and how the API server names them.

use anyhow::{Context, Result, bail};
use localkube::workspace;
use serde::Deserialize;

/// What the reference's kinds are called.
const INDEX: &str = "docs/spec/crds/index.json";
/// Where a kind that nobody knows is put.
const GROUP: &str = "apps.kruise.io";
const VERSION: &str = "v1beta1";

/// Kubernetes' own that a controller may own objects of: group, version, plural, kind.
const BUILT_IN: [(&str, &str, &str, &str); 5] = [
    ("", "v1", "pods", "Pod"),
    ("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    ("", "v1", "configmaps", "ConfigMap"),
    ("apps", "v1", "controllerrevisions", "ControllerRevision"),
    ("batch", "v1", "jobs", "Job"),
];

/// The kind that a controller owns, and further ones.
pub(super) struct Kinds {
    pub(super) own: Kind,
    pub(super) others: Vec<Kind>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) plural: String,
    pub(super) kind: String,
    pub(super) namespaced: bool,
}

/// One kind and version in the index.
#[derive(Deserialize)]
struct Entry {
    group: String,
    kind: String,
    plural: String,
    scope: String,
    version: String,
    storage: bool,
}

impl Kinds {
    /// Those with these names; without any, the one that is called like the choice.
    pub(super) fn find(choice: &str, names: &[String]) -> Result<Self> {
        let path = workspace::root().join(INDEX);
        let text = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let index: Vec<Entry> = serde_json::from_slice(&text).context(INDEX)?;
        let mut kinds = match names {
            [] => vec![Kind::like(choice, &index)],
            names => names
                .iter()
                .map(|name| Kind::named(name, &index))
                .collect::<Result<_>>()?,
        };
        let others = kinds.split_off(1);
        let own = kinds.pop().context("no kind")?;
        if others.iter().any(|other| other.kind == own.kind) {
            bail!("{} is given twice", own.kind);
        }
        Ok(Self { own, others })
    }
}

impl Kind {
    fn like(choice: &str, index: &[Entry]) -> Self {
        let lower = choice.replace('-', "");
        let entry = index
            .iter()
            .find(|entry| entry.kind.to_lowercase() == lower);
        let made_up = choice.split('-').map(capitalised).collect::<String>();
        Self::known(entry.map_or(&made_up, |entry| &entry.kind), index)
    }

    fn named(name: &str, index: &[Entry]) -> Result<Self> {
        let is_kind = name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.chars().all(|c| c.is_ascii_alphanumeric());
        if !is_kind {
            bail!("{name:?} is no kind: a word in CamelCase, such as SidecarSet");
        }
        Ok(Self::known(name, index))
    }

    fn known(name: &str, index: &[Entry]) -> Self {
        let built_in = BUILT_IN.into_iter().find(|(.., kind)| *kind == name);
        if let Some((group, version, plural, kind)) = built_in {
            return Self {
                group: group.to_owned(),
                version: version.to_owned(),
                plural: plural.to_owned(),
                kind: kind.to_owned(),
                namespaced: true,
            };
        }
        let stored = index
            .iter()
            .find(|entry| entry.kind == name && entry.storage);
        let (group, version, plural, namespaced) = match stored {
            Some(entry) => (
                entry.group.clone(),
                entry.version.clone(),
                entry.plural.clone(),
                entry.scope == "Namespaced",
            ),
            None => {
                let plural = plural(name).to_lowercase();
                (GROUP.to_owned(), VERSION.to_owned(), plural, true)
            }
        };
        Self {
            group,
            version,
            plural,
            kind: name.to_owned(),
            namespaced,
        }
    }

    /// Whether it is Kubernetes' own, which is always there.
    pub(super) fn is_built_in(&self) -> bool {
        BUILT_IN.iter().any(|(.., kind)| *kind == self.kind)
    }
}

/// `Policies` of `Policy`, `Widgets` of `Widget`.
pub(super) fn plural(word: &str) -> String {
    match word.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ => format!("{word}s"),
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(choice: &str, names: &[&str]) -> Result<Kinds> {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        Kinds::find(choice, &names)
    }

    #[test]
    fn a_choice_finds_the_references_kind_of_its_name() {
        let own = find("sidecarset", &[]).unwrap().own;
        assert_eq!((own.kind.as_str(), own.namespaced), ("SidecarSet", false));
        let own = find("image-pull-job", &[]).unwrap().own;
        assert_eq!(own.plural, "imagepulljobs");
    }

    #[test]
    fn a_kind_that_nobody_knows_is_made_up() {
        let own = find("gadget-policy", &[]).unwrap().own;
        assert_eq!(
            (own.kind.as_str(), own.plural.as_str()),
            ("GadgetPolicy", "gadgetpolicies")
        );
    }

    #[test]
    fn several_kinds_are_the_own_one_and_others() {
        let kinds = find("x", &["CloneSet", "Pod"]).unwrap();
        assert_eq!(kinds.own.plural, "clonesets");
        assert!(kinds.others[0].is_built_in());
        assert!(find("x", &["Widget", "Widget"]).is_err());
        assert!(find("x", &["widget"]).is_err());
    }
}
