//! What is done about a SidecarSet: a pure function from a snapshot to a plan. No call, clock or randomness.

use kruise_plan::Notes;
use serde_json::{Value, json};

use crate::snapshot::Snapshot;

/// What is to be done now, in this order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    /// The first that fails ends them.
    pub steps: Vec<Step>,
    /// Why nothing, or not more, is done; events; and when to look again, if nothing happens before.
    pub notes: Notes,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Reports what was seen.
    PatchStatus {
        /// A merge patch, which holds for the version that was read.
        patch: Value,
    },
}

/// What is to be done about this SidecarSet.
#[must_use]
pub fn plan(snapshot: &Snapshot) -> Plan {
    let mut plan = Plan::default();
    // One on its way out is left alone.
    if !snapshot.sidecar_set.metadata.is_terminating() {
        plan.steps.extend(report(snapshot));
    }
    plan
}

/// A settled SidecarSet is never written.
fn report(snapshot: &Snapshot) -> Option<Step> {
    let metadata = &snapshot.sidecar_set.metadata;
    let reported = snapshot.sidecar_set.status.observed_generation;
    (reported != metadata.generation).then(|| Step::PatchStatus {
        patch: json!({
            "metadata": { "resourceVersion": metadata.resource_version },
            "status": { "observedGeneration": metadata.generation },
        }),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{check, snapshot::Memory};

    fn planned(sidecar_set: &Value) -> Plan {
        let sidecar_set = serde_json::from_value(sidecar_set.clone()).unwrap();
        let snapshot = Snapshot {
            sidecar_set: Arc::new(sidecar_set),
            memory: Memory::default(),
        };
        let plan = plan(&snapshot);
        assert_eq!(check::violations(&snapshot, &plan), Vec::<String>::new());
        plan
    }

    #[test]
    fn a_new_generation_is_reported() {
        let plan = planned(&json!({
            "metadata": { "name": "a", "generation": 2, "resourceVersion": "7" },
            "status": { "observedGeneration": 1 },
        }));
        let patch = json!({
            "metadata": { "resourceVersion": "7" },
            "status": { "observedGeneration": 2 },
        });
        assert_eq!(plan.steps, [Step::PatchStatus { patch }]);
    }

    #[test]
    fn a_settled_one_is_left_alone_and_one_on_its_way_out_too() {
        for sidecar_set in [
            json!({ "metadata": { "generation": 2 }, "status": { "observedGeneration": 2 } }),
            json!({ "metadata": { "generation": 2, "deletionTimestamp": "2026-01-01T00:00:00Z" } }),
        ] {
            assert_eq!(planned(&sidecar_set), Plan::default());
        }
    }
}
