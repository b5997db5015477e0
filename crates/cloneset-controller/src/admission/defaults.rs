//! Defaults of what stays raw.

use kruise_api::{defaults, template::means_the_same};

use super::object::AnyCloneSet;
use crate::gates::Gates;

/// Defaults of the template and of the claims beside it (CS-9). A template that is stored already stays
/// as it is, and the claims with it; and so does what says the same in other words as what is stored.
pub(super) fn default_raw<K: AnyCloneSet>(set: &mut K, old: Option<&K>, gates: &Gates) {
    let stored = old.map(K::template);
    let is_new = gates.filled().fill_new(set.template_mut(), stored);
    if gates.template_no_defaults {
        return;
    }
    if is_new {
        set.claims_mut()
            .iter_mut()
            .for_each(defaults::volume_claim_template);
    }
    let Some(old) = old else { return };
    // By position: names of claims are for validation to judge.
    for (claim, stored) in set.claims_mut().iter_mut().zip(old.claims()) {
        let mut filled = claim.clone();
        defaults::volume_claim_template(&mut filled);
        if means_the_same(&filled, stored) {
            *claim = stored.clone();
        }
    }
}
