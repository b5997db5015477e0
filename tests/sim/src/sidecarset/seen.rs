//! SidecarSets and pods as the judge sees them: read from what the server stores. The stories' selectors have labels to
//! match and nothing else, and no image has a digest, so neither is looked for.

mod pod;
mod set;

use std::collections::BTreeMap;

use serde_json::Value;

pub(super) use pod::{ContainerSeen, PodSeen, is_broken};
pub(super) use set::{Sidecar, Terms, labels_of};

/// Labels of an object; of a namespace that isn't there, none.
pub(super) type Labels = BTreeMap<String, String>;

/// Texts by key.
pub(super) fn texts(map: &Value) -> Labels {
    let pairs = map.as_object().into_iter().flatten();
    let pairs = pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    pairs.collect()
}

/// What a selector asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selector(Labels);

impl Selector {
    fn read(selector: &Value) -> Option<Self> {
        let is_there = selector.is_object();
        is_there.then(|| Self(texts(&selector["matchLabels"])))
    }

    fn matches(&self, labels: &Labels) -> bool {
        let mut wanted = self.0.iter();
        wanted.all(|(key, value)| labels.get(key) == Some(value))
    }
}
