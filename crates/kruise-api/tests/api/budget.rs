use std::collections::BTreeSet;

use kruise_api::{
    budget::{
        BudgetRefusal, Decision, Free, Ledger, Operation, Options, Subject, decide as decide_with,
        is_available, related, status_patch,
    },
    inplace,
    pod::Pod,
    read::PodUnavailableBudget,
};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{merged, now, pod, running_pod, time};

/// Budget `shop` with 1 left of 3 that must stay, changed by `patch`.
fn budget(patch: &Value) -> PodUnavailableBudget {
    let budget = json!({
        "apiVersion": "policy.kruise.io/v1beta1",
        "kind": "PodUnavailableBudget",
        "metadata": {
            "name": "shop", "namespace": "default", "uid": "b1", "resourceVersion": "41",
        },
        "spec": { "maxUnavailable": 1, "selector": { "matchLabels": { "app": "web" } } },
        "status": {
            "desiredAvailable": 3, "currentAvailable": 4, "totalReplicas": 4,
            "unavailableAllowed": 1,
        },
    });
    serde_json::from_value(merged(&budget, patch)).unwrap()
}

fn used_up(patch: &Value) -> PodUnavailableBudget {
    let used_up = json!({ "status": { "unavailableAllowed": 0 } });
    budget(&merged(&used_up, patch))
}

fn ready_pod() -> Pod {
    pod(&running_pod(&json!({})))
}

fn decide(pod: &Pod, operation: Operation, budget: &PodUnavailableBudget) -> Decision {
    decide_with(pod, operation, Some(budget), now(), &Options::default()).unwrap()
}

const ALL: [Operation; 4] = [
    Operation::Delete,
    Operation::Update,
    Operation::Evict,
    Operation::Resize,
];

// PB-39, PB-47; PB-S6: the patch changes only what was spent, of only this version.
#[rstest]
#[case(Operation::Update, "unavailablePods")]
#[case(Operation::Delete, "disruptedPods")]
#[case(Operation::Evict, "disruptedPods")]
#[case(Operation::Resize, "disruptedPods")]
fn a_ready_pod_is_paid_for(#[case] operation: Operation, #[case] map: &str) {
    let budget = budget(&json!({}));
    let at = time("2026-01-10T08:00:00.9Z");
    let decision = decide_with(
        &ready_pod(),
        operation,
        Some(&budget),
        at,
        &Options::default(),
    )
    .unwrap();
    let Decision::Spend(spend) = decision else {
        panic!("{decision:?}");
    };
    let patch = spend.patch(&budget);
    let expected = json!({
        "metadata": { "uid": "b1", "resourceVersion": "41" },
        "status": { "unavailableAllowed": 0, map: { "web-x1": "2026-01-10T08:00:00Z" } },
    });
    assert_eq!(patch, expected);
}

// PB-39, PB-40; PB-S2
#[rstest]
#[case(0)]
#[case(-3)]
fn nothing_left_is_a_refusal(#[case] left: i32) {
    let budget = budget(&json!({ "status": { "unavailableAllowed": left } }));
    let decision = decide(&ready_pod(), Operation::Update, &budget);
    assert_eq!(decision, Decision::Refused(BudgetRefusal::UsedUp));
    assert_eq!(
        BudgetRefusal::UsedUp.message("shop"),
        "podunavailablebudget.policy.kruise.io \"shop\" is forbidden: \
         pub unavailable allowed is negative"
    );
}

// PB-39; PB-S26
#[rstest]
#[case(2000, None)]
#[case(2001, Some(BudgetRefusal::TooManyRecorded))]
fn too_many_entries_in_both_maps_are_a_refusal(
    #[case] n: usize,
    #[case] refusal: Option<BudgetRefusal>,
) {
    let entry = |index: usize| (format!("other-{index}"), json!("2026-01-10T07:59:00Z"));
    let disrupted: Value = (0..1000).map(entry).collect();
    let unavailable: Value = (1000..n).map(entry).collect();
    let budget = budget(&json!({ "status": {
        "unavailableAllowed": 5, "disruptedPods": disrupted, "unavailablePods": unavailable,
    } }));
    match (decide(&ready_pod(), Operation::Delete, &budget), refusal) {
        (Decision::Spend(_), None) => {}
        (Decision::Refused(found), Some(expected)) => {
            assert_eq!(found, expected);
            assert_eq!(
                found.to_string(),
                "DisruptedPods and UnavailablePods map too big - too many unavailable not \
                 confirmed by PUB controller"
            );
        }
        (other, _) => panic!("{other:?}"),
    }
}

// PB-38.1; PB-S19
#[rstest]
#[case("1", true)]
#[case("t", true)]
#[case("T", true)]
#[case("true", true)]
#[case("TRUE", true)]
#[case("True", true)]
#[case("yes", false)]
#[case("tRUE", false)]
#[case("", false)]
#[case("false", false)]
#[case("0", false)]
fn an_annotation_of_the_pod_exempts_it(#[case] value: &str, #[case] exempt: bool) {
    let object = json!({ "metadata": { "annotations": { "pub.kruise.io/no-protect": value } } });
    let expected = if exempt {
        Decision::Allowed(Free::NotProtected)
    } else {
        Decision::Refused(BudgetRefusal::UsedUp)
    };
    let pod = pod(&running_pod(&object));
    assert_eq!(
        decide(&pod, Operation::Delete, &used_up(&json!({}))),
        expected
    );
}

// PB-38.2, PB-29; PB-S18, PB-69: what serves nobody costs nothing.
#[rstest]
#[case(json!({ "status": { "phase": "Pending" } }))]
#[case(json!({ "status": { "phase": "Succeeded" } }))]
#[case(json!({ "status": { "phase": "Failed" } }))]
#[case(json!({ "status": { "conditions": [{ "type": "Ready", "status": "False" }] } }))]
#[case(json!({ "status": { "conditions": [{ "type": "Ready", "status": "Unknown" }] } }))]
#[case(json!({ "metadata": { "deletionTimestamp": "2026-01-10T08:00:00Z" } }))]
#[case(json!({ "metadata": { "labels": { "unavailable-pod.kruise.io/offline": "x" } } }))]
#[case(json!({ "metadata": { "labels": { "unavailable-pod.kruise.io/offline": "" } } }))]
fn a_pod_that_is_not_ready_is_free(#[case] object: Value) {
    let decision = decide(
        &pod(&running_pod(&object)),
        Operation::Update,
        &used_up(&json!({})),
    );
    assert_eq!(decision, Decision::Allowed(Free::NotReady));
}

// PB-38.2, PB-30.4: an update that does not run yet.
#[test]
fn a_pod_in_the_middle_of_an_update_is_free() {
    let state = json!({
        "revision": "web-bbb",
        "updateTimestamp": "2026-01-10T08:00:00Z",
        "lastContainerStatuses": { "app": { "imageID": "id1" } },
    });
    let object = json!({
        "metadata": { "annotations": { "apps.kruise.io/inplace-update-state": state.to_string() } },
        "spec": { "containers": [{ "name": "app", "image": "acme/app:2" }] },
    });
    let decision = decide(
        &pod(&running_pod(&object)),
        Operation::Update,
        &used_up(&json!({})),
    );
    assert_eq!(decision, Decision::Allowed(Free::NotConsistent));
}

// PB-38.3; PB-S29
#[test]
fn without_a_budget_everything_is_free() {
    let decision = decide_with(
        &ready_pod(),
        Operation::Delete,
        None,
        now(),
        &Options::default(),
    );
    assert_eq!(decision, Ok(Decision::Allowed(Free::NoBudget)));
}

// PB-38.4; PB-S20
#[rstest]
#[case(json!({ "matchLabels": { "app": "web" } }), true)]
#[case(json!({ "matchLabels": { "app": "db" } }), false)]
#[case(json!({ "matchExpressions": [{ "key": "app", "operator": "Exists" }] }), true)]
#[case(json!({}), false)]
fn a_budget_may_leave_pods_out(#[case] selector: Value, #[case] ignored: bool) {
    let budget = used_up(&json!({ "spec": { "ignoredPodSelector": selector } }));
    let expected = if ignored {
        Decision::Allowed(Free::Ignored)
    } else {
        Decision::Refused(BudgetRefusal::UsedUp)
    };
    assert_eq!(decide(&ready_pod(), Operation::Evict, &budget), expected);
}

// PB-38.4: a selector that can't be read is an error, but only for pods for which it is asked.
#[test]
fn a_selector_that_makes_no_sense_is_an_error() {
    let selector = json!({ "matchExpressions": [{ "key": "app", "operator": "Like" }] });
    let budget = budget(&json!({ "spec": { "ignoredPodSelector": selector } }));
    let ask = |pod: &Pod| {
        decide_with(
            pod,
            Operation::Update,
            Some(&budget),
            now(),
            &Options::default(),
        )
    };
    assert!(ask(&ready_pod()).is_err());
    let pending = pod(&running_pod(&json!({ "status": { "phase": "Pending" } })));
    assert_eq!(ask(&pending), Ok(Decision::Allowed(Free::NotReady)));
}

// PB-38.5, PB-70; PB-S17, PB-S31
#[test]
fn a_budget_that_wants_nothing_never_blocks() {
    let wants_none = used_up(&json!({ "status": { "desiredAvailable": 0 } }));
    let mut never_computed = used_up(&json!({}));
    never_computed.status = serde_json::from_value(json!({})).unwrap();
    for budget in [wants_none, never_computed] {
        let decision = decide(&ready_pod(), Operation::Delete, &budget);
        assert_eq!(decision, Decision::Allowed(Free::NothingDesired));
    }
}

/// Of DELETE, UPDATE, EVICT and RESIZE, those that `budget` protects.
fn protected(budget: &PodUnavailableBudget, resize_apart: bool) -> Vec<&'static str> {
    let options = Options {
        resize_apart,
        ..Options::default()
    };
    let pays = |operation: &Operation| match decide_with(
        &ready_pod(),
        *operation,
        Some(budget),
        now(),
        &options,
    )
    .unwrap()
    {
        Decision::Spend(_) => true,
        Decision::Allowed(Free::OtherOperation) => false,
        other => panic!("{other:?}"),
    };
    ALL.into_iter()
        .filter(pays)
        .map(Operation::as_str)
        .collect()
}

// PB-38.6, PB-44; PB-S21
#[rstest]
#[case(json!(["EVICT"]), Some("DELETE"), &["EVICT"])]
#[case(json!([]), None, &["DELETE", "UPDATE", "EVICT"])]
#[case(Value::Null, None, &["DELETE", "UPDATE", "EVICT"])]
#[case(Value::Null, Some(""), &["DELETE", "UPDATE", "EVICT"])]
#[case(Value::Null, Some(",,"), &["DELETE", "UPDATE", "EVICT"])]
#[case(Value::Null, Some("EVICT,,DELETE"), &["DELETE", "EVICT"])]
#[case(Value::Null, Some("EVICT, UPDATE"), &["EVICT"])]
#[case(Value::Null, Some("nonsense"), &[])]
#[case(Value::Null, Some("delete"), &[])]
fn the_field_or_the_annotation_says_what_is_protected(
    #[case] field: Value,
    #[case] annotation: Option<&str>,
    #[case] expected: &[&str],
) {
    let annotations = annotation.map(|text| json!({ "kruise.io/pub-protect-operations": text }));
    let budget = budget(&json!({
        "metadata": { "annotations": annotations.unwrap_or(json!({})) },
        "spec": { "protectOperations": field },
    }));
    assert_eq!(protected(&budget, true), expected);
}

// PB-45, the table; PB-S35, PB-S36
#[rstest]
#[case(json!([]), false, &["DELETE", "UPDATE", "EVICT", "RESIZE"])]
#[case(json!([]), true, &["DELETE", "UPDATE", "EVICT"])]
#[case(json!(["UPDATE", "RESIZE"]), false, &["UPDATE", "RESIZE"])]
#[case(json!(["UPDATE", "RESIZE"]), true, &["UPDATE", "RESIZE"])]
#[case(json!(["RESIZE"]), false, &["RESIZE"])]
#[case(json!(["RESIZE"]), true, &["RESIZE"])]
#[case(json!(["DELETE"]), false, &["DELETE"])]
#[case(json!(["DELETE"]), true, &["DELETE"])]
fn a_resize_is_an_update_unless_its_gate_is_on(
    #[case] field: Value,
    #[case] resize_apart: bool,
    #[case] expected: &[&str],
) {
    let budget = budget(&json!({ "spec": { "protectOperations": field } }));
    assert_eq!(protected(&budget, resize_apart), expected);
}

// PB-38.7; PB-S4
#[rstest]
#[case("disruptedPods")]
#[case("unavailablePods")]
fn what_was_paid_for_is_free(#[case] map: &str) {
    let budget = used_up(&json!({ "status": { map: { "web-x1": "2026-01-10T07:59:59Z" } } }));
    for operation in ALL {
        let decision = decide(&ready_pod(), operation, &budget);
        assert_eq!(decision, Decision::Allowed(Free::Recorded));
    }
}

// DV-PB15: what the call begins may be seen only after the record has ended.
#[rstest]
#[case("disruptedPods", "2026-01-10T07:59:45Z", true)]
#[case("disruptedPods", "2026-01-10T07:59:44Z", false)]
#[case("disruptedPods", "2026-01-10T07:59:00Z", false)]
#[case("unavailablePods", "2026-01-10T07:59:55Z", true)]
#[case("unavailablePods", "2026-01-10T07:59:54Z", false)]
fn a_record_that_is_about_to_end_is_renewed(
    #[case] map: &str,
    #[case] at: &str,
    #[case] is_long_enough: bool,
) {
    let budget = used_up(&json!({ "status": { map: { "web-x1": at } } }));
    for (operation, renewed) in [
        (Operation::Evict, "disruptedPods"),
        (Operation::Update, "unavailablePods"),
    ] {
        let decision = decide(&ready_pod(), operation, &budget);
        if is_long_enough {
            assert_eq!(decision, Decision::Allowed(Free::Recorded));
            continue;
        }
        let Decision::Spend(spend) = decision else {
            panic!("{decision:?}");
        };
        assert!(spend.is_renewal());
        let status = json!({
            "unavailableAllowed": 0, renewed: { "web-x1": "2026-01-10T08:00:00Z" },
        });
        assert_eq!(spend.patch(&budget)["status"], status);
    }
}

// DV-PB15: a dry run writes nothing, and costs nothing either.
#[test]
fn a_dry_run_renews_nothing() {
    let recorded = json!({ "status": { "disruptedPods": { "web-x1": "2026-01-10T07:59:42Z" } } });
    let dry_run = Options {
        dry_run: true,
        ..Options::default()
    };
    let budget = used_up(&recorded);
    let decision = decide_with(
        &ready_pod(),
        Operation::Evict,
        Some(&budget),
        now(),
        &dry_run,
    );
    assert_eq!(decision, Ok(Decision::Allowed(Free::Recorded)));
}

// PB-41; PB-S22
#[test]
fn a_dry_run_pays_nothing_and_is_refused_all_the_same() {
    let dry_run = Options {
        dry_run: true,
        ..Options::default()
    };
    let ask = |budget: &PodUnavailableBudget| {
        decide_with(
            &ready_pod(),
            Operation::Evict,
            Some(budget),
            now(),
            &dry_run,
        )
        .unwrap()
    };
    assert_eq!(ask(&budget(&json!({}))), Decision::Allowed(Free::DryRun));
    assert_eq!(
        ask(&used_up(&json!({}))),
        Decision::Refused(BudgetRefusal::UsedUp)
    );
}

// PB-31
#[rstest]
#[case(json!({}), json!({}), true)]
#[case(json!({ "status": { "phase": "Failed" } }), json!({}), false)]
#[case(json!({ "spec": { "containers": [{ "name": "app", "image": "acme/app@sha256:11" }] } }), json!({}), false)]
#[case(json!({}), json!({ "unavailablePods": { "web-x1": "2026-01-10T08:00:00Z" } }), false)]
#[case(json!({}), json!({ "disruptedPods": { "web-x1": "2026-01-10T08:00:00Z" } }), false)]
#[case(json!({}), json!({ "disruptedPods": { "web-x2": "2026-01-10T08:00:00Z" } }), true)]
fn a_pod_is_available_unless_something_is_about_to_happen_to_it(
    #[case] object: Value,
    #[case] status: Value,
    #[case] available: bool,
) {
    let budget = budget(&json!({ "status": status }));
    let pod = pod(&running_pod(&object));
    assert_eq!(
        is_available(&pod, &budget, &inplace::Options::default()),
        available
    );
}

// PB section 3.1; PB-S34
#[rstest]
#[case(json!({}), None)]
#[case(json!({ "pub.kruise.io/related-pub": "shop" }), Some("shop"))]
#[case(json!({ "kruise.io/related-pub": "old" }), Some("old"))]
#[case(json!({ "pub.kruise.io/related-pub": "shop", "kruise.io/related-pub": "old" }), Some("shop"))]
#[case(json!({ "pub.kruise.io/related-pub": "", "kruise.io/related-pub": "old" }), Some("old"))]
#[case(json!({ "pub.kruise.io/related-pub": "", "kruise.io/related-pub": "" }), None)]
fn an_annotation_names_the_budget(#[case] annotations: Value, #[case] name: Option<&str>) {
    let object = running_pod(&json!({ "metadata": { "annotations": annotations } }));
    assert_eq!(related(&pod(&object)), name);
}

// PB-60; PB-S3
#[rstest]
#[case(json!({ "ownerReferences": [
    { "apiVersion": "v1", "kind": "Other", "name": "x", "uid": "o1" },
    { "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "shop-7c9", "uid": "o2", "controller": true },
] }), "ReplicaSet_web_shop-7c9")]
#[case(json!({}), "unknown_web_web-x1")]
#[case(json!({ "namespace": "" }), "unknown_default_web-x1")]
fn a_refusal_is_counted_for_the_pods_controller(#[case] metadata: Value, #[case] label: &str) {
    let object = running_pod(&json!({ "metadata": { "namespace": "web" } }));
    let object = merged(&object, &json!({ "metadata": metadata }));
    assert_eq!(Subject::of(&pod(&object)).to_string(), label);
}

// Fields that this projection does not know are no reason to lose sight of a budget.
#[test]
fn odd_but_valid_budgets_are_read() {
    let budget: PodUnavailableBudget = serde_json::from_value(json!({
        "metadata": { "name": "shop" },
        "spec": { "protectOperations": null, "later": { "a": 1 } },
        "status": { "disruptedPods": null, "unavailablePods": {}, "unavailableAllowed": 1 },
    }))
    .unwrap();
    assert!(budget.protects(Operation::Update, false));
    assert_eq!(budget.status.unavailable_allowed, 1);
}

fn pods_that_ask() -> impl Strategy<Value = Vec<(String, Operation, bool)>> {
    let name = prop::sample::select(vec!["a", "b", "c", "d", "e", "f"]);
    let operation = prop::sample::select(ALL.to_vec());
    prop::collection::vec(
        (name.prop_map(str::to_owned), operation, any::<bool>()),
        0..20,
    )
}

proptest! {
    // PB-38.7, PB-39: of those who ask one after the other, each pod pays once, no more is spent than was
    // there, and one patch says so.
    #[test]
    fn nobody_pays_twice_and_nothing_is_overdrawn(
        asks in pods_that_ask(),
        left in -1..5i32,
        recorded in prop::collection::btree_set("[a-f]", 0..3),
    ) {
        let entries: Value = recorded.iter().map(|pod| (pod.clone(), json!("2026-01-10T07:59:59Z"))).collect();
        let budget = budget(&json!({ "status": { "unavailableAllowed": left, "disruptedPods": entries } }));
        let mut ledger = Ledger::new(&budget);
        let mut paid = BTreeSet::new();
        for (name, operation, ready) in asks {
            let phase = if ready { "Running" } else { "Pending" };
            let pod = pod(&running_pod(&json!({ "metadata": { "name": name }, "status": { "phase": phase } })));
            let ask = |ledger: &Ledger<'_>| {
                decide_with(&pod, operation, Some(ledger.left()), now(), &Options::default()).unwrap()
            };
            let decision = ask(&ledger);
            prop_assert_eq!(&decision, &ask(&ledger), "asking changes nothing");
            match decision {
                Decision::Spend(spend) => {
                    prop_assert!(ready && !recorded.contains(&name));
                    prop_assert!(paid.insert(name), "paid once");
                    ledger.spend(spend);
                    prop_assert_eq!(ask(&ledger), Decision::Allowed(Free::Recorded));
                }
                Decision::Refused(refusal) => {
                    prop_assert_eq!(refusal, BudgetRefusal::UsedUp);
                    prop_assert!(paid.len() >= usize::try_from(left).unwrap_or(0));
                }
                Decision::Allowed(why) => {
                    let known = paid.contains(&name) || recorded.contains(&name);
                    prop_assert_eq!(why, if ready { Free::Recorded } else { Free::NotReady });
                    prop_assert!(known || !ready);
                }
            }
        }
        prop_assert!(paid.len() <= usize::try_from(left).unwrap_or(0));
        prop_assert_eq!(ledger.patch().is_none(), paid.is_empty());
        if let Some(patch) = ledger.patch() {
            let after = patch["status"]["unavailableAllowed"].as_i64().unwrap();
            prop_assert!(after >= 0);
            prop_assert_eq!(after, i64::from(left) - i64::try_from(paid.len()).unwrap());
            let written: BTreeSet<String> = ["disruptedPods", "unavailablePods"]
                .iter()
                .filter_map(|map| patch["status"][map].as_object())
                .flat_map(|entries| entries.keys().cloned())
                .collect();
            prop_assert_eq!(written, paid);
        }
    }
}

// PB-39, PB-47: several shares, one write.
#[test]
fn one_patch_holds_what_several_pods_cost() {
    let budget = budget(&json!({ "status": { "unavailableAllowed": 3 } }));
    let spend = |name: &str, operation| {
        let pod = pod(&running_pod(&json!({ "metadata": { "name": name } })));
        match decide(&pod, operation, &budget) {
            Decision::Spend(spend) => spend,
            other => panic!("{other:?}"),
        }
    };
    let spends = [
        spend("a", Operation::Update),
        spend("b", Operation::Evict),
        spend("c", Operation::Update),
    ];
    let at = "2026-01-10T08:00:00Z";
    let expected = json!({
        "metadata": { "uid": "b1", "resourceVersion": "41" },
        "status": {
            "unavailableAllowed": 0,
            "unavailablePods": { "a": at, "c": at },
            "disruptedPods": { "b": at },
        },
    });
    assert_eq!(status_patch(&budget, &spends), expected);
}
