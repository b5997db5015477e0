//! CustomResourceDefinitions as they are installed, made from the types.
//!
//! Their schemas have the paths, types and defaults of OpenKruise's own. What they add are rules for
//! what OpenKruise's admission would refuse and the API server can judge by itself, so that an
//! installation without webhooks is not left without them.
//!
//! A further kind has a file of its own here, with what `Definition` asks for, and a line in [`all`].

mod cloneset;
mod definition;
mod rules;
mod structural;

use serde_json::Value;

pub(crate) use structural::preserved;

/// Every CustomResourceDefinition, as a complete manifest with keys in byte order.
#[must_use]
pub fn all() -> Vec<Value> {
    [cloneset::definition()]
        .into_iter()
        .map(definition::Definition::manifest)
        .collect()
}
