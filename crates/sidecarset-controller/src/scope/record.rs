//! What the process writes into an annotation of the webhook's configuration, for itself and its other replicas.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{anchor::Anchor, extent::Extent};

/// SidecarSets that were admitted lately, at most; beyond, new pods wait whatever their labels.
pub(crate) const MOST_FRESH: usize = 64;

/// The annotation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// Grows with each change of the entries. Milliseconds of the epoch as far as clocks allow, so that a configuration that
    /// was made anew doesn't get a number that another one had.
    pub number: u64,
    /// Which pods the API server asks about.
    pub extent: Extent,
    /// Anchors of SidecarSets that were admitted lately. They may not be stored yet, or a replica may not know them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fresh: Vec<Fresh>,
}

/// An anchor, and how long it must be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fresh {
    /// The anchor.
    #[serde(flatten)]
    pub anchor: Anchor,
    /// Whole seconds.
    pub until: Timestamp,
}

impl Record {
    /// The annotation as it is found; what can't be read says nothing.
    pub(crate) fn read(annotation: Option<&str>) -> Self {
        let read = annotation.map(serde_json::from_str);
        read.and_then(Result::ok).unwrap_or_default()
    }

    /// The annotation as it is written.
    pub(crate) fn text(&self) -> String {
        // Maps with keys of text, lists and numbers: there is nothing that JSON can't say.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Pods that have to wait.
    pub(crate) fn fresh_extent(&self) -> Extent {
        Extent::of(self.fresh.iter().map(|fresh| &fresh.anchor))
    }
}

/// Of these, those that are still to be kept.
pub(crate) fn unexpired(fresh: &[Fresh], now: Timestamp) -> Vec<Fresh> {
    let kept = fresh.iter().filter(|fresh| fresh.until > now);
    kept.cloned().collect()
}

/// These, with anchors that are kept from now on for at least `time`. Each anchor is there once.
pub(crate) fn refreshed<'a>(
    fresh: &[Fresh],
    anchors: impl IntoIterator<Item = &'a Anchor>,
    now: Timestamp,
    time: SignedDuration,
) -> Vec<Fresh> {
    // Rounded up.
    let until = now + time;
    let until = Timestamp::from_second(until.as_second() + 1).unwrap_or(until);
    let mut all = unexpired(fresh, now);
    for anchor in anchors {
        all.retain(|known| known.anchor != *anchor);
        all.push(Fresh {
            anchor: anchor.clone(),
            until,
        });
    }
    if all.len() > MOST_FRESH {
        let anchor = Anchor::default();
        return vec![Fresh { anchor, until }];
    }
    all.sort_by(|a, b| a.anchor.cmp(&b.anchor));
    all
}
