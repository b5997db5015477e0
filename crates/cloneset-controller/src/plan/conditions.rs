//! Setting conditions of a CloneSet (CS-118, CS-119).

use kruise_api::{apps::v1beta1::CloneSetCondition, meta::Time};

/// CS-118: the same status and reason change nothing but an empty message, which tells nobody anything; the same
/// status alone keeps its time.
pub(super) fn set_condition(conditions: &mut Vec<CloneSetCondition>, mut new: CloneSetCondition) {
    let present = conditions
        .iter_mut()
        .find(|present| present.type_ == new.type_);
    if let Some(present) = present {
        if present.status == new.status && present.reason == new.reason {
            if present.message.is_empty() {
                present.message = new.message;
            }
            return;
        }
        if present.status == new.status {
            new.last_transition_time = present.last_transition_time;
        }
    }
    conditions.retain(|present| present.type_ != new.type_);
    conditions.push(new);
}

/// CS-119
pub(super) fn set_failure(
    conditions: &mut Vec<CloneSetCondition>,
    type_: &str,
    message: Option<&str>,
    now: Time,
) {
    let Some(message) = message else { return };
    set_condition(
        conditions,
        CloneSetCondition {
            type_: type_.to_owned(),
            status: "True".to_owned(),
            message: message.to_owned(),
            last_transition_time: Some(now),
            ..CloneSetCondition::default()
        },
    );
}
