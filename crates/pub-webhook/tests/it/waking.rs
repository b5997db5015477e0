//! What wakes which budget.

use kruise_api::{policy::v1beta1::PODUNAVAILABLEBUDGETS, resource::ObjectKey};
use kruise_runtime::Store;
use kruise_workload::{IndexedKind, IndexedReplicaSet, IndexedWorkload};
use pub_webhook::{
    budget::Budget,
    pod::BudgetPod,
    wake::{Woken, by_pod, by_replica_set, by_workload},
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::objects::{BUDGET, NAMESPACE, budget, pod_with, with};

fn budgets(all: &[(&str, Value)]) -> Store<Budget> {
    let store = Store::new(PODUNAVAILABLEBUDGETS);
    for (name, spec) in all {
        let budget = json!({
            "metadata": { "name": name, "namespace": NAMESPACE, "uid": name, "resourceVersion": "1" },
            "spec": spec,
        });
        store.apply(serde_json::from_value(budget).unwrap());
    }
    store
}

fn shop() -> Store<Budget> {
    budgets(&[(
        BUDGET,
        json!({ "selector": { "matchLabels": { "app": "shop" } } }),
    )])
}

fn decoded(change: Value) -> BudgetPod {
    serde_json::from_str(&pod_with("p1", change).to_string()).unwrap()
}

fn keys(names: &[&str]) -> Vec<ObjectKey> {
    names
        .iter()
        .map(|name| ObjectKey::new(NAMESPACE, *name))
        .collect()
}

fn now(names: &[&str]) -> Woken {
    Woken {
        now: keys(names),
        ..Woken::default()
    }
}

fn soon(names: &[&str]) -> Woken {
    Woken {
        soon: keys(names),
        ..Woken::default()
    }
}

fn later(names: &[&str]) -> Woken {
    Woken {
        later: keys(names),
        ..Woken::default()
    }
}

/// PB-51, DV-PB10
#[rstest]
#[case::created(None, Some(json!({})), now(&[BUDGET]))]
#[case::gone_without_an_end(Some(json!({})), None, now(&[BUDGET]))]
#[case::gone_at_its_end(Some(json!({ "metadata": { "deletionTimestamp": "2026-01-10T10:00:00Z" } })), None, now(&[]))]
#[case::gone_and_not_counted(Some(json!({ "status": { "conditions": [] } })), None, now(&[]))]
#[case::another_pod_of_its_name(
    Some(json!({ "metadata": { "uid": "other", "deletionTimestamp": "2026-01-10T10:00:00Z" } })), Some(json!({})), now(&[BUDGET])
)]
#[case::nothing(Some(json!({})), Some(json!({ "metadata": { "labels": { "a": "b" } } })), now(&[]))]
#[case::not_ready_any_more(Some(json!({})), Some(json!({ "status": { "conditions": [] } })), now(&[BUDGET]))]
#[case::ready_again(Some(json!({ "status": { "conditions": [] } })), Some(json!({})), now(&[BUDGET]))]
#[case::begins_to_end(Some(json!({})), Some(json!({ "metadata": { "deletionTimestamp": "2026-01-10T10:00:00Z" } })), now(&[BUDGET]))]
#[case::begins_to_end_and_served_nobody(
    Some(json!({ "status": { "conditions": [] } })),
    Some(json!({ "metadata": { "deletionTimestamp": "2026-01-10T10:00:00Z" }, "status": { "conditions": [] } })),
    later(&[BUDGET])
)]
#[case::ends(
    Some(json!({ "metadata": { "deletionTimestamp": "2026-01-10T10:00:00Z" } })),
    Some(json!({ "metadata": { "deletionTimestamp": "2026-01-10T10:00:00Z" }, "status": { "conditions": [] } })),
    now(&[])
)]
#[case::of_a_budget_that_is_gone(None, Some(json!({ "metadata": { "annotations": {
    "pub.kruise.io/related-pub": "gone" } } })), now(&[BUDGET]))]
#[case::ready_again_and_of_a_budget_that_is_gone(
    Some(json!({ "metadata": { "annotations": { "pub.kruise.io/related-pub": "gone" } }, "status": { "conditions": [] } })),
    Some(json!({ "metadata": { "annotations": { "pub.kruise.io/related-pub": "gone" } } })),
    now(&[BUDGET])
)]
#[case::unlinked(None, Some(json!({ "metadata": { "annotations": null } })), now(&[BUDGET]))]
#[case::unlinked_and_of_nobody(None, Some(json!({ "metadata": { "annotations": null, "labels": { "app": "other" } } })), now(&[]))]
fn pods_wake_their_budget(
    #[case] old: Option<Value>,
    #[case] new: Option<Value>,
    #[case] expected: Woken,
) {
    let (old, new) = (old.map(decoded), new.map(decoded));
    assert_eq!(by_pod(&shop(), false, old.as_ref(), new.as_ref()), expected);
}

/// PB-51, DV-PB10: it is counted out already; one that nobody paid for is counted until its budget is looked at.
#[rstest]
#[case("disruptedPods")]
#[case("unavailablePods")]
fn a_pod_that_was_paid_for_wakes_its_budget_later(#[case] map: &str) {
    let budgets = Store::new(PODUNAVAILABLEBUDGETS);
    let paid = budget(
        7,
        json!({ "status": { map: { "p1": "2026-01-10T10:00:00Z" } } }),
    );
    budgets.apply(serde_json::from_value(paid).unwrap());
    let ends = json!({ "metadata": { "deletionTimestamp": "2026-01-10T10:00:00Z" } });
    let (old, new) = (decoded(json!({})), decoded(ends));
    assert_eq!(
        by_pod(&budgets, false, Some(&old), Some(&new)),
        later(&[BUDGET])
    );
}

/// DV-PB10: by names, where only the index of workloads could tell for sure.
#[rstest]
#[case::its_deployment("apps/v1", "Deployment", "shop", now(&[BUDGET]))]
#[case::another_deployment("apps/v1", "Deployment", "stop", now(&[]))]
#[case::its_replica_set("apps/v1", "ReplicaSet", "shop-7c9", now(&[BUDGET]))]
#[case::a_set("apps.kruise.io/v1beta1", "CloneSet", "shop", now(&[]))]
#[case::a_kind_of_others("acme.io/v1", "Game", "chess", soon(&[BUDGET]))]
fn a_pod_without_link_wakes_those_it_may_belong_to(
    #[case] api_version: &str,
    #[case] kind: &str,
    #[case] name: &str,
    #[case] expected: Woken,
) {
    let target = json!({ "apiVersion": api_version, "kind": kind, "name": name });
    let budgets = budgets(&[(BUDGET, json!({ "targetRef": target }))]);
    let pod = decoded(json!({ "metadata": { "annotations": null } }));
    assert_eq!(by_pod(&budgets, false, None, Some(&pod)), expected);
}

fn workload(change: Value) -> IndexedWorkload {
    let workload = json!({
        "metadata": { "name": "shop", "namespace": NAMESPACE, "uid": "u", "resourceVersion": "1" },
        "spec": { "replicas": 3, "template": { "metadata": { "labels": { "app": "shop" } } } },
    });
    serde_json::from_str(&with(workload, change).to_string()).unwrap()
}

/// PB-51, PB-68, DV-PB10
#[rstest]
#[case::created(None, Some(json!({})), true)]
#[case::deleted(Some(json!({})), None, true)]
#[case::scaled(Some(json!({})), Some(json!({ "spec": { "replicas": 5 } })), true)]
#[case::begins_to_end(Some(json!({})), Some(json!({ "metadata": { "deletionTimestamp": "2026-01-10T10:00:00Z" } })), true)]
#[case::anything_else(Some(json!({})), Some(json!({ "metadata": { "resourceVersion": "2" } })), false)]
fn workloads_wake_their_budget(
    #[case] old: Option<Value>,
    #[case] new: Option<Value>,
    #[case] is_woken: bool,
) {
    let expected = if is_woken { keys(&[BUDGET]) } else { vec![] };
    let (old, new) = (old.map(workload), new.map(workload));
    let woken = by_workload(&shop(), IndexedKind::Deployment, old.as_ref(), new.as_ref());
    assert_eq!(woken, expected);
}

/// PB-51: one budget, the first by name; a target decides where there is one.
#[test]
fn the_first_budget_by_name_is_woken() {
    let target = |kind: &str| json!({ "targetRef": { "apiVersion": "apps/v1beta9", "kind": kind, "name": "shop" } });
    let budgets = budgets(&[
        (
            "a",
            json!({ "targetRef": { "apiVersion": "apps/v1", "kind": "Deployment", "name": "other" } }),
        ),
        ("b", target("StatefulSet")),
        ("c", json!({ "selector": {} })),
        (
            "d",
            json!({ "selector": { "matchLabels": { "app": "shop" } } }),
        ),
        ("e", target("Deployment")),
        ("f", target("ReplicaSet")),
    ]);
    let new = workload(json!({}));
    for (kind, expected) in [
        (IndexedKind::Deployment, "d"),
        (IndexedKind::StatefulSet, "b"),
        (IndexedKind::CloneSet, "d"),
    ] {
        assert_eq!(
            by_workload(&budgets, kind, None, Some(&new)),
            keys(&[expected])
        );
    }
    let replica_set = json!({ "metadata": { "name": "shop", "namespace": NAMESPACE, "labels": { "app": "shop" } } });
    let replica_set: IndexedReplicaSet = serde_json::from_str(&replica_set.to_string()).unwrap();
    assert_eq!(
        by_replica_set(&budgets, None, Some(&replica_set)),
        keys(&["f"])
    );
}
