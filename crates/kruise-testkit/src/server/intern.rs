//! Names that live as long as the process: kinds that are installed at run time have the same form as Kubernetes' own.

use std::{collections::BTreeSet, sync::Mutex};

static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

/// This text, kept for good. Tests install the same few kinds again and again, so it stays small.
pub(crate) fn intern(text: &str) -> &'static str {
    let mut names = NAMES
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(name) = names.get(text) {
        return name;
    }
    let name: &'static str = Box::leak(text.to_owned().into_boxed_str());
    names.insert(name);
    name
}
