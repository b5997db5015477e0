//! What must hold before any pod is touched, asked of the functions that admission asks: the API server takes such
//! objects when no webhook is installed.

use kruise_api::{apps::v1beta1::CloneSet, kinds::cloneset::validation, selector::Selector};
use kruise_plan::WaitReason;

use super::spec::Spec;

/// What is worked out once, for all parts of the planner, of a CloneSet that can be acted on.
pub(super) struct Valid {
    /// Its spec with every default applied and every number resolved.
    pub(super) spec: Spec,
    /// Its selector; it matches the template's labels.
    pub(super) selector: Selector,
}

impl Valid {
    /// # Errors
    ///
    /// What a person has to correct before any pod is touched.
    pub(super) fn of(set: &CloneSet) -> Result<Self, WaitReason> {
        let selector = validation::selector(&set.spec.selector)?;
        let template = validation::template(&set.spec.template)?;
        validation::labels_match(&selector, &template.metadata.labels)?;
        validation::replicas(set.spec.replicas)?;
        Ok(Self {
            spec: Spec::of(&set.spec),
            selector,
        })
    }
}
