//! The history of templates (CS-31 to CS-40): which revision is current, which is wanted, what is
//! created, renumbered and trimmed.

use std::{cell::OnceCell, sync::Arc};

use kruise_api::{
    pod::Pod,
    revision,
    selector::Selector,
    template::PodTemplate,
    text::Text,
    well_known::{annotations, labels},
};
use serde_json::{Value, json};

use super::{differences::Differences, step::Step};
use crate::{
    gates::Filled,
    snapshot::{ControllerRevision, RevisionData, Snapshot},
    template_forms::{self, TemplateForms},
};

/// The two revisions that pods are at or go to.
#[derive(Debug)]
pub(super) struct Revisions {
    /// Name of the revision of the last completed roll-out (CS-38).
    pub(super) current: String,
    /// Name of the revision of the present template (CS-37).
    pub(super) update: String,
    /// How much of the present template is filled in, so that it is what the update revision stores.
    pub(super) filled: Filled,
    /// Known revisions, oldest first (IP-132).
    pub(super) known: Vec<Arc<ControllerRevision>>,
    /// How often two templates had the same name.
    pub(super) collision_count: i32,
    /// Writes that must be seen before pods are touched.
    pub(super) steps: Vec<Step>,
    /// Trees of the known revisions' data, each made when it is looked at.
    trees: Vec<OnceCell<Value>>,
    /// What changes from one revision to another.
    pub(super) differences: Differences,
}

impl Revisions {
    /// Whether there is nothing to roll back to.
    pub(super) fn are_the_same(&self) -> bool {
        self.current == self.update
    }

    /// The known revision of this name.
    pub(super) fn named(&self, name: &str) -> Option<&Arc<ControllerRevision>> {
        self.known.iter().find(|known| known.metadata.name == name)
    }

    /// What the known revision of this name stores.
    pub(super) fn data(&self, name: &str) -> Option<&Value> {
        let mut known = self.known.iter().zip(&self.trees);
        let (known, tree) = known.find(|(known, _)| known.metadata.name == name)?;
        Some(tree.get_or_init(|| known.data.tree()))
    }

    /// The present template with its defaults: newer fields than revisions know are kept (DV-IP11).
    pub(super) fn update_template(&self, snapshot: &Snapshot) -> Value {
        template_forms::with(&snapshot.set.spec.template, self.filled)
    }

    /// Template of the current revision, as stored.
    pub(super) fn current_template(&self) -> Option<&Value> {
        revision::template(self.data(&self.current)?)
    }

    /// The first known revision that the pod's label names (CS-88).
    pub(super) fn of_pod(&self, pod: &Pod) -> Option<&Arc<ControllerRevision>> {
        let label = pod.metadata.labels.get(labels::CONTROLLER_REVISION_HASH)?;
        self.known
            .iter()
            .find(|known| revision::label_names(label, &known.metadata.name))
    }
}

/// Whether the pod is at the revision (CS-39).
pub(super) fn is_at(pod: &Pod, name: &str) -> bool {
    pod.metadata
        .labels
        .get(labels::CONTROLLER_REVISION_HASH)
        .is_some_and(|label| revision::label_names(label, name))
}

pub(super) fn resolve(snapshot: &Snapshot, selector: &Selector) -> Revisions {
    let mut known = known(snapshot, selector);
    let template = &snapshot.set.spec.template;
    let forms = forms(snapshot);
    let first_collision = snapshot.set.status.collision_count.unwrap_or(0);
    let mut collision_count = first_collision;
    let newest_number = known.last().map_or(0, |newest| newest.revision);
    // With the defaults that a webhook would have written, so that installing one later changes no revision
    // (PF-907).
    let wanted = snapshot.gates.filled();
    // Where no revision has them, one that was stored without will do, or with others: it is the same template, and
    // making it anew would roll all pods (DV-CS20).
    let others = Filled::ALL.into_iter().filter(|filled| *filled != wanted);
    let found = [wanted].into_iter().chain(others).find_map(|filled| {
        let data = forms.data(template, filled);
        let hash = revision::hash(data.as_bytes(), first_collision);
        let equal = |known: &&Arc<ControllerRevision>| is_equal(known, data, &hash);
        known.iter().rfind(equal).map(|found| (filled, found))
    });
    let mut steps = Vec::new();
    let (filled, update) = match found {
        Some((filled, found)) => {
            let is_newest = known
                .last()
                .is_some_and(|newest| Arc::ptr_eq(newest, found));
            if !is_newest {
                steps.push(renumber(snapshot, found, newest_number + 1));
            }
            (filled, found.metadata.name.clone())
        }
        None => {
            let data = forms.data(template, wanted);
            let named = name(snapshot, data, &mut collision_count);
            match named.taken_over {
                Some(taken) => {
                    let at = known.partition_point(|other| other.revision <= taken.revision);
                    known.insert(at, taken);
                }
                None => {
                    let hash = revision::hash(data.as_bytes(), first_collision);
                    let number = newest_number + 1;
                    steps.push(create(snapshot, wanted, data, &named.name, &hash, number));
                }
            }
            (wanted, named.name)
        }
    };
    let status_current = &snapshot.set.status.current_revision;
    let is_current = |known: &&Arc<ControllerRevision>| known.metadata.name == *status_current;
    let current = known.iter().find(is_current);
    Revisions {
        current: current.map_or_else(|| update.clone(), |known| known.metadata.name.clone()),
        update,
        filled,
        trees: vec![OnceCell::new(); known.len()],
        known,
        collision_count,
        steps,
        differences: Differences::default(),
    }
}

/// IP-134
fn is_equal(known: &ControllerRevision, data: &str, hash: &str) -> bool {
    let label = known.metadata.labels.get(labels::REVISION_HASH);
    known.data.is(data) && revision::hash_labels_agree(label.map(Text::as_str), Some(hash))
}

/// The name of a new revision.
struct Named {
    name: String,
    /// The revision that has it, if that stores the same.
    taken_over: Option<Arc<ControllerRevision>>,
}

/// The first name that nothing else has (IP-129, IP-131).
fn name(snapshot: &Snapshot, data: &str, collision_count: &mut i32) -> Named {
    loop {
        let hash = revision::hash(data.as_bytes(), *collision_count);
        let name = revision::name(&snapshot.set.metadata.name, &hash);
        let mut revisions = snapshot.revisions.iter();
        match revisions.find(|taken| taken.metadata.name == name) {
            // Not listed as ours. The same data under our name is used, whoever owns it.
            Some(taken) if taken.data.is(data) => {
                let taken = ControllerRevision {
                    data: RevisionData::Text(data.into()),
                    ..ControllerRevision::clone(taken)
                };
                return Named {
                    name,
                    taken_over: Some(Arc::new(taken)),
                };
            }
            Some(_) => *collision_count += 1,
            None => {
                return Named {
                    name,
                    taken_over: None,
                };
            }
        }
    }
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

/// Revisions that match the selector and have no manager or us, oldest first (IP-132).
fn known(snapshot: &Snapshot, selector: &Selector) -> Vec<Arc<ControllerRevision>> {
    let mut known: Vec<_> = snapshot
        .revisions
        .iter()
        .filter(|revision| {
            selector.matches(&revision.metadata.labels)
                && !revision.metadata.is_terminating()
                && revision
                    .metadata
                    .controller()
                    .is_none_or(|owner| owner.uid == snapshot.uid())
        })
        .cloned()
        .collect();
    known.sort_by(|a, b| {
        (a.revision, a.metadata.creation_timestamp, &a.metadata.name).cmp(&(
            b.revision,
            b.metadata.creation_timestamp,
            &b.metadata.name,
        ))
    });
    known
}

fn volume_claim_hash(snapshot: &Snapshot) -> String {
    revision::volume_claim_template_hash(snapshot.set.spec.volume_claim_templates.as_deref())
}

fn create(
    snapshot: &Snapshot,
    filled: Filled,
    data: &str,
    name: &str,
    hash: &str,
    number: i64,
) -> Step {
    let template = template_forms::with(&snapshot.set.spec.template, filled);
    let mut all_labels = PodTemplate::view(&template)
        .map(|template| template.metadata.labels)
        .unwrap_or_default();
    all_labels.insert(labels::REVISION_HASH, hash);
    let mut all_annotations = snapshot.set.metadata.annotations.clone();
    all_annotations.insert(
        annotations::VOLUME_CLAIM_TEMPLATE_HASH,
        volume_claim_hash(snapshot),
    );
    // It was just written by ourselves.
    let data: Value = serde_json::from_str(data).unwrap_or_default();
    let body = json!({
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": snapshot.set.metadata.namespace,
            "labels": all_labels,
            "annotations": all_annotations,
            "ownerReferences": [snapshot.owner().reference()],
        },
        "data": data,
        "revision": number,
    });
    Step::CreateRevision { body }
}

/// Makes an older revision the newest: a roll-back (IP-135, CS-37).
fn renumber(snapshot: &Snapshot, revision: &ControllerRevision, number: i64) -> Step {
    let hash = volume_claim_hash(snapshot);
    let mut metadata = json!({ "resourceVersion": revision.metadata.resource_version });
    if revision
        .metadata
        .annotations
        .get(annotations::VOLUME_CLAIM_TEMPLATE_HASH)
        .map(Text::as_str)
        != Some(hash.as_str())
        && let Some(metadata) = metadata.as_object_mut()
    {
        metadata.insert(
            "annotations".to_owned(),
            json!({ annotations::VOLUME_CLAIM_TEMPLATE_HASH: hash }),
        );
    }
    Step::PatchRevision {
        name: revision.metadata.name.clone(),
        patch: json!({ "metadata": metadata, "revision": number }),
    }
}
