//! The volume claims that each pod has of its own (CS-71 to CS-77): which there are, what becomes of those
//! whose pod is on its way out or gone, which ids new pods get because of them, and what a new pod needs.
//! Nothing here says when a pod is created or deleted.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use kruise_api::{pod::Pod, well_known::labels};
use serde_json::{Map, Value, json};

use super::{
    ClaimMove, ClaimRef, NewClaim, OrphanClaim, PodRef, Spec, Step, claim::owner_reference,
    new_pod::InstanceIds,
};
use crate::snapshot::{Claim, Memory, Snapshot, instance_id, pod_name};

/// The outcome of looking through the claims.
#[derive(Default)]
pub(super) struct Sorted<'a> {
    pub(super) listed: Listed<'a>,
    /// Writes that clean up after pods that vanished (CS-74).
    pub(super) steps: Vec<Step>,
    /// When to look again at claims of pods whose end nobody tells of.
    pub(super) look_again: Option<Duration>,
}

/// Claims that pods keep and, with reuse on, may get again (CS-73).
#[derive(Default)]
pub(super) struct Listed<'a> {
    names: BTreeSet<&'a str>,
    by_id: BTreeMap<&'a str, Vec<&'a Claim>>,
}

impl<'a> Listed<'a> {
    fn add(&mut self, claim: &'a Claim) {
        self.names.insert(&claim.metadata.name);
        let id = instance_id(&claim.metadata);
        self.by_id.entry(id).or_default().push(claim);
    }
}

/// With reuse off, a claim goes with its pod, however the pod goes: while the pod is there in any form it
/// becomes the claim's owner, and what has no pod is deleted (CS-74). With reuse on all stay (CS-75). So they do
/// while the CloneSet terminates: whoever asked for that may want to keep pods and claims, and garbage collection
/// knows (DV-CS17).
pub(super) fn sort<'a>(snapshot: &'a Snapshot, spec: &Spec) -> Sorted<'a> {
    let mut sorted = Sorted::default();
    let present = snapshot
        .claims
        .iter()
        .map(AsRef::as_ref)
        .filter(|claim: &&Claim| !claim.metadata.is_terminating());
    if spec.reuses_claims || snapshot.set.metadata.is_terminating() {
        present.for_each(|claim| sorted.listed.add(claim));
        return sorted;
    }
    let pods = pods_by_id(snapshot);
    let mut moves = Vec::new();
    let mut orphans = Vec::new();
    for claim in present {
        match pods.get(instance_id(&claim.metadata)) {
            Some(pod) if pod.is_active() => sorted.listed.add(claim),
            Some(pod) => moves.push(move_to(snapshot, claim, pod)),
            None if is_awaited(snapshot, claim) => {
                sorted.listed.add(claim);
                // No event tells of the end of a pod that the index doesn't show.
                let uid = &claim.metadata.uid;
                if snapshot.memory.claims_in_use.contains_key(uid) {
                    sorted.look_again = Duration::try_from(Memory::STANDS_FOR).ok();
                }
            }
            None if is_of_another(snapshot, claim) => {
                sorted.listed.add(claim);
                sorted.look_again = Duration::try_from(Memory::STANDS_FOR).ok();
            }
            None => orphans.push(orphan(snapshot, claim)),
        }
    }
    if !moves.is_empty() {
        sorted.steps.push(Step::MoveClaims { moves });
    }
    if !orphans.is_empty() {
        sorted
            .steps
            .push(Step::DeleteOrphanClaims { claims: orphans });
    }
    sorted
}

/// Whether the claim has a pod although the index shows none: one that lost its label, or one that the API
/// server did not let be created yet.
fn is_awaited(snapshot: &Snapshot, claim: &Claim) -> bool {
    let memory = &snapshot.memory;
    memory.claims_in_use.contains_key(&claim.metadata.uid)
        || memory.refused_ids.contains(instance_id(&claim.metadata))
}

/// Whether a pod that is not ours has the name that the claim's pod would have: we let it go, and it runs on
/// with what it has written (DV-CS17).
fn is_of_another(snapshot: &Snapshot, claim: &Claim) -> bool {
    let id = instance_id(&claim.metadata);
    let name = pod_name(&snapshot.set.metadata, id);
    !id.is_empty() && snapshot.taken_names.contains(&name)
}

/// Owned pods by their id, and by that in their name: a label that somebody edited takes no claim away from a
/// pod. Where two pods have one id, the active one has it.
/// Empty where nobody has claims to look for.
fn pods_by_id(snapshot: &Snapshot) -> BTreeMap<&str, &Pod> {
    let mut by_id: BTreeMap<&str, &Pod> = BTreeMap::new();
    if snapshot.claims.is_empty() && snapshot.memory.refused_ids.is_empty() {
        return by_id;
    }
    let prefix = pod_name(&snapshot.set.metadata, "");
    for pod in snapshot.pods.iter() {
        let in_name = pod.metadata.name.strip_prefix(&prefix);
        for id in [Some(instance_id(&pod.metadata)), in_name] {
            let Some(id) = id.filter(|id| !id.is_empty()) else {
                continue;
            };
            if pod.is_active() || !by_id.contains_key(id) {
                by_id.insert(id, pod.as_ref());
            }
        }
    }
    by_id
}

fn orphan(snapshot: &Snapshot, claim: &Claim) -> OrphanClaim {
    let id = instance_id(&claim.metadata);
    OrphanClaim {
        claim: ClaimRef::of(&claim.metadata),
        pod: (!id.is_empty()).then(|| pod_name(&snapshot.set.metadata, id)),
    }
}

/// The claim vanishes when the pod does, by garbage collection.
fn move_to(snapshot: &Snapshot, claim: &Claim, pod: &Pod) -> ClaimMove {
    let metadata = &claim.metadata;
    ClaimMove {
        claim: ClaimRef::of(metadata),
        pod: PodRef::of(pod),
        patch: json!({
            "metadata": {
                "uid": metadata.uid,
                "resourceVersion": metadata.resource_version,
                "ownerReferences": [
                    { "$patch": "delete", "uid": snapshot.uid() },
                    {
                        "apiVersion": "v1",
                        "kind": "Pod",
                        "name": pod.metadata.name,
                        "uid": pod.metadata.uid,
                        "controller": true,
                        "blockOwnerDeletion": true,
                    },
                ],
            },
        }),
    }
}

/// The id of a pod to create.
pub(super) struct NextId {
    pub(super) id: String,
    /// Why no pod can have it yet (CS-77).
    pub(super) held: Option<String>,
}

/// The ids of the next pods, in ascending order (CS-57). Ids of claims without a pod come first (CS-58): those
/// that are free, then those that are still in use, which nobody else gets meanwhile; then new ones.
pub(super) fn next_ids(
    snapshot: &Snapshot,
    spec: &Spec,
    listed: &Listed<'_>,
    count: usize,
) -> Vec<NextId> {
    // Those whose creation failed come again, since claims may be there for them.
    let pods = pods_by_id(snapshot);
    let mut free: BTreeSet<&str> = snapshot
        .memory
        .refused_ids
        .iter()
        .map(String::as_str)
        .filter(|id| !pods.contains_key(id))
        .collect();
    let mut held = BTreeMap::new();
    if spec.reuses_claims {
        let terminating = terminating_names(snapshot);
        for id in listed.by_id.keys().copied() {
            let taken = snapshot
                .taken_names
                .contains(&pod_name(&snapshot.set.metadata, id));
            match pods.get(id) {
                _ if taken || !is_id(id) => {}
                Some(pod) if pod.is_active() => {}
                Some(pod) => {
                    held.insert(id, why_still_there(pod));
                }
                None => match terminating_claim(snapshot, &terminating, id) {
                    Some(why) => {
                        held.insert(id, why);
                    }
                    None => {
                        free.insert(id);
                    }
                },
            }
        }
    }
    let reused = free
        .into_iter()
        .map(|id| (id.to_owned(), None))
        .chain(held.into_iter().map(|(id, why)| (id.to_owned(), Some(why))));
    let mut ids: BTreeMap<String, Option<String>> = reused.take(count).collect();
    let n_new = count - ids.len();
    let new = InstanceIds::new(snapshot).take(n_new);
    ids.extend(new.into_iter().map(|id| (id, None)));
    ids.into_iter()
        .map(|(id, held)| NextId { id, held })
        .collect()
}

/// Whether this could be the end of a pod's name: a label that somebody edited must not stop the creations.
fn is_id(id: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    !id.is_empty() && id.bytes().all(is_fine)
}

fn why_still_there(pod: &Pod) -> String {
    if pod.metadata.is_terminating() {
        "it is still terminating".to_owned()
    } else {
        format!("it is still there, in phase {}", pod.status.phase)
    }
}

/// A claim that the pod with this id would have, but that is on its way out: its name is not free yet.
fn terminating_claim(
    snapshot: &Snapshot,
    terminating: &BTreeSet<&str>,
    id: &str,
) -> Option<String> {
    wanted(snapshot, id)
        .map(|claim| claim.name)
        .find(|name| terminating.contains(name.as_str()))
        .map(|name| format!("its claim {name} is still terminating"))
}

fn terminating_names(snapshot: &Snapshot) -> BTreeSet<&str> {
    let terminating = snapshot
        .claims
        .iter()
        .filter(|claim| claim.metadata.is_terminating());
    terminating
        .map(|claim| claim.metadata.name.as_str())
        .collect()
}

/// A claim that a pod has by the templates of now.
struct Wanted<'a> {
    template: &'a Value,
    volume: &'a str,
    name: String,
}

/// CS-71: always the templates of the live spec (CS-24).
fn wanted<'a>(snapshot: &'a Snapshot, id: &'a str) -> impl Iterator<Item = Wanted<'a>> {
    let set = &snapshot.set.metadata;
    let templates = snapshot.set.spec.volume_claim_templates.as_deref();
    templates.unwrap_or_default().iter().map(move |template| {
        let volume = template
            .pointer("/metadata/name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        Wanted {
            template,
            volume,
            name: format!("{volume}-{}", pod_name(set, id)),
        }
    })
}

/// The volumes of a new pod: one for each claim, before the template's own, of which those of the same name
/// are replaced (CS-72). None when the template's are all.
pub(super) fn volumes(snapshot: &Snapshot, id: &str, own: Option<&Value>) -> Option<Vec<Value>> {
    let mut volumes: Vec<Value> = wanted(snapshot, id)
        .map(|claim| {
            json!({
                "name": claim.volume,
                "persistentVolumeClaim": { "claimName": claim.name },
            })
        })
        .collect();
    if volumes.is_empty() {
        return None;
    }
    let is_replaced = |volume: &Value| {
        let name = volume.get("name").and_then(Value::as_str);
        wanted(snapshot, id).any(|claim| name == Some(claim.volume))
    };
    let own = own.and_then(Value::as_array).into_iter().flatten();
    volumes.extend(own.filter(|volume| !is_replaced(volume)).cloned());
    Some(volumes)
}

/// The claims that a new pod with this id needs and that are not there (CS-61, CS-71).
pub(super) fn missing(snapshot: &Snapshot, listed: &Listed<'_>, id: &str) -> Vec<NewClaim> {
    wanted(snapshot, id)
        .filter(|wanted| !listed.names.contains(wanted.name.as_str()))
        .map(|wanted| new_claim(snapshot, wanted, id))
        .collect()
}

fn new_claim(snapshot: &Snapshot, wanted: Wanted<'_>, id: &str) -> NewClaim {
    let map = |field: &str| {
        wanted
            .template
            .pointer(&format!("/metadata/{field}"))
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let mut all_labels: Map<String, Value> = map("labels");
    let selected = snapshot.set.spec.selector.match_labels.iter().flatten();
    all_labels.extend(selected.map(|(key, value)| (key.clone(), json!(value))));
    all_labels.insert(labels::CLONESET_INSTANCE_ID.to_owned(), json!(id));
    let body = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": wanted.name,
            "namespace": snapshot.set.metadata.namespace,
            "labels": all_labels,
            "annotations": map("annotations"),
            "ownerReferences": [owner_reference(snapshot)],
        },
        "spec": wanted.template.get("spec").cloned().unwrap_or_else(|| json!({})),
    });
    NewClaim {
        name: wanted.name,
        body,
    }
}

/// Deletes pods in order, each followed by its claims (CS-62, CS-76).
pub(super) fn deletions(snapshot: &Snapshot, listed: &Listed<'_>, pods: &[&Pod]) -> Option<Step> {
    let staying = ids_that_stay(snapshot, listed, pods);
    let claims = pods.iter().map(|pod| {
        let claims = claims_of(listed, &staying, pod);
        (pod.metadata.uid.clone(), claims)
    });
    (!pods.is_empty()).then(|| Step::DeletePods {
        pods: pods.iter().map(|pod| PodRef::of(pod)).collect(),
        claims: claims.filter(|(_, claims)| !claims.is_empty()).collect(),
    })
}

/// Ids of the pods that are not deleted now; none where nobody has claims.
fn ids_that_stay<'a>(
    snapshot: &'a Snapshot,
    listed: &Listed<'_>,
    deleted: &[&Pod],
) -> BTreeSet<&'a str> {
    if listed.by_id.is_empty() || deleted.is_empty() {
        return BTreeSet::new();
    }
    let deleted: BTreeSet<&str> = deleted
        .iter()
        .map(|pod| pod.metadata.uid.as_str())
        .collect();
    snapshot
        .active_pods()
        .filter(|pod| !deleted.contains(pod.metadata.uid.as_str()))
        .map(|pod| instance_id(&pod.metadata))
        .collect()
}

/// A label that somebody edited may give two pods one id: then the claims stay with the pod that stays.
fn claims_of(listed: &Listed<'_>, staying: &BTreeSet<&str>, pod: &Pod) -> Vec<ClaimRef> {
    let id = instance_id(&pod.metadata);
    if staying.contains(id) {
        return Vec::new();
    }
    let claims = listed.by_id.get(id).into_iter().flatten();
    claims.map(|claim| ClaimRef::of(&claim.metadata)).collect()
}
