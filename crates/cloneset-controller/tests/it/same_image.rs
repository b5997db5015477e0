//! A roll-out to another tag of the same image, on nodes without a daemon: only a container's own identity,
//! its start and the generation that the kubelet has seen tell that it was updated (DV-IP13).

use serde_json::{Value, json};

use crate::world::{Edit, World, in_place, settled, template};

/// One pod with a kubelet of today, and a CloneSet that goes from one tag to the other.
fn updating() -> World {
    let mut world = settled(1, in_place(json!(1)));
    report(&mut world, 1, "c1", "2026-01-10T07:00:00Z");
    set_generation(&mut world, 1);
    world.settle_without_kubelets();
    world.change(json!({ "spec": { "template": template("acme/app:again") } }));
    world.settle_without_kubelets();
    set_generation(&mut world, 2);
    assert_eq!(world.images(), ["acme/app:again"]);
    world
}

impl World {
    /// Reconciles until nothing is to be written, while no kubelet acts.
    fn settle_without_kubelets(&mut self) {
        for _ in 0..50 {
            let plan = self.reconcile();
            if plan.steps.is_empty() && plan.status.is_none() {
                return;
            }
        }
        panic!("does not settle: {:?}", self.story());
    }
}

fn only_pod(world: &mut World) -> Edit<'_> {
    world.pods.values_mut().next().unwrap()
}

fn set_generation(world: &mut World, generation: i64) {
    only_pod(world)["metadata"]["generation"] = json!(generation);
}

/// What the kubelet says: the generation that it has seen and the container that runs, always by the tag and
/// the digest that the image had first.
fn report(world: &mut World, seen: i64, id: &str, started: &str) {
    let ids = [id, "sidecar"];
    let mut pod = only_pod(world);
    let status = &mut pod["status"];
    status["observedGeneration"] = json!(seen);
    for (status, id) in status["containerStatuses"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .zip(ids)
    {
        status["containerID"] = json!(format!("containerd://{id}"));
        status["state"] = json!({ "running": { "startedAt": started } });
    }
}

fn state(world: &World) -> Value {
    let pod = world.pods.values().next().unwrap();
    pod["metadata"]["labels"]["lifecycle.apps.kruise.io/state"].clone()
}

// CS-97, IP-51
#[test]
fn the_roll_out_ends_when_the_kubelet_has_started_the_container_again() {
    let mut world = updating();
    assert_eq!(state(&world), "Updating");
    report(&mut world, 2, "c1", "2026-01-10T07:00:00Z");
    world.settle_without_kubelets();
    assert_eq!(state(&world), "Updating", "seen, not started again");
    report(&mut world, 2, "c2", "2026-01-10T09:00:00Z");
    world.settle_without_kubelets();
    assert_eq!(state(&world), "Normal");
    assert_eq!(world.status("updatedReplicas"), 1);
}

// CS-97, IP-42: the container crashes between the update and the kubelet's learning of it.
#[test]
fn a_crash_in_between_does_not_end_it() {
    let mut world = updating();
    let writes = world.pod_writes();
    report(&mut world, 1, "crashed", "2026-01-10T09:00:00Z");
    world.settle_without_kubelets();
    assert_eq!(
        world.pod_writes(),
        writes + 1,
        "the container is noted, once"
    );
    report(&mut world, 2, "crashed", "2026-01-10T09:00:00Z");
    world.settle_without_kubelets();
    assert_eq!(state(&world), "Updating");
    report(&mut world, 2, "c2", "2026-01-10T09:00:09Z");
    world.settle_without_kubelets();
    assert_eq!(state(&world), "Normal");
}

// A controller that was started in between knows no less.
#[test]
fn a_restart_of_the_controller_in_between_does_not_matter() {
    let mut world = updating();
    report(&mut world, 1, "crashed", "2026-01-10T09:00:00Z");
    world.settle_without_kubelets();
    world.memory = cloneset_controller::memory::Memory::default();
    report(&mut world, 2, "crashed", "2026-01-10T09:00:00Z");
    world.settle_without_kubelets();
    assert_eq!(state(&world), "Updating");
    report(&mut world, 2, "c2", "2026-01-10T09:00:09Z");
    world.settle_without_kubelets();
    assert_eq!(state(&world), "Normal");
}
