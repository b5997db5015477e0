//! One pass writes to so many pods and no more, so that `paused` and a lost lease are seen between passes.

use cloneset_controller::plan::{Plan, Step};
use serde_json::{Value, json};

use crate::world::{World, spec, template};

const PODS: i32 = 510;
const IN_A_PASS: usize = 500;
const THE_REST: usize = 10;

fn pods_of(plan: &Plan) -> usize {
    let pods = |step: &Step| match step {
        Step::UpdatePodsInPlace { updates } => updates.len(),
        Step::DeletePods { pods, .. } => pods.len(),
        Step::PatchPods { patches } | Step::MarkPodsForRecreate { patches } => patches.len(),
        _ => 0,
    };
    plan.steps.iter().map(pods).sum()
}

/// How many pods each of the next two passes writes to. What the first one has begun takes no place in the second.
fn two_passes(world: &mut World) -> [usize; 2] {
    [pods_of(&world.reconcile()), pods_of(&world.reconcile())]
}

/// The passes after a change, when it has its revision and no pod is in between.
fn after(world: &mut World, spec: Value) -> [usize; 2] {
    world.change(json!({ "spec": spec }));
    let is_of_pods = |plan: &Plan| pods_of(plan) > 0;
    while !is_of_pods(&world.reconcile_without_executing()) {
        world.reconcile();
    }
    two_passes(world)
}

fn terms(policy: &str) -> Value {
    json!({ "type": "RollingUpdate", "rollingUpdate": {
        "podUpdatePolicy": policy, "maxUnavailable": "100%" } })
}

// CS-62, CS-79, CS-88, CS-91
#[test]
fn a_pass_writes_to_so_many_pods() {
    let mut with_hook = template("acme/app:1");
    with_hook["metadata"]["labels"]["hold"] = json!("yes");
    let mut spec = spec(PODS, json!({}));
    spec["template"] = with_hook.clone();
    spec["updateStrategy"] = terms("InPlaceIfPossible");
    let mut world = World::new(spec);
    while world.pods.len() < PODS.unsigned_abs() as usize {
        world.reconcile();
    }
    world.kubelets();
    world.kubelets();
    assert_eq!(two_passes(&mut world), [IN_A_PASS, THE_REST], "refreshed");
    world.settle();

    // Those that wait for their hook keep no other from it.
    let hook = json!({ "inPlaceUpdate": { "labelsHandler": { "hold": "yes" } } });
    with_hook["spec"]["containers"][0]["image"] = json!("acme/app:2");
    let held = after(
        &mut world,
        json!({ "lifecycle": hook, "template": with_hook }),
    );
    assert_eq!(held, [IN_A_PASS, THE_REST], "held");
    let updated = after(&mut world, json!({ "lifecycle": null }));
    assert_eq!(updated, [IN_A_PASS, THE_REST], "updated in place");
    world.settle();
    let recreated =
        json!({ "updateStrategy": terms("ReCreate"), "template": template("acme/app:3") });
    // Some are marked; scaling comes first in the next pass, and deletes these.
    let recreated = after(&mut world, recreated);
    assert_eq!(recreated, [IN_A_PASS, IN_A_PASS], "marked, deleted");
}
