//! Whether a job that serves nodes ends.

use crate::open_enum::open_enum;

open_enum! {
    /// Whether a job that serves nodes ends.
    pub enum CompletionPolicyType {
        /// Once every node has been served.
        Always = "Always",
        /// Not at all: nodes that join later are served too.
        Never = "Never",
    }
}
