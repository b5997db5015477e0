//! The history of a workload's templates (CS-31 to CS-40): which revision is current, which is wanted, and what is
//! created, renumbered and deleted for that.

use std::{cell::OnceCell, sync::Arc};

use kruise_api::{
    pod::Pod,
    read::{ControllerRevision, RevisionData},
    revision,
    selector::Selector,
    template::PodTemplate,
    text::Text,
    well_known::labels,
};
use serde_json::{Value, json};

use super::{
    in_place::Differences,
    template::{self, Filled, TemplateForms},
};
use crate::owner::Owner;

/// What the two revisions are found from.
#[derive(Debug, Clone)]
pub struct History<'a, K> {
    /// The workload.
    pub owner: Owner<'a>,
    /// Its selector, which its revisions match.
    pub selector: &'a Selector,
    /// Revisions of the namespace: the workload's, those that nobody manages, and those whose names its own must not
    /// take.
    pub revisions: &'a [Arc<ControllerRevision<K>>],
    /// The present template.
    pub template: &'a Value,
    /// The forms in which revisions may store it.
    pub forms: &'a TemplateForms,
    /// The form in which a new revision stores it.
    pub wanted: Filled,
    /// `status.currentRevision`.
    pub current: &'a str,
    /// `status.collisionCount`.
    pub collision_count: i32,
    /// What else belongs to a revision, in an annotation: key and value. [`ControllerRevision`] keeps the annotation
    /// `kruise.io/cloneset-volumeclaimtemplate-hash` alone; another key is written with each renumbering.
    pub annotation: Option<(&'static str, String)>,
}

/// The two revisions that pods are at or go to.
#[derive(Debug)]
pub struct Revisions<K> {
    /// Name of the revision of the last completed roll-out (CS-38).
    pub current: String,
    /// Name of the revision of the present template (CS-37).
    pub update: String,
    /// How much of the present template has to be filled in to get what the update revision stores.
    pub filled: Filled,
    /// Known revisions, oldest first (IP-132).
    pub known: Vec<Arc<ControllerRevision<K>>>,
    /// How often two templates had the same name.
    pub collision_count: i32,
    /// Writes that must be seen before pods are touched.
    pub steps: Vec<RevisionStep>,
    /// Trees of the known revisions' data, each made when it is looked at.
    trees: Vec<OnceCell<Value>>,
    /// What changes from one revision to another.
    pub differences: Differences,
}

/// A write to a revision.
#[derive(Debug, Clone, PartialEq)]
pub enum RevisionStep {
    /// Create a revision. If its name is taken, the next pass looks again.
    Create {
        /// The whole object.
        body: Value,
    },
    /// Change a revision's number (CS-37).
    Renumber {
        /// Its name.
        name: String,
        /// Merge patch with the resourceVersion read.
        patch: Value,
    },
}

impl<K> Revisions<K> {
    /// Whether there is nothing to roll back to.
    #[must_use]
    pub fn are_the_same(&self) -> bool {
        self.current == self.update
    }

    /// The known revision of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Arc<ControllerRevision<K>>> {
        self.known.iter().find(|known| known.metadata.name == name)
    }

    /// What the known revision of this name stores.
    #[must_use]
    pub fn data(&self, name: &str) -> Option<&Value> {
        let mut known = self.known.iter().zip(&self.trees);
        let (known, tree) = known.find(|(known, _)| known.metadata.name == name)?;
        Some(tree.get_or_init(|| known.data.tree()))
    }

    /// The present template with its defaults: newer fields than revisions know are kept (DV-IP11).
    #[must_use]
    pub fn update_template(&self, template: &Value) -> Value {
        template::with(template, self.filled)
    }

    /// Template of the current revision, as stored.
    #[must_use]
    pub fn current_template(&self) -> Option<&Value> {
        revision::template(self.data(&self.current)?)
    }

    /// The first known revision that the pod's label names (CS-88).
    #[must_use]
    pub fn of_pod(&self, pod: &Pod) -> Option<&Arc<ControllerRevision<K>>> {
        let label = pod.metadata.labels.get(labels::CONTROLLER_REVISION_HASH)?;
        self.known
            .iter()
            .find(|known| revision::label_names(label, &known.metadata.name))
    }

    /// What a history of `limit` unused revisions does not keep, oldest first (CS-40, IP-137). `is_used` says whether
    /// a pod is at the revision of this name.
    pub fn surplus(
        &self,
        limit: usize,
        is_used: impl Fn(&str) -> bool,
    ) -> Vec<&Arc<ControllerRevision<K>>> {
        let mut unused: Vec<_> = self
            .known
            .iter()
            .filter(|known| {
                let name = &known.metadata.name;
                *name != self.current && *name != self.update
            })
            .collect();
        // Most often there are so few that nobody need ask which are used.
        if unused.len() > limit {
            unused.retain(|known| !is_used(&known.metadata.name));
        }
        let surplus = unused.len().saturating_sub(limit);
        unused.truncate(surplus);
        unused
    }
}

/// Whether the pod is at the revision (CS-39).
#[must_use]
pub fn is_at(pod: &Pod, name: &str) -> bool {
    pod.metadata
        .labels
        .get(labels::CONTROLLER_REVISION_HASH)
        .is_some_and(|label| revision::label_names(label, name))
}

/// The name of a new revision.
struct Named<K> {
    name: String,
    /// The revision that has the name already, if it stores the same template.
    taken_over: Option<Arc<ControllerRevision<K>>>,
}

impl<K: Clone> History<'_, K> {
    /// Finds the two revisions.
    #[must_use]
    pub fn resolve(&self) -> Revisions<K> {
        let mut known = self.known();
        let mut collision_count = self.collision_count;
        let newest_number = known.last().map_or(0, |newest| newest.revision);
        // If no revision stores the template in the wanted form, a revision that stores another form will do: it is
        // the same template, and a new revision would roll all pods (DV-CS20).
        let wanted = self.wanted;
        let others = Filled::ALL.into_iter().filter(|filled| *filled != wanted);
        let found = [wanted].into_iter().chain(others).find_map(|filled| {
            let data = self.forms.data(self.template, filled);
            let hash = revision::hash(data.as_bytes(), self.collision_count);
            let equal = |known: &&Arc<ControllerRevision<K>>| is_equal(known, data, &hash);
            known.iter().rfind(equal).map(|found| (filled, found))
        });
        let mut steps = Vec::new();
        let (filled, update) = match found {
            Some((filled, found)) => {
                let is_newest = known
                    .last()
                    .is_some_and(|newest| Arc::ptr_eq(newest, found));
                if !is_newest {
                    steps.push(self.renumber(found, newest_number + 1));
                }
                (filled, found.metadata.name.clone())
            }
            None => {
                let data = self.forms.data(self.template, wanted);
                let named = self.name(data, &mut collision_count);
                match named.taken_over {
                    Some(taken) => {
                        let at = known.partition_point(|other| other.revision <= taken.revision);
                        known.insert(at, taken);
                    }
                    None => steps.push(self.create(data, &named.name, newest_number + 1)),
                }
                (wanted, named.name)
            }
        };
        let is_current = |known: &&Arc<ControllerRevision<K>>| known.metadata.name == self.current;
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

    /// The first name that nothing else has (IP-129, IP-131).
    fn name(&self, data: &str, collision_count: &mut i32) -> Named<K> {
        loop {
            let hash = revision::hash(data.as_bytes(), *collision_count);
            let name = revision::name(&self.owner.metadata.name, &hash);
            let mut revisions = self.revisions.iter();
            match revisions.find(|taken| taken.metadata.name == name) {
                // This revision is not listed as ours. With the same data under our name it is used, whoever owns it.
                Some(taken) if taken.data.is(data) => {
                    let mut taken = ControllerRevision::clone(taken);
                    taken.data = RevisionData::Text(data.into());
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

    /// Revisions that match the selector and have no manager or us, oldest first (IP-132).
    fn known(&self) -> Vec<Arc<ControllerRevision<K>>> {
        let mut known: Vec<_> = self
            .revisions
            .iter()
            .filter(|revision| {
                self.selector.matches(&revision.metadata.labels)
                    && !revision.metadata.is_terminating()
                    && revision
                        .metadata
                        .controller()
                        .is_none_or(|manager| manager.uid == self.owner.uid())
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

    fn create(&self, data: &str, name: &str, number: i64) -> RevisionStep {
        let metadata = self.owner.metadata;
        let template = template::with(self.template, self.wanted);
        let mut all_labels = PodTemplate::view(&template)
            .map(|template| template.metadata.labels)
            .unwrap_or_default();
        let hash = revision::hash(data.as_bytes(), self.collision_count);
        all_labels.insert(labels::REVISION_HASH, hash);
        let mut all_annotations = metadata.annotations.clone();
        if let Some((key, value)) = &self.annotation {
            all_annotations.insert(*key, value.as_str());
        }
        // We have just written this text ourselves.
        let data: Value = serde_json::from_str(data).unwrap_or_default();
        RevisionStep::Create {
            body: json!({
                "apiVersion": "apps/v1",
                "kind": "ControllerRevision",
                "metadata": {
                    "name": name,
                    "namespace": metadata.namespace,
                    "labels": all_labels,
                    "annotations": all_annotations,
                    "ownerReferences": [self.owner.reference()],
                },
                "data": data,
                "revision": number,
            }),
        }
    }

    /// Makes an older revision the newest: a roll-back (IP-135, CS-37).
    fn renumber(&self, revision: &ControllerRevision<K>, number: i64) -> RevisionStep {
        let mut metadata = json!({ "resourceVersion": revision.metadata.resource_version });
        if let Some((key, value)) = &self.annotation
            && revision.metadata.annotations.get(key).map(Text::as_str) != Some(value)
            && let Some(metadata) = metadata.as_object_mut()
        {
            metadata.insert("annotations".to_owned(), json!({ *key: value }));
        }
        RevisionStep::Renumber {
            name: revision.metadata.name.clone(),
            patch: json!({ "metadata": metadata, "revision": number }),
        }
    }
}

/// IP-134
fn is_equal<K>(known: &ControllerRevision<K>, data: &str, hash: &str) -> bool {
    let label = known.metadata.labels.get(labels::REVISION_HASH);
    known.data.is(data) && revision::hash_labels_agree(label.map(Text::as_str), Some(hash))
}
