//! Conditions in a status. Kinds have types of their own for them; this is how they are alike.

use crate::meta::Time;

/// A condition of some kind's status.
pub trait Condition: Clone {
    /// A condition that has had this status since `at`.
    fn new(type_: &str, status: &str, reason: &str, message: String, at: Time) -> Self;
    /// Its type.
    fn type_(&self) -> &str;
    /// `True`, `False` or `Unknown`.
    fn status(&self) -> &str;
    /// Word for why.
    fn reason(&self) -> &str;
    /// Sentence for why.
    fn message(&self) -> &str;
    /// When the status last changed.
    fn last_transition_time(&self) -> Option<Time>;
    /// Replaces the sentence for why.
    fn set_message(&mut self, message: String);
    /// Replaces the time of the status's last change.
    fn set_last_transition_time(&mut self, at: Option<Time>);
    /// Notes when the condition was last written, where its kind has a field for that.
    fn set_last_update_time(&mut self, at: Time);
}
