//! Which changes of a pod have it looked at (ST-1).

use crate::pod::StoredPod;

/// The pod, if the change matters: it is interesting now, or was before, so that what was told of it ends. One with
/// sidecars that goes is looked at as well, so that nothing is remembered of it; nothing is done for it.
#[must_use]
pub fn by_pod<'p>(old: Option<&'p StoredPod>, new: Option<&'p StoredPod>) -> Option<&'p StoredPod> {
    let of_interest = |pod: &StoredPod| pod.interesting().is_some();
    match (old, new) {
        (Some(old), None) => old.state.is_some().then_some(old),
        (old, Some(new)) => (of_interest(new) || old.is_some_and(of_interest)).then_some(new),
        (None, None) => None,
    }
}
