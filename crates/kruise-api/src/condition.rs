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

/// Implements [`Condition`] for a type that has the usual fields, and perhaps one for when it was last written. `new`
/// leaves that field to [`Condition::set_last_update_time`].
macro_rules! condition {
    ($type:ty $(, $last_update_time:ident)?) => {
        impl $crate::condition::Condition for $type {
            fn new(type_: &str, status: &str, reason: &str, message: String, at: $crate::meta::Time) -> Self {
                Self {
                    type_: type_.to_owned(),
                    status: status.to_owned(),
                    reason: reason.to_owned(),
                    message,
                    last_transition_time: Some(at),
                    ..Self::default()
                }
            }

            fn type_(&self) -> &str {
                &self.type_
            }

            fn status(&self) -> &str {
                &self.status
            }

            fn reason(&self) -> &str {
                &self.reason
            }

            fn message(&self) -> &str {
                &self.message
            }

            fn last_transition_time(&self) -> Option<$crate::meta::Time> {
                self.last_transition_time
            }

            fn set_message(&mut self, message: String) {
                self.message = message;
            }

            fn set_last_transition_time(&mut self, at: Option<$crate::meta::Time>) {
                self.last_transition_time = at;
            }

            fn set_last_update_time(&mut self, _at: $crate::meta::Time) {
                $(self.$last_update_time = Some(_at);)?
            }
        }
    };
}
pub(crate) use condition;
