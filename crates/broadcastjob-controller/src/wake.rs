//! Whom a change of a node wakes (BJ-70, DS-102).

use std::sync::Arc;

use kruise_api::{object::Object, read::Node, resource::ObjectKey};
use kruise_plan::node_fit::fits;

use crate::snapshot::StoredJob;

/// The jobs that look at their nodes anew: those whose pods fit a new node, and those for which a node begins or ceases
/// to fit. A node that goes wakes nobody; the end of its pods does.
#[must_use]
pub fn by_node(jobs: &[Arc<StoredJob>], old: Option<&Node>, new: Option<&Node>) -> Vec<ObjectKey> {
    let Some(new) = new else {
        return Vec::new();
    };
    // Most of what kubelets report changes nothing that matters here.
    if old.is_some_and(|old| old.fits_the_same(new)) {
        return Vec::new();
    }
    let is_woken = |job: &&Arc<StoredJob>| {
        let Some(placement) = job.placement() else {
            return false;
        };
        let did_fit = old.is_some_and(|old| fits(placement, old));
        did_fit != fits(placement, new)
    };
    let woken = jobs.iter().filter(is_woken);
    woken.map(|job| ObjectKey::of(job.meta())).collect()
}
