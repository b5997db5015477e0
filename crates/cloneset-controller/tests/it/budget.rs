//! PodUnavailableBudgets: a pod is updated when its budget has paid, and not before.

use cloneset_controller::plan::{Plan, Step, plan};
use jiff::{SignedDuration, Timestamp};
use kruise_api::{budget, inplace::Options, read::PodUnavailableBudget};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    merge,
    world::{World, reasons, spec, steps},
};

impl World {
    /// Adds a budget that wants one pod, or changes it.
    fn set_budget(&mut self, name: &str, patch: Value) {
        if !self.budgets.contains_key(name) {
            self.budgets.insert(json!({
                "metadata": { "name": name },
                "status": { "desiredAvailable": 1, "unavailableAllowed": 0 },
            }));
        }
        merge::merge(&mut self.budgets.get_mut(name).unwrap(), &patch);
    }

    fn allow(&mut self, name: &str, allowed: i32) {
        self.set_budget(name, json!({ "status": { "unavailableAllowed": allowed } }));
    }

    /// What the budget's own controller does: entries are dropped when they are old or their pod is gone, and
    /// the rest is counted again (PB-53, PB-55).
    fn count_again(&mut self, name: &str, max_unavailable: i32) {
        let now = self.now();
        let found = self.snapshot().pods;
        let mut after = Value::clone(&self.budgets.at(name));
        if let Some(entries) = after["status"]["unavailablePods"].as_object_mut() {
            entries.retain(|pod, at| {
                let at: Timestamp = at.as_str().unwrap().parse().unwrap();
                let lives = found
                    .iter()
                    .any(|it| it.metadata.name == *pod && it.is_active());
                lives && now <= at + SignedDuration::from_secs(10)
            });
        }
        let cleaned: PodUnavailableBudget = serde_json::from_value(after.clone()).unwrap();
        let available = found
            .iter()
            .filter(|pod| budget::is_available(pod, &cleaned, &Options::default()))
            .count();
        let replicas = i32::try_from(self.set()["spec"]["replicas"].as_i64().unwrap()).unwrap();
        let desired = replicas - max_unavailable;
        let allowed = (i32::try_from(available).unwrap() - desired).max(0);
        after["status"]["desiredAvailable"] = json!(desired);
        after["status"]["unavailableAllowed"] = json!(allowed);
        *self.budgets.get_mut(name).unwrap() = after;
    }

    fn recorded(&self, name: &str) -> Vec<String> {
        let budget = self.budgets.at(name);
        let entries = budget["status"]["unavailablePods"].as_object();
        entries
            .into_iter()
            .flat_map(|entries| entries.keys().cloned())
            .collect()
    }

    fn n_ready(&self) -> usize {
        let pods = self.snapshot().pods;
        pods.iter().filter(|pod| budget::is_ready(pod)).count()
    }
}

const RELATED: &str = "pub.kruise.io/related-pub";

fn rolling_update(policy: &str) -> Value {
    json!({ "podUpdatePolicy": policy, "maxUnavailable": "100%" })
}

/// Pods of budget `shop`, all up, with nothing but that budget to limit their update to a new image, which has
/// a revision already.
fn about_to_update(replicas: i32, rolling_update: Value) -> World {
    let mut spec = spec(replicas, rolling_update);
    spec["template"]["metadata"]["annotations"] = json!({ RELATED: "shop" });
    let mut world = World::new(spec);
    world.settle();
    world.set_budget("shop", json!({}));
    world.set_image("acme/app:2");
    let first = world.reconcile();
    assert!(matches!(first.steps[..], [Step::CreateRevision { .. }]));
    world
}

/// The pods that a plan updates in place or marks, in order.
fn updated(plan: &Plan) -> Vec<String> {
    let names = plan.steps.iter().flat_map(|step| match step {
        Step::UpdatePodsInPlace { updates } => {
            updates.iter().map(|it| it.pod.name.clone()).collect()
        }
        Step::MarkPodsForRecreate { patches } | Step::PatchPods { patches } => {
            patches.iter().map(|it| it.pod.name.clone()).collect()
        }
        _ => vec![],
    });
    names.collect()
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

// CS-87, CS-26; PB-62, PB-S41
#[test]
fn a_budget_that_is_used_up_lets_no_pod_be_updated() {
    let mut world = about_to_update(3, rolling_update("InPlaceIfPossible"));
    let plan = world.reconcile();
    assert_eq!(plan.steps, []);
    assert_eq!(reasons(&plan), ["BudgetRefused"]);
    assert_eq!(plan.requeue_after.unwrap().as_secs(), 1);
    let text = plan.waiting_on[0].to_string();
    let pod = world.pods.keys().find(|pod| text.contains(&**pod));
    let expected = format!(
        "PodUnavailableBudget shop does not let pod {} be updated: \
         status.unavailableAllowed: pub unavailable allowed is negative",
        pod.unwrap()
    );
    assert_eq!(text, expected);
}

// CS-87; PB-38, PB-39, PB-S41: the same in place and by new pods. What is spent is written before.
#[rstest]
#[case("InPlaceIfPossible")]
#[case("InPlaceOnly")]
#[case("ReCreate")]
fn as_many_pods_are_updated_as_the_budget_pays_for(#[case] policy: &str) {
    for allowed in 1..=3 {
        let mut world = about_to_update(4, rolling_update(policy));
        world.allow("shop", allowed);
        let plan = world.reconcile();
        assert!(matches!(steps(&plan)[0], Step::SpendBudgets { .. }));
        assert_eq!(updated(&plan).len(), usize::try_from(allowed).unwrap());
        assert_eq!(sorted(updated(&plan)), world.recorded("shop"));
        assert_eq!(world.budgets.at("shop")["status"]["unavailableAllowed"], 0);
        assert_eq!(reasons(&plan)[0], "BudgetRefused");
        assert_eq!(plan.requeue_after.unwrap().as_secs(), 1);
    }
}

// CS-87
#[test]
fn a_budget_with_enough_left_holds_nothing_back() {
    let mut world = about_to_update(3, rolling_update("InPlaceIfPossible"));
    world.allow("shop", 5);
    let plan = world.reconcile();
    assert_eq!(updated(&plan).len(), 3);
    assert!(!reasons(&plan).contains(&"BudgetRefused"));
    assert_eq!(world.budgets.at("shop")["status"]["unavailableAllowed"], 2);
}

// CS-86 comes first: who is not chosen isn't asked about.
#[test]
fn only_pods_within_max_unavailable_ask() {
    let mut world = about_to_update(
        4,
        json!({ "podUpdatePolicy": "InPlaceIfPossible", "maxUnavailable": 1 }),
    );
    world.allow("shop", 3);
    let plan = world.reconcile();
    assert_eq!(updated(&plan).len(), 1);
    assert_eq!(world.recorded("shop"), updated(&plan));
    assert_eq!(reasons(&plan)[0], "MaxUnavailableReached");
}

// PB-38.3 to PB-38.6: budgets that have no say.
#[rstest]
#[case::it_wants_nothing(json!({ "status": { "desiredAvailable": 0 } }))]
#[case::it_was_never_computed(json!({ "status": null }))]
#[case::it_is_about_deletions(json!({ "spec": { "protectOperations": ["DELETE", "EVICT"] } }))]
#[case::it_leaves_them_out(json!({ "spec": { "ignoredPodSelector": { "matchLabels": { "app": "web" } } } }))]
fn a_budget_may_have_no_say(#[case] change: Value) {
    let mut world = about_to_update(2, rolling_update("InPlaceIfPossible"));
    world.set_budget("shop", change);
    let plan = world.reconcile();
    assert!(matches!(steps(&plan)[..], [Step::UpdatePodsInPlace { .. }]));
    assert_eq!(updated(&plan).len(), 2);
}

// PB-62, PF-921: without the kind, or with the gate off, there are no budgets.
#[test]
fn without_budgets_nobody_asks() {
    let mut world = about_to_update(2, rolling_update("InPlaceIfPossible"));
    world.budgets.clear();
    let plan = world.reconcile();
    assert!(matches!(steps(&plan)[..], [Step::UpdatePodsInPlace { .. }]));
}

// PB-38.2: what is down already goes first and costs nothing.
#[test]
fn pods_that_are_not_ready_are_free() {
    let mut world = about_to_update(3, rolling_update("InPlaceIfPossible"));
    let down = world.pods.keys().next().unwrap();
    for condition in world.pods.get_mut(&down).unwrap()["status"]["conditions"]
        .as_array_mut()
        .unwrap()
    {
        if condition["type"] == "Ready" {
            condition["status"] = json!("False");
        }
    }
    let plan = world.reconcile();
    assert_eq!(updated(&plan), [down]);
    assert!(matches!(steps(&plan)[..], [Step::UpdatePodsInPlace { .. }]));
    assert_eq!(reasons(&plan), ["BudgetRefused"]);
}

// CS-87: the phase ends there, also for pods of other budgets; and each budget has its own patch.
#[test]
fn a_refusal_ends_the_phase_for_all() {
    let mut world = about_to_update(4, rolling_update("InPlaceIfPossible"));
    world.allow("shop", 4);
    let order = updated(&plan(&world.snapshot()));
    for (pod, budget) in order.iter().zip(["a", "b", "b", "a"]) {
        world.pods.get_mut(pod).unwrap()["metadata"]["annotations"][RELATED] = json!(budget);
    }
    world.allow("a", 2);
    world.allow("b", 1);
    let plan = world.reconcile();
    assert_eq!(updated(&plan), order[..2]);
    assert_eq!(world.recorded("a"), order[..1]);
    assert_eq!(world.recorded("b"), order[1..2]);
    assert_eq!(world.budgets.at("a")["status"]["unavailableAllowed"], 1);
}

// CS-79.6, CS-88: a hook comes after the budget, and holds what was paid for.
#[test]
fn a_pod_that_a_hook_prepares_pays_first() {
    let mut world = about_to_update(3, rolling_update("InPlaceIfPossible"));
    world.change(json!({ "spec": { "lifecycle": { "inPlaceUpdate": {
        "labelsHandler": { "hook": "true" },
    } } } }));
    for mut pod in world.pods.values_mut() {
        pod["metadata"]["labels"]["hook"] = json!("true");
    }
    world.allow("shop", 1);
    let plan = world.reconcile();
    assert!(matches!(
        steps(&plan)[..],
        [Step::SpendBudgets { .. }, Step::PatchPods { .. }]
    ));
    let prepared = updated(&plan);
    assert_eq!(world.recorded("shop"), prepared);

    // It is asked about again while it is held, and has paid; so has it when it is let go.
    let plan = world.reconcile();
    assert_eq!(plan.steps, []);
    assert_eq!(
        sorted(reasons(&plan).iter().map(|it| it.to_string()).collect()),
        ["BudgetRefused", "Hook"]
    );
    world.pods.get_mut(&prepared[0]).unwrap()["metadata"]["labels"]
        .as_object_mut()
        .unwrap()
        .remove("hook");
    let plan = world.reconcile();
    assert!(matches!(steps(&plan)[..], [Step::UpdatePodsInPlace { .. }]));
    assert_eq!(updated(&plan), prepared);
}

// DV-IP12: what isn't touched yet doesn't pay yet.
#[test]
fn a_pod_that_waits_for_the_node_daemon_pays_nothing() {
    let template = |cfg: &str| {
        json!({
            "metadata": {
                "labels": { "app": "web" },
                "annotations": { "cfg": cfg, RELATED: "shop" },
            },
            "spec": { "containers": [{ "name": "app", "image": "acme/app:1", "env": [
                { "name": "CFG", "valueFrom": { "fieldRef": { "fieldPath": "metadata.annotations['cfg']" } } },
            ] }] },
        })
    };
    let mut spec = spec(2, rolling_update("InPlaceIfPossible"));
    spec["template"] = template("v1");
    let mut world = World::new(spec);
    world.settle();
    world.allow("shop", 2);
    world.change(json!({ "spec": { "template": template("v2") } }));
    world.reconcile();
    let plan = world.reconcile();
    assert_eq!(plan.steps, []);
    assert_eq!(reasons(&plan), ["NodeDaemon", "NodeDaemon"]);
}

// CS-81
#[test]
fn pods_that_go_back_to_the_current_revision_ask_too() {
    let mut world = about_to_update(2, rolling_update("InPlaceIfPossible"));
    world.gates.partition_rollback = true;
    world.allow("shop", 1);
    world.reconcile();
    while world.kubelets() {
        world.reconcile();
    }
    assert_eq!(sorted(world.images()), ["acme/app:1", "acme/app:2"]);

    world.set_budget("shop", json!({ "status": { "unavailablePods": null } }));
    world.change(json!({ "spec": { "updateStrategy": { "rollingUpdate": { "partition": 2 } } } }));
    let plan = world.reconcile();
    assert_eq!((plan.steps.len(), reasons(&plan)[0]), (0, "BudgetRefused"));
    world.allow("shop", 1);
    assert_eq!(updated(&world.reconcile()).len(), 1);
}

// PB-47, PB-62: somebody else has spent what was left; nobody is touched, and the next pass sees it.
#[test]
fn a_lost_race_for_a_budget_updates_nothing() {
    let mut world = about_to_update(3, rolling_update("InPlaceIfPossible"));
    world.allow("shop", 1);
    let snapshot = world.snapshot();
    let plan = plan(&snapshot);
    assert_eq!(updated(&plan).len(), 1);
    world.set_budget(
        "shop",
        json!({ "status": {
            "unavailableAllowed": 0, "disruptedPods": { "other": "2026-01-10T08:00:00Z" },
        } }),
    );
    let lost = world.carry_out(&snapshot, &plan).unwrap();
    assert!(lost.is_lost_race(), "{lost}");
    assert_eq!(world.images(), ["acme/app:1"; 3]);
    assert_eq!(world.recorded("shop"), Vec::<String>::new());
    let plan = world.reconcile();
    assert_eq!((plan.steps.len(), reasons(&plan)[0]), (0, "BudgetRefused"));
}

// PB-38.7: killed after it has paid, a process doesn't pay again.
#[test]
fn a_pod_that_was_paid_for_before_a_crash_is_free() {
    let mut world = about_to_update(3, rolling_update("InPlaceIfPossible"));
    world.allow("shop", 1);
    world.set_writes_left(Some(1));
    let paid = updated(&world.reconcile());
    assert_eq!(world.images(), ["acme/app:1"; 3]);
    assert_eq!(world.recorded("shop"), paid);

    world.set_writes_left(None);
    world.memory = Default::default();
    let plan = world.reconcile();
    assert!(matches!(steps(&plan)[..], [Step::UpdatePodsInPlace { .. }]));
    assert_eq!(updated(&plan), paid);
}

// PB-38.4, CS-87: an error ends the phase.
#[test]
fn a_budget_that_makes_no_sense_lets_no_pod_be_updated() {
    let mut world = about_to_update(2, rolling_update("InPlaceIfPossible"));
    world.allow("shop", 2);
    let selector = json!({ "matchExpressions": [{ "key": "app", "operator": "Like" }] });
    world.set_budget(
        "shop",
        json!({ "spec": { "ignoredPodSelector": selector } }),
    );
    let plan = world.reconcile();
    assert_eq!(plan.steps, []);
    assert_eq!(reasons(&plan), ["BudgetUnreadable"]);
    let text = plan.waiting_on[0].to_string();
    assert!(
        text.starts_with("PodUnavailableBudget shop: spec.ignoredPodSelector: "),
        "{text}"
    );
    assert_eq!(plan.requeue_after.unwrap().as_secs(), 1);
}

/// Rolls out with the budget's controller at work every `count_every` rounds; how many pods were down at most.
fn roll_out(world: &mut World, max_unavailable: i32, count_every: usize) -> usize {
    let n_pods = world.pods.len();
    let mut most_down = 0;
    for round in 0..2000 {
        if round % count_every == 0 {
            world.count_again("shop", max_unavailable);
        }
        let plan = world.reconcile();
        most_down = most_down.max(n_pods - world.n_ready());
        let worked = world.kubelets();
        let done = world.images().iter().all(|image| image == "acme/app:2");
        if done && !worked && plan.steps.is_empty() && plan.status.is_none() {
            return most_down;
        }
        world.pass(SignedDuration::from_millis(200));
    }
    panic!("not rolled out:\n{}", world.story().join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    // CS-87: however slowly the budget's controller counts, a roll-out ends, and no more pods are down than the
    // budget allows. `World::reconcile` runs the plan checker on every plan.
    #[test]
    fn a_roll_out_keeps_to_its_budget(
        replicas in 1..7i32,
        max_unavailable in 1..4i32,
        count_every in 1..20usize,
        policy in prop::sample::select(vec!["InPlaceIfPossible", "ReCreate"]),
    ) {
        let mut world = about_to_update(replicas, rolling_update(policy));
        let most_down = roll_out(&mut world, max_unavailable, count_every);
        prop_assert!(most_down <= usize::try_from(max_unavailable).unwrap(), "{most_down} were down");
    }

    // CS-87, PB-39: from any state of budget and pods, no more ready pods are taken than are paid for.
    #[test]
    fn no_plan_overdraws_a_budget(
        replicas in 1..7i32,
        allowed in -2..8i32,
        down in prop::collection::vec(any::<bool>(), 7),
        recorded in prop::collection::vec(any::<bool>(), 7),
    ) {
        let mut world = about_to_update(replicas, rolling_update("InPlaceIfPossible"));
        let mut free = 0;
        let names: Vec<String> = world.pods.keys().collect();
        for ((name, down), recorded) in names.iter().zip(down).zip(recorded) {
            if down {
                world.pods.get_mut(name).unwrap()["status"]["phase"] = json!("Unknown");
            }
            if recorded {
                let entry = json!({ name: "2026-01-10T08:00:00Z" });
                world.set_budget("shop", json!({ "status": { "unavailablePods": entry } }));
            }
            free += usize::from(down || recorded);
        }
        world.allow("shop", allowed);
        let plan = world.reconcile();
        let paid = usize::try_from(allowed).unwrap_or(0);
        prop_assert!(updated(&plan).len() <= free + paid);
        if updated(&plan).len() < names.len() {
            prop_assert_eq!(reasons(&plan)[0], "BudgetRefused");
        }
    }
}
