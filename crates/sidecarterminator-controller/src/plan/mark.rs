//! The pod's phase is decided by its main containers, before sidecars are killed whose exit codes do not count (ST-10).

use kruise_api::{meta::timestamp, well_known::conditions::SIDECAR_TERMINATED};
use serde_json::json;

use super::{Plan, Step};
use crate::{pod::PodState, snapshot::Snapshot};

pub(super) fn plan(snapshot: &Snapshot, pod: &PodState, plan: &mut Plan) {
    // A final phase is never left (ST-P2).
    if pod.has_final_phase() {
        return;
    }
    let phase = if pod.have_mains_succeeded() {
        "Succeeded"
    } else {
        "Failed"
    };
    let patch = json!({
        "metadata": { "resourceVersion": snapshot.pod.metadata.resource_version },
        "status": {
            "phase": phase,
            "conditions": [{
                "type": SIDECAR_TERMINATED,
                "status": "True",
                "lastTransitionTime": timestamp(snapshot.now),
                "message": "Terminated by Sidecar Terminator",
            }],
        },
    });
    plan.steps.push(Step::MarkTerminated { patch });
}
