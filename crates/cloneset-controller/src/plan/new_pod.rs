//! What a new pod looks like (CS-39, CS-58, CS-59).

use std::{collections::BTreeSet, sync::Arc};

use kruise_api::{
    revision,
    well_known::{annotations, conditions, labels, lifecycle_states},
};
use serde_json::{Map, Value, json};

use super::{NewPod, claim::owner_reference, volume_claims};
use crate::snapshot::{Snapshot, instance_id, pod_name};

/// Letters and digits that are hard to confuse and form no words.
const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
const ID_LENGTH: usize = 5;

/// Makes instance ids that no pod and no claim has. Seeded from the CloneSet's UID and the newest version in
/// view, so that two plans from one view choose the same names, and the second creation answers
/// AlreadyExists instead of making a second pod.
pub(super) struct InstanceIds {
    state: u64,
    taken: BTreeSet<String>,
}

impl InstanceIds {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let prefix = format!("{}-", snapshot.set.metadata.name);
        let taken = snapshot
            .pods
            .iter()
            .flat_map(|pod| {
                [
                    pod.metadata
                        .labels
                        .get(labels::CLONESET_INSTANCE_ID)
                        .map(String::from),
                    pod.metadata.name.strip_prefix(&prefix).map(str::to_owned),
                ]
            })
            .flatten()
            .chain(
                snapshot
                    .claims
                    .iter()
                    .map(|claim| instance_id(&claim.metadata).to_owned()),
            )
            .collect();
        // FNV-1a over the UID, so that sets made together do not share a sequence.
        let mut state = snapshot
            .uid()
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        state ^= newest_version(snapshot).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Self { state, taken }
    }

    /// The next `count` ids, in ascending order (CS-57).
    pub(super) fn take(&mut self, count: usize) -> Vec<String> {
        let mut ids = BTreeSet::new();
        while ids.len() < count {
            let id = self.random();
            if self.taken.insert(id.clone()) {
                ids.insert(id);
            }
        }
        ids.into_iter().collect()
    }

    fn random(&mut self) -> String {
        let mut id = String::with_capacity(ID_LENGTH);
        for _ in 0..ID_LENGTH {
            // SplitMix64
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = self.state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^= word >> 31;
            let index = usize::try_from(word % ALPHABET.len() as u64).unwrap_or(0);
            id.push(ALPHABET.get(index).copied().map_or('b', char::from));
        }
        id
    }
}

/// The index's version stands still while its watch shows nothing. Meanwhile live reads bring newer objects, and a
/// plan after them must not give a new pod the id of one that is gone.
fn newest_version(snapshot: &Snapshot) -> u64 {
    let objects = snapshot.pods.iter().map(|pod| &pod.metadata);
    objects
        .chain([&snapshot.set.metadata])
        .filter_map(|metadata| metadata.resource_version.parse().ok())
        .fold(snapshot.index_version, u64::max)
}

/// What the pods of one revision have in common.
pub(super) struct PodsOf<'a> {
    template: &'a Value,
    spec: Arc<Value>,
    name: &'a str,
}

impl<'a> PodsOf<'a> {
    /// Of the revision of this name, which has this template.
    pub(super) fn revision(name: &'a str, template: &'a Value) -> Self {
        Self {
            template,
            spec: Arc::new(Value::Object(pod_spec(template))),
            name,
        }
    }
}

/// The pod with this instance id, at a revision.
pub(super) fn new_pod(
    snapshot: &Snapshot,
    listed_claims: &volume_claims::Listed<'_>,
    revision: &PodsOf<'_>,
    id: &str,
) -> NewPod {
    let PodsOf {
        template,
        spec,
        name: revision_name,
    } = revision;
    let set = &snapshot.set.metadata;
    let short = revision::short_hash(revision_name);
    let map = |field: &str| {
        template
            .pointer(&format!("/metadata/{field}"))
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let mut all_labels = map("labels");
    let mut insert = |key: &str, value: &str| {
        all_labels.insert(key.to_owned(), Value::String(value.to_owned()));
    };
    insert(labels::CLONESET_INSTANCE_ID, id);
    insert(
        labels::CONTROLLER_REVISION_HASH,
        if snapshot.gates.short_hash {
            short
        } else {
            revision_name
        },
    );
    insert(labels::POD_TEMPLATE_HASH, short);
    insert(labels::LIFECYCLE_STATE, lifecycle_states::PREPARING_NORMAL);
    let mut all_annotations = map("annotations");
    all_annotations.insert(
        annotations::LIFECYCLE_TIMESTAMP.to_owned(),
        Value::String(kruise_api::meta::timestamp(snapshot.now)),
    );
    let name = pod_name(set, id);
    let mut metadata = json!({
        "name": name,
        "generateName": format!("{}-", set.name),
        "namespace": set.namespace,
        "labels": all_labels,
        "annotations": all_annotations,
        "ownerReferences": [owner_reference(snapshot)],
    });
    if let Some(finalizers) = template.pointer("/metadata/finalizers")
        && let Some(metadata) = metadata.as_object_mut()
    {
        metadata.insert("finalizers".to_owned(), finalizers.clone());
    }
    let mut spec = Arc::clone(spec);
    if let Some(volumes) = volume_claims::volumes(snapshot, id, spec.get("volumes"))
        && let Some(own) = Arc::make_mut(&mut spec).as_object_mut()
    {
        own.insert("volumes".to_owned(), Value::Array(volumes));
    }
    NewPod {
        name,
        claims: volume_claims::missing(snapshot, listed_claims, id),
        metadata,
        spec,
    }
}

/// A copy of the template's spec with the two readiness gates (CS-59, PF-920).
fn pod_spec(template: &Value) -> Map<String, Value> {
    let mut spec = template
        .get("spec")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let mut gates = spec
        .get("readinessGates")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    for type_ in [
        conditions::IN_PLACE_UPDATE_READY,
        conditions::KRUISE_POD_READY,
    ] {
        if !gates
            .iter()
            .any(|gate| gate.get("conditionType").is_some_and(|have| have == type_))
        {
            gates.push(json!({ "conditionType": type_ }));
        }
    }
    spec.insert("readinessGates".to_owned(), Value::Array(gates));
    spec
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kruise_api::pod::Pod;

    use super::*;
    use crate::snapshot::Claim;

    fn ids(pods: &Value) -> Vec<String> {
        ids_beside(pods, vec![])
    }

    fn ids_beside(pods: &Value, claims: Vec<Arc<Claim>>) -> Vec<String> {
        let pods: Vec<Arc<Pod>> = serde_json::from_value(pods.clone()).unwrap();
        let snapshot = Snapshot {
            pods: pods.into_iter().collect(),
            claims,
            index_version: 5,
            ..Snapshot::default()
        };
        InstanceIds::new(&snapshot).take(3)
    }

    #[test]
    fn one_view_gives_the_same_ids_each_time() {
        assert_eq!(ids(&json!([])), ids(&json!([])));
    }

    // CS-58
    #[test]
    fn ids_of_claims_are_not_chosen_not_even_of_terminating_ones() {
        let before = ids(&json!([]));
        let claim = json!({ "metadata": {
            "deletionTimestamp": "2026-01-10T08:00:00Z",
            "labels": { "apps.kruise.io/cloneset-instance-id": before[0] },
        } });
        let claim = serde_json::from_value(claim).unwrap();
        let after = ids_beside(&json!([]), vec![Arc::new(claim)]);
        assert!(!after.contains(&before[0]), "{after:?}");
        assert!(after.contains(&before[1]));
    }

    // The watch stands still at version 5, and a live read has brought a pod that was made since.
    #[test]
    fn ids_of_pods_that_are_gone_are_not_chosen_again_while_the_watch_stands_still() {
        let made = json!([{ "metadata": { "name": "web-a", "resourceVersion": "9" } }]);
        let (before, after) = (ids(&json!([])), ids(&made));
        assert!(before.iter().all(|id| !after.contains(id)), "{after:?}");
    }
}
