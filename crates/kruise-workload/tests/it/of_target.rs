//! Which pods a `targetRef` has (PB-21 to PB-23, WS-24, WS-25).

use kruise_workload::{Replicas, Target, TargetPods};
use rstest::rstest;
use serde_json::{Value, json};

use crate::table::{
    NAMESPACE, Pods, Table, deleting, deployment, merge, names, object, owner, pod, replica_set_of,
    workload,
};

async fn pods_of(
    table: Table,
    pods: Vec<Value>,
    (api_version, kind, name): (&str, &str, &str),
) -> (Vec<String>, Replicas) {
    let target = Target {
        api_version,
        kind,
        name,
    };
    let found = table
        .finder()
        .pods_of(NAMESPACE, target, &Pods::of(pods))
        .await;
    let found: TargetPods<_> = found.unwrap();
    let names = names(&found.pods).into_iter().map(str::to_owned).collect();
    (names, found.replicas())
}

fn owned(name: &str, kind: &str, owner_name: &str) -> Value {
    pod(
        name,
        json!({}),
        json!([owner("acme.io/v1", kind, owner_name)]),
    )
}

/// PB-21: any entry of the owners counts, in the namespace alone; PB-20: of active pods.
#[rstest]
#[case("v1", "ReplicationController")]
#[case("apps/v1", "ReplicaSet")]
#[case("apps/v1", "StatefulSet")]
#[case("apps.kruise.io/v1alpha1", "CloneSet")]
#[case("apps.kruise.io/v1beta1", "StatefulSet")]
#[case("acme.io/v1", "Game")]
#[tokio::test]
async fn pods_name_the_uid_among_their_owners(#[case] api_version: &str, #[case] kind: &str) {
    let stored = api_version.replace("v1alpha1", "v1beta1");
    let table = Table::of([workload(&stored, kind, "a", 4)]);
    let table = table.scale("a", json!({ "replicas": 4, "selector": "app=a" }));
    let mut elsewhere = owned("elsewhere", kind, "a");
    elsewhere["metadata"]["namespace"] = json!("other");
    let mut done = owned("done", kind, "a");
    done["status"]["phase"] = json!("Succeeded");
    let mut going = owned("going", kind, "a");
    merge(&mut going, &deleting());
    let pods = vec![
        owned("one", kind, "a"),
        pod(
            "two",
            json!({}),
            json!([{ "uid": "other" }, { "uid": "a-uid", "controller": false }]),
        ),
        owned("not", kind, "b"),
        // Labels alone make no pod of it.
        pod("labelled", json!({ "app": "a" }), json!([])),
        elsewhere,
        done,
        going,
    ];
    let (names, replicas) = pods_of(table, pods, (api_version, kind, "a")).await;
    assert_eq!(names, ["one", "two"]);
    assert_eq!(replicas, Replicas::Known(4));
}

/// PB-21: by the ReplicaSets that belong to it, also those with 0 replicas.
#[tokio::test]
async fn pods_of_a_deployment_are_those_of_its_replica_sets() {
    let mut other_labels = replica_set_of("d", "relabelled", 1);
    other_labels["metadata"]["labels"] = json!({ "app": "other" });
    let mut going = replica_set_of("d", "going", 1);
    merge(&mut going, &deleting());
    let table = Table::of([
        deployment("d", 3),
        replica_set_of("d", "new", 3),
        replica_set_of("d", "old", 0),
        replica_set_of("e", "others", 1),
        other_labels,
        going,
    ]);
    let of = |name: &str| owned(&format!("of-{name}"), "ReplicaSet", name);
    let pods = ["new", "old", "others", "relabelled", "going", "d"].map(of);
    let (names, replicas) = pods_of(table, pods.into(), ("apps/v1", "Deployment", "d")).await;
    assert_eq!(names, ["of-new", "of-old"]);
    assert_eq!(replicas, Replicas::Known(3));
}

/// PB-21: without any, by the Deployment's own UID.
#[tokio::test]
async fn pods_of_a_deployment_without_replica_sets() {
    let mut going = replica_set_of("d", "going", 1);
    merge(&mut going, &deleting());
    let table = Table::of([deployment("d", 3), going]);
    let pods = vec![
        owned("of-d", "Deployment", "d"),
        owned("of-going", "ReplicaSet", "going"),
    ];
    let (names, _) = pods_of(table, pods, ("apps/v1", "Deployment", "d")).await;
    assert_eq!(names, ["of-d"]);
}

/// PB-21: a ReplicaSet is the ReplicaSet, even if a Deployment owns it.
#[tokio::test]
async fn a_replica_set_as_a_target_is_itself() {
    let table = Table::of([
        deployment("d", 9),
        replica_set_of("d", "r", 2),
        replica_set_of("d", "s", 7),
    ]);
    let pods = vec![
        owned("of-r", "ReplicaSet", "r"),
        owned("of-s", "ReplicaSet", "s"),
    ];
    let found = pods_of(table, pods, ("apps/v1", "ReplicaSet", "r")).await;
    assert_eq!(found, (vec!["of-r".to_owned()], Replicas::Known(2)));
}

/// PB-21: of other kinds, and of those alone, the selector of the scale finds pods where the UID finds none.
#[rstest]
#[case::by_selector("app=x", vec![("a", "x"), ("b", "x")], vec!["a", "b"])]
#[case::nobody_has_the_label("app=y", vec![("a", "x")], vec![])]
// DV-PB4, DV-WS8: an empty one selects nothing rather than all.
#[case::empty("", vec![("a", "x")], vec![])]
#[case::blank(" ", vec![("a", "x")], vec![])]
#[tokio::test]
async fn pods_between_which_and_the_workload_is_another_object(
    #[case] selector: &str,
    #[case] pods: Vec<(&str, &str)>,
    #[case] expected: Vec<&str>,
) {
    let table = Table::of([object("acme.io/v1", "Game", "g", json!({}))]);
    let table = table.scale("g", json!({ "replicas": 2, "selector": selector }));
    let pods = pods.into_iter();
    let owners = json!([owner("acme.io/v1", "Round", "r")]);
    let pods = pods.map(|(name, app)| pod(name, json!({ "app": app }), owners.clone()));
    let (names, _) = pods_of(table, pods.collect(), ("acme.io/v1", "Game", "g")).await;
    assert_eq!(names, expected);
}

/// PB-21: where the UID finds pods, the selector adds none.
#[tokio::test]
async fn the_selector_is_the_second_choice() {
    let table = Table::of([object("acme.io/v1", "Game", "g", json!({}))]);
    let table = table.scale("g", json!({ "replicas": 2, "selector": "app=x" }));
    let pods = vec![
        owned("own", "Game", "g"),
        pod("alike", json!({ "app": "x" }), json!([])),
    ];
    let (names, _) = pods_of(table, pods, ("acme.io/v1", "Game", "g")).await;
    assert_eq!(names, ["own"]);
}

/// PB-22, WS-25
#[rstest]
#[case::missing(None, ("apps/v1", "StatefulSet", "a"))]
#[case::a_replica_set_of_another_group(
    Some(workload("acme.io/v1", "ReplicaSet", "a", 3)),
    ("acme.io/v1", "ReplicaSet", "a")
)]
#[case::being_deleted(Some(going_away()), ("apps/v1", "StatefulSet", "a"))]
#[case::without_replicas(
    Some(workload("apps/v1", "StatefulSet", "a", 0)),
    ("apps/v1", "StatefulSet", "a")
)]
#[tokio::test]
async fn a_workload_that_wants_no_pods_has_none(
    #[case] workload: Option<Value>,
    #[case] target: (&str, &str, &str),
) {
    let pods = vec![owned("left", "StatefulSet", "a")];
    let found = pods_of(Table::of(workload), pods, target).await;
    assert_eq!(found, (vec![], Replicas::Known(0)));
}

fn going_away() -> Value {
    let mut workload = workload("apps/v1", "StatefulSet", "a", 3);
    merge(&mut workload, &deleting());
    workload
}

/// PB-23: the pods are still listed.
#[tokio::test]
async fn a_kind_without_scale_has_pods_and_no_number() {
    let table = Table::of([object("acme.io/v1", "Game", "g", json!({}))]);
    let pods = vec![owned("one", "Game", "g"), owned("two", "Game", "g")];
    let (names, replicas) = pods_of(table, pods, ("acme.io/v1", "Game", "g")).await;
    assert_eq!(names, ["one", "two"]);
    assert_eq!((replicas, replicas.count()), (Replicas::Unknown, -1));
}
