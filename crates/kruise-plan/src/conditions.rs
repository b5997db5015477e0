//! Conditions in a status, of whatever kind.

use kruise_api::condition::Condition;

/// The condition of this type.
pub fn find<'a, C: Condition>(conditions: &'a [C], type_: &str) -> Option<&'a C> {
    conditions.iter().find(|present| present.type_() == type_)
}

/// Takes the condition of this type away.
pub fn remove<C: Condition>(conditions: &mut Vec<C>, type_: &str) {
    conditions.retain(|present| present.type_() != type_);
}

/// Adds a condition, or replaces the one of its type. If status and reason are the same, only an empty message is
/// replaced: it tells nobody anything. If only the status is the same, the transition time stays (CS-118).
pub fn set<C: Condition>(conditions: &mut Vec<C>, mut new: C) {
    let present = conditions
        .iter_mut()
        .find(|present| present.type_() == new.type_());
    if let Some(present) = present {
        if present.status() == new.status() && present.reason() == new.reason() {
            if present.message().is_empty() {
                present.set_message(new.message().to_owned());
            }
            return;
        }
        if present.status() == new.status() {
            new.set_last_transition_time(present.last_transition_time());
        }
    }
    remove(conditions, new.type_());
    conditions.push(new);
}
