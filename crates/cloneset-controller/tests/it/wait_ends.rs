//! `Waiting` tells of what is, not of what was (decision 1).

use jiff::SignedDuration;
use rstest::rstest;
use serde_json::{Value, json};

use crate::world::{World, in_place, settled, spec, template};

fn rolling_update(patch: Value) -> Value {
    json!({ "spec": { "updateStrategy": { "rollingUpdate": patch } } })
}

fn waiting(world: &World) -> String {
    let condition = world.condition("Waiting").unwrap_or_default();
    let text = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
    format!("{} {}", text("reason"), text("message"))
}

/// Settles, and waits until whatever holds has been told.
fn tell(world: &mut World, reason: &str) {
    world.settle();
    world.pass(SignedDuration::from_secs(11));
    world.settle();
    assert!(waiting(world).starts_with(reason), "{}", waiting(world));
}

/// The same without kubelets, which would mend what the test breaks.
fn tell_of_pods(world: &mut World) {
    world.reconcile();
    world.pass(SignedDuration::from_secs(11));
    world.reconcile();
    assert!(
        waiting(world).starts_with("PodsNotAvailable"),
        "{}",
        waiting(world)
    );
}

fn set_ready(world: &mut World, pod: &str, ready: bool) {
    let now = json!(world.now().to_string());
    let mut pod = world.pods.get_mut(pod).unwrap();
    for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
        if condition["type"] == "Ready" {
            condition["status"] = json!(if ready { "True" } else { "False" });
            condition["lastTransitionTime"] = now.clone();
        }
    }
}

fn names(world: &World) -> Vec<String> {
    world.pods.keys().collect()
}

// The spec alone decides these: they go with the first plan that does not have them, also while there is work.
#[rstest]
#[case::paused("Paused", json!({ "paused": true }), rolling_update(json!({ "paused": false })))]
#[case::partition("PartitionReached", json!({ "partition": 3 }), rolling_update(json!({ "partition": 0 })))]
#[case::no_room("InvalidSpec", json!({ "maxUnavailable": 0 }), rolling_update(json!({ "maxUnavailable": 1 })))]
#[case::on_delete(
    "OnDelete",
    json!({}),
    json!({ "spec": { "updateStrategy": { "type": "RollingUpdate" } } })
)]
fn a_reason_of_the_spec_goes_with_the_first_plan_without_it(
    #[case] reason: &str,
    #[case] held: Value,
    #[case] end: Value,
) {
    let mut world = settled(3, in_place(json!(1)));
    world.change(rolling_update(held));
    if reason == "OnDelete" {
        world.change(json!({ "spec": { "updateStrategy": { "type": "OnDelete" } } }));
    }
    world.set_image("acme/app:2");
    tell(&mut world, reason);
    world.change(end);
    let plan = world.reconcile();
    assert!(!plan.steps.is_empty(), "{plan:#?}");
    assert_eq!(waiting(&world), " ");
}

// CS-55: such a pass does not get as far as updating, and nothing has changed about what holds updates.
#[rstest]
#[case("Paused", json!({ "paused": true }))]
#[case("PartitionReached", json!({ "partition": 3 }))]
fn a_reason_of_the_spec_stays_while_a_pod_is_replaced(#[case] reason: &str, #[case] held: Value) {
    let mut world = settled(3, in_place(json!(1)));
    world.change(rolling_update(held));
    world.set_image("acme/app:2");
    tell(&mut world, reason);
    let told = world.condition("Waiting");
    world.pods.remove(&names(&world)[0]);
    for _ in 0..20 {
        world.reconcile();
        world.kubelets();
        let now = world.condition("Waiting");
        assert_eq!(now.as_ref().map(|it| &it["reason"]), Some(&json!(reason)));
    }
    assert_eq!(world.condition("Waiting"), told);
}

// A new template is the first step of another roll-out: what holds it is known when its revision is there.
#[test]
fn a_pause_stays_told_while_another_template_comes() {
    let mut world = settled(3, in_place(json!(1)));
    world.change(rolling_update(json!({ "paused": true })));
    world.set_image("acme/app:2");
    tell(&mut world, "Paused");
    world.set_image("acme/app:3");
    world.reconcile();
    assert!(waiting(&world).starts_with("Paused"));
}

// CS-51: the last pods are made, and the limit is over.
#[test]
fn the_limit_of_a_scale_out_goes_with_the_last_creation() {
    let mut limited = spec(2, json!({}));
    limited["scaleStrategy"] = json!({ "maxUnavailable": 1 });
    limited["minReadySeconds"] = json!(60);
    let mut world = World::new(limited);
    for _ in 0..3 {
        world.reconcile();
    }
    world.pass(SignedDuration::from_secs(11));
    world.reconcile();
    assert!(waiting(&world).starts_with("ScaleUpLimited"));
    world.settle();
    world.pass(SignedDuration::from_secs(61));
    world.reconcile();
    assert_eq!(world.pods.len(), 2);
    assert_eq!(waiting(&world), " ");

    // The second pod is slow, then ready; then only the seconds run.
    world.reconcile();
    world.pass(SignedDuration::from_secs(11));
    world.reconcile();
    assert!(
        waiting(&world).contains("not scheduled"),
        "{}",
        waiting(&world)
    );
    world.settle();
    assert!(
        waiting(&world).contains("minReadySeconds"),
        "{}",
        waiting(&world)
    );
    world.pass(SignedDuration::from_secs(61));
    world.settle();
    assert_eq!(waiting(&world), " ");
}

// The text is about the pod as it is now.
#[test]
fn the_text_about_a_pod_follows_its_state() {
    let mut slow = spec(1, json!({}));
    slow["minReadySeconds"] = json!(300);
    let mut world = World::new(slow);
    world.settle();
    let pod = names(&world)[0].clone();
    set_ready(&mut world, &pod, false);
    tell_of_pods(&mut world);
    assert!(
        waiting(&world).ends_with("not ready"),
        "{}",
        waiting(&world)
    );
    set_ready(&mut world, &pod, true);
    world.reconcile();
    assert!(
        waiting(&world).contains("minReadySeconds"),
        "{}",
        waiting(&world)
    );
}

// Waits of a few seconds follow each other: none is told, and the one before them is not told any more.
#[test]
fn a_pod_that_is_available_is_not_waited_for() {
    let mut world = settled(4, json!({}));
    for pod in names(&world) {
        set_ready(&mut world, &pod, false);
    }
    tell_of_pods(&mut world);
    for pod in names(&world) {
        assert!(waiting(&world).contains("PodsNotAvailable"));
        set_ready(&mut world, &pod, true);
        world.pass(SignedDuration::from_secs(3));
        world.reconcile();
        assert!(!waiting(&world).contains(&pod), "{}", waiting(&world));
    }
    assert_eq!(waiting(&world), " ");
}

// CS-86: the slow pod is there; the next ones are quick.
#[test]
fn a_roll_out_names_the_pod_that_it_waits_for_now() {
    let mut world = settled(4, in_place(json!(1)));
    world.set_image("acme/app:2");
    world.reconcile();
    world.reconcile();
    world.reconcile();
    world.pass(SignedDuration::from_secs(11));
    world.reconcile();
    assert!(waiting(&world).starts_with("MaxUnavailableReached"));
    for _ in 0..40 {
        world.kubelets();
        world.pass(SignedDuration::from_secs(2));
        world.reconcile();
        let told = waiting(&world);
        for pod in names(&world) {
            let available = world.pod(&pod).is_ready()
                && world.pods.at(&pod)["metadata"]["labels"]["lifecycle.apps.kruise.io/state"]
                    == "Normal";
            assert!(!(available && told.contains(&pod)), "{told}");
        }
    }
    assert_eq!(waiting(&world), " ");
}

/// Writes of the status in a roll-out of 12 pods whose kubelets take so many seconds for each step.
fn writes_of_a_roll_out(policy: &str, seconds: i64, min_ready_seconds: i32) -> usize {
    let mut spec = spec(
        12,
        json!({ "podUpdatePolicy": policy, "maxUnavailable": 2 }),
    );
    spec["minReadySeconds"] = json!(min_ready_seconds);
    let mut world = World::new(spec);
    world.settle();
    world.pass(SignedDuration::from_secs(600));
    world.settle();
    world.set_image("acme/app:2");
    world.count_anew();
    let mut second = 0;
    while world.status("updatedAvailableReplicas") != json!(12) || second % 100 != 0 {
        assert!(second < 5000, "{:#?}", world.story());
        for _ in 0..4 {
            world.reconcile();
        }
        if second % seconds == 0 {
            world.kubelets();
        }
        world.pass(SignedDuration::from_secs(1));
        second += 1;
    }
    world.status_writes()
}

// Decision 1: what is told costs an ordinary roll-out no writes, and a slow one few.
#[rstest]
#[case::quick("InPlaceIfPossible", 1, 0, 13)]
#[case::slow("InPlaceIfPossible", 15, 0, 24)]
#[case::seconds("InPlaceIfPossible", 1, 30, 25)]
#[case::anew("ReCreate", 1, 0, 19)]
#[case::anew_slow("ReCreate", 15, 30, 48)]
fn a_roll_out_costs_no_more_writes(
    #[case] policy: &str,
    #[case] seconds: i64,
    #[case] min_ready_seconds: i32,
    #[case] most: usize,
) {
    let writes = writes_of_a_roll_out(policy, seconds, min_ready_seconds);
    assert!(
        writes <= most,
        "{policy} {seconds} {min_ready_seconds}: {writes}"
    );
}

// CS-74 and others of a plan that comes before scaling: it says nothing about what holds the rest.
#[test]
fn a_template_that_is_mended_goes_on_at_once() {
    let mut world = World::new(spec(1, json!({})));
    let mut typo = template("acme/app:1");
    typo["metadata"]["labels"] = json!({ "app": "typo" });
    world.change(json!({ "spec": { "template": typo } }));
    world.reconcile();
    assert!(waiting(&world).starts_with("InvalidSpec"));
    world.set_image("acme/app:1");
    world.reconcile();
    assert_eq!(waiting(&world), " ");
}
