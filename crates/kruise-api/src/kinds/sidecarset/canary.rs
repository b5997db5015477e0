//! Canaries: SidecarSets that pods get in the place of another one (SS-64).

use crate::{
    meta::ObjectMeta,
    text::Text,
    well_known::annotations::{SIDECARSET_BASE, SIDECARSET_CANARY},
};

/// Name of the SidecarSet in whose place pods get this one, if it is a canary.
#[must_use]
pub fn base(metadata: &ObjectMeta) -> Option<&str> {
    let text = |key: &str| metadata.annotations.get(key).map(Text::as_str);
    let base = text(SIDECARSET_BASE).filter(|base| !base.is_empty())?;
    (text(SIDECARSET_CANARY) == Some("true")).then_some(base)
}
