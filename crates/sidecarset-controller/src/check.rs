//! Other eyes on a plan: knows the rules, not how plans are made. Every test runs it, and debug builds
//! run it on every plan before it is executed.

use crate::{
    plan::{Plan, Step},
    snapshot::Snapshot,
};

/// Every rule that the plan breaks, in words; empty for a good plan.
#[must_use]
pub fn violations(snapshot: &Snapshot, plan: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    let sidecar_set = &*snapshot.sidecar_set;
    if sidecar_set.metadata.is_terminating() && !plan.steps.is_empty() {
        found.push("something is done to one on its way out".to_owned());
    }
    for step in &plan.steps {
        match step {
            Step::PatchStatus { patch } => {
                let version = patch.pointer("/metadata/resourceVersion");
                if version.is_none_or(|version| {
                    *version != sidecar_set.metadata.resource_version.as_str()
                }) {
                    found.push("the status is patched, whatever version is there".to_owned());
                }
                let reported = patch.pointer("/status/observedGeneration");
                let reported = reported.and_then(serde_json::Value::as_i64);
                if reported == sidecar_set.status.observed_generation {
                    found.push("the status is patched with what it says".to_owned());
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_status_that_would_not_change_is_not_to_be_written() {
        let plan = Plan {
            steps: vec![Step::PatchStatus { patch: json!({}) }],
            ..Plan::default()
        };
        assert_eq!(violations(&Snapshot::default(), &plan).len(), 2);
    }
}
