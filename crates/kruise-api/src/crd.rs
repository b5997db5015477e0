//! CustomResourceDefinitions as they are installed, made from the types.
//!
//! Their schemas have the paths, types and defaults of OpenKruise's own. Rules are added to them: what
//! OpenKruise's admission refuses, as far as the API server can judge it by itself. So these rules hold in
//! an installation without webhooks, too.
//!
//! What a definition says of its kind stands in the kind's room in [`crate::kinds`].

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
