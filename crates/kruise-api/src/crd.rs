//! CustomResourceDefinitions as they are installed, made from the types.
//!
//! Their schemas have the paths, types and defaults of OpenKruise's own. What they add are rules for
//! what OpenKruise's admission would refuse and the API server can judge by itself, so that an
//! installation without webhooks is not left without them.
//!
//! What a kind says of itself is in the kind's room in [`crate::kinds`].

use serde_json::Value;

use crate::kinds;

/// Every CustomResourceDefinition, as a complete manifest with keys in byte order.
#[must_use]
pub fn all() -> Vec<Value> {
    kinds::ALL
        .iter()
        .map(|kind| (kind.definition)().manifest())
        .collect()
}
