//! Where in a patch the merge is.

use super::error::{MergeError, Reason};

/// A place in the patch. It becomes text only when something is wrong there.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    Root,
    Member(&'a Place<'a>, &'a str),
    Element(&'a Place<'a>, usize),
}

impl<'a> Place<'a> {
    pub(super) fn member(&'a self, name: &'a str) -> Self {
        Self::Member(self, name)
    }

    pub(super) fn element(&'a self, index: usize) -> Self {
        Self::Element(self, index)
    }

    pub(super) fn error(&self, reason: Reason) -> MergeError {
        MergeError {
            path: self.pointer(),
            reason,
        }
    }

    /// JSON pointer.
    fn pointer(&self) -> String {
        match self {
            Self::Root => String::new(),
            Self::Member(parent, name) => {
                let step = name.replace('~', "~0").replace('/', "~1");
                format!("{}/{step}", parent.pointer())
            }
            Self::Element(parent, index) => format!("{}/{index}", parent.pointer()),
        }
    }
}
