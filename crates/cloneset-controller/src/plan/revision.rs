//! The history of a CloneSet's templates (CS-31 to CS-40).

use std::sync::Arc;

use kruise_api::{apps::v1beta1::CloneSet, revision, selector::Selector, well_known::annotations};
use kruise_plan::workload::{self, History, RevisionStep, TemplateForms};

use super::step::Step;
use crate::snapshot::Snapshot;

pub(super) type Revisions = workload::Revisions<CloneSet>;

pub(super) fn resolve(snapshot: &Snapshot, selector: &Selector) -> Revisions {
    let set = &snapshot.set;
    let claims = set.spec.volume_claim_templates.as_deref();
    let history = History {
        owner: snapshot.owner(),
        selector,
        revisions: &snapshot.revisions,
        template: &set.spec.template,
        forms: &forms(snapshot),
        // With the defaults that a webhook would have written, so that installing one later changes no revision
        // (PF-907).
        wanted: snapshot.gates.filled(),
        current: &set.status.current_revision,
        collision_count: set.status.collision_count.unwrap_or(0),
        annotation: Some((
            annotations::VOLUME_CLAIM_TEMPLATE_HASH,
            revision::volume_claim_template_hash(claims),
        )),
    };
    history.resolve()
}

/// The forms that an earlier pass has made, where the observer found that the template is still the same.
fn forms(snapshot: &Snapshot) -> Arc<TemplateForms> {
    let template = &snapshot.set.spec.template;
    let Some(forms) = &snapshot.memory.forms else {
        return Arc::new(TemplateForms::of(template));
    };
    debug_assert!(forms.are_of(template));
    Arc::clone(forms)
}

impl From<RevisionStep> for Step {
    fn from(step: RevisionStep) -> Self {
        match step {
            RevisionStep::Create { body } => Self::CreateRevision { body },
            RevisionStep::Renumber { name, patch } => Self::PatchRevision { name, patch },
        }
    }
}
