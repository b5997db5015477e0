//! Why a patch can't be merged.

/// A patch that can't be merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}{}{reason}", if path.is_empty() { "" } else { ": " })]
pub struct MergeError {
    /// JSON pointer into the patch; empty when the error is about the whole patch.
    pub path: String,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong with a place in a patch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The patch, the original or an element of a list is no object.
    #[error("only objects can be merged")]
    NotAnObject,
    /// A `$patch` that has no meaning at this place.
    #[error("unknown directive $patch: {0}")]
    UnknownDirective(String),
    /// `$setElementOrder` or `$deleteFromPrimitiveList` without the name of a list.
    #[error("the directive names no list")]
    NoListNamed,
    /// A directive, or what it is about, should be a list.
    #[error("not a list")]
    NotAList,
    /// An element lacks the key by which it is matched.
    #[error("an element without {0}, by which this list is merged")]
    NoMergeKey(&'static str),
    /// Elements of one list, in the patch or in the original, are of different types.
    #[error("elements of this list are of different types")]
    MixedElements,
    /// The list is merged by value, and has elements that are no plain values.
    #[error("this list is merged by value, which objects and lists can't be")]
    NotPlain,
    /// Elements of the list are not in the order that `$setElementOrder` gives, or are not in it.
    #[error("the elements are not in the order of $setElementOrder")]
    NotInOrder,
    /// `$setElementOrder` for a list that has no elements.
    #[error("no elements to put in order")]
    NothingToOrder,
    /// A member of the patch that `$retainKeys` would take away.
    #[error("not among $retainKeys")]
    NotRetained,
}
