//! Strategic merge patch as the Kubernetes API server applies it.
//!
//! Objects are merged member by member, and `null` takes a member away. A list is replaced, unless its type
//! says that it is merged: then elements are matched by a merge key, or, for text, by themselves
//! ([`Schema::merged_lists`]). Directives in the patch say what plain members can't:
//!
//! | directive | where | effect |
//! |---|---|---|
//! | `$patch: replace` | object | the object becomes what else stands beside the directive |
//! | `$patch: delete` | object | the object becomes empty |
//! | `$patch: replace` | element of a merged list | the list becomes the patch's other elements |
//! | `$patch: delete` | element of a merged list | all elements with this merge key go |
//! | `$retainKeys` | object | members that it doesn't list go |
//! | `$setElementOrder/<list>` | beside the list | order of the elements; others keep their places |
//! | `$deleteFromPrimitiveList/<list>` | beside the list | these elements go |
//!
//! What the server does and the documentation doesn't say is kept too, since a patch that was tried
//! out on a server has to do the same here:
//!
//! * An object that the original lacks is dropped if it has a `$patch`, whatever the directive says. This
//!   holds for every object inside of what is added.
//! * Directives have no effect inside of what a patch replaces as a whole, nor inside of a new element of a
//!   list. They are dropped, and what stands beside them stays. Nulls stay too, for decoding to read.
//! * In the result, the elements that the patch names stand in the patch's order. Each other element stands
//!   before the first named element that it stood before in the original. If there is none it stands at the
//!   end, behind new elements. With `$setElementOrder`, as many new elements as were deleted count as if
//!   they had stood at the end of the original.
//! * Of a list that is added, or that a patch with `$patch: replace` brings, elements are not merged with
//!   one another.
//!
//! The server goes through a patch in random order. Where that matters, this module decides: elements
//! that a patch both adds and deletes are deleted.
//!
//! The result is what the server hands on to decoding: defaults, validation and the removal of unknown or
//! empty members are not part of merging. Members that a schema doesn't know are merged as if they were
//! objects without merged lists.
//!
//! Objects have lists, and merged lists have objects as elements. So `object` and `list` call each other:
//! the recursion is that of the data.

mod added;
mod directives;
mod error;
mod list;
mod object;
mod place;
mod schema;

use serde_json::Value;

use self::place::Place;
pub use self::{
    error::{MergeError, Reason},
    schema::{MergedList, Schema},
};

/// The original after the patch. The schema says of what type the original is.
///
/// # Errors
///
/// When original or patch is no object, or when the patch is one that the server would refuse to
/// merge. The error names the place in the patch.
pub fn apply(schema: Schema, original: &Value, patch: &Value) -> Result<Value, MergeError> {
    let place = Place::Root;
    let (Value::Object(original), Value::Object(patch)) = (original, patch) else {
        return Err(place.error(Reason::NotAnObject));
    };
    let mut merged = original.clone();
    object::merge(&mut merged, patch, schema.root(), &place)?;
    Ok(Value::Object(merged))
}
