//! The history of templates (CS-31 to CS-40): which revision is current, which is wanted, what is
//! created, renumbered and trimmed.

use std::sync::Arc;

use kruise_api::{
    pod::Pod,
    revision,
    selector::Selector,
    template::PodTemplate,
    text::Text,
    well_known::{annotations, labels},
};
use serde_json::{Value, json};

use super::{Step, claim::owner_reference};
use crate::snapshot::{ControllerRevision, Snapshot};

/// The two revisions that pods are at or go to.
#[derive(Debug, Clone)]
pub struct Revisions {
    /// Name of the revision of the last completed roll-out (CS-38).
    pub current: String,
    /// Name of the revision of the present template (CS-37).
    pub update: String,
    /// Template of the current revision, as stored.
    pub current_template: Option<Value>,
    /// The present template with its defaults: newer fields than revisions know are kept (DV-IP11).
    pub update_template: Value,
    /// Known revisions, oldest first (IP-132).
    pub known: Vec<Arc<ControllerRevision>>,
    /// How often two templates had the same name.
    pub collision_count: i32,
    /// Writes that must be seen before pods are touched.
    pub steps: Vec<Step>,
}

impl Revisions {
    /// Whether there is nothing to roll back to.
    #[must_use]
    pub fn are_the_same(&self) -> bool {
        self.current == self.update
    }

    /// The known revision of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<ControllerRevision>> {
        self.known.iter().find(|known| known.metadata.name == name)
    }

    /// The first known revision that the pod's label names (CS-88).
    #[must_use]
    pub fn of_pod(&self, pod: &Pod) -> Option<&Arc<ControllerRevision>> {
        let label = pod.metadata.labels.get(labels::CONTROLLER_REVISION_HASH)?;
        self.known
            .iter()
            .find(|known| revision::label_names(label, &known.metadata.name))
    }
}

/// Whether the pod is at the revision (CS-39).
#[must_use]
pub(super) fn is_at(pod: &Pod, name: &str) -> bool {
    pod.metadata
        .labels
        .get(labels::CONTROLLER_REVISION_HASH)
        .is_some_and(|label| revision::label_names(label, name))
}

pub(super) fn resolve(snapshot: &Snapshot, selector: &Selector) -> Revisions {
    let mut known = known(snapshot, selector);
    // The same data under our name, but not listed as ours (IP-131).
    let mut taken_over = None;
    let template = defaulted_template(snapshot);
    let data = revision::data(&template);
    // The data was just written by ourselves; that it does not parse can't happen, and would only
    // mean that no known revision equals it.
    let parsed: Value = serde_json::from_str(&data).unwrap_or(Value::Null);

    let first_collision = snapshot.set.status.collision_count.unwrap_or(0);
    let hash_label = revision::hash(data.as_bytes(), first_collision);
    let equal = |candidate: &ControllerRevision| {
        revision::same_data(&candidate.data, &parsed)
            && revision::hash_labels_agree(
                candidate
                    .metadata
                    .labels
                    .get(labels::REVISION_HASH)
                    .map(Text::as_str),
                Some(&hash_label),
            )
    };
    let newest_number = known.last().map_or(0, |newest| newest.revision);
    let mut steps = Vec::new();
    let mut collision_count = first_collision;
    let found = known
        .iter()
        .rev()
        .find(|candidate| equal(candidate))
        .cloned();
    let update = match found {
        Some(found) => {
            let is_newest = known.last().is_some_and(|newest| equal(newest));
            if is_newest {
                known
                    .last()
                    .map_or_else(String::new, |newest| newest.metadata.name.clone())
            } else {
                steps.push(renumber(snapshot, &found, newest_number + 1));
                found.metadata.name.clone()
            }
        }
        None => loop {
            let hash = revision::hash(data.as_bytes(), collision_count);
            let name = revision::name(&snapshot.set.metadata.name, &hash);
            match snapshot
                .revisions
                .iter()
                .find(|taken| taken.metadata.name == name)
            {
                // IP-131: the same data under our name is used, whoever owns it.
                Some(taken) if revision::same_data(&taken.data, &parsed) => {
                    taken_over = Some(Arc::clone(taken));
                    break name;
                }
                Some(_) => collision_count += 1,
                None => {
                    steps.push(Step::CreateRevision {
                        body: new_revision(
                            snapshot,
                            &template,
                            &parsed,
                            &name,
                            &hash_label,
                            newest_number + 1,
                        ),
                    });
                    break name;
                }
            }
        },
    };
    if let Some(taken) = taken_over {
        let at = known.partition_point(|other| other.revision <= taken.revision);
        known.insert(at, taken);
    }
    let status_current = &snapshot.set.status.current_revision;
    let current = known
        .iter()
        .find(|known| known.metadata.name == *status_current)
        .map_or_else(|| update.clone(), |known| known.metadata.name.clone());
    let current_template = known
        .iter()
        .find(|known| known.metadata.name == current)
        .and_then(|known| revision::template(&known.data))
        .cloned();
    Revisions {
        current,
        update,
        current_template,
        update_template: template,
        known,
        collision_count,
        steps,
    }
}

/// The live template with the defaults that a webhook would have written, so that installing one
/// later changes no revision (PF-907).
fn defaulted_template(snapshot: &Snapshot) -> Value {
    let mut template = snapshot.set.spec.template.clone();
    snapshot.gates.default_template(&mut template);
    template
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

fn new_revision(
    snapshot: &Snapshot,
    template: &Value,
    data: &Value,
    name: &str,
    hash: &str,
    number: i64,
) -> Value {
    let mut all_labels = PodTemplate::view(template)
        .map(|template| template.metadata.labels)
        .unwrap_or_default();
    all_labels.insert(labels::REVISION_HASH, hash);
    let mut all_annotations = snapshot.set.metadata.annotations.clone();
    all_annotations.insert(
        annotations::VOLUME_CLAIM_TEMPLATE_HASH,
        volume_claim_hash(snapshot),
    );
    json!({
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": snapshot.set.metadata.namespace,
            "labels": all_labels,
            "annotations": all_annotations,
            "ownerReferences": [owner_reference(snapshot)],
        },
        "data": data,
        "revision": number,
    })
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

/// Deletes what the history limit does not keep, oldest first (CS-40, IP-137).
pub(super) fn trim(snapshot: &Snapshot, revisions: &Revisions, pods: &[Arc<Pod>]) -> Vec<Step> {
    let limit = super::Spec::of(&snapshot.set.spec).history_limit;
    let unused: Vec<_> = revisions
        .known
        .iter()
        .filter(|known| {
            let name = &known.metadata.name;
            *name != revisions.current
                && *name != revisions.update
                && !pods.iter().any(|pod| is_at(pod, name))
        })
        .collect();
    let surplus = unused.len().saturating_sub(limit);
    unused
        .into_iter()
        .take(surplus)
        .map(|revision| Step::DeleteRevision {
            name: revision.metadata.name.clone(),
            uid: revision.metadata.uid.clone(),
        })
        .collect()
}
