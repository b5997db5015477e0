//! Nodes without a node daemon: sidecars get an image that ends at once (ST-6, ST-8).

use kruise_plan::WaitReason;
use serde_json::{Value, json};

use super::{Plan, Step, listed, trying};
use crate::{
    pod::{Container, PodState},
    snapshot::Snapshot,
};

pub(super) fn plan(snapshot: &Snapshot, pod: &PodState, plan: &mut Plan) {
    let has_image = |container: &Container| container.switch.is_some();
    let sidecars = pod.not_ended(has_image);
    if !sidecars.is_empty() {
        let event = trying(&sidecars, "in-place update");
        let images: Vec<Value> = sidecars.iter().filter_map(|it| other_image(it)).collect();
        if images.is_empty() {
            plan.notes.events.push(event);
            plan.notes.wait(WaitReason::SidecarsNotEnded {
                containers: listed(&sidecars),
                why: "they have the images that end at once",
            });
        } else {
            let patch = json!({
                "metadata": { "resourceVersion": snapshot.pod.metadata.resource_version },
                "spec": { "containers": images },
            });
            plan.steps.push(Step::SwitchImages { patch, event });
        }
    }
    let left = pod.not_ended(|container| container.is_sidecar() && !has_image(container));
    if !left.is_empty() {
        plan.notes.wait(WaitReason::SidecarsNotEnded {
            containers: listed(&left),
            why: "on a virtual-kubelet node, only KRUISE_TERMINATE_SIDECAR_WHEN_JOB_EXIT_WITH_IMAGE has them ended",
        });
    }
}

/// The container with the image that ends at once, unless it has it.
fn other_image(container: &Container) -> Option<Value> {
    let switch = container.switch.as_ref()?;
    (switch.from != switch.to).then(|| json!({ "name": container.name, "image": switch.to }))
}
