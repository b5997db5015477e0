//! The history of a SidecarSet: which revision is the latest, what is written for that, and what is no longer kept (SS-73
//! to SS-78).

use std::{collections::BTreeSet, sync::Arc};

use kruise_api::{
    kinds::sidecarset::revision_data,
    resource::CONTROLLER_REVISIONS,
    revision,
    text::Text,
    well_known::labels::{REVISION_HASH, SIDECARSET_CUSTOM_VERSION, SIDECARSET_NAME},
};
use serde_json::{Map, Value, json};

use super::step::Step;
use crate::{revisions::Revision, snapshot::Snapshot};

/// How many taken names in a row are thought possible. Two are a rarity.
const COLLISIONS: i32 = 10;

/// What came of registering the present spec.
#[derive(Debug)]
pub(super) enum Registration {
    /// This has to be written first.
    Write(Step),
    /// It is registered.
    Done(Latest),
}

/// The revision of the present spec.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Latest {
    /// Its name.
    pub(super) name: String,
    /// How often a name was found taken.
    pub(super) collision_count: i32,
}

/// Finds the revision of the present spec (SS-76, SS-77).
pub(super) fn register(snapshot: &Snapshot) -> Registration {
    let data = revision_data::of(snapshot.spec());
    let known = known(snapshot);
    let collision_count = snapshot.sidecar_set.status.collision_count.unwrap_or(0);
    let next_number = known.last().map_or(1, |newest| newest.revision + 1);
    if let Some(found) = known.iter().rfind(|known| known.stores(&data)) {
        let is_newest = known
            .last()
            .is_some_and(|newest| Arc::ptr_eq(newest, found));
        let number = (!is_newest).then_some(next_number);
        return match change(snapshot, found, number) {
            Some(patch) => Registration::Write(Step::PatchRevision {
                name: found.metadata.name.clone(),
                patch,
            }),
            None => Registration::Done(Latest {
                name: found.metadata.name.clone(),
                collision_count: count_of(snapshot, found, &data, collision_count),
            }),
        };
    }
    let mut count = collision_count;
    loop {
        let hash = revision::hash(data.as_bytes(), count);
        let name = revision::name(snapshot.name(), &hash);
        let mut revisions = snapshot.revisions.iter();
        match revisions.find(|taken| taken.metadata.name == name) {
            // It is not ours, and will do as long as it is there (SS-280).
            Some(taken) if taken.stores(&data) => {
                return Registration::Done(Latest {
                    name,
                    collision_count: count,
                });
            }
            Some(_) => count += 1,
            None => {
                let body = body(snapshot, &name, &data, next_number);
                return Registration::Write(Step::CreateRevision { body });
            }
        }
    }
}

/// How often a name was found taken before a revision got its own, if that was more often than is reported.
fn count_of(snapshot: &Snapshot, revision: &Revision, data: &str, reported: i32) -> i32 {
    let mut counts = reported..reported.saturating_add(COLLISIONS);
    let named = |count: &i32| {
        let hash = revision::hash(data.as_bytes(), *count);
        revision::name(snapshot.name(), &hash) == revision.metadata.name
    };
    counts.find(named).unwrap_or(reported)
}

/// What the history does not keep, oldest first (SS-78).
pub(super) fn surplus(snapshot: &Snapshot, latest: &Latest) -> Vec<Step> {
    let known = known(snapshot);
    let limit = snapshot.spec().revision_history_limit.unwrap_or(0).max(1);
    let limit = usize::try_from(limit).unwrap_or(1);
    let Some(n_surplus) = known.len().checked_sub(limit).filter(|n| *n > 0) else {
        return vec![];
    };
    let active = active(snapshot, &known);
    let is_free = |revision: &&Arc<Revision>| {
        let name = revision.metadata.name.as_str();
        name != latest.name && !active.contains(name)
    };
    let free = known.iter().filter(is_free).take(n_surplus);
    free.map(|revision| Step::DeleteRevision {
        name: revision.metadata.name.clone(),
        uid: revision.metadata.uid.clone(),
    })
    .collect()
}

/// Names of the revisions that something refers to.
fn active<'a>(snapshot: &'a Snapshot, known: &'a [Arc<Revision>]) -> BTreeSet<&'a str> {
    let pods = snapshot.matched();
    let mut active: BTreeSet<&str> = pods.map(|pod| pod.facts.revision.as_str()).collect();
    let injection = snapshot.spec().injection_strategy.as_ref();
    let Some(wanted) = injection.and_then(|injection| injection.revision.as_ref()) else {
        return active;
    };
    active.extend(wanted.revision_name.as_deref());
    if let Some(version) = &wanted.custom_version {
        let has_it = |known: &&Arc<Revision>| custom_version(known) == Some(version.as_str());
        let newest = known.iter().rfind(has_it);
        active.extend(newest.map(|revision| revision.metadata.name.as_str()));
    }
    active
}

/// The SidecarSet's revisions, and those that nobody manages, oldest first (SS-73).
fn known(snapshot: &Snapshot) -> Vec<Arc<Revision>> {
    let set = snapshot.metadata();
    let is_known = |revision: &&Arc<Revision>| {
        let metadata = &revision.metadata;
        let name = metadata.labels.get(SIDECARSET_NAME);
        let manager = metadata.controller();
        name.is_some_and(|name| *name == set.name)
            && !metadata.is_terminating()
            && manager.is_none_or(|manager| manager.uid == set.uid)
    };
    let mut known: Vec<_> = snapshot
        .revisions
        .iter()
        .filter(is_known)
        .cloned()
        .collect();
    known.sort_by(|a, b| {
        let key = |revision: &Revision| (revision.revision, revision.metadata.creation_timestamp);
        let names = || a.metadata.name.cmp(&b.metadata.name);
        key(a).cmp(&key(b)).then_with(names)
    });
    known
}

fn custom_version(revision: &Revision) -> Option<&str> {
    let label = revision.metadata.labels.get(SIDECARSET_CUSTOM_VERSION);
    label.map(Text::as_str)
}

/// What has to change in the revision of the present spec: its number, when an older spec is wanted again (SS-76), and the
/// label that names its version (SS-77).
fn change(snapshot: &Snapshot, revision: &Revision, number: Option<i64>) -> Option<Value> {
    let version = &snapshot.spec().custom_version;
    let is_labelled = version.is_empty() || custom_version(revision) == Some(version.as_str());
    if is_labelled && number.is_none() {
        return None;
    }
    let mut patch = Map::new();
    let mut metadata = json!({
        "uid": revision.metadata.uid, "resourceVersion": revision.metadata.resource_version,
    });
    if !is_labelled && let Some(metadata) = metadata.as_object_mut() {
        let labels = json!({ SIDECARSET_CUSTOM_VERSION: version });
        metadata.insert("labels".to_owned(), labels);
    }
    patch.insert("metadata".to_owned(), metadata);
    if let Some(number) = number {
        patch.insert("revision".to_owned(), json!(number));
    }
    Some(Value::Object(patch))
}

/// A new revision (SS-75).
fn body(snapshot: &Snapshot, name: &str, data: &str, number: i64) -> Value {
    let set = snapshot.metadata();
    let count = snapshot.sidecar_set.status.collision_count.unwrap_or(0);
    let mut labels = set.labels.clone();
    labels.insert(REVISION_HASH, revision::hash(data.as_bytes(), count));
    labels.insert(SIDECARSET_NAME, set.name.as_str());
    let version = &snapshot.spec().custom_version;
    if !version.is_empty() {
        labels.insert(SIDECARSET_CUSTOM_VERSION, version.as_str());
    }
    let mut annotations = set.annotations.clone();
    for (key, hash) in snapshot.basis.hashes.clone().annotations() {
        annotations.insert(key, hash);
    }
    // We have just written this text ourselves.
    let data: Value = serde_json::from_str(data).unwrap_or_default();
    json!({
        "apiVersion": CONTROLLER_REVISIONS.api_version(),
        "kind": CONTROLLER_REVISIONS.kind,
        "metadata": {
            "name": name,
            "namespace": snapshot.namespace,
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [snapshot.owner().reference()],
        },
        "data": data,
        "revision": number,
    })
}
