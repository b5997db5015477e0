//! The ids that new pods get (CS-58).

use std::collections::BTreeSet;

use kruise_api::well_known::labels;
use kruise_plan::suffix::Suffixes;

use crate::snapshot::{Snapshot, instance_id};

/// Makes instance ids that no pod and no claim has. Seeded from the CloneSet's UID and the newest version in
/// view, so that two plans from one view choose the same names, and the second creation answers
/// AlreadyExists instead of making a second pod.
pub(super) struct InstanceIds {
    suffixes: Suffixes,
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
        let suffixes = Suffixes::new(&[snapshot.uid()], newest_version(snapshot));
        Self { suffixes, taken }
    }

    /// The next `count` ids, in ascending order (CS-57).
    pub(super) fn take(&mut self, count: usize) -> Vec<String> {
        let mut ids = BTreeSet::new();
        while ids.len() < count {
            let id = self.suffixes.draw();
            if self.taken.insert(id.clone()) {
                ids.insert(id);
            }
        }
        ids.into_iter().collect()
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kruise_api::pod::Pod;
    use serde_json::{Value, json};

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
